//! Test functions of the average neurons (theory 7.6), bounded for all directions at once and in any dimension.
//!
//! `p_{i,e}` has an `eta` that interpolates `w -> e.w` to first order at `u_i` and zero at the other directions. Its coefficients are
//! linear in `e`, and solve the system of [`crate::interpolation`] with a right side at `u_i` alone. With the scaled unknowns
//! `x_k = (s_0 A_k, s_1 B_k)` and bounds `N_kj` of the blocks' norms, `|x_k| <= (|r| 1{k = i} + sum_j N_kj |x_j|)/c`, `c` the least diagonal;
//! so if the rows of `N` sum up to less than `c`, every vector `X >= (|r| 1{k = i} + N X)/c` bounds the `|x_k|`. That is how
//! the coefficients are known here: by norms, for every unit `e`. It is sharp where the system is nearly diagonal, and says
//! nothing where it is not.

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::{maximum, maximum_of, minimum};
use gradiometer_model::Teacher;

use crate::error::CertifyError;
use crate::frame::Directions;
use crate::interpolation::System;
use crate::kernel::{DegreeWeights, Jet, Kernel};

/// Intervals of the angle from a direction, and pieces of `y` in each.
const ANGLES: usize = 64;
const PIECES: usize = 12;
/// Steps of the iteration for the coefficients' bounds, and the share of the right side by which every component is enlarged.
const STEPS: usize = 200;
const ENLARGED: f64 = 1e-12;

/// What holds of the test functions `p_{i,e}` of one teacher neuron for every unit vector `e` of `R^d`: proved, as only
/// [`test_function_bounds`] can make it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestFunctionBound {
    norm: f64,
    constant: f64,
}

impl TestFunctionBound {
    /// `|p_{i,e}|` is at most this.
    pub const fn norm(&self) -> f64 {
        self.norm
    }

    /// `|eta_{i,e}(w) - 1{w in T_i} e.(s w)| <= constant delta(w)^2` for every unit `w`.
    pub const fn constant(&self) -> f64 {
        self.constant
    }
}

/// Bounds of the test functions of every teacher neuron.
///
/// Near a direction `u_c` with `w = cos(delta) u_c + sin(delta) v` the conditions there leave second-order terms,
/// `|R_k| <= X_k |(P_1/s_0, P_2/s_1, P_3/s_1)|` with the brackets `P` of theory 6.4; farther away
/// `|A_k K(t) + K'(t) B_k.w| <= X_k |(K(t)/s_0, K'(t) sqrt(1 - t^2)/s_1)|`. Both are maximised over `y_k` for each `k` by itself.
///
/// # Errors
/// [`CertifyError::Interpolation`] if the system is not nearly diagonal for these weights: the rows' sums of `N` are 1 or more.
///
/// # Examples
/// ```
/// use gradiometer_certify::{DegreeWeights, test_function_bounds};
/// use gradiometer_model::{Network, Teacher};
/// let network = Network::from_rows(vec![1.0, -1.0], &[vec![1.0, 0.0], vec![0.0, 1.0]]).unwrap();
/// let teacher = Teacher::new(network).unwrap();
/// let bounds = test_function_bounds(&teacher, &DegreeWeights::from_degree(4).unwrap()).unwrap();
/// // |p|^2 is at least 1/K(1), where e = u_i.
/// assert!(bounds[0].norm() > 9.0 && bounds[0].norm() < 10.0);
/// ```
pub fn test_function_bounds(
    teacher: &Teacher,
    weights: &DegreeWeights,
) -> Result<Vec<TestFunctionBound>, CertifyError> {
    let directions = Directions::new(teacher);
    let kernel = weights.kernel();
    let system = System::new(&directions, &kernel)?;
    let m = directions.count();
    let norms = system.block_norms();
    let [top, slope] = system.diagonal();
    // c: the least diagonal of the scaled system, about 1.
    let [s_0, s_1] = system.scale().map(Enclosure::from);
    let least = (top / s_0.square()).smaller(slope / s_1.square());
    let rows = norms.chunks_exact(m).map(|row| row.iter().copied().sum::<Enclosure>().hi());
    let sum = maximum_of(rows);
    let contraction = (Enclosure::from(sum) / least).hi();
    if !(contraction < 1.0) {
        return Err(CertifyError::Interpolation { neurons: m, contraction });
    }
    let right = (Enclosure::ONE / s_0).larger(Enclosure::ONE / s_1).hi();
    let views: Vec<Vec<Interval>> =
        (0..m).map(|c| intervals(&directions, &kernel, &system, c)).collect();
    let heaviest = maximum(weights.tail(), maximum_of(weights.low().iter().copied()));
    (0..m)
        .map(|i| {
            let sizes = sizes(&norms, least, right, i)
                .ok_or(CertifyError::Interpolation { neurons: m, contraction })?;
            // x_i = r/diagonal + rest, |rest| <= sum_j N_ij X_j / c.
            let coupled: Enclosure = (0..m).map(|j| norms[i * m + j] * sizes[j]).sum();
            let rest = (coupled / least).hi();
            // |p|^2 <= max(omega) x.(M x) = max(omega) x_i.r, for omega^2 <= max(omega) omega.
            let right = Enclosure::from(right);
            let square = (right.square() / least + right * rest) * heaviest;
            let constant = maximum_of(views.iter().enumerate().flat_map(|(c, view)| {
                let sizes = &sizes;
                view.iter().map(move |interval| interval.deviation(c, i, sizes, rest))
            }));
            Ok(TestFunctionBound { norm: square.sqrt().hi(), constant })
        })
        .collect()
}

/// Bounds `X_k` of the scaled coefficients for a right side of length `right` at `i`.
fn sizes(norms: &[Enclosure], least: Enclosure, right: f64, i: usize) -> Option<Vec<f64>> {
    let m = norms.len().isqrt();
    let own = |k: usize| if k == i { right } else { 0.0 };
    // Somewhat more on the right, so that rounding has room in every component.
    let more = |k: usize| own(k) + right * ENLARGED;
    let mut x: Vec<f64> = (0..m).map(more).collect();
    for _ in 0..STEPS {
        let row = |k: usize| (0..m).map(|j| norms[k * m + j].hi() * x[j]).sum::<f64>();
        x = (0..m).map(|k| (more(k) + row(k)) / least.lo()).collect();
    }
    // X >= (r + N X)/c, component by component: then X bounds the solution.
    let holds = (0..m).all(|k| {
        let row: Enclosure = (0..m).map(|j| norms[k * m + j] * x[j]).sum();
        ((row + own(k)) / least).hi() <= x[k]
    });
    holds.then_some(x)
}

/// What is needed of the points at an interval of angles from `u_c`, whose nearest direction that is.
#[derive(Clone, Debug)]
struct Interval {
    /// Lengths over `delta^2` for each direction, with the conditions at `u_c` and without: those of the direction `u_c` itself are of
    /// `(K(1) - K(cos delta), sin(delta) (K'(1) - K'(cos delta)))` and `(K(cos delta), sin(delta) K'(cos delta))`.
    near: Vec<f64>,
    far: Vec<f64>,
    /// The same of what `e.w` leaves where `u_c` is the neuron itself, besides the coupling.
    own: f64,
}

impl Interval {
    /// A bound of `|eta_{i,e}(w) - 1{c = i} e.w|/delta^2`, `rest` the coupling of `u_i` itself.
    fn deviation(&self, c: usize, i: usize, sizes: &[f64], rest: f64) -> f64 {
        let sum = |lengths: &[f64]| {
            let others: Enclosure = (0..sizes.len())
                .filter(|&k| k != c)
                .map(|k| Enclosure::from(lengths[k]) * sizes[k])
                .sum();
            let own = if c == i {
                Enclosure::from(lengths[c]) * rest + self.own
            } else {
                Enclosure::from(lengths[c]) * sizes[c]
            };
            let total = others + own;
            if total.is_undefined() { f64::INFINITY } else { total.hi() }
        };
        minimum(sum(&self.near), sum(&self.far))
    }
}

/// The intervals of the angle from `u_c`.
fn intervals(
    directions: &Directions,
    kernel: &Kernel,
    system: &System<'_>,
    c: usize,
) -> Vec<Interval> {
    let jets: Vec<Jet> = (0..directions.count()).map(|k| system.jets_at(c, k)).collect();
    angles()
        .map(|(from, to)| {
            let place = Place::new(kernel, system, from, to);
            let (near_own, far_own, own) = place.own();
            let pairs: Vec<(f64, f64)> = (0..directions.count())
                .map(|k| {
                    if k == c {
                        return (near_own, far_own);
                    }
                    place.other(directions.overlap(c, k), &jets[k])
                })
                .collect();
            let (near, far) = pairs.into_iter().unzip();
            Interval { near, far, own }
        })
        .collect()
}

/// Intervals that cover `[0, pi/2]`.
fn angles() -> impl Iterator<Item = (f64, f64)> {
    let width = std::f64::consts::FRAC_PI_2.next_up() / ANGLES as f64;
    (0..ANGLES).map(move |n| (width * n as f64, width * (n as f64 + 1.0).next_up()))
}

/// An interval of angles.
struct Place<'a> {
    kernel: &'a Kernel,
    scale: [Enclosure; 2],
    diagonal: [Enclosure; 2],
    from: f64,
    to: f64,
    cosine: Enclosure,
    sine: Enclosure,
    /// `delta^2`.
    square: Enclosure,
}

impl<'a> Place<'a> {
    fn new(kernel: &'a Kernel, system: &System<'_>, from: f64, to: f64) -> Self {
        let delta = Enclosure::new(from, to);
        Self {
            kernel,
            scale: system.scale().map(Enclosure::from),
            diagonal: system.diagonal(),
            from,
            to,
            cosine: delta.cos(),
            sine: delta.sin(),
            square: delta.square(),
        }
    }

    /// The lengths of the direction itself, with and without its conditions, and of
    /// `(1 - cos delta + (K(cos delta) - K(1))/K(1), sin(delta) (K'(cos delta)/K'(1) - 1))`, all over `delta^2`.
    fn own(&self) -> (f64, f64, f64) {
        let [s_0, s_1] = self.scale;
        let [top, slope] = self.diagonal;
        // (K(1) - K(cos delta))/delta^2, sin(delta) (K'(1) - K'(cos delta))/delta^2 and (1 - cos delta)/delta^2.
        let (fall, turn, rest) = if self.from > 0.0 {
            let [k0, k1, ..] = self.kernel.jet(self.cosine);
            let over = |x: Enclosure| x / self.square;
            (over(top - k0), over(self.sine * (slope - k1)), over(Enclosure::ONE - self.cosine))
        } else {
            // K(cos delta) - K(1) = kappa delta^2/2 with kappa at some smaller angle; 0 <= sin(delta)/delta <= 1.
            let (kappa, _) = self.kernel.radial(Enclosure::new(0.0, self.to));
            let share = Enclosure::new(0.0, 1.0);
            (-kappa.half(), share * self.kernel.slope_drop(self.to), Enclosure::new(0.0, 0.5))
        };
        let length = |x: Enclosure, y: Enclosure| upper((x.square() + y.square()).sqrt());
        let near = length(fall / s_0, turn / s_1);
        let own = length(rest - fall / top, turn / slope);
        let far = if self.from > 0.0 {
            let [k0, k1, ..] = self.kernel.jet(self.cosine);
            length(k0 / s_0 / self.square, self.sine * k1 / s_1 / self.square)
        } else {
            f64::INFINITY
        };
        (near, far, own)
    }

    /// The lengths of another direction with the overlap `g`, over `delta^2`: maxima over `y`.
    fn other(&self, g: Enclosure, jet: &Jet) -> (f64, f64) {
        let [s_0, s_1] = self.scale;
        let (c, s) = (self.cosine, self.sine);
        let [_, g1, g2, _] = *jet;
        let reach = (Enclosure::ONE - g.square()).sqrt().hi();
        let mut range = Enclosure::new(-reach, reach);
        if self.from > 0.0 {
            let delta = Enclosure::from(self.from);
            let quotient = delta.cos() / delta.sin();
            let (low, high) = (quotient * (g + 1.0), quotient * (Enclosure::ONE - g));
            let Some(seen) = range.intersection(Enclosure::new(-low.hi(), high.hi())) else {
                // No point at these angles has u_c nearest.
                return (0.0, 0.0);
            };
            range = seen;
        }
        let half_tangent = s / (c + 1.0);
        let (mut near, mut far) = (0.0, 0.0);
        let width = (range.hi() - range.lo()) / PIECES as f64;
        for n in 0..PIECES {
            let low = range.lo() + width * n as f64;
            let high =
                if n + 1 == PIECES { range.hi() } else { range.lo() + width * (n + 1) as f64 };
            let y = Enclosure::new(low, maximum(low, high));
            let unit = Enclosure::new(-1.0, 1.0);
            let Some(t) = (c * g + s * y).intersection(unit) else { continue };
            let [k0, k1, ..] = self.kernel.jet(t);
            let [_, _, k2, k3] = self.kernel.jet(t.hull(g));
            // t - g = sin(delta) z; over sin(delta)^2, which is at most delta^2.
            let z = y - g * half_tangent;
            let above = c + 1.0;
            let value = (k2 * z.square()).half() - g * g1 / above;
            let along = (c * k3 * z.square()).half() - (g1 + g2 * (s * y + c * g)) / above;
            let across = k2 * z;
            let square = (value / s_0).square() + (along / s_1).square() + (across / s_1).square();
            near = maximum(near, upper(square.sqrt()));
            let turned = k1 * (Enclosure::ONE - t.square()).sqrt();
            let length = ((k0 / s_0).square() + (turned / s_1).square()).sqrt();
            far = maximum(
                far,
                if self.from > 0.0 { upper(length / self.square) } else { f64::INFINITY },
            );
        }
        (near, far)
    }
}

/// The upper end, infinite if undefined.
const fn upper(x: Enclosure) -> f64 {
    if x.is_undefined() { f64::INFINITY } else { x.hi() }
}

#[cfg(test)]
mod tests {
    use gradiometer_model::Network;

    use super::*;
    use crate::interpolant::Interpolant;

    fn teacher() -> Teacher {
        let rows = [
            vec![1.0, 0.2, 0.0, 0.1],
            vec![0.0, 1.0, 0.3, 0.2],
            vec![0.4, -0.3, 1.0, 0.0],
            vec![-0.2, 0.5, 0.1, 1.0],
        ];
        Teacher::new(Network::from_rows(vec![1.0, -2.0, 1.5, -1.0], &rows).unwrap()).unwrap()
    }

    /// Points of the sphere, some near the directions.
    fn points(teacher: &Teacher) -> Vec<Vec<f64>> {
        (0..4000_usize)
            .map(|index| {
                let n = index as f64;
                let e: Vec<f64> =
                    (1..=4).map(|x| (n * f64::from(x).sqrt() + n * n).sin()).collect();
                let i = index % 4;
                let size = [0.05, 0.3, 1.0, 10.0][index / 4 % 4];
                teacher.direction(i).iter().zip(e).map(|(u, e)| u + size * e).collect()
            })
            .collect()
    }

    #[test]
    fn the_bounds_hold_of_every_test_function_and_are_near_some() {
        let teacher = teacher();
        for degree in [6, 8] {
            let weights = DegreeWeights::from_degree(degree).unwrap();
            let bounds = test_function_bounds(&teacher, &weights).unwrap();
            for (i, bound) in bounds.iter().enumerate() {
                let mut sharpest = [0.0, 0.0];
                for combination in
                    [[1.0, 0.0, 0.0, 0.0], [0.5, 1.0, -0.5, 0.25], [0.0, 0.0, 0.0, 1.0]]
                {
                    let mut combination = combination;
                    combination.rotate_right(i);
                    let eta =
                        Interpolant::test_function(&teacher, &weights, i, &combination).unwrap();
                    let e: Vec<f64> = (0..4)
                        .map(|x| (0..4).map(|j| combination[j] * teacher.direction(j)[x]).sum())
                        .collect();
                    let length = e.iter().map(|x| x * x).sum::<f64>().sqrt();
                    let norm = eta.norm().lo() / length;
                    assert!(norm <= bound.norm, "{degree} {i}: {norm} {bound:?}");
                    sharpest[0] = maximum(sharpest[0], norm / bound.norm);
                    for w in points(&teacher) {
                        let size = w.iter().map(|x| x * x).sum::<f64>().sqrt();
                        let (nearest, delta) = teacher.nearest(&w);
                        if delta < 1.0 / 1024.0 {
                            continue;
                        }
                        let side: f64 =
                            w.iter().zip(teacher.direction(nearest)).map(|(x, u)| x * u).sum();
                        let along: f64 = w.iter().zip(&e).map(|(x, e)| x * e).sum();
                        let target = if nearest == i { side.signum() * along / size } else { 0.0 };
                        // eta is even.
                        let off = (eta.at(&w).0 - target).mignitude() / (length * delta * delta);
                        assert!(off <= bound.constant, "{degree} {i}: {off} {bound:?}");
                        sharpest[1] = maximum(sharpest[1], off / bound.constant);
                    }
                }
                assert!(sharpest[0] > 0.9 && sharpest[1] > 0.125, "{degree} {i}: {sharpest:?}");
            }
        }
    }

    #[test]
    fn the_angles_leave_no_gap() {
        let all: Vec<(f64, f64)> = angles().collect();
        assert!(all[0].0 <= 0.0 && all[ANGLES - 1].1 > std::f64::consts::FRAC_PI_2);
        for pair in all.windows(2) {
            assert!(pair[0].1 >= pair[1].0 && pair[0].1 < pair[1].1, "{pair:?}");
        }
    }

    #[test]
    fn lengths_at_one_angle_are_those_of_the_summands() {
        let (teacher, weights) = (teacher(), DegreeWeights::from_degree(6).unwrap());
        let (directions, kernel) = (Directions::new(&teacher), weights.kernel());
        let system = System::new(&directions, &kernel).unwrap();
        let [s_0, s_1] = system.scale();
        let length = |x: f64, y: f64, z: f64| (x * x + y * y + z * z).sqrt();
        // K, K', K''.
        let k = |t: f64| kernel.jet(Enclosure::from(t)).map(Enclosure::midpoint);
        for delta in [0.02, 0.1, 0.3] {
            let (s, c) = f64::sin_cos(delta);
            let square = delta * delta;
            let place = Place::new(&kernel, &system, delta, delta.next_up());
            let ([one, one_slope, ..], [k0, k1, ..]) = (k(1.0), k(c));
            let exact = [
                length((one - k0) / s_0, s * (one_slope - k1) / s_1, 0.0) / square,
                length(k0 / s_0, s * k1 / s_1, 0.0) / square,
                length(1.0 - c + (k0 - one) / one, s * (k1 / one_slope - 1.0), 0.0) / square,
            ];
            let found = place.own();
            for (exact, found) in exact.into_iter().zip([found.0, found.1, found.2]) {
                // Differences that cancel to delta^2 of their terms, in enclosures.
                let rounding = exact * f64::EPSILON.sqrt();
                assert!((exact - found).abs() <= rounding, "{delta}: {exact} {found}");
            }
            for other in 1..4 {
                let overlap = directions.overlap(0, other);
                let g = overlap.midpoint();
                let reach = (1.0 - g * g).sqrt();
                let [_, g1, g2, _] = k(g);
                let mut exact = [0.0, 0.0];
                for n in 0..=1000_u16 {
                    let y = reach * (f64::from(n) / 500.0 - 1.0);
                    let t = c * g + s * y;
                    // Another direction that is nearer.
                    if t.abs() > c {
                        continue;
                    }
                    let [t0, t1, ..] = k(t);
                    let value = t0 - k(g)[0] - s * g1 * y;
                    let along = c * t1 - g1 - s * g2 * y;
                    let near = length(value / s_0, along / s_1, s * (t1 - g1) / s_1);
                    let far = length(t0 / s_0, t1 * (1.0 - t * t).sqrt() / s_1, 0.0);
                    exact = [maximum(exact[0], near / square), maximum(exact[1], far / square)];
                }
                let (near, far) = place.other(overlap, &system.jets_at(0, other));
                // Above, and by no more than pieces of y and mean values cost: K'' is about as t^4, and
                // its largest value between the cosines counts, at most 15 times what K is over t^2.
                let cost = 1.5 * minimum((1.0 + delta / g.abs()).powi(4), 15.0);
                for (exact, found) in exact.into_iter().zip([near, far]) {
                    let shown = format!("{delta} {other} {g}: {exact} {found}");
                    assert!(found >= exact && found <= cost * exact, "{shown}");
                }
            }
        }
    }

    #[test]
    fn a_system_far_from_diagonal_is_refused() {
        let rows = [vec![1.0, 0.0], vec![1.0, 0.5], vec![0.0, 1.0]];
        let close = Teacher::new(Network::from_rows(vec![1.0, -1.0, 1.0], &rows).unwrap()).unwrap();
        let weights = DegreeWeights::from_degree(2).unwrap();
        let refused = test_function_bounds(&close, &weights);
        assert!(matches!(refused, Err(CertifyError::Interpolation { .. })), "{refused:?}");
    }

    #[test]
    fn sizes_bound_the_solution_of_their_system() {
        let norms = [0.0, 0.25, 0.5, 0.25, 0.0, 0.125, 0.5, 0.125, 0.0].map(Enclosure::from);
        let x = sizes(&norms, Enclosure::ONE, 2.0, 1).unwrap();
        for k in 0..3 {
            let row: f64 = (0..3).map(|j| norms[3 * k + j].midpoint() * x[j]).sum();
            let exact = row + if k == 1 { 2.0 } else { 0.0 };
            assert!(x[k] >= exact && x[k] <= exact * (1.0 + 1e-8), "{k}: {x:?}");
        }
        let divergent = [0.0, 2.0, 2.0, 0.0].map(Enclosure::from);
        assert_eq!(sizes(&divergent, Enclosure::ONE, 1.0, 0), None);
    }
}
