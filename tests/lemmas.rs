//! The statements on random instances, in short form: a few dozen instances of each, no violation, and every control refuted by the search that found
//! nothing against the statement itself. `gradiometer verify` is the long form.

use gradiometer::instances::{Directions, Instance, Place, Recipe};
use gradiometer::landscape::instance::build;
use gradiometer::landscape::lemmas::Relation;
use gradiometer::verify::{
    Context, Form, Options, ScalingReport, Statement, Suite, scalings, statements, worst_ratio,
};
use gradiometer_tests::source;
use proptest::prelude::*;
use std::f64::consts::FRAC_PI_3;
use std::ops::ControlFlow;

/// Enough for seconds: instances of each part, steps of a climb, draws for a control.
const SHORT: Options = Options { instances: 40, seed: 0, steps: 12, draws: 256, runs: 6 };

/// The statement holds wherever it was tried, by draws and by search, and its control does not.
#[track_caller]
fn holds_and_its_control_fails(id: &str) {
    // At least two evaluations of a statement that is evaluated seldom.
    let seldom = statements().iter().filter(|s| s.id == id).map(|s| 2 * s.every).max();
    let instances = SHORT.instances.max(seldom.unwrap_or(0));
    let options = Options { instances, ..SHORT };
    let mut suite = Suite::of(&[id.to_owned()], options).expect("the statement is known");
    suite.run(None, &mut |_| ControlFlow::Continue(())).expect("every statement can be evaluated");
    // One statement may have several entries, for it is evaluated more seldom where it takes longer.
    for report in suite.reports() {
        assert_eq!(report.violations(), 0, "{report:#?}");
        assert!(report.instances > 0 && report.controls_fail(), "{report:#?}");
    }
}

#[test]
fn hermite_polynomials_are_orthogonal() {
    holds_and_its_control_fails("2.1");
}

#[test]
fn relu_has_its_coefficients() {
    holds_and_its_control_fails("2.2");
}

#[test]
fn the_exponent_is_two_after_preprocessing() {
    holds_and_its_control_fails("2.3");
}

#[test]
fn the_kernel_is_its_integral_and_its_series() {
    holds_and_its_control_fails("3.1");
}

#[test]
fn the_loss_is_a_sum_over_pairs() {
    holds_and_its_control_fails("3.2");
}

#[test]
fn the_gradient_is_its_integral() {
    holds_and_its_control_fails("3.3");
}

#[test]
fn balance_defects_decay() {
    holds_and_its_control_fails("3.4");
}

#[test]
fn preprocessing_removes_two_degrees() {
    holds_and_its_control_fails("4.1");
}

#[test]
fn stage_one_is_its_formula() {
    holds_and_its_control_fails("4.2");
}

#[test]
fn stage_two_minimises_and_balancing_keeps_the_function() {
    holds_and_its_control_fails("4.3");
}

#[test]
fn stage_three_descends_with_lambda_halved() {
    holds_and_its_control_fails("4.4");
}

#[test]
fn no_student_is_below_the_dual_value() {
    holds_and_its_control_fails("5.1");
}

#[test]
fn no_measure_is_below_the_bound_of_the_optimum() {
    holds_and_its_control_fails("5.2");
}

#[test]
fn the_gap_is_its_parts() {
    holds_and_its_control_fails("5.3");
}

#[test]
fn a_proved_certificate_holds_where_it_is_tried() {
    holds_and_its_control_fails("6.1");
}

#[test]
fn the_interpolant_is_its_construction() {
    holds_and_its_control_fails("6.2");
}

#[test]
fn the_checker_accepts_no_more_than_was_met() {
    holds_and_its_control_fails("6.3");
}

#[test]
fn the_loss_is_bounded() {
    holds_and_its_control_fails("7.1");
}

#[test]
fn the_slack_is_bounded() {
    holds_and_its_control_fails("7.2");
}

#[test]
fn far_neurons_carry_little_mass() {
    holds_and_its_control_fails("7.3");
}

#[test]
fn norms_do_not_cancel() {
    holds_and_its_control_fails("7.4");
}

#[test]
fn the_mass_is_bounded() {
    holds_and_its_control_fails("7.5");
}

#[test]
fn the_average_neuron_is_near() {
    holds_and_its_control_fails("7.6");
}

#[test]
fn the_residual_is_its_split() {
    holds_and_its_control_fails("7.7");
}

#[test]
fn the_direction_descends() {
    holds_and_its_control_fails("7.8");
}

#[test]
fn a_small_step_lowers_the_objective() {
    holds_and_its_control_fails("7.10");
}

#[test]
fn stage_two_leaves_no_more_than_the_nearest_neurons() {
    holds_and_its_control_fails("8.2");
}

#[test]
fn every_statement_has_a_test_here() {
    let tests = source::read("tests/lemmas.rs");
    let untested =
        |s: &Statement| !tests.contains(&format!("holds_and_its_control_fails(\"{}\")", s.id));
    let untested: Vec<&str> = statements().iter().filter(|s| untested(s)).map(|s| s.id).collect();
    assert!(untested.is_empty(), "{untested:?}");
}

/// The fit of one scaling statement over a few runs.
fn fitted(id: &str, part: &str, runs: u64) -> ScalingReport {
    let scaling = scalings().into_iter().find(|s| s.id == id && s.part.starts_with(part));
    let scaling = scaling.expect("the part is known");
    scaling.report(SHORT.seed, runs).expect("every run can be measured")
}

#[track_caller]
fn agrees_and_its_control_does_not(id: &str, part: &str) {
    let report = fitted(id, part, SHORT.runs);
    assert!(report.agrees && report.control_fails, "{report:#?}");
}

#[test]
fn the_part_outside_the_span_falls_as_the_root_of_the_dimension() {
    agrees_and_its_control_does_not("8.1", "part outside");
}

#[test]
fn directions_cover_the_circle_of_the_span() {
    agrees_and_its_control_does_not("8.1", "covering radius against m/log m, r = 2");
}

#[test]
fn the_gap_is_bounded_by_the_gradient() {
    agrees_and_its_control_does_not("7.9", "gap against");
}

#[test]
fn extra_mass_of_the_optimum_is_of_the_order_of_lambda() {
    // An optimum with a density takes a second, and three runs differ little.
    let report = fitted("5.4", "mass of the optimum", 3);
    assert!(report.agrees && report.control_fails, "{report:#?}");
}

#[test]
fn the_loss_after_stage_two_falls_as_the_net_refines() {
    agrees_and_its_control_does_not("8.2", "loss after Stage 2");
}

#[test]
fn some_neuron_turns_to_every_teacher() {
    for part in ["worst angle of the neurons matched", "mean angle"] {
        agrees_and_its_control_does_not("8.4", part);
    }
}

#[test]
fn loss_and_angles_fall_with_lambda() {
    for part in ["loss at the end", "worst angle", "steps of an epoch"] {
        agrees_and_its_control_does_not("8.3", part);
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

/// The first claim that an instance violates, of the statements that are quick.
fn violated(instance: &Instance) -> Option<String> {
    let context = Context::new(instance);
    let quick: Vec<Statement> = statements().into_iter().filter(|s| s.every == 1).collect();
    quick.iter().find_map(|statement| {
        let claims = (statement.evaluate)(&context, Form::Stated).expect("it can be evaluated");
        claims.iter().find(|claim| claim.is_violated()).map(|claim| format!("{claim:#?}"))
    })
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
    let statements = statements();
    let statement = statements.iter().find(|s| s.id == "7.1").expect("7.1 is a statement");
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() },
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let result = runner.run(&recipe(), |recipe| {
        let Ok(instance) = build(&recipe) else { return Ok(()) };
        let claims = (statement.evaluate)(&Context::new(&instance), Form::Control)
            .map_err(|error| TestCaseError::reject(error.to_string()))?;
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
    let statements = statements();
    let statement = statements.iter().find(|s| s.id == "7.1").expect("7.1 is a statement");
    let claims = (statement.evaluate)(&Context::new(&instance), Form::Stated).expect("it holds");
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
