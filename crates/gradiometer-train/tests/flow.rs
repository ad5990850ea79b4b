//! Gradient flow against a solution in closed form, gradient descent and the law of balance.
#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use gradiometer_model::geometry::norm;
use gradiometer_model::{Network, Teacher};
use gradiometer_population::{Objective, Population, WeightDecay};
use gradiometer_train::{Advance, Algorithm, Optimizer, Stage3, State, Trainer};
use std::f64::consts::PI;

/// The tolerance of a flow that serves as the truth: a few hundred steps of it still leave an error far below what it is compared with.
const FINE: f64 = 1e-12;

fn algorithm(stage3: Stage3) -> Algorithm {
    Algorithm { stage1: None, stage2: None, balance: false, stage3: Some(stage3) }
}

/// The end of an epoch, and the steps that it took.
fn run(population: &Population, stage3: Stage3, start: &Network) -> (Network, u64) {
    let algorithm = algorithm(Stage3 { epochs: 1, ..stage3 });
    let mut trainer = Trainer::new(population, &algorithm, start.clone()).unwrap();
    while !trainer.is_finished() {
        let _event = trainer.advance(u64::MAX).unwrap();
    }
    let state = trainer.into_state();
    (state.student, state.steps)
}

fn flow(tolerance: f64) -> Stage3 {
    Stage3 { optimizer: Optimizer::Flow { tolerance }, ..Stage3::default() }
}

fn distance(x: &Network, y: &Network) -> f64 {
    let entries = |n: &Network| [n.second_layer(), n.first_layer()].concat();
    norm(&entries(x).iter().zip(entries(y)).map(|(x, y)| x - y).collect::<Vec<_>>())
}

fn planar() -> (Population, Network) {
    let teacher = Network::new(3, vec![1.0, -1.0], vec![1.0, 0.0, 0.0, 0.6, 0.8, 0.0]).unwrap();
    let w = vec![0.9, -0.4, 0.2, 0.1, 0.7, -0.3, -0.5, 0.5, 0.6, 0.3, -0.2, 0.8];
    let student = Network::new(3, vec![0.5, -1.2, 0.3, 0.9], w).unwrap();
    (Population::new(Teacher::new(teacher).unwrap()), student)
}

#[test]
fn one_neuron_follows_its_logistic_curve() {
    // a = w > 0 beside the teacher a* = w* = 1: a' = -2 k (a^2 - 1) a - lambda a, so u = a^2 has
    // u' = 2 u ((2 k - lambda) - 2 k u), k = k(1).
    let teacher = Teacher::new(Network::new(1, vec![1.0], vec![1.0]).unwrap()).unwrap();
    let (k, lambda, first, time) = (0.25 - 0.5 / PI, 0.05, 0.01_f64, 20.0);
    let start = Network::new(1, vec![first], vec![first]).unwrap();
    let (rate, end) = (2.0 * (2.0 * k - lambda), (2.0 * k - lambda) / (2.0 * k));
    let square = end / (1.0 + (end / (first * first) - 1.0) * f64::exp(-rate * time));
    let exact = Network::new(1, vec![square.sqrt()], vec![square.sqrt()]).unwrap();
    let population = Population::new(teacher);
    let [coarse, fine] = [1e-6, 1e-10].map(|tolerance| {
        let stage3 = Stage3 { lambda, step_size: 0.1, steps: 200, ..flow(tolerance) };
        let (found, steps) = run(&population, stage3, &start);
        // The growth amplifies an error made early by less than the square root of square/first^2.
        let allowed = tolerance * steps as f64 * square.sqrt() / first;
        let off = distance(&found, &exact);
        assert!(off <= allowed, "{off:e} at tolerance {tolerance:e}");
        off
    });
    // Negative control: the bound tells the tolerances apart.
    assert!(coarse > 100.0 * fine, "{coarse:e} and {fine:e}");
}

#[test]
fn the_error_goes_as_the_tolerance_and_the_steps_as_its_fifth_root() {
    let (population, start) = planar();
    let stage3 = |tolerance| Stage3 { lambda: 0.02, step_size: 0.1, steps: 300, ..flow(tolerance) };
    let (truth, _) = run(&population, stage3(FINE), &start);
    let [(coarse, few), (fine, many)] = [1e-5, 1e-9].map(|tolerance| {
        let (end, steps) = run(&population, stage3(tolerance), &start);
        (distance(&end, &truth), steps as f64)
    });
    // Exponents over four decades: 1 and 1/5, with room for the first and the last steps.
    let decades = 4.0;
    let error = (coarse / fine).log10() / decades;
    let steps = (many / few).log10() / decades;
    assert!((error - 1.0).abs() < 0.3, "{coarse:e} to {fine:e}: {error}");
    assert!((steps - 0.2).abs() < 0.05, "{few} to {many}: {steps}");
}

#[test]
fn descent_tends_to_the_flow_at_first_order() {
    let (population, start) = planar();
    let stage3 = Stage3 { lambda: 0.02, step_size: 0.1, steps: 200, ..flow(FINE) };
    let (truth, _) = run(&population, stage3, &start);
    let offs = [1, 2, 4].map(|finer| {
        let descent = Stage3 {
            step_size: 0.1 / finer as f64,
            steps: 200 * finer,
            optimizer: Optimizer::GradientDescent,
            ..stage3
        };
        distance(&run(&population, descent, &start).0, &truth)
    });
    for pair in offs.windows(2) {
        let ratio = pair[0] / pair[1];
        assert!((1.8..2.2).contains(&ratio), "{offs:?}");
    }
}

#[test]
fn the_flow_lowers_the_objective_and_keeps_the_law_of_balance() {
    let (population, start) = planar();
    let (lambda, step_size, steps) = (0.1, 0.05, 200);
    let tolerance = 1e-9;
    let stage3 = Stage3 { lambda, step_size, steps, epochs: 1, ..flow(tolerance) };
    let algorithm = algorithm(stage3);
    let mut trainer = Trainer::new(&population, &algorithm, start.clone()).unwrap();
    let objective = |student: &Network| {
        population.loss(student, tolerance).value + WeightDecay::equal(lambda).value(student).value
    };
    let mut last = objective(&start);
    let mut taken = 0.0;
    let defect = |s: &Network, j: usize| s.second_layer()[j].powi(2) - norm(s.neuron(j)).powi(2);
    loop {
        let event = trainer.advance(1).unwrap();
        let State { student, flow, .. } = trainer.state();
        let now = objective(student);
        assert!(now < last, "{now} after {last} at time {}", flow.time);
        last = now;
        taken += 1.0;
        // a_j dL/da_j = w_j . dL/dw_j, so that each a_j^2 - |w_j|^2 decays as exp(-2 lambda t). A step is off by the tolerance
        // times |theta| < 4, in a square of at most twice that.
        for j in 0..start.neurons() {
            let expected = defect(&start, j) * (-2.0 * lambda * flow.time).exp();
            let off = (defect(student, j) - expected).abs();
            assert!(off <= taken * 32.0 * tolerance, "neuron {j} at {}: {off:e}", flow.time);
        }
        if event != Advance::Paused {
            break;
        }
    }
    let time = trainer.state().flow.time;
    assert!((time - step_size * steps as f64).abs() <= 0.0, "{time}");
    // Negative control: gradient descent over the same time keeps the law to first order only.
    let descent = Stage3 { optimizer: Optimizer::GradientDescent, ..stage3 };
    let (end, _) = run(&population, descent, &start);
    let expected = defect(&start, 0) * (-2.0 * lambda * time).exp();
    assert!((defect(&end, 0) - expected).abs() > taken * 32.0 * tolerance);
}

#[test]
fn a_flow_cut_anywhere_ends_in_the_same_bytes() {
    let (population, start) = planar();
    let algorithm = algorithm(Stage3 { steps: 100, epochs: 2, ..flow(1e-6) });
    let cut_every = |cut: u64| {
        let mut state = Trainer::new(&population, &algorithm, start.clone()).unwrap().into_state();
        while state.phase != gradiometer_train::Phase::Finished {
            let mut trainer = Trainer::resume(&population, &algorithm, state).unwrap();
            let _event = trainer.advance(cut).unwrap();
            state = trainer.into_state();
        }
        state
    };
    let whole = cut_every(u64::MAX);
    assert!(whole.steps > 20, "{}", whole.steps);
    assert_eq!(cut_every(1), whole);
    assert_eq!(cut_every(7), whole);
}
