//! The neurons in the teacher's span, moment by moment: arrows in a plane, or dots on the map of the sphere.

use super::{Figure, Table, number, teacher_name, thinned};
use crate::data::{Moment, Neuron, RunData};
use crate::plane::{EqualArea, Plane, TeacherMark, colour_bar, fill_levels, level};
use crate::svg::{Svg, polyline};
use gradiometer_hermite::float::maximum_of;
use gradiometer_model::geometry::{dot, norm};
use serde_json::{Value, json};
use std::f64::consts::{PI, TAU};

/// Moments that the slider has, at most.
const MOST_MOMENTS: usize = 96;
/// Marks that move, at most, in all panels together.
const MOST_MARKS: usize = 480;
/// Planes of pairs of teachers, at most.
const MOST_PAIRS: usize = 4;
/// Radius of the largest neuron's dot and of the smallest that is drawn, pixels.
const DOTS: (f64, f64) = (6.5, 1.2);

/// The teachers in the coordinates of `S*`.
pub(crate) fn teachers(run: &RunData) -> Vec<TeacherMark> {
    (0..run.teacher.neurons())
        .map(|i| TeacherMark {
            name: teacher_name(i),
            direction: run.subspace.coordinates(run.teacher.direction(i)),
            positive: run.teacher.amplitudes()[i] > 0.0,
        })
        .collect()
}

/// Pairs of teachers whose planes are shown: the closest ones first, until every teacher was in one or there are enough.
pub(crate) fn pairs(teachers: &[TeacherMark]) -> Vec<(usize, usize)> {
    let mut all: Vec<(f64, usize, usize)> = Vec::new();
    for i in 0..teachers.len() {
        for k in i + 1..teachers.len() {
            all.push((-dot(&teachers[i].direction, &teachers[k].direction).abs(), i, k));
        }
    }
    all.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)).then(x.2.cmp(&y.2)));
    let mut seen = vec![false; teachers.len()];
    let mut chosen = Vec::new();
    for (_, i, k) in all {
        if chosen.len() < MOST_PAIRS && !(seen[i] && seen[k]) {
            (seen[i], seen[k]) = (true, true);
            chosen.push((i, k));
        }
    }
    chosen
}

/// One disc of the picture.
#[derive(Clone, Debug)]
struct Panel {
    centre: (f64, f64),
    radius: f64,
    view: View,
    caption: String,
}

#[derive(Clone, Debug)]
enum View {
    /// Neurons as arrows from the centre, of length by mass; the second coordinate may be the norm outside of a line.
    Plane(Plane),
    Line,
    /// Neurons as dots, of size by mass.
    Map(EqualArea),
}

/// Where a neuron's mark is: its tip, its dot's radius.
fn place(panel: &Panel, neuron: &Neuron, largest: f64) -> Option<((f64, f64), f64)> {
    let size = (dot(&neuron.inside, &neuron.inside) + neuron.outside * neuron.outside).sqrt();
    let share = (neuron.mass.abs() / largest).sqrt();
    if !(size > 0.0 && share > 0.0) {
        return None;
    }
    let (x, y, radius) = match &panel.view {
        View::Plane(plane) => {
            let (x, y) = plane.coordinates(&neuron.inside);
            (share * x / size, share * y / size, 2.2)
        }
        View::Line => (share * neuron.inside[0] / size, share * neuron.outside / size, 2.2),
        View::Map(map) => {
            let (x, y) = map.place(&neuron.inside)?;
            (x, y, DOTS.1 + (DOTS.0 - DOTS.1) * share)
        }
    };
    Some(((panel.centre.0 + panel.radius * x, panel.centre.1 - panel.radius * y), radius))
}

/// The panels for a rank, with the drawing's size.
fn panels(run: &RunData, marks: &[TeacherMark]) -> (Vec<Panel>, (f64, f64)) {
    let one =
        |view| vec![Panel { centre: (240.0, 225.0), radius: 182.0, view, caption: String::new() }];
    match run.subspace.rank() {
        1 => (one(View::Line), (480.0, 440.0)),
        2 => match Plane::whole(&marks[0].direction) {
            Some(plane) => (one(View::Plane(plane)), (480.0, 478.0)),
            None => (Vec::new(), (480.0, 478.0)),
        },
        3 => (one(View::Map(EqualArea::of(marks))), (480.0, 478.0)),
        _ => {
            let mut found = Vec::new();
            for (i, k) in pairs(marks) {
                let Some(plane) = Plane::through(&marks[i].direction, &marks[k].direction) else {
                    continue;
                };
                let at = found.len();
                let centre = (125.0 + 230.0 * (at % 2) as f64, 122.0 + 256.0 * (at / 2) as f64);
                let caption = format!("plane of {} and {}", marks[i].name, marks[k].name);
                found.push(Panel { centre, radius: 95.0, view: View::Plane(plane), caption });
            }
            let height = 256.0 * found.len().div_ceil(2) as f64;
            (found, (480.0, height))
        }
    }
}

/// The neurons at the last moment, with all moments for the slider.
pub(crate) fn figure(run: &RunData) -> Option<Figure> {
    let marks = teachers(run);
    let (panels, (width, height)) = panels(run, &marks);
    let last = run.moments.last()?;
    if panels.is_empty() {
        return None;
    }
    let (title, caption) = words(run);
    let mut svg = Svg::new(width, height, title, caption);
    for (at, panel) in panels.iter().enumerate() {
        background(&mut svg, run, &marks, panel, at);
    }
    let chosen: Vec<&Moment> =
        thinned(run.moments.len(), MOST_MOMENTS).into_iter().map(|k| &run.moments[k]).collect();
    let slots = slots(&chosen, panels.len());
    let arrows = !matches!(panels[0].view, View::Map(_));
    svg.open("class=\"neurons\"");
    draw_moment(&mut svg, &panels, last, &slots, arrows);
    svg.close();
    for panel in &panels {
        labels(&mut svg, &marks, panel);
    }
    if run.analysis.is_ok() && run.subspace.rank() > 1 && run.subspace.rank() < 4 {
        colour_bar(&mut svg, (316.0, height - 32.0), 140.0);
    }
    let frames: Vec<Value> = chosen.iter().map(|m| frame(&panels, m, &slots)).collect();
    Some(Figure {
        name: "neurons".to_owned(),
        title: title.to_owned(),
        caption: caption.to_owned(),
        svg,
        table: table(run, last),
        frames: Some(json!({"arrows": arrows, "frames": frames})),
    })
}

fn words(run: &RunData) -> (&'static str, &'static str) {
    match run.subspace.rank() {
        1 => (
            "The neurons beside the teacher's line",
            "Each arrow is a neuron: to the right its part along the teacher, upward the norm of its part outside; its length grows with its mass. In the end all mass \
             lies on the line. Warm: positive mass; cool: negative.",
        ),
        2 => (
            "The neurons in the teacher's plane",
            "Each arrow is a neuron projected onto the plane S*, of length by mass; a short one is light, or lies mostly outside of the plane. Thick rays are the teachers, \
             a neuron and its opposite are the same feature. The rim shows the certificate \u{3b7}: +1 at the positive teachers, \u{2212}1 at the negative ones. In the end the \
             arrows lie on the rays. Warm: positive; cool: negative.",
        ),
        3 => (
            "The neurons on the sphere of the teacher's span",
            "The sphere of S*, a direction and its opposite being one place, in an equal-area map. Dots are neurons, of area by mass; crosshairs are the teachers. The colour is the \
             certificate \u{3b7}: +1 at positive teachers, \u{2212}1 at negative ones, less than 1 in modulus in between. In the end all mass sits on the teachers. Warm: positive; cool: negative.",
        ),
        _ => (
            "The neurons in planes of two teachers",
            "Each arrow is a neuron projected onto the plane of two teachers, of length by mass. Thick rays are the two teachers, thin ones the projections of the others. \
             In the end the arrows lie on rays. Warm: positive; cool: negative.",
        ),
    }
}

/// Discs, colours and rays below the neurons.
fn background(svg: &mut Svg, run: &RunData, marks: &[TeacherMark], panel: &Panel, at: usize) {
    let (centre, radius) = (panel.centre, panel.radius);
    let eta = |w: &[f64]| -> Option<f64> {
        let found = run.analysis.as_ref().ok()?;
        let d = run.teacher.dimension();
        let mut ambient = vec![0.0; d];
        for (x, basis) in w.iter().zip(run.subspace.basis().chunks_exact(d)) {
            ambient.iter_mut().zip(basis).for_each(|(sum, b)| *sum += x * b);
        }
        Some(found.dual.eta(&ambient).value)
    };
    match &panel.view {
        View::Map(map) => {
            if run.analysis.is_ok() {
                let value = |place| eta(&map.direction(place)).unwrap_or(0.0);
                fill_levels(svg, &format!("map{at}"), (centre, radius), value);
            }
            svg.circle("a", centre, radius);
        }
        View::Plane(plane) if panel.caption.is_empty() => {
            svg.circle("g", centre, radius);
            if run.analysis.is_ok() {
                ring(svg, panel, |angle| eta(&plane.at(angle)).unwrap_or(0.0));
            }
        }
        View::Plane(_) | View::Line => svg.circle("g", centre, radius),
    }
    if let View::Plane(plane) = &panel.view {
        for mark in marks {
            let (x, y) = plane.coordinates(&mark.direction);
            let tip = |share: f64| (centre.0 + share * radius * x, centre.1 - share * radius * y);
            svg.line("v", tip(-1.0), tip(0.0));
            let whole = x.hypot(y) > 0.999;
            let class = if mark.positive { "rp" } else { "rn" };
            svg.line(
                &if whole { format!("ray {class}") } else { "g".to_owned() },
                tip(0.0),
                tip(1.0),
            );
        }
    } else if matches!(panel.view, View::Line) {
        let class = if marks.first().is_some_and(|m| m.positive) { "ray rp" } else { "ray rn" };
        svg.line("v", (centre.0 - radius, centre.1), centre);
        svg.line(class, centre, (centre.0 + radius, centre.1));
    }
}

/// A ring around a plane in the colours of `eta`.
fn ring(svg: &mut Svg, panel: &Panel, eta: impl Fn(f64) -> f64) {
    const ARCS: u32 = 360;
    let (inner, outer) = (panel.radius + 6.0, panel.radius + 16.0);
    let at = |k: u32, radius: f64| {
        let (sin, cos) = (TAU * f64::from(k) / f64::from(ARCS)).sin_cos();
        (panel.centre.0 + radius * cos, panel.centre.1 - radius * sin)
    };
    let level_of = |k: u32| level(eta(TAU * (f64::from(k) + 0.5) / f64::from(ARCS)));
    let mut start = 0;
    while start < ARCS {
        let level = level_of(start);
        let end = (start + 1..ARCS).find(|k| level_of(*k) != level).unwrap_or(ARCS);
        let there = (start..=end).map(|k| at(k, outer));
        let back = (start..=end).rev().map(|k| at(k, inner));
        svg.path(&format!("e{level}"), &(polyline(there.chain(back)) + "Z"));
        start = end;
    }
}

/// The teachers' names and marks above the neurons.
fn labels(svg: &mut Svg, marks: &[TeacherMark], panel: &Panel) {
    let (centre, radius) = (panel.centre, panel.radius);
    for mark in marks {
        let sign = if mark.positive { '+' } else { '\u{2212}' };
        let text = format!("{} {sign}", mark.name);
        match &panel.view {
            View::Map(map) => {
                let Some((x, y)) = map.place(&mark.direction) else { continue };
                let (x, y) = (centre.0 + radius * x, centre.1 - radius * y);
                for (dx, dy) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
                    svg.line("cross", (x + 9.0 * dx, y + 9.0 * dy), (x + 15.0 * dx, y + 15.0 * dy));
                }
                svg.text("lab", (x + 13.0, y - 11.0), &text);
            }
            View::Plane(plane) => {
                let (x, y) = plane.coordinates(&mark.direction);
                if x.hypot(y) <= 0.999 {
                    continue;
                }
                // Outside of the ring, or of the disc.
                let out = radius + if panel.caption.is_empty() { 30.0 } else { 14.0 };
                svg.text("lab m", (centre.0 + out * x, centre.1 - out * y + 4.0), &text);
            }
            View::Line => svg.text("lab e", (centre.0 + radius, centre.1 + 20.0), &text),
        }
    }
    if !panel.caption.is_empty() {
        svg.text("t m", (centre.0, centre.1 + radius + 34.0), &panel.caption);
    }
}

/// The neurons' indices that have a mark of their own in every panel: those of the last moment, then of the ones before, as many as there is room for.
pub(super) fn slots(moments: &[&Moment], panels: usize) -> Vec<usize> {
    let most = MOST_MARKS / panels.max(1);
    let mut chosen = std::collections::BTreeSet::new();
    for neuron in moments.iter().rev().flat_map(|m| &m.neurons) {
        if chosen.len() < most {
            chosen.insert(neuron.index);
        }
    }
    chosen.into_iter().collect()
}

/// The neuron of an index; the neurons of a moment are in the order of their indices.
fn at_index(moment: &Moment, index: usize) -> Option<&Neuron> {
    moment.neurons.binary_search_by_key(&index, |n| n.index).ok().map(|at| &moment.neurons[at])
}

fn largest(moment: &Moment) -> f64 {
    maximum_of(moment.neurons.iter().map(|n| n.mass.abs()))
}

fn draw_moment(svg: &mut Svg, panels: &[Panel], moment: &Moment, slots: &[usize], arrows: bool) {
    let most = largest(moment);
    for panel in panels {
        for slot in slots {
            let neuron = at_index(moment, *slot);
            let found = neuron.and_then(|n| Some((place(panel, n, most)?, n.mass > 0.0)));
            // A neuron that is not there keeps its mark, of radius 0.
            let ((tip, radius), positive) = found.unwrap_or(((panel.centre, 0.0), true));
            if arrows {
                svg.line(if positive { "w wp" } else { "w wn" }, panel.centre, tip);
            }
            svg.circle(if positive { "p np" } else { "p nn" }, tip, radius);
        }
    }
}

/// A moment for the script: its label, and tips, radii and signs of all marks in the order in which they are drawn, in tenths of pixels.
fn frame(panels: &[Panel], moment: &Moment, slots: &[usize]) -> Value {
    let most = largest(moment);
    let tenths = |x: f64| (10.0 * x).round();
    let (mut x, mut y, mut r, mut signs) = (Vec::new(), Vec::new(), Vec::new(), String::new());
    for panel in panels {
        for slot in slots {
            let neuron = at_index(moment, *slot);
            let found = neuron.and_then(|n| Some((place(panel, n, most)?, n.mass > 0.0)));
            let ((tip, radius), positive) = found.unwrap_or(((panel.centre, 0.0), true));
            x.push(integer(tenths(tip.0)));
            y.push(integer(tenths(tip.1)));
            r.push(integer(tenths(radius)));
            signs.push(if positive { '+' } else { '-' });
        }
    }
    let label =
        format!("{}, step {}, \u{3bb} = {}", moment.stage, moment.step, number(moment.lambda, 3));
    json!({"label": label, "x": x, "y": y, "r": r, "signs": signs})
}

#[expect(clippy::cast_possible_truncation, reason = "a place in a drawing of some hundred pixels")]
fn integer(x: f64) -> i32 {
    x as i32
}

/// The heaviest neurons of a moment.
fn table(run: &RunData, moment: &Moment) -> Table {
    const MOST: usize = 24;
    let mut order: Vec<&Neuron> = moment.neurons.iter().filter(|n| n.mass.abs() > 0.0).collect();
    order.sort_by(|a, b| b.mass.abs().total_cmp(&a.mass.abs()).then(a.index.cmp(&b.index)));
    let mut table =
        Table::new(&["neuron", "mass", "nearest teacher", "angle [rad]", "share outside S*"]);
    for neuron in order.into_iter().take(MOST) {
        let inside = norm(&neuron.inside);
        table.rows.push(vec![
            neuron.index.to_string(),
            number(neuron.mass, 4),
            teacher_name(neuron.teacher.min(run.teacher.neurons() - 1)),
            number(neuron.angle, 3),
            number(neuron.outside / inside.hypot(neuron.outside), 3),
        ]);
    }
    table
}

/// The angle in degrees, for labels.
pub(crate) fn degrees(angle: f64) -> f64 {
    angle * 180.0 / PI
}
