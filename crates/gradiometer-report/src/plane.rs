//! The geometry of the pictures in the teacher's span: planes through two directions, and the
//! sphere of three dimensions as an equal-area map.

use super::colour::LEVELS;
use super::svg::{Svg, pixel};
use gradiometer_model::geometry::{dot, norm, normalised};
use std::fmt::Write as _;

/// A teacher as pictures need it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TeacherMark {
    pub(crate) name: String,
    /// Direction in the basis of `S*`.
    pub(crate) direction: Vec<f64>,
    pub(crate) positive: bool,
}

/// A plane of `S*`: two orthonormal vectors, the first a teacher's direction where there is one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plane {
    pub(crate) first: Vec<f64>,
    pub(crate) second: Vec<f64>,
}

impl Plane {
    /// The plane of two directions; `None` if they are parallel.
    pub(crate) fn through(u: &[f64], v: &[f64]) -> Option<Self> {
        let along = dot(u, v);
        let rest: Vec<f64> = v.iter().zip(u).map(|(v, u)| v - along * u).collect();
        (norm(&rest) > 1e-6).then(|| Self { first: u.to_vec(), second: normalised(&rest) })
    }

    /// The plane of a rank-2 span in which the first teacher points to the right.
    pub(crate) fn whole(u: &[f64]) -> Option<Self> {
        let [x, y] = *u else { return None };
        Some(Self { first: vec![x, y], second: vec![-y, x] })
    }

    /// Coordinates of the projection.
    pub(crate) fn coordinates(&self, w: &[f64]) -> (f64, f64) {
        (dot(&self.first, w), dot(&self.second, w))
    }

    /// The unit vector at an angle from the first.
    pub(crate) fn at(&self, angle: f64) -> Vec<f64> {
        let (sin, cos) = angle.sin_cos();
        self.first.iter().zip(&self.second).map(|(x, y)| cos * x + sin * y).collect()
    }
}

/// Lambert's azimuthal equal-area map of the hemisphere around a pole; a direction and its opposite
/// are one place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EqualArea {
    pole: [f64; 3],
    right: [f64; 3],
    up: [f64; 3],
}

/// Poles tried.
const POLES: u32 = 2000;

impl EqualArea {
    /// The map on which the teachers are as far as possible from the rim.
    pub(crate) fn of(teachers: &[TeacherMark]) -> Self {
        // Points of a spiral that covers the hemisphere evenly.
        let golden = std::f64::consts::PI * (3.0 - 5.0_f64.sqrt());
        let spiral = (0..POLES).map(|k| {
            let z = (f64::from(k) + 0.5) / f64::from(POLES);
            let (sin, cos) = (golden * f64::from(k)).sin_cos();
            let radius = (1.0 - z * z).sqrt();
            [radius * cos, radius * sin, z]
        });
        let least = |pole: &[f64; 3]| {
            teachers
                .iter()
                .map(|t| dot(pole, &t.direction).abs())
                .fold(f64::INFINITY, |least, x| if x < least { x } else { least })
        };
        let mut best = ([0.0, 0.0, 1.0], f64::NEG_INFINITY);
        for pole in spiral {
            let value = least(&pole);
            if value > best.1 {
                best = (pole, value);
            }
        }
        let pole = best.0;
        // Any direction that is not the pole's gives the frame.
        let helper = if pole[0].abs() < 0.8 { [1.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0] };
        let right = unit(cross(helper, pole));
        Self { pole, right, up: cross(pole, right) }
    }

    /// The place of a direction, the hemisphere being the disc of radius 1; `None` for the zero
    /// vector.
    pub(crate) fn place(&self, w: &[f64]) -> Option<(f64, f64)> {
        let size = norm(w);
        if !(size > 0.0) {
            return None;
        }
        let sign = if dot(&self.pole, w) < 0.0 { -1.0 } else { 1.0 };
        let [z, x, y] = [&self.pole, &self.right, &self.up].map(|e| sign * dot(e, w) / size);
        // Lambert's factor, so scaled that the rim has radius 1.
        let factor = 1.0 / (1.0 + z).sqrt();
        Some((x * factor, y * factor))
    }

    /// The direction at a place, also beyond the rim.
    pub(crate) fn direction(&self, (x, y): (f64, f64)) -> [f64; 3] {
        let square = x * x + y * y;
        let z = 1.0 - square;
        let factor = (2.0 - square).max_zero().sqrt();
        std::array::from_fn(|c| z * self.pole[c] + factor * (x * self.right[c] + y * self.up[c]))
    }
}

/// Cut at zero.
trait MaxZero {
    fn max_zero(self) -> Self;
}

impl MaxZero for f64 {
    fn max_zero(self) -> Self {
        if self > 0.0 { self } else { 0.0 }
    }
}

fn cross(x: [f64; 3], y: [f64; 3]) -> [f64; 3] {
    [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]]
}

fn unit(x: [f64; 3]) -> [f64; 3] {
    let size = norm(&x);
    x.map(|c| c / size)
}

/// The level of a value of `eta` on the diverging scale.
pub(crate) fn level(eta: f64) -> usize {
    let place = (f64::midpoint(eta, 1.0) * LEVELS as f64).clamp(0.0, LEVELS as f64 - 1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped; NaN is 0"
    )]
    let level = place as usize;
    level
}

/// Cells to a side of the map's grid.
const CELLS: usize = 56;

/// Fills a disc with the levels of a function on the square around it, lowest first, each as one
/// path.
pub(crate) fn fill_levels(
    svg: &mut Svg,
    name: &str,
    (centre, radius): ((f64, f64), f64),
    value: impl Fn((f64, f64)) -> f64,
) {
    let [x, y, r] = [centre.0, centre.1, radius].map(pixel);
    svg.open_clipped(
        &format!("{name}-disc"),
        &format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>"),
    );
    let side = CELLS + 1;
    let at = |k: usize| 1.02 * (2.0 * k as f64 / CELLS as f64 - 1.0);
    let values: Vec<f64> = (0..side * side).map(|k| value((at(k % side), -at(k / side)))).collect();
    svg.circle("e0", centre, radius);
    for level in 1..LEVELS {
        let threshold = 2.0 * level as f64 / LEVELS as f64 - 1.0;
        let mut path = String::new();
        for row in 0..CELLS {
            add_row(&mut path, &values, (row, threshold), |(u, v)| {
                let scale = 2.0 * 1.02 / CELLS as f64;
                (centre.0 + radius * (u * scale - 1.02), centre.1 + radius * (v * scale - 1.02))
            });
        }
        svg.path(&format!("e{level}"), &path);
    }
    svg.close();
}

/// One row of cells of `{value >= threshold}`: whole cells in runs, cut ones as polygons.
fn add_row(
    path: &mut String,
    values: &[f64],
    (row, threshold): (usize, f64),
    place: impl Fn((f64, f64)) -> (f64, f64),
) {
    let side = CELLS + 1;
    let value = |column: usize, line: usize| values[line * side + column] - threshold;
    let mut run: Option<usize> = None;
    let polygon = |path: &mut String, corners: &[(f64, f64)]| {
        for (k, corner) in corners.iter().enumerate() {
            let (x, y) = place(*corner);
            let _infallible =
                write!(path, "{}{} {}", if k == 0 { "M" } else { "L" }, pixel(x), pixel(y));
        }
        if !corners.is_empty() {
            path.push('Z');
        }
    };
    let (top, bottom) = (row as f64, row as f64 + 1.0);
    for column in 0..=CELLS {
        let corners = if column < CELLS {
            [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)]
        } else {
            [(0, 0); 4]
        };
        let heights = corners.map(|(c, l)| value(c, l));
        let full = column < CELLS && heights.iter().all(|h| *h >= 0.0);
        if full {
            run = run.or(Some(column));
            continue;
        }
        if let Some(start) = run.take() {
            let (left, right) = (start as f64, column as f64);
            polygon(path, &[(left, top), (right, top), (right, bottom), (left, bottom)]);
        }
        if column < CELLS && heights.iter().any(|h| *h >= 0.0) {
            let mut cut = Vec::new();
            for k in 0..4 {
                let (from, to) = (corners[k], corners[(k + 1) % 4]);
                let (a, b) = (heights[k], heights[(k + 1) % 4]);
                let [from, to] = [from, to].map(|(c, l)| (c as f64, l as f64));
                if a >= 0.0 {
                    cut.push(from);
                }
                if (a >= 0.0) != (b >= 0.0) {
                    let share = a / (a - b);
                    cut.push((from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1)));
                }
            }
            polygon(path, &cut);
        }
    }
}

/// A bar that explains the diverging scale.
pub(crate) fn colour_bar(svg: &mut Svg, (x, y): (f64, f64), width: f64) {
    let cell = width / LEVELS as f64;
    for level in 0..LEVELS {
        svg.rectangle(&format!("e{level}"), (x + cell * level as f64, y), (cell, 8.0));
    }
    for (share, text) in [(0.0, "−1"), (0.5, "η = 0"), (1.0, "+1")] {
        svg.text("t m", (x + share * width, y + 23.0), text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(direction: [f64; 3]) -> TeacherMark {
        TeacherMark { name: String::new(), direction: direction.to_vec(), positive: true }
    }

    fn map() -> EqualArea {
        EqualArea::of(&[mark([1.0, 0.0, 0.0]), mark([0.0, 0.6, 0.8]), mark([0.0, 1.0, 0.0])])
    }

    #[test]
    fn the_map_and_its_inverse_agree_up_to_sign() {
        let map = map();
        for k in 0..50 {
            let w = unit([f64::from(k).sin(), f64::from(3 * k).cos(), f64::from(k) / 25.0 - 1.0]);
            let place = map.place(&w).unwrap();
            assert!(place.0.hypot(place.1) <= 1.0 + 4.0 * f64::EPSILON);
            let back = map.direction(place);
            let off = norm(&cross(w, back));
            assert!(off <= 32.0 * f64::EPSILON, "{w:?} {back:?}");
        }
        assert_eq!(map.place(&[0.0; 3]), None);
    }

    #[test]
    fn areas_are_equal() {
        // A ring of the disc has the area of its zone of the sphere: 1 - z is the square of the
        // radius.
        let map = map();
        for radius in [0.1, 0.5, 0.9] {
            let z = dot(&map.pole, &map.direction((radius, 0.0)));
            assert!((1.0 - z - radius * radius).abs() <= 8.0 * f64::EPSILON);
        }
    }

    #[test]
    fn levels_fill_the_half_of_a_disc_where_the_function_is_positive() {
        let mut svg = Svg::new(100.0, 100.0, "", "");
        fill_levels(
            &mut svg,
            "x",
            ((50.0, 50.0), 40.0),
            |(x, _)| if x > 0.001 { 1.0 } else { -1.0 },
        );
        let top = svg.body().lines().find(|l| l.contains("class=\"e20\"")).unwrap();
        let left = top.split(['M', 'L']).filter_map(|p| p.split(' ').next()?.parse::<f64>().ok());
        assert!(left.clone().count() > 100);
        // Nothing of the upper level lies left of the middle, up to a cell.
        assert!(left.into_iter().all(|x| x >= 50.0 - 2.0 * 40.0 / CELLS as f64));
        assert_eq!([-1.0, 0.0, 1.0].map(level), [0, 10, 20]);
    }
}
