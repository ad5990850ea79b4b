//! The separation of a set of directions.

use gradiometer_certify::net::Net;
use gradiometer_hermite::Enclosure;

use crate::error::LandscapeError;

/// The smallest angle between two directions of a net, `Delta = min_{i != k} delta(u_i, u_k)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Separation {
    /// Certified: the smallest angle lies in it, in radians. Parallel directions give an interval from 0.
    pub angle: Enclosure,
    /// The closest pair found, as positions in the list of points that the net was made of.
    pub pair: (usize, usize),
}

/// The separation of a net as an enclosure some `10 eps` wide, in the net's own geometry (Assumption 2 of \[ZG24\] is
/// projective). All pairs are compared.
///
/// # Errors
/// [`LandscapeError::TooFewDirections`] for fewer than two directions.
///
/// # Examples
/// ```
/// use gradiometer_certify::net::{Geometry, Net};
/// use gradiometer_landscape::separation::separation;
/// let net = Net::new(2, &[1.0, 0.0, -1.0, 1.0], Geometry::Projective).unwrap();
/// assert!(separation(&net).unwrap().angle.contains(std::f64::consts::FRAC_PI_4));
/// ```
pub fn separation(net: &Net) -> Result<Separation, LandscapeError> {
    let mut best: Option<Separation> = None;
    for second in 1..net.len() {
        for first in 0..second {
            let angle = net.angle(first, second);
            let pair = (net.origins()[first], net.origins()[second]);
            best = Some(match best {
                None => Separation { angle, pair },
                Some(b) => Separation {
                    pair: if angle.hi() < b.angle.hi() { pair } else { b.pair },
                    angle: b.angle.smaller(angle),
                },
            });
        }
    }
    best.ok_or(LandscapeError::TooFewDirections { found: net.len() })
}

#[cfg(test)]
mod tests {
    use gradiometer_certify::net::Geometry;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn close_directions_keep_their_digits_and_parallel_ones_reach_zero() {
        let tiny = 1e-9;
        let points = [1.0, 0.0, -1.0, -tiny, 0.0, 0.0, 0.0, 1.0];
        let net = Net::new(2, &points, Geometry::Projective).unwrap();
        let found = separation(&net).unwrap();
        assert_eq!(found.pair, (0, 1));
        // The chord is known to a few roundings of the unit vectors.
        assert!((found.angle.midpoint() - tiny).abs() <= 8.0 * f64::EPSILON);
        assert!(found.angle.lo() > 0.0);
        let same = Net::new(2, &[1.0, 3.0, 2.0, 6.0], Geometry::Projective).unwrap();
        assert!(separation(&same).unwrap().angle.lo() <= 0.0);
        // Opposite directions are one line but not one ray.
        let opposite = Net::new(2, &[1.0, 3.0, -2.0, -6.0], Geometry::Sphere).unwrap();
        assert!(separation(&opposite).unwrap().angle.contains(std::f64::consts::PI));
        let one = Net::new(2, &[1.0, 3.0], Geometry::Sphere).unwrap();
        assert_eq!(separation(&one), Err(LandscapeError::TooFewDirections { found: 1 }));
    }

    proptest! {
        #[test]
        fn it_agrees_with_plain_arithmetic(
            points in prop::collection::vec(-1.0..1.0_f64, 6..40),
        ) {
            let points = &points[..points.len() / 3 * 3];
            let Ok(net) = Net::new(3, points, Geometry::Projective) else { return Ok(()) };
            let Ok(found) = separation(&net) else { return Ok(()) };
            let units = net.directions();
            let mut least = 4.0;
            for j in 1..net.len() {
                for i in 0..j {
                    let (u, v) = (&units[3 * i..3 * i + 3], &units[3 * j..3 * j + 3]);
                    let angle = gradiometer_model::geometry::projective_angle(u, v);
                    if angle < least {
                        least = angle;
                    }
                }
            }
            // Units within 4 eps, their squares summed over three coordinates, two roundings a step.
            let rounding = 64.0 * f64::EPSILON;
            prop_assert!((found.angle.midpoint() - least).abs() <= rounding);
            prop_assert!(found.angle.width() <= rounding);
        }
    }
}
