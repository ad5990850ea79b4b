//! 11.7.4: how long online gradient descent needs to escape at information exponent 2, with the constant of `d log d`.
//!
//! Matched `h_2`, correlation loss: the exact chain of the overlap beside the mean hitting time of its diffusion and the
//! law `(1/lambda)(log d/2 - log|Z| - log(1 + delta^2 V_2/(2 lambda))/2 + C)`.

use super::Size;
use super::measurement::{Level, Measure, mean};
use super::reading::{Conclusion, Found, figure, near, short};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::MechanismError;
use gradiometer_mechanisms::ben_arous2021::SingleIndex;
use gradiometer_mechanisms::order_parameters::{Loss, Rule, SphereChain, hermite_student, stream};

const MEASURES: &[Measure] = &[mean("escape_time")];
/// The step is this over `d`.
const DELTA: f64 = 0.5;
/// Where a run has escaped.
const ESCAPED: f64 = 0.3;

type Problem = SingleIndex<fn(f64) -> (f64, f64), fn(f64) -> f64>;

fn student(a: f64) -> (f64, f64) {
    hermite_student(2)(a)
}

const TARGET: fn(f64) -> f64 = |z| student(z).0;

fn rule() -> Rule<fn(f64) -> (f64, f64)> {
    Rule { student, loss: Loss::Correlation, lookahead: 0.0 }
}

fn problem() -> Result<Problem, MechanismError> {
    SingleIndex::new(rule(), TARGET)
}

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let dimensions: &[usize] = match size {
        Size::Quick => &[1000, 4000],
        Size::Full => &[1000, 10_000, 100_000, 1_000_000],
    };
    let setting = |d: &usize| vec![("d", Level::from(*d))];
    let seeds = size.choose(200, 400);
    Plan::new(dimensions.to_vec(), setting, (MEASURES, seeds), |&d, seed| {
        let chain = SphereChain::new(rule(), TARGET, d, DELTA)?;
        let mut rng = stream(1174, seed);
        let start = chain.random_start(&mut rng);
        let limit = 200 * d as u64;
        let steps = chain.first_passage(start, limit, |m| m.abs() >= ESCAPED, &mut rng);
        Ok(vec![steps.map_or(f64::NAN, |n| n as f64 / d as f64)])
    })
}

/// What the diffusion leaves out at `d = 1000`, in units of `1/lambda`; it falls as `d^{-1/2}`.
const FINITE_SIZE: f64 = 0.2;

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let problem = problem()?;
    let law = problem.escape(DELTA, ESCAPED)?;
    let mut conclusions = Vec::new();
    for one in found.all("escape_time", &[]) {
        let d = one.number("d");
        let room = FINITE_SIZE / law.rate * (1000.0 / d).sqrt();
        let diffusion = problem.diffusion_time(DELTA, ESCAPED, d, true)?;
        conclusions.push(Conclusion::new(
            format!("at d = {d} the mean escape time is that of the diffusion"),
            near(one, diffusion, room),
            format!(
                "{} d samples, predicted {}, law {}",
                figure(one),
                short(diffusion),
                short(law.mean(d))
            ),
        ));
    }
    let (_, last) = found.ends("escape_time", &[])?;
    let d = last.number("d");
    let without = law.mean(d) + 0.5 * law.noise_factor.ln() / law.rate;
    conclusions.push(Conclusion::new(
        "it is that of the law without the noise of the first steps (the control)",
        near(last, without, FINITE_SIZE / law.rate * (1000.0 / d).sqrt()),
        format!("{}, predicted {}", figure(last), short(without)),
    ));
    Ok(conclusions)
}
