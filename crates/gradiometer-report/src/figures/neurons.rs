//! The neurons in the teacher's span, moment by moment: arrows in a plane, or dots on the map of
//! the sphere.

use super::{Figure, Medium, Table, number, teacher_name, thinned};
use crate::data::RunData;
use crate::plane::{EqualArea, Plane, TeacherMark, colour_bar, fill_levels, level};
use crate::svg::{Svg, polyline};
use crate::text::percent;
use gradiometer_hermite::float::maximum_of;
use gradiometer_model::geometry::{dot, norm};
use gradiometer_run::record::StageName;
use gradiometer_run::snapshots::{Neuron, Snapshot};
use serde_json::{Value, json};
use std::collections::BTreeMap;
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

/// Pairs of teachers whose planes are shown: the closest ones first, until every teacher was in one
/// or there are enough.
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
    /// Neurons as arrows from the centre, of length by mass; the second coordinate may be the norm
    /// outside of a line.
    Plane(Plane),
    Line,
    /// Neurons as dots, of size by mass.
    Map(EqualArea),
}

/// Where a neuron's mark is: its tip, its dot's radius.
fn place(panel: &Panel, neuron: &Neuron, largest: f64) -> Option<((f64, f64), f64)> {
    let size = neuron.length();
    let share = (neuron.mass().abs() / largest).sqrt();
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
    let chosen: Vec<&Snapshot> =
        thinned(run.moments.len(), MOST_MOMENTS).into_iter().map(|k| &run.moments[k]).collect();
    let slots = slots(&chosen, panels.len());
    let all: Vec<Vec<Mark>> =
        chosen.iter().map(|moment| moment_marks(&panels, moment, &slots)).collect();
    let arrows = !matches!(panels[0].view, View::Map(_));
    let (title, mut caption) = words(run, true);
    if all.iter().flatten().any(|mark| mark.is_upon_opposite) {
        caption += " A dot inside one of the other colour: neurons of both signs at one place.";
    }
    let mut svg = Svg::new(width, height, title, &caption);
    for (at, panel) in panels.iter().enumerate() {
        background(&mut svg, run, &marks, panel, &format!("map{at}"));
    }
    svg.open("class=\"neurons\"");
    draw_moment(&mut svg, &panels, &moment_marks(&panels, last, &slots), arrows);
    svg.close();
    for panel in &panels {
        labels(&mut svg, &marks, panel);
    }
    if run.analysis.is_ok() && run.subspace.rank() > 1 && run.subspace.rank() < 4 {
        colour_bar(&mut svg, (316.0, height - 32.0), 140.0);
    }
    let frames: Vec<Value> =
        chosen.iter().zip(&all).map(|(moment, marks)| frame(moment, marks)).collect();
    Some(Figure {
        name: "neurons".to_owned(),
        title: title.to_owned(),
        caption,
        svg,
        table: table(run, last),
        frames: Some(json!({"arrows": arrows, "frames": frames})),
        medium: if stages(run).len() > 1 { Medium::Screen } else { Medium::Any },
    })
}

/// The moments that paper shows with their names: the start, after Stages 1 and 2, the end; those
/// that there are, each once.
fn stages(run: &RunData) -> Vec<(&'static str, &Snapshot)> {
    let at = |stage| run.moments.iter().find(|moment| moment.position.stage == stage);
    let mut found: Vec<(&str, &Snapshot)> = [
        ("start", at(StageName::Start)),
        ("after Stage 1", at(StageName::Stage1)),
        ("after Stage 2", at(StageName::Stage2)),
    ]
    .into_iter()
    .filter_map(|(name, moment)| Some((name, moment?)))
    .collect();
    match run.moments.last() {
        Some(end) if !found.iter().any(|(_, moment)| std::ptr::eq(*moment, end)) => {
            found.push(("end", end));
        }
        _ => {}
    }
    found
}

/// What paper shows in place of the slider: small pictures of the neurons at those moments. From
/// rank 4 on in the plane of the two closest teachers alone.
pub(crate) fn stills(run: &RunData) -> Option<Figure> {
    let (marks, stages) = (teachers(run), stages(run));
    if stages.len() < 2 {
        return None;
    }
    let view = match run.subspace.rank() {
        1 => View::Line,
        2 => View::Plane(Plane::whole(&marks[0].direction)?),
        3 => View::Map(EqualArea::of(&marks)),
        _ => {
            let (i, k) = *pairs(&marks).first()?;
            View::Plane(Plane::through(&marks[i].direction, &marks[k].direction)?)
        }
    };
    let arrows = !matches!(view, View::Map(_));
    let panels = stages.iter().enumerate().map(|(at, (name, moment))| {
        let centre = (125.0 + 230.0 * (at % 2) as f64, 118.0 + 252.0 * (at / 2) as f64);
        let caption = format!("{name}, step {}", moment.step);
        Panel { centre, radius: 98.0, view: view.clone(), caption }
    });
    let panels: Vec<Panel> = panels.collect();
    let moments: Vec<&Snapshot> = stages.iter().map(|(_, moment)| *moment).collect();
    let slots = slots(&moments, 1);
    let names: Vec<&str> = stages.iter().map(|(name, _)| *name).collect();
    let (_, caption) = words(run, false);
    let caption =
        format!("The neurons at {} moments: {}. {caption}", names.len(), names.join(", "));
    let title = "The neurons, stage by stage";
    let height = 252.0 * panels.len().div_ceil(2) as f64;
    let mut svg = Svg::new(480.0, height, title, &caption);
    svg.open("id=\"stage-background\"");
    background(&mut svg, run, &marks, &panels[0], "stage");
    svg.close();
    for panel in &panels[1..] {
        let from = panels[0].centre;
        svg.again("stage-background", (panel.centre.0 - from.0, panel.centre.1 - from.1));
    }
    let mut table = Table::new(&["moment", "step", "λ", "share of the mass outside S*"]);
    for (panel, (name, moment)) in panels.iter().zip(&stages) {
        let panel = std::slice::from_ref(panel);
        draw_moment(&mut svg, panel, &moment_marks(panel, moment, &slots), arrows);
        labels(&mut svg, &marks, &panel[0]);
        table.rows.push(vec![
            (*name).to_owned(),
            moment.step.to_string(),
            number(moment.lambda, 3),
            percent(moment.share_outside()),
        ]);
    }
    Some(Figure {
        name: "neurons-stages".to_owned(),
        title: title.to_owned(),
        caption,
        svg,
        table,
        frames: None,
        medium: Medium::Paper,
    })
}

/// The title, and a caption of what is drawn: the certificate only where there is one, and where
/// the mass is in the end as it is.
fn words(run: &RunData, has_rim: bool) -> (&'static str, String) {
    let has_certificate = run.analysis.is_ok();
    let away = 100.0 * run.recovery.mass_away / run.recovery.total_mass;
    let end = if run.recovery.mass_away > 0.0 {
        format!(
            "At the end {} % of the mass is farther than {} rad from every teacher neuron.",
            number(away, 2),
            run.recovery.angle
        )
    } else {
        format!("At the end all mass is within {} rad of the teacher neurons.", run.recovery.angle)
    };
    let (title, caption) = match run.subspace.rank() {
        1 => (
            "The neurons beside the teacher's line",
            "Each arrow is a neuron: to the right its part along the teacher, upward the norm of \
             its part outside; its length grows with its mass."
                .to_owned(),
        ),
        2 => (
            "The neurons in the teacher's plane",
            format!(
                "Each arrow is a neuron projected onto the plane S*, of length by mass; a short \
                 one is light, or lies mostly outside of the plane. Thick rays are the teachers; a \
                 neuron and its opposite are the same feature.{}",
                if has_certificate && has_rim {
                    " The rim shows the certificate η: +1 at the positive teachers, −1 at the \
                     negative ones."
                } else {
                    ""
                }
            ),
        ),
        3 => (
            "The neurons on the sphere of the teacher's span",
            format!(
                "Equal-area map of the unit sphere in the teacher's subspace S*; a direction and \
                 its opposite are the same point. Dots are student neurons, their area shows their \
                 mass; crosshairs are the teachers.{}",
                if has_certificate {
                    " The colour is the certificate η: +1 at positive teachers, −1 at negative \
                     ones, less than 1 in modulus in between."
                } else {
                    ""
                }
            ),
        ),
        _ => (
            "The neurons in planes of two teachers",
            "Each arrow is a neuron projected onto the plane of two teachers, of length by mass. \
             Thick rays are the two teachers, thin ones the projections of the others."
                .to_owned(),
        ),
    };
    (title, format!("{caption} {end} Warm: positive; cool: negative."))
}

/// Discs, colours and rays below the neurons.
fn background(svg: &mut Svg, run: &RunData, marks: &[TeacherMark], panel: &Panel, name: &str) {
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
                fill_levels(svg, name, (centre, radius), value);
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
        let sign = if mark.positive { '+' } else { '−' };
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

/// The neurons' indices that have a mark of their own in every panel: those of the last moment,
/// then of the ones before, as many as there is room for.
pub(super) fn slots(moments: &[&Snapshot], panels: usize) -> Vec<usize> {
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
fn at_index(moment: &Snapshot, index: usize) -> Option<&Neuron> {
    moment.neurons.binary_search_by_key(&index, |n| n.index).ok().map(|at| &moment.neurons[at])
}

fn largest(moment: &Snapshot) -> f64 {
    maximum_of(moment.neurons.iter().map(|n| n.mass().abs()))
}

/// A neuron's mark in a panel, in tenths of pixels; one that is not there has radius 0.
struct Mark {
    tip: (i32, i32),
    radius: i32,
    positive: bool,
    /// Whether it lies on one of the other sign, of which it leaves a ring to be seen.
    is_upon_opposite: bool,
}

/// How much smaller the dot of a neuron is than the one of the other sign that it lies upon.
const UPON: f64 = 0.55;

/// All marks of a moment in the order in which they are drawn. A neuron at the place of one of the
/// other sign is drawn smaller, so that both show.
fn moment_marks(panels: &[Panel], moment: &Snapshot, slots: &[usize]) -> Vec<Mark> {
    let most = largest(moment);
    let tenths = |x: f64| integer((10.0 * x).round());
    let mut marks: Vec<Mark> = Vec::with_capacity(panels.len() * slots.len());
    for (at, panel) in panels.iter().enumerate() {
        // The first dot of each sign at a place.
        let mut first: BTreeMap<(i32, i32), [Option<i32>; 2]> = BTreeMap::new();
        for slot in slots {
            let neuron = at_index(moment, *slot);
            let found = neuron.and_then(|n| Some((place(panel, n, most)?, n.mass() > 0.0)));
            let ((tip, radius), positive) = found.unwrap_or(((panel.centre, 0.0), true));
            let tip = (tenths(tip.0), tenths(tip.1));
            let mut mark = Mark { tip, radius: tenths(radius), positive, is_upon_opposite: false };
            if mark.radius > 0 {
                let there = first.entry(tip).or_default();
                if let Some(below) = there[usize::from(!positive)] {
                    mark.radius = integer((UPON * f64::from(below.min(mark.radius))).round());
                    mark.is_upon_opposite = true;
                } else {
                    there[usize::from(positive)].get_or_insert(mark.radius);
                }
            }
            marks.push(mark);
        }
        debug_assert_eq!(marks.len(), (at + 1) * slots.len(), "a mark for every slot");
    }
    marks
}

fn draw_moment(svg: &mut Svg, panels: &[Panel], marks: &[Mark], arrows: bool) {
    let pixels = |tenths: i32| f64::from(tenths) / 10.0;
    let per_panel = marks.len() / panels.len().max(1);
    for (at, mark) in marks.iter().enumerate() {
        let tip = (pixels(mark.tip.0), pixels(mark.tip.1));
        if arrows {
            let centre = panels[at / per_panel].centre;
            svg.line(if mark.positive { "w wp" } else { "w wn" }, centre, tip);
        }
        svg.circle(if mark.positive { "p np" } else { "p nn" }, tip, pixels(mark.radius));
    }
}

/// A moment for the script: its label, and tips, radii and signs of all marks.
fn frame(moment: &Snapshot, marks: &[Mark]) -> Value {
    let label =
        format!("{}, step {}, λ = {}", moment.position, moment.step, number(moment.lambda, 3));
    let signs: String = marks.iter().map(|mark| if mark.positive { '+' } else { '-' }).collect();
    json!({
        "label": label,
        "x": marks.iter().map(|mark| mark.tip.0).collect::<Vec<_>>(),
        "y": marks.iter().map(|mark| mark.tip.1).collect::<Vec<_>>(),
        "r": marks.iter().map(|mark| mark.radius).collect::<Vec<_>>(),
        "signs": signs,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "a place in a drawing of some hundred pixels")]
fn integer(x: f64) -> i32 {
    x as i32
}

/// The heaviest neurons of a moment.
fn table(run: &RunData, moment: &Snapshot) -> Table {
    const MOST: usize = 24;
    let mut order: Vec<&Neuron> = moment.neurons.iter().filter(|n| n.mass().abs() > 0.0).collect();
    order.sort_by(|a, b| b.mass().abs().total_cmp(&a.mass().abs()).then(a.index.cmp(&b.index)));
    let mut table =
        Table::new(&["neuron", "mass", "nearest teacher", "angle [rad]", "share outside S*"]);
    for neuron in order.into_iter().take(MOST) {
        let inside = norm(&neuron.inside);
        table.rows.push(vec![
            neuron.index.to_string(),
            number(neuron.mass(), 4),
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
