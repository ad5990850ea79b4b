//! The statements on random instances, in short form: a few dozen instances of each, no violation,
//! and every control refuted by the search that found nothing against the statement itself.
//! `gradiometer verify` is the long form.

use gradiometer::instances::{Directions, Instance, Place, Recipe};
use gradiometer::landscape::instance::build;
use gradiometer::theory::{
    Check, Claim, Context, Evaluate, Form, Relation, Sides, Statement, TheoryError, s7_bounds,
};
use gradiometer::verify::{Options, Scaling, Suite, all_statements, worst_ratio};
use gradiometer_tests::source;
use proptest::prelude::*;
use std::f64::consts::FRAC_PI_3;
use std::ops::ControlFlow;

/// Enough for seconds: instances of each part, steps of a climb, draws for a control.
const SHORT: Options = Options { instances: 40, seed: 0, steps: 12, draws: 256, runs: 6 };

/// What is wrong with a statement, as its checks show on a few instances: nothing if it holds
/// wherever it was tried, by draws and by search, and its controls do not.
fn faults(statement: &Statement) -> Vec<String> {
    let mut faults = Vec::new();
    for named in statement.named_checks() {
        // At least two evaluations of a check that is evaluated seldom.
        let instances = SHORT.instances.max(2 * named.check.every());
        let options = Options { instances, ..SHORT };
        let mut suite = Suite::new(vec![named], Vec::new(), options);
        let run = suite.run(None, &mut |_| ControlFlow::Continue(()));
        let report = &suite.reports()[0];
        let holds = report.violations() == 0 && report.instances > 0;
        if run.is_err() || !holds || !report.controls_fail() {
            faults.push(format!("{}, {}: {run:?} {report:#?}", named.id, named.check.title));
        }
    }
    faults
}

/// Exponents whose runs take long; with `RUN_SLOW_TESTS` they are tried too.
const SLOW: [&str; 2] =
    ["covering radius against m/log m, r = 3", "covering radius against m/log m, r = 4"];

/// What is wrong with the exponents of a statement over a few runs.
fn wrong_exponents(statement: &Statement) -> Vec<String> {
    let slow = std::env::var_os("RUN_SLOW_TESTS").is_some();
    let mut faults = Vec::new();
    for exponent in statement.exponents.iter().filter(|e| slow || !SLOW.contains(&e.part)) {
        // An optimum with a density takes a second, and three runs differ little.
        let runs = if statement.section() == "5" { 3 } else { SHORT.runs };
        let scaling = Scaling { id: statement.id, exponent: *exponent };
        match scaling.report(SHORT.seed, runs) {
            Ok(report) if report.agrees && report.control_fails => {}
            found => faults.push(format!("{found:#?}")),
        }
    }
    faults
}

#[track_caller]
fn hold_and_their_controls_fail(section: &str) {
    let of_section = all_statements().filter(|s| s.section() == section);
    let faults: Vec<String> =
        of_section.flat_map(|s| [faults(s), wrong_exponents(s)].concat()).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_statements_on_hermite_expansions_hold_and_their_controls_fail() {
    hold_and_their_controls_fail("2");
}

#[test]
fn the_statements_on_the_objective_hold_and_their_controls_fail() {
    hold_and_their_controls_fail("3");
}

#[test]
fn the_statements_on_algorithm_1_hold_and_their_controls_fail() {
    hold_and_their_controls_fail("4");
}

#[test]
fn the_statements_on_the_optimum_hold_and_their_controls_fail() {
    hold_and_their_controls_fail("5");
}

#[test]
fn the_statements_on_certificates_hold_and_their_controls_fail() {
    hold_and_their_controls_fail("6");
}

#[test]
fn the_lemmas_hold_and_their_controls_fail() {
    hold_and_their_controls_fail("7");
}

#[test]
fn the_statements_on_whole_runs_hold_and_their_controls_fail() {
    hold_and_their_controls_fail("8");
}

#[test]
fn the_statements_of_the_literature_hold_and_their_controls_fail() {
    hold_and_their_controls_fail("11");
}

#[test]
fn every_section_has_a_test_here() {
    let tests = source::read("tests/lemmas.rs");
    let tested = |s: &Statement| tests.contains(&format!("controls_fail(\"{}\")", s.section()));
    let untested: Vec<&str> = all_statements().filter(|s| !tested(s)).map(|s| s.id).collect();
    assert!(untested.is_empty(), "{untested:?}");
}

/// 7.1 in one form, whichever is asked for.
const fn only(evaluate: Evaluate) -> [Check; 1] {
    [Check { evaluate, ..s7_bounds::LOSS_BOUND.checks[0] }]
}
static FALSE: [Check; 1] = only(|context, _| loss_bound_sides(context, Form::Control));
static TAME: [Check; 1] = only(|context, _| loss_bound_sides(context, Form::Stated));

fn loss_bound_sides(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    (s7_bounds::LOSS_BOUND.checks[0].evaluate)(context, form)
}

#[test]
fn a_statement_that_is_false_is_a_fault_and_so_is_a_control_that_holds() {
    for checks in [&FALSE, &TAME] {
        let wrong = Statement { checks, ..s7_bounds::LOSS_BOUND };
        assert_eq!(faults(&wrong).len(), 1);
    }
}

// Instances that shrink.

fn power_of_ten(low: i32, high: i32) -> impl Strategy<Value = f64> {
    (low..=high).prop_map(|exponent| 10.0_f64.powi(exponent))
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        Just(Place::Far),
        power_of_ten(-8, 0).prop_map(|angle| Place::Near {
            angle: if angle < 1.0 { angle } else { FRAC_PI_3 },
            defect: 0.0
        }),
        Just(Place::Mixed),
        Just(Place::Trained),
        prop_oneof![Just(0.5), Just(1.0), Just(2.0)].prop_map(|by| Place::Pulled { by }),
        power_of_ten(-12, -1).prop_map(|angle| Place::Collapsed { angle }),
    ]
}

/// Recipes, shrinking to one teacher neuron and a far student of one neuron.
fn recipe() -> impl Strategy<Value = Recipe> {
    let shape = (1_usize..=6, 0_usize..=2, 0_usize..=4, 1_usize..=10);
    let sizes = (power_of_ten(-6, 6), power_of_ten(0, 6), power_of_ten(-7, 1), power_of_ten(-2, 1));
    let directions = prop_oneof![
        Just(Directions::Spread { separation: 0.5 }),
        Just(Directions::Orthonormal),
        power_of_ten(-4, -1).prop_map(|angle| Directions::NearlyParallel { angle }),
    ];
    let flags = (any::<bool>(), any::<bool>(), 0_usize..=1);
    let added =
        (proptest::option::of(power_of_ten(-3, 3)), proptest::option::of(power_of_ten(-8, -1)));
    (shape, sizes, directions, place(), flags, added, 0_u64..1000).prop_map(
        |(
            (rank, more, outside, width),
            (amplitude, amplitude_ratio, lambda, student_scale),
            directions,
            place,
            (mixed_signs, balanced, zero_neurons),
            (cancelling, stray),
            seed,
        )| Recipe {
            dimension: rank + outside,
            rank,
            neurons: if rank > 1 { rank + more } else { 1 },
            directions: if rank > 1 { directions } else { Directions::Orthonormal },
            mixed_signs,
            amplitude,
            amplitude_ratio,
            place,
            width,
            student_scale,
            lambda: lambda * amplitude,
            balanced,
            zero_neurons,
            cancelling,
            stray,
            seed,
        },
    )
}

/// The first claim that an instance violates, of the checks that are quick.
fn violated(instance: &Instance) -> Option<String> {
    let context = Context::drawn(instance);
    let quick = all_statements().flat_map(Statement::named_checks).filter(|c| c.check.every() == 1);
    let claims = quick.flat_map(|c| c.claims(&context, Form::Stated).expect("it can be evaluated"));
    claims.into_iter().find(Claim::is_violated).map(|claim| format!("{claim:#?}"))
}

/// The claims of 7.1 at an instance.
fn loss_bound(instance: &Instance, form: Form) -> Vec<Claim> {
    let named = s7_bounds::LOSS_BOUND.named_checks().next().expect("7.1 has a check");
    named.claims(&Context::drawn(instance), form).expect("it can be evaluated")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_recipe_violates_a_statement(recipe in recipe()) {
        // Some recipes ask for what no teacher is.
        if let Ok(instance) = build(&recipe) {
            prop_assert_eq!(violated(&instance), None);
        }
    }

    #[test]
    fn moves_of_a_search_do_not_either(recipe in recipe(), size in 0.001_f64..1.0, seed in any::<u64>()) {
        if let Ok(moved) = build(&recipe).and_then(|i| Ok(i.moved(size, seed)?)) {
            prop_assert_eq!(violated(&moved), None);
        }
    }
}

#[test]
fn a_violation_shrinks_to_a_readable_instance() {
    // The control of 7.1 stands in for a false statement.
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() },
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let result = runner.run(&recipe(), |recipe| {
        let Ok(instance) = build(&recipe) else { return Ok(()) };
        let claims = loss_bound(&instance, Form::Control);
        prop_assert!(claims.iter().all(|claim| !claim.is_violated()));
        Ok(())
    });
    let Err(proptest::test_runner::TestError::Fail(_, smallest)) = result else {
        panic!("the control of 7.1 was not refuted: {result:?}");
    };
    // On a line no rho is the largest, so that one neuron in a plane is the least there is.
    assert_eq!((smallest.neurons, smallest.dimension, smallest.seed), (1, 2, 0), "{smallest:#?}");
}

#[test]
fn constants_that_are_sharp_in_one_neuron_are_reached() {
    // c = 1 - lambda/k(1), of zeta+ = 0 and sqrt(L) = lambda |p|: 7.1 with equality.
    let recipe = Recipe { place: Place::Pulled { by: 1.0 }, lambda: 0.01, ..one_neuron() };
    let instance = build(&recipe).expect("one neuron is a teacher");
    let claims = loss_bound(&instance, Form::Stated);
    let ratio = worst_ratio(&claims[0]).expect("the ratio is far from rounding");
    assert_eq!(claims[0].relation, Relation::AtMost);
    // zeta+ is a rounding of lambda, and its root enters.
    assert!((ratio - 1.0).abs() <= f64::EPSILON.sqrt(), "{ratio}");
}

fn one_neuron() -> Recipe {
    Recipe {
        dimension: 3,
        rank: 1,
        neurons: 1,
        directions: Directions::Orthonormal,
        mixed_signs: false,
        amplitude: 1.0,
        amplitude_ratio: 1.0,
        place: Place::Far,
        width: 1,
        student_scale: 1.0,
        lambda: 1.0,
        balanced: true,
        zero_neurons: 0,
        cancelling: None,
        stray: None,
        seed: 1,
    }
}
