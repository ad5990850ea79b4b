//! Directions up to sign as points of charts, and the tree of boxes over them.
//!
//! Projective space of dimension `D - 1` has `D` charts: in chart `f` a direction is the ray `e_f + sum_i x_i e_i` over the other axes
//! `i`, `|x_i| <= 1`, where `f` is the axis of its largest entry. A cell is a box of one chart, shrunk to the directions in it and halved along its longest
//! side.

use gradiometer_hermite::float::{maximum, minimum};

/// A cell with at most this many directions is not halved.
pub(super) const LEAF: usize = 256;
/// A box with sides below this is a point: chart coordinates are known no better.
const POINT: f64 = 64.0 * f64::EPSILON;

/// A box of a chart, possibly flat, as a set of lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patch<const D: usize> {
    /// Unit vector of its middle.
    pub(super) centre: [f64; D],
    /// Every direction in it is within this angle of the centre.
    pub(super) radius: f64,
    /// Length of its shortest ray.
    pub(super) reach: f64,
}

impl<const D: usize> Patch<D> {
    fn new(chart: usize, middle: &[f64; D], half: &[f64; D]) -> Self {
        let centre = direction(chart, middle);
        // A cap is convex in the chart, so that one which holds the corners holds the box.
        let mut radius = 0.0;
        for corner in 0..1_usize << (D - 1) {
            let mut point = *middle;
            for (k, x) in point.iter_mut().take(D - 1).enumerate() {
                *x += if corner >> k & 1 == 1 { half[k] } else { -half[k] };
            }
            radius = maximum(radius, angle(&centre, &direction(chart, &point)));
        }
        let nearest =
            middle.iter().zip(half).take(D - 1).map(|(x, h)| maximum(x.abs() - h, 0.0).powi(2));
        Self { centre, radius, reach: (1.0 + nearest.sum::<f64>()).sqrt() }
    }
}

/// A box of a chart. Axes beyond `D - 1` are not used.
#[derive(Clone, Debug)]
pub(super) struct Cell<const D: usize> {
    /// The chart.
    pub(super) chart: usize,
    /// The middle of its sides.
    pub(super) middle: [f64; D],
    /// Half of each side, never zero.
    pub(super) half: [f64; D],
    /// The whole of it.
    pub(super) body: Patch<D>,
    /// The faces at the lower and the upper end of each side.
    pub(super) faces: [[Patch<D>; 2]; D],
    /// The cell that it is half of.
    pub(super) parent: Option<usize>,
    /// Its halves; none for a leaf.
    pub(super) halves: Option<[usize; 2]>,
    /// Its directions, as a range of the order in which the tree puts them.
    pub(super) range: std::ops::Range<usize>,
}

/// The chart of a unit vector, its coordinates there, and the sign that takes it there.
pub(super) fn locate<const D: usize>(unit: &[f64; D]) -> (usize, [f64; D], f64) {
    let mut chart = 0;
    for (i, x) in unit.iter().enumerate() {
        if x.abs() > unit[chart].abs() {
            chart = i;
        }
    }
    let mut point = [0.0; D];
    for (k, x) in point.iter_mut().take(D - 1).enumerate() {
        *x = unit[axis(chart, k)] / unit[chart];
    }
    (chart, point, 1.0_f64.copysign(unit[chart]))
}

/// The axis of space along which coordinate `k` of a chart runs.
const fn axis(chart: usize, k: usize) -> usize {
    if k < chart { k } else { k + 1 }
}

/// The unit vector at a point of a chart.
pub(super) fn direction<const D: usize>(chart: usize, point: &[f64; D]) -> [f64; D] {
    let mut ray = [0.0; D];
    ray[chart] = 1.0;
    for (k, x) in point.iter().take(D - 1).enumerate() {
        ray[axis(chart, k)] = *x;
    }
    let length = ray.iter().map(|x| x * x).sum::<f64>().sqrt();
    ray.map(|x| x / length)
}

/// Angle between two lines through the origin, from the shorter of the chords.
pub(super) fn angle<const D: usize>(u: &[f64; D], v: &[f64; D]) -> f64 {
    let chord = |sign: f64| u.iter().zip(v).map(|(x, y)| (x - sign * y).powi(2)).sum::<f64>();
    2.0 * (minimum(chord(1.0), chord(-1.0)).sqrt() / 2.0).asin()
}

/// The tree over located directions: its cells, a parent before its halves, and the order of the directions.
pub(super) fn build<const D: usize>(points: &[(usize, [f64; D])]) -> (Vec<Cell<D>>, Vec<usize>) {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by_key(|b| points[*b].0);
    let mut cells = Vec::new();
    let mut start = 0;
    for chart in 0..D {
        let end = start + order[start..].iter().take_while(|b| points[**b].0 == chart).count();
        if end > start {
            cells.push(cell(points, chart, None, start..end, &order));
        }
        start = end;
    }
    let mut next = 0;
    while next < cells.len() {
        if let Some([low, high]) = halve(points, &cells[next], &mut order) {
            let (chart, first) = (cells[next].chart, cells.len());
            cells.push(cell(points, chart, Some(next), low, &order));
            cells.push(cell(points, chart, Some(next), high, &order));
            cells[next].halves = Some([first, first + 1]);
        }
        next += 1;
    }
    (cells, order)
}

/// The box of the given directions.
fn cell<const D: usize>(
    points: &[(usize, [f64; D])],
    chart: usize,
    parent: Option<usize>,
    range: std::ops::Range<usize>,
    order: &[usize],
) -> Cell<D> {
    let (mut low, mut high) = ([f64::INFINITY; D], [f64::NEG_INFINITY; D]);
    for b in &order[range.clone()] {
        for (k, x) in points[*b].1.iter().enumerate() {
            low[k] = minimum(low[k], *x);
            high[k] = maximum(high[k], *x);
        }
    }
    let middle: [f64; D] = std::array::from_fn(|k| f64::midpoint(low[k], high[k]));
    let half: [f64; D] = std::array::from_fn(|k| {
        // Room for the middle's rounding, so that no direction lies outside.
        maximum((high[k] - low[k]) / 2.0 * (1.0 + 4.0 * f64::EPSILON) + 2.0 * f64::EPSILON, POINT)
    });
    let faces = std::array::from_fn(|k| {
        [-1.0, 1.0].map(|side| {
            let (mut at, mut flat) = (middle, half);
            at[k] += side * half[k];
            flat[k] = 0.0;
            Patch::new(chart, &at, &flat)
        })
    });
    Cell {
        chart,
        middle,
        half,
        body: Patch::new(chart, &middle, &half),
        faces,
        parent,
        halves: None,
        range,
    }
}

/// The directions on either side of the middle of the longest side, unless the cell is a leaf.
fn halve<const D: usize>(
    points: &[(usize, [f64; D])],
    cell: &Cell<D>,
    order: &mut [usize],
) -> Option<[std::ops::Range<usize>; 2]> {
    let mut longest = 0;
    for k in 1..D - 1 {
        if cell.half[k] > cell.half[longest] {
            longest = k;
        }
    }
    if cell.range.len() <= LEAF || cell.half[longest] <= POINT {
        return None;
    }
    let here = &mut order[cell.range.clone()];
    let below = |b: &usize| points[*b].1[longest] < cell.middle[longest];
    // A stable partition, so that the order does not depend on anything else.
    let (mut low, high): (Vec<usize>, Vec<usize>) = here.iter().partition(|b| below(b));
    let split = cell.range.start + low.len();
    low.extend(high);
    here.copy_from_slice(&low);
    let halves = [cell.range.start..split, split..cell.range.end];
    halves.iter().all(|half| !half.is_empty()).then_some(halves)
}
