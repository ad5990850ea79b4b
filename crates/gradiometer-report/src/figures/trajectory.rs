//! Quantities against steps, and against `lambda` at the ends of the epochs.

use super::{Figure, Table, number, teacher_name};
use crate::chart::{Axis, Chart, Key, Scale};
use crate::data::{self, Moment, RunData};
use gradiometer_theory::Quantities;
use gradiometer_theory::s5_duality::gap;
use gradiometer_verify::statistics::PowerFit;
use serde_json::Value;

/// Rules of epochs drawn in a chart, at most.
const MOST_RULES: usize = 40;
/// Curves of single teachers in a chart; with more, only the worst and the mean are shown.
const MOST_CURVES: usize = 6;
const STEPS: &str = "gradient steps";
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
    ];
    found.into_iter().flatten().collect()
}

/// `(step, c lambda^power)` at the ends of the epochs, with `c` such that the last is `last`.
fn guide(run: &RunData, power: i32, last: f64) -> Points {
    let ends: Points = epoch_ends(run);
    let Some((_, lambda)) = ends.last().copied() else { return Vec::new() };
    let scale = last / lambda.powi(power);
    ends.iter().map(|(step, lambda)| (*step, scale * lambda.powi(power))).collect()
}

/// `(step, lambda)` at the ends of the epochs.
fn epoch_ends(run: &RunData) -> Points {
    let pair = |record: &&Value| Some((record["steps"].as_f64()?, record["lambda"].as_f64()?));
    run.epochs().iter().filter_map(pair).collect()
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
    let x = Axis::over(Scale::Log, STEPS, steps)?;
    let y = Axis::over(Scale::Log, label, heights)?;
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
    Some(Figure {
        name: name.to_owned(),
        title: title.to_owned(),
        caption: caption.to_owned(),
        svg: chart.finish(),
        table: table(curves),
        frames: None,
    })
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
        Band { name: "gap \u{3b6}, interval of 5.2", points }
    });
    let falling = last_positive(&curves[0].points).map(|last| guide(run, 2, last));
    // The worst case of 8.3, L <= eps within 1/eps^2 steps, through the end of the first epoch.
    let start = epoch_ends(run)
        .first()
        .map(|e| e.0)
        .zip(run.epochs().first().and_then(|r| r["loss"].as_f64()));
    let worst = start.map(|(step, loss)| {
        let end = epoch_ends(run).last().map_or(step, |e| e.0);
        vec![(step, loss), (end, loss * (step / end).sqrt())]
    });
    let guides = [
        ("C \u{3bb}\u{b2}", falling.unwrap_or_default()),
        ("slope \u{2212}\u{bd}", worst.unwrap_or_default()),
    ];
    let caption = "By 8.3 the loss at the end of each epoch (upright rules: \u{3bb} is lowered) is of the order \u{3bb}\u{b2}, the dashed curve, and stays below the worst case, \
                   slope \u{2212}\u{bd}. The shaded area is where the optimality gap \u{3b6} lies (5.2), by the certificate alone.";
    over_steps(
        run,
        ("loss", "Loss and optimality gap", caption),
        "loss, gap",
        &curves,
        band.as_ref(),
        &guides,
    )
}

fn gradient(run: &RunData) -> Option<Figure> {
    let curves = [curve(run, "|\u{2207}L_\u{3bb}|", data::GRADIENT)];
    let lambda = epoch_ends(run).last().map(|e| e.1 * e.1);
    let guides = [("\u{3bb}\u{b2}", lambda.map(|last| guide(run, 2, last)).unwrap_or_default())];
    let caption = "The gradient of the regularised objective jumps whenever \u{3bb} is lowered, then falls while the epoch converges; an epoch \
                   whose curve ends below \u{3bb}\u{b2} is converged in the sense of the theory.";
    over_steps(
        run,
        ("gradient", "Gradient norm", caption),
        "|\u{2207}L_\u{3bb}|",
        &curves,
        None,
        &guides,
    )
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
    let guides = [("C \u{3bb}", last.map(|last| guide(run, 1, last)).unwrap_or_default())];
    let caption = "The angle of every teacher's average neuron should fall in proportion to \u{3bb} (dashed). An angle that stays large is a direction not learned.";
    over_steps(run, ("angles", "Matched angles", caption), "angle [rad]", &curves, None, &guides)
}

fn mass_beyond(run: &RunData) -> Option<Figure> {
    let curves: Vec<Curve> = run
        .columns
        .beyond
        .iter()
        .map(|(angle, quantity)| curve(run, &format!("beyond {angle} rad"), *quantity))
        .collect();
    let caption = "Mass far from every teacher should die out, the farthest first. A curve that ends has reached exactly 0: no neuron is left beyond that angle.";
    over_steps(
        run,
        ("mass-beyond", "Mass away from the teachers", caption),
        "mass",
        &curves,
        None,
        &[],
    )
}

fn balance(run: &RunData) -> Option<Figure> {
    let curves = [curve(run, "max | |a| \u{2212} |w| |", data::DEFECT)];
    let caption = "How far the layers are from balance (3.4): balancing brings it down to rounding, a step of descent disturbs it by the second order of the step \
                   size, and weight decay on both layers removes it again.";
    over_steps(run, ("balance", "Norm balance", caption), "balance defect", &curves, None, &[])
}

/// The moments whose mass is shown by angle: the ends of the first stages and some of Stage 3.
fn shown(moments: &[Moment]) -> Vec<&Moment> {
    let early = moments.iter().filter(|m| m.stage == "stage1" || m.stage == "balance");
    let late: Vec<&Moment> = moments.iter().filter(|m| m.stage.starts_with("stage3")).collect();
    let chosen = super::thinned(late.len(), 5);
    early.chain(chosen.into_iter().skip(1).map(|k| late[k])).collect()
}

fn mass_by_angle(run: &RunData) -> Option<Figure> {
    let mut curves = Vec::new();
    for moment in shown(&run.moments) {
        let mut neurons: Vec<(f64, f64)> =
            moment.neurons.iter().map(|n| (n.angle, n.mass.abs())).collect();
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
        let name = format!("{}, step {}", moment.stage, moment.step);
        curves.push(Curve { name, points });
    }
    let all = || curves.iter().flat_map(|c| c.points.iter());
    let x =
        Axis::over(Scale::Log, "angle \u{3b4} to the nearest teacher [rad]", all().map(|p| p.0))?;
    let y = Axis::over(Scale::Log, "mass beyond \u{3b4}", all().map(|p| p.1))?;
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
    let caption = "How much mass lies beyond each angle, moment by moment: the curves move to the left as neurons turn onto the teachers. In the end all of them must lie \
                   below the dashed line of slope \u{2212}2, which the certificate proves.";
    let (name, title) = ("mass-by-angle", "Mass by angle");
    let mut chart = Chart::new((name, title, caption), x, y, &legend);
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
            number(far.map(|n| n.mass.abs()).sum(), 4)
        };
        table.rows.push(vec![
            format!("{}, step {}", moment.stage, moment.step),
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
        caption: caption.to_owned(),
        svg: chart.finish(),
        table,
        frames: None,
    })
}

/// The quantities at the ends of the epochs against `lambda`.
fn scaling(run: &RunData) -> Option<Figure> {
    let p = run.analysis.as_ref().ok().map(|found| *found.dual.constants());
    let mass = run.teacher.total_mass();
    let records = run.epochs();
    let lambda = |record: &Value| record["lambda"].as_f64().unwrap_or(f64::NAN);
    let of = |value: &dyn Fn(&Value) -> f64| -> Points {
        records.iter().map(|record| (lambda(record), value(record))).collect()
    };
    let field = |record: &Value, name: &str| record[name].as_f64().unwrap_or(f64::NAN);
    let upper_gap = |record: &Value| {
        let row = (lambda(record), field(record, "loss"), field(record, "objective"));
        let at = Quantities::of_row(row, f64::NAN, (f64::NAN, f64::NAN), mass);
        p.map_or(f64::NAN, |p| gap(&at, &p).1)
    };
    let worst = |record: &Value| {
        let angles = record["matched_angles"].as_array();
        let angles = angles.into_iter().flatten().filter_map(Value::as_f64);
        angles.fold(f64::NAN, |most, x| if x <= most { most } else { x })
    };
    let series = [
        ("L", 2.0, of(&|r| field(r, "loss"))),
        ("\u{3b6}, upper end", 2.0, of(&upper_gap)),
        ("worst angle", 1.0, of(&worst)),
    ];
    let fits: Vec<Option<PowerFit>> = series.iter().map(|s| PowerFit::of(&s.2)).collect();
    if fits.iter().all(Option::is_none) {
        return None;
    }
    let all = || series.iter().flat_map(|s| s.2.iter());
    let x = Axis::over(Scale::Log, "\u{3bb}", all().map(|p| p.0))?;
    let y = Axis::over(Scale::Log, "at the end of each epoch", all().map(|p| p.1))?;
    let (low, high) = x.ends();
    let names: Vec<String> = series
        .iter()
        .zip(&fits)
        .map(|((name, predicted, _), fit)| match fit {
            Some(fit) => format!(
                "{name}: slope {:.2} \u{b1} {:.2}, predicted {predicted}",
                fit.slope, fit.half_width
            ),
            None => (*name).to_owned(),
        })
        .collect();
    let classes = ["f0", "f1", "f2"];
    let legend: Vec<(Key<'_>, &str)> = names
        .iter()
        .zip(classes)
        .zip(&fits)
        .filter(|(_, fit)| fit.is_some())
        .map(|((name, class), _)| (Key::Dot(class), name.as_str()))
        .collect();
    let caption = "If 8.3 and 8.4 hold here, halving \u{3bb} quarters the loss and the gap and halves the angles: slopes 2, 2 and 1. Lines: least squares with their 95 % bands (fitted).";
    let (name, title) = ("scaling", "Scaling with \u{3bb}");
    let mut chart = Chart::new((name, title, caption), x, y, &legend);
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
            [&[lambda(records[k])][..], &series.iter().map(|s| s.2[k].1).collect::<Vec<_>>()]
                .concat()
        })
        .collect();
    Some(Figure {
        name: name.to_owned(),
        title: title.to_owned(),
        caption: caption.to_owned(),
        svg: chart.finish(),
        table: Table::of_points(&["\u{3bb}", "L", "\u{3b6}, upper end", "worst angle"], &rows),
        frames: None,
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
