//! Quantities against steps, and against `lambda` at the ends of the epochs.

use super::{Figure, Medium, Table, number, teacher_name};
use crate::chart::{Axis, Chart, Key, Scale};
use crate::data::{self, RunData};
use gradiometer_mechanisms::radhakrishnan::{Ansatz, Feature, structural_floor};
use gradiometer_run::RunRecord;
use gradiometer_run::experiment::OptimizerName;
use gradiometer_run::record::StageName;
use gradiometer_run::snapshots::Snapshot;
use gradiometer_theory::Quantities;
use gradiometer_theory::s5_duality::gap;
use gradiometer_verify::statistics::PowerFit;

/// Rules of epochs drawn in a chart, at most.
const MOST_RULES: usize = 40;
/// Curves of single teachers in a chart; with more, only the worst and the mean are shown.
const MOST_CURVES: usize = 6;
/// Styles of the guides of a chart.
const GUIDES: [&str; 2] = ["guide", "guide fine"];

type Points = Vec<(f64, f64)>;

/// A curve with its name.
struct Curve {
    name: String,
    points: Points,
}

/// An area between two curves, `(x, low, high)`, with its name.
struct Band {
    name: &'static str,
    points: Vec<(f64, f64, f64)>,
}

/// All figures of the trajectory; what has no positive number is left out.
pub(crate) fn figures(run: &RunData) -> Vec<Figure> {
    let found = [
        loss(run),
        scaling(run),
        gradient(run),
        angles(run),
        mass_beyond(run),
        mass_by_angle(run),
        balance(run),
        alignment(run),
    ];
    found.into_iter().flatten().collect()
}

/// `c lambda^power` along the steps, a staircase that ends at `last`.
fn guide(run: &RunData, power: i32, last: f64) -> Points {
    let ends: Points = epoch_ends(run);
    let Some((_, lambda)) = ends.last().copied() else { return Vec::new() };
    staircase(run, power, last / lambda.powi(power))
}

/// `scale lambda^power` along the steps of Stage 3: `lambda` is constant over an epoch.
fn staircase(run: &RunData, power: i32, scale: f64) -> Points {
    let before = run.manifest.stages.iter().take_while(|record| record.position.epoch.is_none());
    let mut start = before.last().map_or(1, |record| record.steps.max(1)) as f64;
    let mut points = Points::new();
    for (end, lambda) in epoch_ends(run) {
        let height = scale * lambda.powi(power);
        points.extend([(start, height), (end, height)]);
        start = end;
    }
    points
}

/// `(step, lambda)` at the ends of the epochs.
fn epoch_ends(run: &RunData) -> Points {
    run.epochs().iter().map(|record| (record.steps as f64, record.lambda)).collect()
}

/// What the steps of the horizontal axis are.
fn steps_label(run: &RunData) -> &'static str {
    let has_floors = run.manifest.stages.iter().any(|r| r.position.stage == StageName::Floor);
    match (run.manifest.experiment.stage3.optimizer, has_floors) {
        (OptimizerName::Flow, true) => "steps of the integrator and of Newton's method",
        (OptimizerName::Flow, false) => "steps of the integrator",
        (_, true) => "gradient and Newton steps",
        (_, false) => "gradient steps",
    }
}

/// Rules where `lambda` changes, as far as they can be told apart.
fn rules(chart: &mut Chart, run: &RunData) {
    let ends = epoch_ends(run);
    let mut last = f64::NEG_INFINITY;
    let mut drawn = 0;
    for (step, _) in ends.iter().rev().skip(1).rev() {
        let place = chart.at_x(*step);
        if place - last >= 3.0 && drawn < MOST_RULES {
            chart.rule(*step);
            last = place;
            drawn += 1;
        }
    }
}

/// A chart over steps of curves, bands and a guide.
fn over_steps(
    run: &RunData,
    (name, title, caption): (&str, &str, &str),
    label: &str,
    curves: &[Curve],
    band: Option<&Band>,
    guides: &[(&str, Points)],
) -> Option<Figure> {
    let places = |points: &Points| points.iter().map(|p| p.1).collect::<Vec<f64>>();
    let mut heights: Vec<f64> = curves.iter().flat_map(|c| places(&c.points)).collect();
    heights.extend(band.iter().flat_map(|band| band.points.iter().map(|p| p.2)));
    let steps = curves.iter().flat_map(|c| c.points.iter().filter(|p| p.1 > 0.0).map(|p| p.0));
    let x = Axis::over(Scale::Log, steps_label(run), steps)?;
    let y = Axis::over(Scale::Log, label, heights)?;
    Some(drawn(run, (name, title, caption), (x, y), curves, band, guides))
}

/// The same on axes that are given.
fn drawn(
    run: &RunData,
    (name, title, caption): (&str, &str, &str),
    (x, y): (Axis, Axis),
    curves: &[Curve],
    band: Option<&Band>,
    guides: &[(&str, Points)],
) -> Figure {
    let classes: Vec<String> = (0..curves.len()).map(|k| format!("s s{}", k % 8)).collect();
    let mut legend: Vec<(Key<'_>, &str)> =
        curves.iter().zip(&classes).map(|(c, class)| (Key::Line(class), c.name.as_str())).collect();
    legend.extend(band.iter().map(|band| (Key::Area("b f2"), band.name)));
    let drawn = guides.iter().zip(GUIDES).filter(|(guide, _)| !guide.1.is_empty());
    legend.extend(drawn.map(|((name, _), class)| (Key::Line(class), *name)));
    let mut chart = Chart::new((name, title, caption), x, y, &legend);
    rules(&mut chart, run);
    if let Some(band) = band {
        chart.band(2, &band.points);
    }
    for ((_, points), class) in guides.iter().zip(GUIDES) {
        chart.guide(class, points);
    }
    for (k, curve) in curves.iter().enumerate() {
        chart.line(k, &curve.points);
    }
    Figure {
        name: name.to_owned(),
        title: title.to_owned(),
        caption: caption.to_owned(),
        svg: chart.finish(),
        table: table(curves),
        frames: None,
        medium: Medium::Any,
    }
}

/// The curves at the steps of the first.
fn table(curves: &[Curve]) -> Table {
    let mut header = vec!["step"];
    header.extend(curves.iter().map(|c| c.name.as_str()));
    let Some(first) = curves.first() else { return Table::new(&header) };
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for (at, (step, _)) in first.points.iter().enumerate() {
        // The last of the points of a step is its value there.
        if first.points.get(at + 1).is_some_and(|next| next.0 <= *step) {
            continue;
        }
        // Thinned curves have points of their own: the last one up to this step.
        let value = |c: &Curve| {
            let count = c.points.partition_point(|p| p.0 <= *step);
            count.checked_sub(1).map_or(f64::NAN, |last| c.points[last].1)
        };
        rows.push([&[*step][..], &curves.iter().map(value).collect::<Vec<_>>()].concat());
    }
    Table::of_points(&header, &rows)
}

fn curve(run: &RunData, name: &str, quantity: usize) -> Curve {
    Curve { name: name.to_owned(), points: run.series.points(quantity) }
}

fn last_positive(points: &Points) -> Option<f64> {
    points.iter().rev().map(|p| p.1).find(|y| *y > 0.0)
}

fn loss(run: &RunData) -> Option<Figure> {
    let curves = [curve(run, "loss L", data::LOSS)];
    let band = run.analysis.is_ok().then(|| {
        let points = run.series.bands(data::GAP_LOW, data::GAP_HIGH);
        Band { name: "gap ζ, interval of 5.2", points }
    });
    let falling = last_positive(&curves[0].points).map(|last| guide(run, 2, last));
    // The worst case of 8.3, L <= eps within 1/eps^2 steps, through the end of the first epoch.
    let start = run.epochs().first().map(|first| (first.steps as f64, first.loss));
    let worst = start.map(|(step, loss)| {
        let end = epoch_ends(run).last().map_or(step, |e| e.0);
        vec![(step, loss), (end, loss * (step / end).sqrt())]
    });
    let guides = [("C λ²", falling.unwrap_or_default()), ("slope −½", worst.unwrap_or_default())];
    let mut caption = if run.epochs().is_empty() {
        "The loss along the run.".to_owned()
    } else {
        "By statement 8.3 the loss at the end of each converged epoch is of order λ² (dashed; λ \
         changes at the vertical dotted lines) and stays below the worst case, slope −½."
            .to_owned()
    };
    if band.is_some() {
        caption += " Shaded: the interval for the optimality gap ζ that the certificate alone \
                    gives (5.2). It reaches the bottom where its lower end is 0.";
    }
    over_steps(
        run,
        ("loss", "Loss and optimality gap", &caption),
        "loss, gap",
        &curves,
        band.as_ref(),
        &guides,
    )
}

fn gradient(run: &RunData) -> Option<Figure> {
    let curves = [curve(run, "|∇L_λ|", data::GRADIENT)];
    let guides = [("λ²", staircase(run, 2, 1.0))];
    let epochs = run.epochs();
    let converged = epochs.iter().filter(|record| RunData::is_converged(record)).count();
    let caption = if epochs.is_empty() {
        "The gradient of the regularised objective.".to_owned()
    } else {
        format!(
            "The gradient of the regularised objective jumps whenever λ is lowered, then falls \
             while the epoch converges. An epoch whose curve ends below λ² (dashed) has converged \
             in the sense of the theory: {converged} of {} did.",
            epochs.len()
        )
    };
    over_steps(run, ("gradient", "Gradient norm", &caption), "|∇L_λ|", &curves, None, &guides)
}

fn angles(run: &RunData) -> Option<Figure> {
    let mut curves = Vec::new();
    if run.columns.angles.len() <= MOST_CURVES {
        for (i, quantity) in run.columns.angles.iter().enumerate() {
            curves.push(curve(run, &format!("average at {}", teacher_name(i)), *quantity));
        }
    } else {
        curves.push(curve(run, "worst average neuron", data::WORST_ANGLE));
    }
    curves.push(curve(run, "mean of the mass", data::MEAN_ANGLE));
    let last = curves.first().and_then(|c| last_positive(&c.points));
    let falling = last.map(|last| guide(run, 1, last)).unwrap_or_default();
    let caption = if falling.is_empty() {
        "The angle of every teacher's average neuron. One that stays large is a direction that \
         is not learned."
    } else {
        "By statement 8.4 the angle of every teacher's average neuron falls in proportion to λ \
         (dashed). One that stays large is a direction that is not learned."
    };
    let guides = [("C λ", falling)];
    over_steps(run, ("angles", "Matched angles", caption), "angle [rad]", &curves, None, &guides)
}

fn mass_beyond(run: &RunData) -> Option<Figure> {
    let curves: Vec<Curve> = run
        .columns
        .beyond
        .iter()
        .map(|(angle, quantity)| curve(run, &format!("beyond {angle} rad"), *quantity))
        .collect();
    let ended = curves.iter().any(|c| c.points.last().is_some_and(|last| !(last.1 > 0.0)));
    let mut caption = "Mass far from every teacher should die out, the farthest first.".to_owned();
    if ended {
        caption += " A curve that ends has reached exactly 0: no neuron is left beyond that angle.";
    }
    over_steps(
        run,
        ("mass-beyond", "Mass away from the teachers", &caption),
        "mass",
        &curves,
        None,
        &[],
    )
}

fn balance(run: &RunData) -> Option<Figure> {
    let curves = [curve(run, "max | |a| − |w| |", data::DEFECT)];
    let caption = "How far the layers are from balance (3.4). Norm balancing brings it down to \
                   rounding, each gradient step disturbs it by an amount of order η², and weight \
                   decay on both layers removes it again.";
    over_steps(run, ("balance", "Norm balance", caption), "balance defect", &curves, None, &[])
}

/// How far weights and gradients show the teacher, beside the floor and the limit of their alignment (11.10.3, 11.10.5).
fn alignment(run: &RunData) -> Option<Figure> {
    let rows = &run.features;
    let of = |name: &str, value: fn(&Feature) -> Option<f64>| Curve {
        name: name.to_owned(),
        points: rows
            .iter()
            .filter_map(|row| value(&row.feature).map(|y| (row.step as f64, y)))
            .collect(),
    };
    let curves = [
        of("alignment of WᵀW with √M", |f| f.gradients.map(|g| g.ansatz.half)),
        of("WᵀW in the teacher's span", |f| Some(f.of_weights)),
        of("M in the teacher's span", |f| f.gradients.map(|g| g.in_span)),
        of("M beside the teacher's", |f| f.gradients.map(|g| g.to_teacher)),
    ];
    let all = || curves.iter().flat_map(|c| c.points.iter());
    let x = Axis::over(Scale::Log, steps_label(run), all().map(|p| p.0).filter(|x| *x > 0.0))?;
    let ends = x.ends();
    let level = |y: f64| vec![(ends.0, y), (ends.1, y)];
    let floor = structural_floor(&run.student);
    let limit = Ansatz::limit(run.teacher.network()).ok().map(|ansatz| ansatz.half);
    let guides: Vec<(&str, Points)> =
        [("limit of the optimum", limit), ("floor of one sign", floor)]
            .into_iter()
            .filter_map(|(name, value)| value.map(|y| (name, level(y))))
            .collect();
    let (name, title) = ("alignment", "Alignment of weights and gradients");
    let mut caption =
        "M is the average gradient outer product of the student, S* the teacher's span. \
                       The cosine of WᵀW and √M tends to a number of the teacher alone (11.10.5). "
            .to_owned();
    caption += if floor.is_some() {
        "It is at least √(2/π) for balanced networks whose output weights have one sign, trained or not (11.10.3): only \
         what is above that says something about training."
    } else {
        "Output weights of both signs have no floor for it (11.10.3 is about one sign)."
    };
    let y = Axis::between(0.0, 1.0, "cosine, share");
    Some(drawn(run, (name, title, &caption), (x, y), &curves, None, &guides))
}

/// The moments whose mass is shown by angle: the ends of the first stages and some of Stage 3, the
/// last moment among them.
fn shown(moments: &[Snapshot]) -> Vec<&Snapshot> {
    let is = |m: &&Snapshot, stages: &[StageName]| stages.contains(&m.position.stage);
    let early = moments.iter().filter(|m| is(m, &[StageName::Stage1, StageName::Balance]));
    let late = |m: &&Snapshot| is(m, &[StageName::Stage3, StageName::Floor]);
    let late: Vec<&Snapshot> = moments.iter().filter(late).collect();
    let chosen = super::thinned(late.len(), 5);
    early.chain(chosen.into_iter().map(|k| late[k])).collect()
}

fn mass_by_angle(run: &RunData) -> Option<Figure> {
    let mut curves = Vec::new();
    for moment in shown(&run.moments) {
        let mut neurons: Vec<(f64, f64)> =
            moment.neurons.iter().map(|n| (n.angle, n.mass().abs())).collect();
        neurons.sort_by(|x, y| y.0.total_cmp(&x.0));
        let mut beyond = 0.0;
        let mut points: Points = Vec::new();
        for (angle, mass) in neurons {
            points.push((angle, beyond));
            beyond += mass;
            points.push((angle, beyond));
        }
        points.retain(|p| p.1 > 0.0 && p.0 > 0.0);
        points.reverse();
        let name = format!("{}, step {}", moment.position, moment.step);
        curves.push(Curve { name, points });
    }
    let all = || curves.iter().flat_map(|c| c.points.iter());
    let x = Axis::over(Scale::Log, "angle δ to the nearest teacher [rad]", all().map(|p| p.0))?;
    let y = Axis::over(Scale::Log, "mass beyond δ", all().map(|p| p.1))?;
    let classes: Vec<String> = (0..curves.len()).map(|k| format!("s s{}", k % 8)).collect();
    let mut legend: Vec<(Key<'_>, &str)> =
        curves.iter().zip(&classes).map(|(c, class)| (Key::Line(class), c.name.as_str())).collect();
    // 7.3 at the end: the mass beyond delta is at most this over delta^2.
    let bound = run.analysis.as_ref().ok().and_then(|found| {
        let claim = found.claims.iter().find(|c| c.id == "7.3" && c.part == "localisation")?;
        let (low, high) = x.ends();
        let right = claim.right;
        Some(vec![(low, right / (low * low)), (high, right / (high * high))])
    });
    if bound.is_some() {
        legend.push((Key::Line("guide"), "bound 7.3 at the end"));
    }
    let mut caption = "One curve for each moment: the mass farther than δ from every teacher \
                       neuron. The curves move to the left as neurons turn onto the teachers."
        .to_owned();
    if bound.is_some() {
        caption += " The last curve must lie below the dashed line, the bound of 7.3 at the end \
                    of the run.";
    }
    let (name, title) = ("mass-by-angle", "Mass by angle");
    let mut chart = Chart::new((name, title, &caption), x, y, &legend);
    for (k, curve) in curves.iter().enumerate() {
        chart.line(k, &curve.points);
    }
    chart.guide(GUIDES[0], &bound.unwrap_or_default());
    let mut table = Table::new(&[
        "moment",
        "neurons shown",
        "mass",
        "beyond 0.3 rad",
        "beyond 0.1 rad",
        "beyond 0.01 rad",
    ]);
    for moment in shown(&run.moments) {
        let beyond = |angle: f64| -> String {
            let far = moment.neurons.iter().filter(|n| n.angle > angle);
            number(far.map(|n| n.mass().abs()).sum(), 4)
        };
        table.rows.push(vec![
            format!("{}, step {}", moment.position, moment.step),
            moment.neurons.len().to_string(),
            beyond(-1.0),
            beyond(0.3),
            beyond(0.1),
            beyond(0.01),
        ]);
    }
    Some(Figure {
        name: name.to_owned(),
        title: title.to_owned(),
        caption,
        svg: chart.finish(),
        table,
        frames: None,
        medium: Medium::Any,
    })
}

/// Epochs from which a slope is fitted.
const LEAST_EPOCHS: usize = 5;

/// The quantities at the ends of the epochs against `lambda`.
fn scaling(run: &RunData) -> Option<Figure> {
    let p = run.analysis.as_ref().ok().map(|found| *found.dual.constants());
    let mass = run.teacher.total_mass();
    let records = run.epochs();
    if records.len() < 2 {
        return None;
    }
    let of = |value: &dyn Fn(&RunRecord) -> f64| -> Points {
        records.iter().map(|record| (record.lambda, value(record))).collect()
    };
    let upper_gap = |record: &RunRecord| {
        let row = (record.lambda, record.loss, record.objective);
        let at = Quantities::of_row(row, f64::NAN, (f64::NAN, f64::NAN), mass);
        p.map_or(f64::NAN, |p| gap(&at, &p).1)
    };
    let series = [
        ("L", 2.0, of(&|record| record.loss)),
        ("ζ, upper end", 2.0, of(&upper_gap)),
        ("worst angle", 1.0, of(&RunData::worst_angle)),
    ];
    // A slope through fewer points, or through epochs that have not converged, says nothing of 8.3.
    let converged = |k: &usize| RunData::is_converged(records[*k]);
    let converged: Vec<usize> = (0..records.len()).filter(converged).collect();
    let fit = |points: &Points| {
        let chosen: Points = converged.iter().map(|k| points[*k]).collect();
        if chosen.len() < LEAST_EPOCHS { None } else { PowerFit::of(&chosen) }
    };
    let fits: Vec<Option<PowerFit>> = series.iter().map(|s| fit(&s.2)).collect();
    let all = || series.iter().flat_map(|s| s.2.iter());
    let x = Axis::over(Scale::Log, "λ", all().map(|p| p.0))?;
    let y = Axis::over(Scale::Log, "at the end of each epoch", all().map(|p| p.1))?;
    let (low, high) = x.ends();
    let names: Vec<String> = series
        .iter()
        .zip(&fits)
        .map(|((name, predicted, _), fit)| match fit {
            Some(fit) => format!(
                "{name}: slope {:.2} ± {:.2}, predicted {predicted}",
                fit.slope, fit.half_width
            ),
            None => (*name).to_owned(),
        })
        .collect();
    let classes = ["f0", "f1", "f2"];
    let legend: Vec<(Key<'_>, &str)> = names
        .iter()
        .zip(classes)
        .zip(&series)
        .filter(|(_, (_, _, points))| points.iter().any(|p| p.1 > 0.0))
        .map(|((name, class), _)| (Key::Dot(class), name.as_str()))
        .collect();
    let mut caption = format!(
        "The ends of the epochs, {} of {} converged (|∇L_λ| ≤ λ²). If 8.3 and 8.4 hold here, \
         halving λ quarters the loss and the gap and halves the angles: slopes 2, 2 and 1.",
        converged.len(),
        records.len()
    );
    caption += if fits.iter().any(Option::is_some) {
        " Lines: least squares through the converged epochs, with their 95 % bands (fitted)."
    } else {
        " No slope is fitted: that takes at least five converged epochs."
    };
    let (name, title) = ("scaling", "Scaling with λ");
    let mut chart = Chart::new((name, title, &caption), x, y, &legend);
    for (k, ((_, _, points), fit)) in series.iter().zip(&fits).enumerate() {
        if let Some(fit) = fit {
            let at = |x: f64| (x, fit.at(x));
            let places: Vec<_> =
                (0..=16).map(|i| at(low * (high / low).powf(f64::from(i) / 16.0))).collect();
            chart.band(k, &places.iter().map(|(x, y)| (*x, y.1, y.2)).collect::<Vec<_>>());
            chart.line(k, &places.iter().map(|(x, y)| (*x, y.0)).collect::<Vec<_>>());
        }
        chart.dots(&format!("p {}", classes[k]), points, 3.5);
    }
    let rows: Vec<Vec<f64>> = (0..records.len())
        .map(|k| {
            [&[records[k].lambda][..], &series.iter().map(|s| s.2[k].1).collect::<Vec<_>>()]
                .concat()
        })
        .collect();
    Some(Figure {
        name: name.to_owned(),
        title: title.to_owned(),
        caption,
        svg: chart.finish(),
        table: Table::of_points(&["λ", "L", "ζ, upper end", "worst angle"], &rows),
        frames: None,
        medium: Medium::Any,
    })
}

/// A statement's two sides along the run.
pub(crate) fn sides(
    run: &RunData,
    (name, title, caption): (&str, &str, &str),
    left: (&str, Points),
    right: (&str, Points),
) -> Option<Figure> {
    let curves = [left, right].map(|(name, points)| Curve { name: name.to_owned(), points });
    over_steps(run, (name, title, caption), "left and right side", &curves, None, &[])
}
