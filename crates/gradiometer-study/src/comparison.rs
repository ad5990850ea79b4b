//! Asymptotic statements beside measurements: of every quantity, at every size, what was measured over the seeds, what
//! was predicted, and what the finite size may add to their difference.
//!
//! A study that only compares is a list of [`Experiment`]s. Its columns are those of [`Row`], its measures
//! `measured`, `predicted` and `allowed`. A row agrees if the mean difference is at most [`ERRORS`] standard errors and
//! what is allowed. Rows of the form `control` must not agree: they are wrong predictions, or measurements of what the
//! statement excludes. Rows without a prediction (NaN) are there for a [`Rate`].

use super::measurement::{Level, Measure, Measurement, Setting, mean};
use super::reading::{Answer, CONTROL, Conclusion, Found, figure, near, short};
use super::session::{Case, Failure, Plan};
use gradiometer_mechanisms::Outcome;

pub(super) const MEASURES: &[Measure] = &[mean("measured"), mean("predicted"), mean("allowed")];

/// Standard errors within which a measurement must lie, beside what the finite size may add.
const ERRORS: f64 = 4.0;

/// Whether a row must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Stated,
    Control,
}

impl Form {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stated => "stated",
            Self::Control => "control",
        }
    }
}

/// One quantity at one size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) statement: &'static str,
    pub(super) quantity: &'static str,
    pub(super) d: usize,
    pub(super) form: Form,
    /// What the statement leaves out at this size, relative to the prediction.
    pub(super) finite_size: f64,
}

impl Row {
    /// A row that must agree.
    pub(super) const fn stated(
        statement: &'static str,
        quantity: &'static str,
        d: usize,
        finite_size: f64,
    ) -> Self {
        Self { statement, quantity, d, form: Form::Stated, finite_size }
    }

    /// The same as a control, which must not agree.
    pub(super) const fn control(
        statement: &'static str,
        quantity: &'static str,
        d: usize,
        finite_size: f64,
    ) -> Self {
        Self { form: Form::Control, ..Self::stated(statement, quantity, d, finite_size) }
    }

    fn setting(&self) -> Setting {
        vec![
            ("statement", Level::from(self.statement)),
            ("quantity", Level::from(self.quantity)),
            ("form", Level::from(self.form.name())),
            ("d", Level::from(self.d)),
        ]
    }
}

/// Measured and predicted.
pub(super) type Pair = (f64, f64);

/// What runs once a seed and gives a pair for each of its rows.
pub(super) struct Experiment {
    rows: Vec<Row>,
    seeds: usize,
    task: Box<dyn Fn(u64) -> Result<Vec<Pair>, Failure> + Send + Sync>,
}

impl Experiment {
    pub(super) fn new(
        rows: impl Into<Vec<Row>>,
        seeds: usize,
        task: impl Fn(u64) -> Result<Vec<Pair>, Failure> + Send + Sync + 'static,
    ) -> Self {
        Self { rows: rows.into(), seeds, task: Box::new(task) }
    }
}

pub(super) fn plan(experiments: Vec<Experiment>) -> Plan {
    let case = |one: &Experiment| Case {
        rows: one.rows.iter().map(Row::setting).collect(),
        seeds: one.seeds,
    };
    let cases = experiments.iter().map(case).collect();
    Plan::of_cases(cases, MEASURES, move |case, seed| {
        let Experiment { rows, task, .. } = &experiments[case];
        let pairs = task(seed)?;
        assert_eq!(pairs.len(), rows.len(), "a pair for every row of {rows:?}");
        let values = rows.iter().zip(pairs).flat_map(|(row, (measured, predicted))| {
            [measured, predicted, row.finite_size * predicted.abs()]
        });
        Ok(values.collect())
    })
}

/// The same of experiments whose predictions may fail; then every run says why.
pub(super) fn plan_of<E: std::fmt::Display>(experiments: Result<Vec<Experiment>, E>) -> Plan {
    plan(experiments.unwrap_or_else(|error| {
        let reason = error.to_string();
        let row = Row::stated("-", "nothing", 0, 0.0);
        vec![Experiment::new([row], 1, move |_| Err(reason.clone().into()))]
    }))
}

/// A number of steps.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive number far below 2^53"
)]
pub(super) const fn whole(x: f64) -> u64 {
    x as u64
}

/// 1 for an event, 0 for none.
pub(super) const fn indicator(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

/// That a quantity falls or grows as a power of `d`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) statement: &'static str,
    pub(super) quantity: &'static str,
    pub(super) form: Form,
    pub(super) exponent: f64,
    /// How near the fitted exponent must come.
    pub(super) room: f64,
}

impl Rate {
    /// The rows that it is fitted to; a control is a wrong exponent of the same rows.
    fn fixed(&self) -> [(&'static str, Level); 3] {
        [
            ("statement", Level::from(self.statement)),
            ("quantity", Level::from(self.quantity)),
            ("form", Level::from(Form::Stated.name())),
        ]
    }
}

/// The exponents of all rates.
pub(super) fn derive(found: Found<'_>, rates: &[Rate]) -> Vec<Measurement> {
    let mut all: Vec<Measurement> = Vec::new();
    for rate in rates {
        if !all.iter().any(|one| one.fits("exponent", &rate.fixed())) {
            all.push(found.exponents("exponent", ("measured", "d"), &rate.fixed()));
        }
    }
    all
}

/// A conclusion for each quantity, over its sizes, and for each rate.
pub(super) fn read(found: Found<'_>, rates: &[Rate]) -> Result<Vec<Conclusion>, Failure> {
    let mut conclusions = Vec::new();
    let mut seen: Vec<Vec<(&str, Level)>> = Vec::new();
    for one in found.all("measured", &[]) {
        let key: Vec<(&str, Level)> = one.setting.iter().copied().filter(|x| x.0 != "d").collect();
        if seen.contains(&key) {
            continue;
        }
        let sizes = found.all("measured", &key);
        seen.push(key.clone());
        let mut answers = Vec::new();
        let mut figures = Vec::new();
        for measured in sizes {
            let (predicted, allowed) = (
                found.one("predicted", &measured.setting)?,
                found.one("allowed", &measured.setting)?,
            );
            if predicted.mean().is_nan() {
                continue;
            }
            let (answer, text) = compared(measured, predicted, allowed.mean());
            answers.push(answer);
            figures.push(format!("d = {}: {text}", measured.number("d")));
        }
        if answers.is_empty() {
            continue;
        }
        let control = key.contains(&("form", Level::from(Form::Control.name())));
        // A control is refuted by one size.
        let mark = if control { CONTROL } else { "" };
        let claim =
            format!("{}: {} is as predicted{mark}", of(&key, "statement"), of(&key, "quantity"));
        conclusions.push(Conclusion::new(claim, Answer::all(answers), figures.join("; ")));
    }
    for rate in rates {
        let found = found.one("exponent", &rate.fixed())?;
        let mark = if rate.form == Form::Control { CONTROL } else { "" };
        conclusions.push(Conclusion::new(
            format!(
                "{}: {} goes as d to the power {}{mark}",
                rate.statement, rate.quantity, rate.exponent
            ),
            near(found, rate.exponent, rate.room),
            format!("exponent {}", figure(found)),
        ));
    }
    Ok(conclusions)
}

fn of(key: &[(&str, Level)], name: &str) -> String {
    key.iter().find(|(other, _)| *other == name).map_or_else(String::new, |(_, x)| x.to_string())
}

/// A difference in units of the room that it has, `4 errors + allowed`: at most 1 in modulus where measurement and
/// prediction agree. 0 for no difference, even where there is no room.
pub(super) fn deviation(difference: f64, error: f64, allowed: f64) -> f64 {
    if difference.abs() <= 0.0 { 0.0 } else { difference / (ERRORS * error + allowed) }
}

/// Whether a measurement is what was predicted of it, by the differences of each seed, and the figures.
fn compared(measured: &Measurement, predicted: &Measurement, allowed: f64) -> (Answer, String) {
    let differences: Vec<f64> =
        measured.values.iter().zip(&predicted.values).map(|((_, x), (_, y))| x - y).collect();
    let outcome = Outcome::of_samples(0.0, &differences);
    let holds = deviation(outcome.measured, outcome.error, allowed).abs() <= 1.0;
    let text = format!(
        "{} +- {} for {}",
        short(measured.mean()),
        short(outcome.error),
        short(predicted.mean())
    );
    (Answer::of(holds), text)
}

#[cfg(test)]
mod tests {
    use super::super::{Size, Study};
    use super::*;

    /// Three seeds around 1 at two sizes, of which the second has a seed less.
    fn experiments(_size: Size) -> Plan {
        let row = |quantity, d, form, finite_size| Row {
            statement: "0.0.0",
            quantity,
            d,
            form,
            finite_size,
        };
        let values = [0.99, 1.0, 1.02];
        let of = move |d: usize, seeds| {
            let rows = [
                row("a mean", d, Form::Stated, 0.0),
                row("a mean", d, Form::Control, 0.0),
                row("a biased mean", d, Form::Stated, 0.2),
                row("a decay", d, Form::Stated, 0.0),
            ];
            Experiment::new(rows, seeds, move |seed| {
                let x = values[usize::try_from(seed)?];
                Ok(vec![(x, 1.0), (x, 1.2), (x, 1.2), (x / (d * d) as f64, f64::NAN)])
            })
        };
        plan(vec![of(10, 3), of(20, 2)])
    }

    const RATES: &[Rate] = &[Rate {
        statement: "0.0.0",
        quantity: "a decay",
        form: Form::Stated,
        exponent: -2.0,
        room: 0.01,
    }];

    #[test]
    fn rows_agree_within_errors_and_what_is_allowed_and_controls_do_not() {
        let study = Study {
            name: "one",
            statement: "0.0.0",
            about: "a test",
            plan: experiments,
            derive: |found| derive(found, RATES),
            read: |found| read(found, RATES),
        };
        let findings = study.run(Size::Quick).unwrap();
        let lengths: Vec<usize> = findings.measurements.iter().map(|m| m.values.len()).collect();
        assert_eq!(lengths, [[3; 12], [2; 12]].concat().into_iter().chain([2]).collect::<Vec<_>>());
        let answers: Vec<(&str, Answer)> =
            findings.conclusions.iter().map(|c| (c.claim.as_str(), c.answer)).collect();
        assert_eq!(
            answers,
            [
                ("0.0.0: a mean is as predicted", Answer::Yes),
                ("0.0.0: a mean is as predicted (the control)", Answer::No),
                ("0.0.0: a biased mean is as predicted", Answer::Yes),
                ("0.0.0: a decay goes as d to the power -2", Answer::Yes),
            ]
        );
        assert!(findings.conclusions[0].figures.starts_with("d = 10: 1.003 +- 0.009 for 1.000"));
        // A wrong exponent is not near.
        let wrong = [Rate { exponent: -1.0, ..RATES[0] }];
        let read = read(Found(&findings.measurements), &wrong).unwrap();
        assert_eq!(read.last().unwrap().answer, Answer::No);
    }
}
