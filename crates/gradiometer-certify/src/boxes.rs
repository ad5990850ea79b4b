//! Branch and bound over projective space: the bound outside the caps.

use gradiometer_hermite::Enclosure;

use crate::expansion::{Ball, BallExpansion, FrameExpansion, plain_dot};
use crate::frame::Frame;
use crate::interpolant::Interpolant;
use crate::limits::{Limits, Progress, Runner};
use crate::linear::is_positive_definite;

/// Boxes that are bounded between two looks at the limits.
const ROUND: usize = 4096;
/// Halvings of one side after which a box is given up.
const SMALLEST_HALF: f64 = 1.0 / (1_u64 << 40) as f64;
/// Balls wider than this are split unseen: second-order bounds say nothing there.
const WIDEST_SINE: f64 = 0.7;

/// A box on a face of the cube `[-1, 1]^n`: `x_face = 1`, the other coordinates within `half` of `centre`.
///
/// All numbers are dyadic, so halving is exact.
#[derive(Clone, Debug)]
struct Cell {
    centre: Box<[f64]>,
    half: Box<[f64]>,
}

/// What is known of one box.
#[derive(Debug)]
enum Outcome {
    /// Nothing: it has to be split.
    Undecided,
    Proved,
    /// At this point of the sphere the bound is violated, as far as the box's own arithmetic can tell.
    Suspect(Vec<f64>),
}

/// A part of the sphere where the bound is still to be shown.
///
/// It is undecided until [`OpenBox::bound`] has returned: whoever bounds the boxes of a round can leave some out, or die
/// over them, and they are split. Nobody else can make one, or say what became of it.
#[derive(Debug)]
pub struct OpenBox<'a> {
    search: &'a BoxSearch<'a>,
    cell: Cell,
    outcome: Outcome,
}

impl OpenBox<'_> {
    /// Tries to prove the bound on the box. The outcome depends on the box alone.
    pub fn bound(&mut self, scratch: &mut Scratch) {
        self.outcome = self.search.bound_box(&self.cell, scratch);
    }
}

/// Bounds one box after the other.
pub fn bound_in_turn(boxes: &mut [OpenBox<'_>]) {
    let mut scratch = Scratch::default();
    for open in boxes {
        open.bound(&mut scratch);
    }
}

/// Buffers that one thread uses for box after box.
#[derive(Debug, Default)]
pub struct Scratch {
    centre: Vec<f64>,
    local: BallExpansion,
    square: Vec<f64>,
}

/// How the search ended.
pub(crate) enum Ending {
    Proved,
    Violated { witness: Vec<f64>, eta: Enclosure, delta: Enclosure },
    TooFine { point: Vec<f64> },
    Boxes,
    Memory,
    Stopped,
}

/// Proves `|eta| <= 1 - rho delta^2` on the whole sphere of the frame outside the caps, or finds out why not.
///
/// `w` and `-w` are one point, and where the frame has its extra dimension so are `(z, h)` and `(z, -h)`; hence the faces
/// `x_k = 1` only, the last coordinate not negative, and on the last face the first one.
#[derive(Debug)]
pub(crate) struct BoxSearch<'a> {
    pub(crate) interpolant: &'a Interpolant,
    pub(crate) frame: &'a Frame,
    pub(crate) expansion: &'a FrameExpansion,
    /// Upper bounds of the cosines of the caps' radii.
    pub(crate) cap_cosines: Vec<f64>,
    pub(crate) rho: f64,
}

impl BoxSearch<'_> {
    pub(crate) fn run(&self, limits: &Limits, runner: &mut dyn Runner) -> (Ending, Progress) {
        let mut open = self.roots();
        let mut seen = Progress { boxes: 0, open_boxes: open.len() };
        while !open.is_empty() {
            let first = open.len().saturating_sub(ROUND);
            let mut round: Vec<OpenBox<'_>> = open
                .drain(first..)
                .map(|cell| OpenBox { search: self, cell, outcome: Outcome::Undecided })
                .collect();
            seen.boxes += round.len() as u64;
            if seen.boxes > limits.boxes {
                return (Ending::Boxes, seen);
            }
            runner.bound(&mut round);
            for OpenBox { cell, outcome, .. } in round {
                match outcome {
                    Outcome::Proved => continue,
                    Outcome::Suspect(point) => {
                        let witness = self.frame.embed(&point);
                        let (eta, delta) = self.interpolant.at(&witness);
                        if violates(eta, delta, self.rho) {
                            return (Ending::Violated { witness, eta, delta }, seen);
                        }
                    }
                    Outcome::Undecided => {}
                }
                let Some([left, right]) = cell.halves() else {
                    let point = self.frame.embed(&cell.centre);
                    return (Ending::TooFine { point }, seen);
                };
                open.push(left);
                open.push(right);
            }
            seen.open_boxes = open.len();
            if open.len() > limits.open_boxes {
                return (Ending::Memory, seen);
            }
            if runner.proceed(seen).is_break() {
                return (Ending::Stopped, seen);
            }
        }
        (Ending::Proved, seen)
    }

    /// The faces of the cube, up to symmetry.
    fn roots(&self) -> Vec<Cell> {
        let n = self.expansion.size();
        let extra = self.frame.size > self.frame.rank;
        let last = n - 1;
        (0..n)
            .map(|face| {
                let mut cell = Cell { centre: vec![0.0; n].into(), half: vec![1.0; n].into() };
                cell.centre[face] = 1.0;
                cell.half[face] = 0.0;
                let positive = if face == last { 0 } else { last };
                if extra {
                    cell.centre[positive] = 0.5;
                    cell.half[positive] = 0.5;
                }
                cell
            })
            .collect()
    }

    /// Bounds `F = sign eta + rho delta^2 - 1` on the ball around a box, for both signs.
    ///
    /// Along a unit-speed geodesic from the centre, `F(theta) <= F + G theta + L theta^2 / 2` with `G >= |grad F|` and `L` an
    /// upper bound of the second derivative over the ball. So `F <= 0` on the ball if `L` is at most [`needed_curvature`].
    fn bound_box(&self, cell: &Cell, scratch: &mut Scratch) -> Outcome {
        let n = self.expansion.size();
        let norm = plain_dot(&cell.centre, &cell.centre).sqrt();
        let diagonal = plain_dot(&cell.half, &cell.half).sqrt();
        // |y - x| <= diagonal on the box, and the sine of the angle between x and y is at most |y - x| / |x|.
        // docs/BOUNDS.md, "The ball around a box": an eighth of the rounding would do.
        let sine = diagonal / norm * (1.0 + 4.0 * (n as f64 + 4.0) * f64::EPSILON);
        if !(sine < WIDEST_SINE) {
            return Outcome::Undecided;
        }
        scratch.centre.clear();
        scratch.centre.extend(cell.centre.iter().map(|x| x / norm));
        // |fl(x/|x|) - x/|x|| <= centre_error; docs/BOUNDS.md, "The ball around a box": a quarter would do.
        let centre_error = (n as f64 + 6.0) * f64::EPSILON;
        let ball = Ball { centre: &scratch.centre, centre_error, sine };
        let local = &mut scratch.local;
        self.expansion.locate(&ball, local);
        // |w.u| >= the cosine of a cap's radius for every w of the ball: the cap's proof covers it.
        let covered = |t: &Enclosure, cap: f64| t.lo() >= cap || t.hi() <= -cap;
        if local.cosine_over_ball.iter().zip(&self.cap_cosines).any(|(t, &cap)| covered(t, cap)) {
            return Outcome::Proved;
        }
        self.expansion.expand(&ball, None, local);
        let Some(radial_term) = local.radial_term else { return Outcome::Undecided };
        let eta = self.interpolant.value_of(&local.terms); // eta(c)

        // delta is at most the angle to any one direction; that to the nearest is best.
        let nearest = (0..local.cosines.len())
            .max_by(|&a, &b| local.cosines[a].mignitude().total_cmp(&local.cosines[b].mignitude()));
        let Some(nearest) = nearest else { return Outcome::Undecided };
        let cosine = local.cosines[nearest];
        let side = if cosine.midpoint() < 0.0 { -1.0 } else { 1.0 };
        let delta = (cosine * side).acos();
        // grad delta^2 = -2 (delta / sin delta) (tangent part of side u)
        let slope = over_sine(delta, cosine) * (2.0 * self.rho);
        let radius = Enclosure::from(sine).asin();

        for sign in [1.0, -1.0] {
            let value = eta * sign + delta.square() * self.rho - 1.0; // F(c)
            if value.lo() > 0.0 {
                return Outcome::Suspect(scratch.centre.clone());
            }
            if !(value.hi() < 0.0) {
                return Outcome::Undecided;
            }
            let factor = -side * slope.midpoint();
            let tangent = &local.tangents[nearest * n..(nearest + 1) * n];
            let gradient = local
                .gradient
                .iter()
                .zip(tangent)
                .map(|(g, u)| Enclosure::from(sign * g + factor * u).square())
                .sum::<Enclosure>()
                .sqrt();
            let tangent_error =
                tangent_error(self.expansion.direction_error(nearest), centre_error, n);
            // |grad F| <= gradient; docs/BOUNDS.md, "The gradient of a box", for the rounding of the plain sums.
            let gradient = gradient * (1.0 + 4.0 * f64::EPSILON)
                + local.gradient_error
                + Enclosure::from(slope.radius())
                + slope * tangent_error;
            // F'' <= sign e.M e + rest: delta^2 to one direction has second derivative at most 2.
            let rest = Enclosure::from(local.matrix_error) - radial_term * sign + 2.0 * self.rho;
            let needed = needed_curvature(value, gradient, radius);
            let limit = (needed - rest).lo();
            // sign e.M e <= limit for all unit tangents e, so F'' <= needed, so F <= 0 on the ball.
            if !form_at_most(&local.matrix, sign, limit, &scratch.centre, &mut scratch.square) {
                return Outcome::Undecided;
            }
        }
        Outcome::Proved
    }
}

impl Cell {
    /// The two halves across the longest side; `None` if that is too short.
    fn halves(&self) -> Option<[Self; 2]> {
        let (side, &half) = self.half.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
        if !(half > SMALLEST_HALF) {
            return None;
        }
        let part = |shift: f64| {
            let mut cell = self.clone();
            cell.half[side] = 0.5 * half;
            cell.centre[side] += shift * half;
            cell
        };
        Some([part(-0.5), part(0.5)])
    }
}

/// `delta / sin delta` of an angle with this cosine, up to its sign.
fn over_sine(delta: Enclosure, cosine: Enclosure) -> Enclosure {
    delta / ((Enclosure::ONE - cosine) * (Enclosure::ONE + cosine)).sqrt()
}

/// `|tangent - (u - (u.c) c)|` is at most this, where `u` and `c` are off by no more than their errors in `n` coordinates.
fn tangent_error(direction_error: f64, centre_error: f64, n: usize) -> f64 {
    direction_error + centre_error * 2.0 + 4.0 * (n as f64 + 4.0) * f64::EPSILON
}

/// The largest `l` such that `F + G theta + l theta^2 / 2 <= 0` for all `theta` in `[0, radius]` (`F < 0 <= G`), from below.
fn needed_curvature(value: Enclosure, gradient: Enclosure, radius: Enclosure) -> Enclosure {
    let (f, g) = (Enclosure::from(-value.hi()), Enclosure::from(gradient.hi()));
    let r = Enclosure::from(radius.hi());
    // With l = -G^2 / (2 |F|) the left side's maximum over all theta is 0. With F + G r + l r^2 / 2 = 0 its maximum is at
    // theta = r if 2 |F| >= G r, and this l is the larger one.
    if (f * 2.0).certainly_at_least(g * r) {
        (f - g * r) * 2.0 / r.square()
    } else {
        -(g.square() / (f * 2.0))
    }
}

/// Whether `sign e.M e <= limit` for all unit vectors `e` orthogonal to `centre`.
fn form_at_most(
    matrix: &[f64],
    sign: f64,
    limit: f64,
    centre: &[f64],
    square: &mut Vec<f64>,
) -> bool {
    let n = centre.len();
    let size = matrix.iter().map(|x| x * x).sum::<f64>().sqrt() * (1.0 + 1.0 / 1024.0);
    if limit >= size {
        return true;
    }
    if !(limit > -size) {
        return false;
    }
    // M vanishes on the centre up to rounding; lift that direction out of the way.
    let lift = 2.0 * size;
    square.clear();
    square.resize(n * n, 0.0);
    for x in 0..n {
        for y in 0..=x {
            square[x * n + y] = lift * centre[x] * centre[y] - sign * matrix[x * n + y];
        }
        square[x * n + x] += limit;
    }
    // Rounding of the entries, each below 4 eps of at most 4 size, and the centre's own error squared.
    is_positive_definite(square, n, 32.0 * n as f64 * f64::EPSILON * size)
}

/// Whether `|eta| > 1 - rho delta^2` for certain.
pub(crate) fn violates(eta: Enclosure, delta: Enclosure, rho: f64) -> bool {
    (eta.abs() + delta.square() * rho - 1.0).lo() > 0.0
}

#[cfg(test)]
mod tests {
    use gradiometer_model::{Network, Teacher};

    use super::*;
    use crate::kernel::DegreeWeights;

    #[test]
    fn the_error_of_a_tangent_is_that_of_its_parts() {
        // In twelve coordinates 64 roundings; all are multiples of the last place of the sum.
        let eps = f64::EPSILON;
        assert!(tangent_error(8.0 * eps, 16.0 * eps, 12) >= 104.0 * eps);
        assert!(tangent_error(8.0 * eps, 16.0 * eps, 12) <= 104.0 * eps);
    }

    #[test]
    fn only_what_exceeds_the_bound_for_certain_violates_it() {
        let violated = |eta: Enclosure, delta: f64, rho: f64| {
            let sides = [eta, -eta].map(|eta| violates(eta, Enclosure::from(delta), rho));
            assert_eq!(sides[0], sides[1]);
            sides[0]
        };
        let at = Enclosure::from;
        // 3/4 + delta^2 rho against 1.
        assert!(violated(at(0.75), 0.5, 1.01) && !violated(at(0.75), 0.5, 0.99));
        assert!(!violated(at(0.75), 0.5, 1.0), "equality violates nothing");
        assert!(violated(at(0.75), 1.0, 0.5) && !violated(at(0.75), 0.0, 0.5));
        assert!(!violated(Enclosure::new(0.7, 0.9), 0.5, 1.0), "not for certain");
        assert!(!violated(Enclosure::UNDEFINED, 0.5, 1.0));
    }

    #[test]
    fn a_box_whose_ball_reaches_a_violation_is_not_proved() {
        // One neuron in the plane. The claim rho = 1/2 is false from some angle on, where (1 - eta)/delta^2 has fallen to it.
        let rho = 0.5;
        let network = Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap();
        let weights = DegreeWeights::from_degree(2).unwrap();
        let eta = Interpolant::certificate(&Teacher::new(network).unwrap(), &weights).unwrap();
        let frame = Frame::new(&eta.directions, 0);
        let expansion = FrameExpansion::new(&eta, &frame);
        let search = BoxSearch {
            interpolant: &eta,
            frame: &frame,
            expansion: &expansion,
            // No cap: no cosine is so large.
            cap_cosines: vec![2.0],
            rho,
        };
        let violated = |angle: f64| {
            let (eta, delta) = eta.at(&[angle.cos(), angle.sin()]);
            violates(eta, delta, rho)
        };
        let (mut holds, mut fails) = (0.25, 1.5);
        for _ in 0..60 {
            let middle = 0.5 * (holds + fails);
            if violated(middle) { fails = middle } else { holds = middle }
        }
        let mut scratch = Scratch::default();
        let (mut proved, mut within) = (0, 0);
        for half in [1.0 / 32.0, 1.0 / 128.0, 1.0 / 512.0] {
            // The end of the ball moves past the first violation by a square of the radius, which is what the curvature adds.
            for step in -64..=64 {
                let end = fails + f64::from(step) / 32.0 * half * half;
                // The box [y - half, y + half] at x = 1 lies in the ball of sine half/sqrt(1 + y^2) around its middle.
                let mut y = end.tan() - half;
                for _ in 0..8 {
                    let radius = (half / y.hypot(1.0)).asin();
                    y = (end - radius).tan();
                }
                let cell = Cell { centre: vec![1.0, y].into(), half: vec![0.0, half].into() };
                let outcome = search.bound_box(&cell, &mut scratch);
                let end = y.atan() + (half / y.hypot(1.0)).asin();
                if matches!(outcome, Outcome::Proved) {
                    assert!(
                        !violated(end),
                        "half {half}: proved up to {end}, false from {fails} on"
                    );
                    proved += 1;
                } else {
                    within += usize::from(!violated(end));
                }
            }
        }
        // The bound is not far from sharp either: of the boxes that end before the violation most are proved.
        assert!(proved > within, "{proved} {within}");
    }

    /// `Q diag(0, eigenvalues) Q^T` and the first column of `Q`, a product of plane rotations.
    fn turned(eigenvalues: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let n = eigenvalues.len() + 1;
        let mut columns: Vec<Vec<f64>> =
            (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
        for i in 0..n {
            for j in 0..i {
                let (sin, cos) = (0.3 + 0.7 * (i + 2 * j) as f64).sin_cos();
                for column in &mut columns {
                    let (x, y) = (column[i], column[j]);
                    (column[i], column[j]) = (cos * x - sin * y, sin * x + cos * y);
                }
            }
        }
        let mut matrix = vec![0.0; n * n];
        for (value, column) in eigenvalues.iter().zip(&columns[1..]) {
            for x in 0..n {
                for y in 0..n {
                    matrix[x * n + y] += value * column[x] * column[y];
                }
            }
        }
        (matrix, columns.swap_remove(0))
    }

    #[test]
    fn forms_are_at_most_from_their_largest_eigenvalue_on() {
        let mut square = Vec::new();
        for eigenvalues in [&[-2.0, -1.0][..], &[3.0], &[1.0, -4.0, 2.0], &[-1.0, -1.5, -3.0, -2.0]]
        {
            let (matrix, centre) = turned(eigenvalues);
            for sign in [1.0, -1.0] {
                let largest = eigenvalues
                    .iter()
                    .map(|x| sign * x)
                    .fold(f64::NEG_INFINITY, |a, b| if a > b { a } else { b });
                let mut holds =
                    |limit: f64| form_at_most(&matrix, sign, limit, &centre, &mut square);
                assert!(holds(largest + 0.01) && !holds(largest - 0.01), "{eigenvalues:?} {sign}");
                assert!(holds(100.0) && !holds(-100.0) && !holds(f64::NAN));
            }
        }
        assert!(form_at_most(&[0.0; 4], 1.0, 0.0, &[1.0, 0.0], &mut square));
    }

    #[test]
    fn a_form_within_its_rounding_of_the_limit_is_refused() {
        // The eigenvalue 1 along the second axis, of size 1: 32 n eps, for n = 2, and some 48 eps of the
        // decomposition's own, which alone would accept the first.
        let mut square = Vec::new();
        let mut holds = |roundings: f64| {
            let limit = 1.0 + roundings * f64::EPSILON;
            form_at_most(&[0.0, 0.0, 0.0, 1.0], 1.0, limit, &[1.0, 0.0], &mut square)
        };
        assert!(!holds(80.0) && holds(160.0));
    }

    #[test]
    fn an_angle_over_its_sine_is_that() {
        for delta in [0.1, 0.5, 1.0, 1.5] {
            let (sin, cos) = f64::sin_cos(delta);
            for side in [1.0, -1.0] {
                let found = over_sine(Enclosure::from(delta), Enclosure::from(side * cos));
                let expected = delta / sin;
                // The cosine is rounded, and the sine of a small angle loses by its inverse square.
                let rounding = 16.0 * f64::EPSILON / (sin * sin);
                assert!((found.midpoint() / expected - 1.0).abs() <= rounding, "{delta}: {found}");
                assert!(found.width() <= rounding * expected, "{delta}: {found}");
            }
        }
    }

    #[test]
    fn the_needed_curvature_makes_the_parabola_touch_zero() {
        for (value, gradient, radius) in
            [(-1.0, 0.5, 0.25), (-1.0, 8.0, 1.0), (-0.125, 0.0, 0.5), (-0.5, 1.0, 1.0)]
        {
            let [v, g, r] = [value, gradient, radius].map(Enclosure::from);
            let needed = needed_curvature(v, g, r);
            let at = |l: f64, theta: f64| value + gradient * theta + 0.5 * l * theta * theta;
            let highest = |l: f64| {
                (0..=4096)
                    .map(|k| at(l, radius * f64::from(k) / 4096.0))
                    .fold(value, |a, b| if a > b { a } else { b })
            };
            // The grid misses the square of half a step of a curvature below 100.
            let missed = 100.0 / (8192.0 * 8192.0);
            assert!(highest(needed.lo()) <= 64.0 * f64::EPSILON, "{value} {gradient} {radius}");
            assert!(highest(needed.hi() + 0.01) > -missed, "{value} {gradient} {radius}");
            assert!(needed.width() <= 1e3 * f64::EPSILON);
        }
    }
}
