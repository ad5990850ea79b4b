//! 11.6.5: trajectories from saddle to saddle, online descent beside its flow.

use super::Size;
use super::comparison::whole;
use super::measurement::{Level, Measure, mean};
use super::reading::{Answer, Conclusion, Found, short};
use super::session::{Failure, Plan};
use gradiometer_hermite::quadrature::GaussHermite;
use gradiometer_mechanisms::MechanismError;
use gradiometer_mechanisms::abbe2023::{HermiteTarget, PopulationFlow};
use gradiometer_mechanisms::order_parameters::{Loss, Rule, SeveralDirections, stream};
use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};
use std::sync::LazyLock;

/// The overlap at which a direction counts as there.
pub(super) const THERE: f64 = 0.3;
/// The points and weights of a rule that is exact for the squares of all that is here.
static RULE: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| {
    GaussHermite::new(5).map_or_else(
        |_| Vec::new(),
        |rule| rule.nodes().iter().copied().zip(rule.weights()).collect(),
    )
});

/// A target of two coordinates that a neuron with `sigma = h_1 + h_2` reaches over a saddle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Saddle {
    /// `h_1(z_1) + h_2(z_2)`: the second direction has degree 2.
    Second,
    /// `z_1 + z_2 + z_1 z_2`: degree 2 along `z_1 - z_2`, though its leap in these coordinates is 1.
    Turned,
    /// `z_1 + z_1 z_2`: no saddle.
    First,
}

type Chain = SeveralDirections<fn(f64) -> (f64, f64), fn(&[f64]) -> f64>;

impl Saddle {
    const ALL: [Self; 3] = [Self::Second, Self::Turned, Self::First];

    fn terms(self) -> &'static [[u32; 2]] {
        match self {
            Self::Second => &[[1, 0], [0, 2]],
            Self::Turned => &[[1, 0], [0, 1], [1, 1]],
            Self::First => &[[1, 0], [1, 1]],
        }
    }

    /// Of the second layer.
    fn sign(self) -> f64 {
        if self == Self::Turned { -1.0 } else { 1.0 }
    }

    fn target(self) -> fn(&[f64]) -> f64 {
        match self {
            Self::Second => |z| z[0] + (z[1] * z[1] - 1.0) * FRAC_1_SQRT_2,
            Self::Turned => |z| z[0] + z[1] + z[0] * z[1],
            Self::First => |z| z[0] + z[0] * z[1],
        }
    }

    fn student(self) -> fn(f64) -> (f64, f64) {
        match self {
            Self::Turned => |a| (-a - (a * a - 1.0) * FRAC_1_SQRT_2, -1.0 - SQRT_2 * a),
            _ => |a| (a + (a * a - 1.0) * FRAC_1_SQRT_2, 1.0 + SQRT_2 * a),
        }
    }

    /// The overlap with the direction that comes first.
    fn learnt(self, m: &[f64]) -> f64 {
        if self == Self::Turned { (m[0] + m[1]) * FRAC_1_SQRT_2 } else { m[0] }
    }

    /// The overlap with the direction that is awaited.
    pub(super) fn awaited(self, m: &[f64]) -> f64 {
        if self == Self::Turned { (m[0] - m[1]) * FRAC_1_SQRT_2 } else { m[1] }
    }

    pub(super) fn chain(self, d: usize, delta: f64) -> Result<Chain, MechanismError> {
        let rule = Rule { student: self.student(), loss: Loss::Correlation, lookahead: 0.0 };
        SeveralDirections::new(rule, self.target(), 2, d, delta)
    }

    pub(super) fn flow(self) -> Result<PopulationFlow, MechanismError> {
        let target: HermiteTarget = self.terms().iter().map(|a| (a.to_vec(), 1.0)).collect();
        PopulationFlow::new(&target, &[0.0, 1.0, 1.0], self.sign())
    }

    /// `V(m) = E[f(z)^2 sigma'(a)^2]`.
    pub(super) fn noise(self, m: &[f64]) -> f64 {
        let (student, target) = (self.student(), self.target());
        let shrink = 1.0 / (1.0 + (1.0 - m[0] * m[0] - m[1] * m[1]).sqrt());
        let mut sum = 0.0;
        for (a, p) in RULE.iter() {
            let slope = student(*a).1;
            for (b, q) in RULE.iter() {
                for (c, r) in RULE.iter() {
                    let along = (m[0] * b + m[1] * c) * shrink;
                    let z = [m[0] * a + b - along * m[0], m[1] * a + c - along * m[1]];
                    let force = target(&z) * slope;
                    sum += p * q * r * force * force;
                }
            }
        }
        sum
    }
}

const MEASURES: &[Measure] = &[mean("overlap_learnt_first"), mean("overlap_awaited")];
/// The step is this over `d`.
const DELTA: f64 = 0.02;
/// Pairs of curves.
const CURVES: [[&str; 2]; 3] = [
    ["h1(z1) + h2(z2): flow", "h1(z1) + h2(z2): online"],
    ["z1 + z2 + z1 z2: flow", "z1 + z2 + z1 z2: online"],
    ["z1 + z1 z2: flow", "z1 + z1 z2: online"],
];
/// In `delta tau`.
const END: f64 = 12.0;
const TIMES: u32 = 24;
/// The start in units of `d^{-1/2}`: far enough from 0 in the awaited direction that noise hardly ever turns it.
const START: [f64; 2] = [1.0, -1.0];

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    use super::session::Case;
    let d: usize = size.choose(1000, 10_000);
    // From time 0 on, so that a figure has a linear axis.
    let times: Vec<f64> = (0..=TIMES).map(|i| END * f64::from(i) / f64::from(TIMES)).collect();
    let cases: Vec<(Saddle, usize)> =
        Saddle::ALL.into_iter().flat_map(|saddle| [(saddle, 0), (saddle, 1)]).collect();
    let rows = |&(saddle, which): &(Saddle, usize)| {
        let curve = CURVES[saddle as usize][which];
        let row = |time: &f64| {
            vec![("curve", Level::from(curve)), ("d", d.into()), ("time", (*time).into())]
        };
        Case { rows: times.iter().map(row).collect(), seeds: size.choose(10, 24) }
    };
    let plans = cases.iter().map(rows).collect();
    Plan::of_cases(plans, MEASURES, move |case, seed| {
        let (saddle, which) = cases[case];
        let mut m: Vec<f64> = START.iter().map(|x| x / (d as f64).sqrt()).collect();
        let mut values = Vec::new();
        let (chain, flow) = (saddle.chain(d, DELTA)?, saddle.flow()?);
        let (mut rng, mut work) = (stream(11_650, seed), Vec::new());
        let (mut now, mut done) = (0.0, 0);
        for time in &times {
            if which == 0 && *time > now {
                m = flow.at_time_with_retraction(&m, time - now, |m| DELTA * saddle.noise(m))?;
            } else if which == 1 {
                let steps = whole(time / DELTA * d as f64);
                for _ in done..steps {
                    chain.step(&mut m, &mut work, &mut rng);
                }
                done = steps;
            }
            now = *time;
            values.extend([saddle.learnt(&m), saddle.awaited(&m).abs()]);
        }
        Ok(values)
    })
}

/// How far means may be from their flow where it moves: what noise adds to the wait, over `lambda`.
const NEAR: f64 = 0.12;

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let distance = |measure: &str, one: &'static str, other: &'static str| {
        let (left, right) = (
            found.all(measure, &[("curve", Level::from(one))]),
            found.all(measure, &[("curve", Level::from(other))]),
        );
        if left.is_empty() || left.len() != right.len() {
            return Err(format!("the study did not measure {measure} along {one} and {other}"));
        }
        let distances = left.iter().zip(&right).map(|(x, y)| (x.mean() - y.mean()).abs());
        Ok(gradiometer_hermite::float::maximum_of(distances))
    };
    let mut conclusions = Vec::new();
    for [flow, online] in CURVES {
        for measure in ["overlap_learnt_first", "overlap_awaited"] {
            let apart = distance(measure, flow, online)?;
            let (name, target) = (measure.replace('_', " "), online.replace(": online", ""));
            conclusions.push(Conclusion::new(
                format!("for {target} the mean {name} of online descent is that of the flow"),
                Answer::of(apart <= NEAR),
                format!("at most {} apart", short(apart)),
            ));
        }
    }
    let apart = distance("overlap_awaited", CURVES[2][0], CURVES[0][1])?;
    conclusions.push(Conclusion::new(
        "a direction of degree 2 comes as early as one of degree 1 (the control)",
        Answer::of(apart <= NEAR),
        format!("{} apart", short(apart)),
    ));
    Ok(conclusions)
}
