//! The descent direction of 7.8 where Stage 3 begins: near neurons move to their share of a
//! teacher, the others to zero.

use super::neurons::{pairs, teachers};
use super::{Figure, Medium, Table, number};
use crate::data::RunData;
use crate::plane::{Plane, TeacherMark};
use crate::svg::Svg;
use gradiometer_hermite::float::maximum_of;
use gradiometer_run::record::StageName;
use gradiometer_run::snapshots::{Neuron, Snapshot};

/// The first moment at which every teacher has a close neuron and half of the mass is close; else
/// the last.
fn moment(run: &RunData) -> Option<&Snapshot> {
    let ready = |m: &&Snapshot| {
        let moves = |n: &&Neuron| n.share.abs() > 0.0;
        let near: f64 = m.neurons.iter().filter(moves).map(|n| n.mass().abs()).sum();
        let all: f64 = m.neurons.iter().map(|n| n.mass().abs()).sum();
        let served = |i: usize| m.neurons.iter().any(|n| n.teacher == i && n.share.abs() > 0.0);
        near >= 0.5 * all && (0..run.teacher.neurons()).all(served)
    };
    let early = [StageName::Start, StageName::Stage1, StageName::Stage2];
    let early = |m: &&Snapshot| early.contains(&m.position.stage);
    run.moments.iter().filter(|m| !early(m)).find(ready).or(run.moments.last())
}

/// The plane shown: the whole of a rank-2 span, else that of the closest pair; `None` on a line,
/// where the plane is the line and the norm outside.
fn plane(marks: &[TeacherMark]) -> Option<Plane> {
    if marks.first()?.direction.len() == 2 {
        return Plane::whole(&marks[0].direction);
    }
    let (i, k) = *pairs(marks).first()?;
    Plane::through(&marks[i].direction, &marks[k].direction)
}

/// The figure; `None` without neurons.
pub(crate) fn figure(run: &RunData) -> Option<Figure> {
    let moment = moment(run)?;
    let marks = teachers(run);
    let rank = run.subspace.rank();
    let plane = plane(&marks);
    if plane.is_none() && rank > 1 {
        return None;
    }
    let shown: Vec<usize> = match rank {
        0..=2 => (0..marks.len()).collect(),
        _ => pairs(&marks).first().map(|(i, k)| vec![*i, *k]).unwrap_or_default(),
    };
    let at = |n: &Neuron| match &plane {
        Some(plane) => plane.coordinates(&n.inside),
        None => (n.inside[0], n.outside),
    };
    let goal = |n: &Neuron| {
        let u = &marks[n.teacher].direction;
        let (x, y) = plane.as_ref().map_or((u[0], 0.0), |plane| plane.coordinates(u));
        (n.share * x, n.share * y)
    };
    let mut neurons: Vec<&Neuron> = moment
        .neurons
        .iter()
        .filter(|n| shown.contains(&n.teacher) && n.mass().abs() > 0.0)
        .collect();
    neurons.sort_by(|a, b| b.mass().abs().total_cmp(&a.mass().abs()).then(a.index.cmp(&b.index)));
    let reach = neurons.iter().flat_map(|n| [at(n), goal(n)]).map(|(x, y)| x.hypot(y));
    let reach = maximum_of(reach);
    if !(reach > 0.0) {
        return None;
    }
    let (centre, radius) = ((240.0, 205.0), 178.0);
    let place = |(x, y): (f64, f64)| (centre.0 + radius * x / reach, centre.1 - radius * y / reach);
    let (name, title) = ("descent-direction", "The descent direction");
    let staying = neurons.iter().filter(|n| n.share.abs() > 0.0).count();
    let caption = format!(
        "The descent direction of the proof (7.8) at {}, step {}, for the neurons nearest to {}. A \
         student neuron within 0.3 rad of a teacher neuron and of its sign moves to its share of it \
         (circle); the shares add up to the teacher neuron: {staying} of the {} drawn. All others \
         (pale) shrink to zero. Colour is the sign: warm positive, cool negative.",
        moment.position,
        moment.step,
        if rank > 2 { "the two closest teacher neurons" } else { "the teacher neurons" },
        neurons.len(),
    );
    let mut svg = Svg::new(480.0, 430.0, title, &caption);
    for i in &shown {
        let u = &marks[*i].direction;
        let (x, y) = plane.as_ref().map_or((u[0], 0.0), |plane| plane.coordinates(u));
        let size = x.hypot(y);
        let end = |share: f64| {
            (centre.0 + share * radius * x / size, centre.1 - share * radius * y / size)
        };
        svg.line("v", end(-1.0), end(0.0));
        svg.line(if marks[*i].positive { "ray rp" } else { "ray rn" }, end(0.0), end(1.0));
        let text = format!("{} {}", marks[*i].name, if marks[*i].positive { '+' } else { '−' });
        let tip = end(1.0 + 18.0 / radius);
        svg.text("lab m", (tip.0, tip.1 + 4.0), &text);
    }
    // Those that go to zero in the background.
    for moves in [false, true] {
        svg.open(if moves { "class=\"on\"" } else { "class=\"off\"" });
        let of = || neurons.iter().filter(|n| (n.share.abs() > 0.0) == moves);
        for n in of() {
            arrow(&mut svg, place(at(n)), place(goal(n)));
        }
        for n in of() {
            svg.circle(if n.mass() > 0.0 { "p np" } else { "p nn" }, place(at(n)), 3.0);
            if moves {
                svg.circle(if n.mass() > 0.0 { "w wp" } else { "w wn" }, place(goal(n)), 3.2);
            }
        }
        svg.close();
    }
    // The legend in the colour of the heaviest neuron.
    let (dot, ring) = if neurons[0].mass() > 0.0 { ("p np", "w wp") } else { ("p nn", "w wn") };
    svg.circle(dot, (36.0, 416.0), 3.5);
    svg.text("t", (46.0, 420.0), "neuron");
    svg.circle(ring, (126.0, 416.0), 3.5);
    svg.text("t", (136.0, 420.0), "its share of the teacher");
    svg.circle(&format!("{dot} off"), (336.0, 416.0), 3.5);
    svg.text("t", (346.0, 420.0), "one that goes to 0");
    Some(Figure {
        name: name.to_owned(),
        title: title.to_owned(),
        svg,
        table: table(run, &neurons),
        caption,
        frames: None,
        medium: Medium::Any,
    })
}

/// A line with a head a little before its end.
fn arrow(svg: &mut Svg, from: (f64, f64), to: (f64, f64)) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy);
    if !(length > 4.0) {
        return;
    }
    svg.line("to", from, to);
    if length > 14.0 {
        let (ux, uy) = (dx / length, dy / length);
        let tip = (to.0 - 4.0 * ux, to.1 - 4.0 * uy);
        let side = |s: f64| (tip.0 - 6.0 * ux - 2.6 * s * uy, tip.1 - 6.0 * uy + 2.6 * s * ux);
        let corners = [tip, side(1.0), side(-1.0)];
        svg.path("ink-quiet", &(crate::svg::polyline(corners) + "Z"));
    }
}

fn table(run: &RunData, neurons: &[&Neuron]) -> Table {
    const MOST: usize = 24;
    let mut table =
        Table::new(&["neuron", "mass", "nearest teacher", "angle [rad]", "|w|", "share q s"]);
    for n in neurons.iter().take(MOST) {
        table.rows.push(vec![
            n.index.to_string(),
            number(n.mass(), 4),
            super::teacher_name(n.teacher.min(run.teacher.neurons() - 1)),
            number(n.angle, 3),
            number(n.length(), 4),
            number(n.share, 4),
        ]);
    }
    table
}
