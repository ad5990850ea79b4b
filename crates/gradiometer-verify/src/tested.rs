//! One inequality of one's own on random instances: counted, searched, and made small where it
//! fails.

use crate::error::VerifyError;
use crate::search::worst_of_all;
use crate::suite::{Options, Report, Suite};
use crate::{PartReport, Worst};
use gradiometer_instances::Instance;
use gradiometer_landscape::instance::draw;
use gradiometer_model::{Network, Teacher};
use gradiometer_theory::{Form, NamedCheck};
use std::fmt;
use std::ops::ControlFlow;

/// Evaluations that making an instance smaller may take.
const MOST_EVALUATIONS: usize = 600;
/// Steps of each climb, and seeds on which a control is tried.
const STEPS: u64 = 100;
const DRAWS: u64 = 512;

/// What became of a check.
#[derive(Clone, Debug)]
pub struct Tested {
    /// The counts, the worst seeds and the searches.
    pub report: Report,
    /// A violation made small: neurons and dimensions removed and weights rounded as long as it
    /// stays one.
    pub smallest: Option<Worst>,
}

/// Tests a check on random instances, climbs from the worst of them, and makes a violation small.
///
/// # Errors
/// [`VerifyError::At`] if it cannot be evaluated where its hypotheses hold.
///
/// # Examples
/// ```
/// use gradiometer_theory::{Check, Known, Sides};
/// use gradiometer_verify::test;
/// // sqrt(L) is not always at most lambda |p|: far from the optimum it is larger.
/// let mine = Check::inequality("loss", |at, _| {
///     let (q, dual) = (at.quantities()?, at.dual()?);
///     Ok(vec![Sides::at_most("loss", q.root_loss(), Known::computed(q.lambda * dual.norm(), 0.0))])
/// });
/// let tested = test(mine.named("mine"), 40).unwrap();
/// assert!(tested.report.violations() > 0);
/// assert_eq!(tested.smallest.unwrap().instance.teacher.neurons(), 1);
/// ```
pub fn test(check: NamedCheck, instances: u64) -> Result<Tested, VerifyError> {
    let options = Options { instances, steps: STEPS, draws: DRAWS, ..Options::default() };
    let mut suite = Suite::new(vec![check], Vec::new(), options);
    suite.run(None, &mut |_| ControlFlow::Continue(()))?;
    let report = suite.reports()[0].clone();
    let found = report.parts.iter().find_map(violation);
    let smallest = found.and_then(|instance| smaller(&check, &instance));
    Ok(Tested { report, smallest })
}

/// An instance that violates a part.
fn violation(part: &PartReport) -> Option<Instance> {
    if let Some(seed) = part.violating.first() {
        return draw(*seed).ok();
    }
    let search = part.search.as_ref().filter(|search| search.violated)?;
    search.instance.as_ref()?.instance().ok()
}

/// The smallest violation that removing and rounding leads to.
fn smaller(check: &NamedCheck, instance: &Instance) -> Option<Worst> {
    let mut best = violated(check, instance)?;
    let mut left = MOST_EVALUATIONS;
    loop {
        let mut tried = candidates(&best.instance).into_iter().take(left);
        let next = tried.find_map(|candidate| {
            left -= 1;
            violated(check, &candidate)
        });
        match next {
            Some(next) => best = next,
            None => return Some(best),
        }
    }
}

fn violated(check: &NamedCheck, instance: &Instance) -> Option<Worst> {
    worst_of_all(check, Form::Stated, instance).filter(|worst| worst.claim.is_violated())
}

/// Simpler instances, the boldest first.
fn candidates(of: &Instance) -> Vec<Instance> {
    let (teacher, student) = (of.teacher.network(), &of.student);
    let (count, m, d) = (teacher.neurons(), student.neurons(), student.dimension());
    let mut pairs: Vec<(Option<Network>, Option<Network>)> = Vec::new();
    let same = |network: &Network| Some(network.clone());
    if count > 1 {
        pairs.extend((0..count).map(|i| (without(teacher, i, i + 1), same(student))));
    }
    if m > 3 {
        let halves = [(0, m / 2), (m / 2, m)];
        pairs.extend(halves.map(|(from, to)| (same(teacher), without(student, from, to))));
    }
    if m > 1 {
        pairs.extend((0..m).rev().map(|j| (same(teacher), without(student, j, j + 1))));
    }
    if d > 1 {
        pairs.extend((0..d).rev().map(|k| (flattened(teacher, k), flattened(student, k))));
    }
    for digits in 1..4 {
        let round = |x: f64| significant(x, digits);
        pairs.push((mapped(teacher, round), mapped(student, round)));
    }
    let instance = |(teacher, student): (Option<Network>, Option<Network>)| {
        let teacher = Teacher::new(teacher?).ok()?.separated().ok()?;
        let (seed, student, lambda) = (of.seed, student?, of.lambda);
        Some(Instance { seed, teacher, student, lambda }).filter(|candidate| candidate != of)
    };
    pairs.into_iter().filter_map(instance).collect()
}

/// The network without some neurons.
fn without(network: &Network, from: usize, to: usize) -> Option<Network> {
    let keep = |j: &usize| *j < from || *j >= to;
    let kept: Vec<usize> = (0..network.neurons()).filter(keep).collect();
    let a = kept.iter().map(|j| network.second_layer()[*j]).collect();
    let w = kept.iter().flat_map(|j| network.neuron(*j).iter().copied()).collect();
    Network::new(network.dimension(), a, w).ok()
}

/// The network without a coordinate.
fn flattened(network: &Network, without: usize) -> Option<Network> {
    let rows = network.rows().flat_map(|w| w.iter().enumerate());
    let w = rows.filter(|(k, _)| *k != without).map(|(_, x)| *x).collect();
    Network::new(network.dimension() - 1, network.second_layer().to_vec(), w).ok()
}

fn mapped(network: &Network, change: impl Fn(f64) -> f64) -> Option<Network> {
    let all = |layer: &[f64]| layer.iter().map(|x| change(*x)).collect();
    Network::new(network.dimension(), all(network.second_layer()), all(network.first_layer())).ok()
}

/// The number with so many significant digits.
fn significant(x: f64, digits: usize) -> f64 {
    format!("{x:.*e}", digits - 1).parse().unwrap_or(x)
}

fn network_text(network: &Network) -> String {
    let rows: Vec<String> = network.rows().map(|w| format!("{w:?}")).collect();
    format!("a = {:?}, w = [{}]", network.second_layer(), rows.join(", "))
}

/// A line a part, and the smallest violation.
impl fmt::Display for Tested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.4}"));
        for part in &self.report.parts {
            let verdict = if part.all_violations() > 0 { "REFUTED" } else { "holds" };
            writeln!(
                f,
                "{} {}: {verdict}; {} instances, {} violations, worst ratio {}, after a search {}",
                self.report.id,
                part.part,
                part.checked,
                part.all_violations(),
                ratio(part.worst_ratio()),
                ratio(part.largest_ratio())
            )?;
        }
        let Some(Worst { claim, instance, .. }) = &self.smallest else { return Ok(()) };
        writeln!(f, "  smallest: {:.4e} against {:.4e}", claim.left, claim.right)?;
        writeln!(f, "  lambda = {:e}", instance.lambda)?;
        writeln!(f, "  teacher {}", network_text(instance.teacher.network()))?;
        writeln!(f, "  student {}", network_text(&instance.student))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradiometer_theory::{Statement, statements};

    fn named(id: &str) -> NamedCheck {
        let statement: &Statement = statements().find(|s| s.id == id).unwrap();
        statement.named_checks().next().unwrap()
    }

    #[test]
    fn a_statement_that_holds_has_no_counterexample() {
        let tested = test(named("7.1"), 60).unwrap();
        assert!(tested.smallest.is_none() && tested.report.controls_fail());
        let text = tested.to_string();
        assert!(text.contains("holds; ") && !text.contains("smallest"), "{text}");
    }

    #[test]
    fn half_of_a_bound_is_refuted_by_a_small_instance() {
        let half = gradiometer_theory::Check::inequality("7.1 with half of its bound", |at, _| {
            let (at, dual) = (at.quantities()?, at.dual()?);
            let sides = gradiometer_theory::s7_bounds::loss_bound(&at, dual.constants());
            Ok(vec![sides.with_right(0.5 * sides.right.value)])
        });
        let tested = test(half.named("half"), 60).unwrap();
        assert!(tested.to_string().contains("REFUTED"), "{tested}");
        let smallest = tested.smallest.unwrap();
        assert!(smallest.claim.is_violated());
        let Instance { teacher, student, .. } = &smallest.instance;
        assert_eq!((teacher.neurons(), student.neurons()), (1, 1), "{smallest:?}");
        // Every weight of it has at most three digits.
        assert!(student.first_layer().iter().all(|x| (significant(*x, 3) - x).abs() <= 0.0));
    }
}
