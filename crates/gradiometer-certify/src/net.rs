//! Covering radii of finite sets of directions: what is claimed, what is evidence, and the check that trusts neither.

mod cover;
mod subdivision;

use std::fmt;

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::maximum_of;

use crate::linear::unit;
use crate::verdict::Verdict;

pub use cover::{Cover, covering_bound};
pub use subdivision::{Subdivision, subdivide};

/// Why a net, or the evidence for its radius, was refused.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum NetError {
    /// The points have no coordinates.
    NoDimension,
    /// The flat list of coordinates is not a whole number of points.
    Length {
        /// Dimension of the points.
        dimension: usize,
        /// Coordinates given.
        found: usize,
    },
    /// A coordinate is NaN or infinite.
    NotFinite {
        /// Index of the point.
        point: usize,
        /// Index of the coordinate.
        coordinate: usize,
        /// The offending value.
        value: f64,
    },
    /// There is no point, or every point is zero and so has no direction.
    NoDirections {
        /// Points given.
        points: usize,
    },
    /// The evidence speaks of another number of points or dimensions.
    CoverLength {
        /// Which list.
        field: &'static str,
        /// The length that fits.
        expected: usize,
        /// The length found.
        found: usize,
    },
    /// A simplex names a point that is not there, or one point twice.
    CoverVertex {
        /// Index of the simplex.
        simplex: usize,
    },
    /// A ridge belongs to an odd number of simplices: the cover has a hole there.
    OpenRidge {
        /// One simplex that has the ridge.
        simplex: usize,
        /// How many have it.
        count: usize,
    },
    /// No direction could be found that provably lies in an odd number of the simplices.
    NotAround,
    /// A weight of a convex combination is negative, or all are zero.
    Weight {
        /// Index of the directed point.
        point: usize,
        /// The weight.
        value: f64,
    },
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDimension => {
                f.write_str("the points have no coordinates; the dimension must be at least 1")
            }
            Self::Length { dimension, found } => write!(
                f,
                "{found} coordinates are not a whole number of points in dimension {dimension}"
            ),
            Self::NotFinite { point, coordinate, value } => {
                write!(f, "coordinate {coordinate} of point {point} is {value}; it must be finite")
            }
            Self::NoDirections { points } => {
                write!(f, "no directions: {points} points were given and all of them are zero")
            }
            Self::CoverLength { field, expected, found } => {
                write!(f, "the cover's {field} holds {found} entries; this net needs {expected}")
            }
            Self::CoverVertex { simplex } => write!(
                f,
                "simplex {simplex} of the cover names a point that does not exist, or one point twice"
            ),
            Self::OpenRidge { simplex, count } => write!(
                f,
                "a ridge of simplex {simplex} belongs to {count} simplices; in a closed cover the number is even"
            ),
            Self::NotAround => {
                f.write_str("the simplices could not be shown to go around the sphere")
            }
            Self::Weight { point, value } => write!(
                f,
                "weight {point} of the combination is {value}; weights are >= 0, finite and not all zero"
            ),
        }
    }
}

impl std::error::Error for NetError {}

/// Which directions count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Geometry {
    /// `p` and `-p` are one direction; angles are `arccos |u . v|` in `[0, pi/2]`.
    Projective,
    /// Angles are `arccos(u . v)` in `[0, pi]`.
    Sphere,
}

/// A finite set of directions in `R^d`: the rays through non-zero points with the exact floats given.
///
/// Zero points have no direction, cover nothing and are left out; duplicates are harmless.
#[derive(Clone, Debug, PartialEq)]
pub struct Net {
    dimension: usize,
    geometry: Geometry,
    /// Row-major, one enclosure of a unit vector a row.
    units: Vec<Enclosure>,
    /// Row-major midpoints of `units`, for searching only.
    directions: Vec<f64>,
    /// Position of every direction in the list given.
    origins: Vec<usize>,
}

impl Net {
    /// The directions of the rows of `points` (`N x d`, row-major); zero rows are left out.
    ///
    /// # Errors
    /// [`NetError`] if `dimension` is 0, the length is not a multiple of it, an entry is not finite, or no row is
    /// non-zero.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_certify::net::{Geometry, Net};
    /// let axes = Net::new(2, &[1.0, 0.0, 0.0, 3.0, 0.0, 0.0], Geometry::Projective).unwrap();
    /// assert_eq!(axes.len(), 2);
    /// assert!(axes.distance(&[1.0, 1.0]).contains(std::f64::consts::FRAC_PI_4));
    /// ```
    pub fn new(dimension: usize, points: &[f64], geometry: Geometry) -> Result<Self, NetError> {
        if dimension == 0 {
            return Err(NetError::NoDimension);
        }
        if !points.len().is_multiple_of(dimension) {
            return Err(NetError::Length { dimension, found: points.len() });
        }
        if let Some(entry) = points.iter().position(|x| !x.is_finite()) {
            return Err(NetError::NotFinite {
                point: entry / dimension,
                coordinate: entry % dimension,
                value: points[entry],
            });
        }
        let mut net = Self {
            dimension,
            geometry,
            units: Vec::new(),
            directions: Vec::new(),
            origins: Vec::new(),
        };
        for (index, point) in points.chunks_exact(dimension).enumerate() {
            if point.iter().any(|x| x.abs() > 0.0) {
                let unit = unit_enclosure(point);
                net.directions.extend(unit.iter().map(|x| x.midpoint()));
                net.units.extend(unit);
                net.origins.push(index);
            }
        }
        if net.origins.is_empty() {
            return Err(NetError::NoDirections { points: points.len() / dimension });
        }
        Ok(net)
    }

    /// Dimension `d` of the space.
    pub const fn dimension(&self) -> usize {
        self.dimension
    }

    /// Which directions count as one.
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Number of directions, zero points left out.
    pub const fn len(&self) -> usize {
        self.origins.len()
    }

    /// Never: a net without directions is refused.
    pub const fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }

    /// Position of every direction in the list of points given.
    pub fn origins(&self) -> &[usize] {
        &self.origins
    }

    /// Unit vectors, `N x d` row-major, each entry within a few `eps`: for searching, not for proving.
    pub fn directions(&self) -> &[f64] {
        &self.directions
    }

    /// Number of *directed points*: the `N` directions and, in projective geometry, after them their `N` opposites.
    pub const fn directed(&self) -> usize {
        match self.geometry {
            Geometry::Projective => 2 * self.len(),
            Geometry::Sphere => self.len(),
        }
    }

    /// Unit vector of a directed point, rounded.
    ///
    /// # Panics
    /// If `point` is not less than [`Self::directed`].
    pub fn directed_point(&self, point: usize) -> Vec<f64> {
        let (row, sign) = self.row(point);
        self.directions[row * self.dimension..(row + 1) * self.dimension]
            .iter()
            .map(|x| sign * x)
            .collect()
    }

    /// Row and sign of a directed point.
    const fn row(&self, point: usize) -> (usize, f64) {
        if point < self.len() { (point, 1.0) } else { (point - self.len(), -1.0) }
    }

    /// Enclosures of the coordinates of a directed point.
    fn directed_unit(&self, point: usize) -> impl Iterator<Item = Enclosure> + '_ {
        let (row, sign) = self.row(point);
        self.units[row * self.dimension..(row + 1) * self.dimension]
            .iter()
            .map(move |&x| if sign > 0.0 { x } else { -x })
    }

    /// Angle from the unit vector `x` to a directed point.
    fn angle_to(&self, x: &[Enclosure], point: usize) -> Enclosure {
        let (mut near, mut far) = (Enclosure::ZERO, Enclosure::ZERO);
        for (&a, b) in x.iter().zip(self.directed_unit(point)) {
            near += (a - b).square();
            far += (a + b).square();
        }
        angle_from_chords(near, far)
    }

    /// Angle between two directions of the net, in its geometry, as an enclosure a few `eps` wide.
    ///
    /// # Panics
    /// If an index is not less than [`Self::len`].
    pub fn angle(&self, first: usize, second: usize) -> Enclosure {
        let row: Vec<Enclosure> = self.directed_unit(first).collect();
        let angle = self.angle_to(&row, second);
        match self.geometry {
            Geometry::Projective => angle.smaller(self.angle_to(&row, second + self.len())),
            Geometry::Sphere => angle,
        }
    }

    /// Distance in radians from the direction of `x` to the nearest direction of the net, as an enclosure a few `eps`
    /// wide; [`Enclosure::UNDEFINED`] if `x` is zero, not finite or of another dimension.
    pub fn distance(&self, x: &[f64]) -> Enclosure {
        if x.len() != self.dimension || !x.iter().all(|c| c.is_finite()) {
            return Enclosure::UNDEFINED;
        }
        let x = unit_enclosure(x);
        let (mut near, mut far) = (Enclosure::from(5.0), Enclosure::ZERO);
        for p in self.units.chunks_exact(self.dimension) {
            let (mut minus, mut plus) = (Enclosure::ZERO, Enclosure::ZERO);
            for (&a, &b) in x.iter().zip(p) {
                minus += (a - b).square();
                plus += (a + b).square();
            }
            near = near.smaller(minus);
            far = far.larger(plus);
            if self.geometry == Geometry::Projective {
                near = near.smaller(plus);
                far = far.larger(minus);
            }
        }
        angle_from_chords(near, far)
    }

    /// Distance from the direction of `x` in plain floating point: for searching.
    ///
    /// # Panics
    /// If `x` does not have the net's dimension.
    pub fn approximate_distance(&self, x: &[f64]) -> f64 {
        assert_eq!(x.len(), self.dimension, "a direction of the net's space");
        let norm = x.iter().map(|c| c * c).sum::<f64>().sqrt();
        let cosines = self.directions.chunks_exact(self.dimension).map(|p| {
            let t: f64 = p.iter().zip(x).map(|(a, b)| a * b).sum();
            if self.geometry == Geometry::Projective { t.abs() } else { t }
        });
        (maximum_of(cosines) / norm).clamp(-1.0, 1.0).acos()
    }

    /// What no net exceeds: `pi/2` in projective geometry, `pi` on the sphere, rounded up.
    fn trivial_bound(&self) -> f64 {
        match self.geometry {
            Geometry::Projective => Enclosure::PI.half().hi(),
            Geometry::Sphere => Enclosure::PI.hi(),
        }
    }
}

/// The angle whose squared chord is `near` and whose opposite's is `far` (`near + far = 4`), from the smaller of them.
fn angle_from_chords(near: Enclosure, far: Enclosure) -> Enclosure {
    let half_angle = |square: Enclosure| (square.sqrt().half()).asin() * 2.0;
    if near.hi() <= 2.5 { half_angle(near) } else { Enclosure::PI - half_angle(far) }
}

/// Enclosure of `x/|x|`; undefined entries if `x` is zero.
fn unit_enclosure(x: &[f64]) -> Vec<Enclosure> {
    let largest = maximum_of(x.iter().map(|c| c.abs()));
    // A power of two keeps the squares away from the ends of the exponent range.
    let exponent = ((largest.to_bits() >> 52) & 0x7ff).clamp(2, 2044);
    unit(x, f64::from_bits(exponent << 52))
}

/// What the checker concluded about the claim "every direction is within `radius` of the net"; inconclusive with what was
/// proved about the covering radius, an enclosure that contains the claim.
pub type NetVerdict = Verdict<CoveringBound, Uncovered, Enclosure>;

/// A proved upper bound of a covering radius, at most the radius claimed. [`check_net`] alone makes one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoveringBound {
    upper: f64,
}

impl CoveringBound {
    /// The bound, radians.
    pub const fn upper(self) -> f64 {
        self.upper
    }
}

impl fmt::Display for CoveringBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the covering radius is at most {}", self.upper)
    }
}

/// A direction that is farther than claimed from every point.
#[derive(Clone, Debug, PartialEq)]
pub struct Uncovered {
    /// The direction (exact floats, any length).
    pub witness: Vec<f64>,
    /// Its distance from the net; `distance.lo()` exceeds the claim.
    pub distance: Enclosure,
}

impl fmt::Display for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is at {} from the net", self.witness, self.distance)
    }
}

/// Checks that the covering radius of `net`, the largest distance of any direction of `R^d`, is at most `radius`.
///
/// The evidence `cover` is optional and untrusted: if it proves the claim the answer is
/// [`Verdict::Proved`]; else the directions it points at may refute the claim; else subdivision of the sphere into at
/// most `cells` cells tries both. Every comparison is between outward-rounded numbers.
///
/// # Errors
/// [`NetError`] if `cover` does not fit the net or does not go around the sphere.
///
/// # Examples
/// ```
/// use gradiometer_certify::Verdict;
/// use gradiometer_certify::net::{Geometry, Net, check_net};
/// let axes = Net::new(2, &[1.0, 0.0, 0.0, 1.0], Geometry::Projective).unwrap();
/// assert!(matches!(check_net(&axes, 0.79, None, 1000).unwrap(), Verdict::Proved(_)));
/// assert!(matches!(check_net(&axes, 0.78, None, 1000).unwrap(), Verdict::Refuted(_)));
/// ```
pub fn check_net(
    net: &Net,
    radius: f64,
    cover: Option<&Cover>,
    cells: usize,
) -> Result<NetVerdict, NetError> {
    let mut upper = net.trivial_bound();
    let mut lower = 0.0;
    if let Some(cover) = cover {
        upper = covering_bound(net, cover)?;
        if upper <= radius {
            return Ok(Verdict::Proved(CoveringBound { upper }));
        }
        for witness in cover.witnesses(net, 8) {
            let distance = net.distance(&witness);
            if distance.lo() > radius {
                return Ok(Verdict::Refuted(Uncovered { witness, distance }));
            }
            if distance.lo() > lower {
                lower = distance.lo();
            }
        }
    }
    let search = subdivide(net, Some(radius), 0.0, cells);
    let distance = net.distance(&search.witness);
    if search.upper <= radius {
        return Ok(Verdict::Proved(CoveringBound { upper: search.upper }));
    }
    if distance.lo() > radius {
        return Ok(Verdict::Refuted(Uncovered { witness: search.witness, distance }));
    }
    let lo = if distance.lo() > lower { distance.lo() } else { lower };
    let hi = if search.upper < upper { search.upper } else { upper };
    Ok(Verdict::Inconclusive(Enclosure::new(lo, hi)))
}

#[cfg(test)]
mod tests;
