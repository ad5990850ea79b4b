//! The certificate `eta` around circles through the teachers, with the bound `1 - rho delta^2` that
//! is proved.

use super::neurons::{degrees, pairs, teachers};
use super::{Figure, Medium, Table};
use crate::chart::{Axis, Chart, Key};
use crate::data::RunData;
use crate::plane::{Plane, TeacherMark};
use gradiometer_files::digits::lower_end;
use gradiometer_theory::{Analysis, Evidence};
use std::f64::consts::PI;

/// Points of a curve.
const POINTS: u32 = 360;
/// Angles from a circle up to which a teacher is on it, and beside it, radians.
const ON: f64 = 1.5e-3;
const BESIDE: f64 = 5.0 * PI / 180.0;
/// Circles shown, at most.
const MOST_CIRCLES: usize = 2;

/// One figure for the plane of a rank-2 span, else one for each of the closest pairs of teachers.
pub(crate) fn figures(run: &RunData) -> Vec<Figure> {
    let Ok(analysis) = &run.analysis else { return Vec::new() };
    let marks = teachers(run);
    if run.subspace.rank() == 2 {
        let plane = marks.first().and_then(|mark| Plane::whole(&mark.direction));
        return plane
            .map(|plane| circle(run, analysis, &marks, &plane, None))
            .into_iter()
            .collect();
    }
    let planes = pairs(&marks).into_iter().take(MOST_CIRCLES).filter_map(|(i, k)| {
        Some((Plane::through(&marks[i].direction, &marks[k].direction)?, i, k))
    });
    planes.map(|(plane, i, k)| circle(run, analysis, &marks, &plane, Some((i, k)))).collect()
}

/// Teachers beside the circle, near which `eta` comes close to its bound as well: the angle on it, and
/// that from it.
fn beside<'a>(marks: &'a [TeacherMark], plane: &Plane) -> Vec<(&'a TeacherMark, f64, f64)> {
    let near = |mark: &'a TeacherMark| {
        let (x, y) = plane.coordinates(&mark.direction);
        let off = y.hypot(x).clamp(0.0, 1.0).acos();
        (off > ON && off <= BESIDE).then(|| (mark, y.atan2(x).rem_euclid(PI), off))
    };
    marks.iter().filter_map(near).collect()
}

/// The same in words, with a blank before them.
fn passes(beside: &[(&TeacherMark, f64, f64)]) -> String {
    let passes: Vec<String> = beside
        .iter()
        .map(|(mark, _, off)| format!("{}° from {}", super::number(degrees(*off), 2), mark.name))
        .collect();
    if passes.is_empty() {
        return String::new();
    }
    format!(" Open dots: there the circle passes {}.", passes.join(" and "))
}

fn circle(
    run: &RunData,
    analysis: &Analysis,
    marks: &[TeacherMark],
    plane: &Plane,
    pair: Option<(usize, usize)>,
) -> Figure {
    let ambient = |w: &[f64]| -> Vec<f64> {
        let d = run.teacher.dimension();
        let mut sum = vec![0.0; d];
        for (x, basis) in w.iter().zip(run.subspace.basis().chunks_exact(d)) {
            sum.iter_mut().zip(basis).for_each(|(sum, b)| *sum += x * b);
        }
        sum
    };
    let rho = analysis.dual.rho().value;
    let mut values: Vec<(f64, f64)> = Vec::new();
    let mut bound: Vec<(f64, f64, f64)> = Vec::new();
    for k in 0..=POINTS {
        let angle = PI * f64::from(k) / f64::from(POINTS);
        let w = ambient(&plane.at(angle));
        let (_, delta) = run.teacher.nearest(&w);
        let room = 1.0 - rho * delta * delta;
        values.push((degrees(angle), analysis.dual.eta(&w).value));
        bound.push((degrees(angle), -room, room));
    }
    let known = match analysis.dual.evidence() {
        Evidence::Certified => "proved over the whole sphere",
        _ => "not proved, only searched for",
    };
    let place = match pair {
        None => "around the circle of S*, a direction and its opposite being one".to_owned(),
        Some((i, k)) => {
            format!("around the great circle through {} and {}", marks[i].name, marks[k].name)
        }
    };
    let beside = beside(marks, plane);
    let passes = passes(&beside);
    let caption = format!(
        "The certificate η {place}: it touches +1 at the positive teachers and −1 at the negative ones and stays inside the shaded bound 1 − ρ δ² \
         elsewhere, ρ = {} ({known}).{passes}",
        super::typeset(&lower_end(rho, 4))
    );
    let (name, title) = match pair {
        None => ("certificate".to_owned(), "The certificate around the circle".to_owned()),
        Some((i, k)) => (
            format!("certificate-{i}-{k}"),
            format!("The certificate between {} and {}", marks[i].name, marks[k].name),
        ),
    };
    let first = marks.iter().find(|m| plane.coordinates(&m.direction).0 > 0.999_999);
    let label =
        format!("angle from {} [degrees]", first.map_or("the first axis", |m| m.name.as_str()));
    let (x, y) = (Axis::between(-4.0, 184.0, &label), Axis::between(-1.25, 1.25, "η"));
    let legend = [
        (Key::Line("s s0"), "η"),
        (Key::Area("b f6"), "|η| ≤ 1 − ρ δ²"),
        (Key::Dot("np"), "teacher, +"),
        (Key::Dot("nn"), "teacher, −"),
    ];
    let mut chart = Chart::new((&name, &title, &caption), x, y, &legend);
    chart.band(6, &bound);
    chart.line(0, &values);
    for mark in marks {
        let (x, y) = plane.coordinates(&mark.direction);
        if x.hypot(y) < ON.cos() {
            continue;
        }
        let angle = y.atan2(x).rem_euclid(PI);
        let height = if mark.positive { 1.0 } else { -1.0 };
        // The direction at 0 is also that at 180 degrees.
        let ends: &[f64] = if angle <= 1e-9 || angle >= PI - 1e-9 { &[0.0, PI] } else { &[angle] };
        for angle in ends {
            let point = (degrees(*angle), height);
            chart.dots(if mark.positive { "p np" } else { "p nn" }, &[point], 5.0);
            let anchor = if *angle <= 0.0 {
                "lab"
            } else if *angle >= PI {
                "lab e"
            } else {
                "lab m"
            };
            chart.note(anchor, point, (0.0, if mark.positive { -10.0 } else { 20.0 }), &mark.name);
        }
    }
    for (mark, angle, _) in beside {
        let point = (degrees(angle), if mark.positive { 1.0 } else { -1.0 });
        chart.dots(if mark.positive { "w wp" } else { "w wn" }, &[point], 5.0);
        let text = format!("near {}", mark.name);
        chart.note("lab m", point, (0.0, if mark.positive { -10.0 } else { 20.0 }), &text);
    }
    let rows: Vec<Vec<f64>> = values.iter().zip(&bound).map(|(v, b)| vec![v.0, v.1, b.2]).collect();
    Figure {
        svg: chart.finish(),
        table: Table::of_points(&["degrees", "η", "1 − ρ δ²"], &rows),
        name,
        title,
        caption,
        frames: None,
        medium: Medium::Any,
    }
}
