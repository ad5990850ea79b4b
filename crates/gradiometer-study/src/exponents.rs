//! 8.1, 8.3 and 8.4: the exponents of whole runs that `verify` fits, run by run.

use super::Size;
use super::measurement::{Level, Measure, mean};
use super::reading::{Answer, Conclusion, Found, figure};
use super::session::{Failure, Plan};
use gradiometer_theory::Form;
use gradiometer_verify::{Fit, Scaling, scalings};

const MEASURES: &[Measure] = &[mean("exponent")];

pub(super) use super::nothing_derived as derive;

/// The exponents of section 8.
fn of_runs() -> Vec<Scaling> {
    scalings().into_iter().filter(|scaling| scaling.id.starts_with("8.")).collect()
}

/// Those that the quick size has.
const QUICK: [&str; 2] = ["part outside", "loss at the end"];

pub(super) fn plan(size: Size) -> Plan {
    let quick =
        |scaling: &Scaling| QUICK.iter().any(|part| scaling.exponent.part.starts_with(part));
    let mut cases = Vec::new();
    for scaling in of_runs() {
        if size == Size::Full || quick(&scaling) {
            cases.extend([(scaling, Form::Stated), (scaling, Form::Control)]);
        }
    }
    let setting = |(scaling, form): &(Scaling, Form)| {
        vec![
            ("claim", Level::from(scaling.id)),
            ("exponent_of", scaling.exponent.part.into()),
            ("form", form.choose("stated", "control").into()),
        ]
    };
    Plan::new(cases, setting, (MEASURES, size.choose(2, 10)), |(scaling, form), seed| {
        Ok(vec![scaling.slope(seed, *form)?])
    })
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let mut conclusions = Vec::new();
    // The quick size has some only.
    let measured = |s: &Scaling| {
        !found.all("exponent", &[("exponent_of", Level::from(s.exponent.part))]).is_empty()
    };
    for scaling in of_runs().into_iter().filter(measured) {
        let at = |form: &'static str| {
            let fixed =
                [("exponent_of", Level::from(scaling.exponent.part)), ("form", Level::from(form))];
            found.one("exponent", &fixed)
        };
        let (stated, control) = (at("stated")?, at("control")?);
        let [fit, control_fit] = [stated, control]
            .map(|one| Fit::of(&one.values.iter().map(|(_, x)| *x).collect::<Vec<f64>>()));
        let predicted = scaling.exponent.predicted;
        conclusions.push(Conclusion::new(
            format!(
                "the exponent of {} in statement {} is {}",
                scaling.exponent.part,
                scaling.id,
                predicted.text()
            ),
            Answer::of(fit.agrees(predicted)).and(Answer::of(!control_fit.agrees(predicted))),
            format!("{}; with {} {}", figure(stated), scaling.exponent.control, figure(control)),
        ));
    }
    Ok(conclusions)
}
