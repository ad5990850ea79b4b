//! Newton's method to the floor of `L_lambda`.
#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use gradiometer_hermite::Activation;
use gradiometer_model::{Network, Teacher};
use gradiometer_population::{Objective, Population, SampleRequest, Samples, WeightDecay};
use gradiometer_train::{
    Algorithm, FloorEnding, Floors, Phase, Stage3, State, TrainError, Trainer,
};
use std::f64::consts::PI;

/// The search may end with a gradient of this many times its rounding.
const NEAR: f64 = 100.0;
/// Relative error to which losses are compared.
const ACCURACY: f64 = 1e-9;

fn population() -> Population {
    let w = vec![1.0, 0.0, 0.0, 0.0, 0.6, 0.8, 0.0, 0.0, -0.28, 0.96, 0.0, 0.0];
    Population::new(Teacher::new(Network::new(4, vec![1.0, -0.8, 1.1], w).unwrap()).unwrap())
}

/// The symmetric start with irregular directions.
fn start(half: usize) -> Network {
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for j in 0..half {
        let row: Vec<f64> = (0..4).map(|i| (12.9898 * (i + 5 * j + 1) as f64).sin()).collect();
        rows.push(gradiometer_model::geometry::normalised(&row));
    }
    rows.extend(rows.clone());
    let scale = 1.0 / (2.0 * half as f64).sqrt();
    let a = (0..2 * half).map(|j| if j < half { scale } else { -scale }).collect();
    Network::from_rows(a, &rows).unwrap()
}

fn algorithm(stage3: Stage3) -> Algorithm {
    Algorithm { stage3: Some(stage3), ..Algorithm::default() }
}

fn finish(objective: &dyn Objective, algorithm: &Algorithm, cut: u64) -> State {
    let mut state = Trainer::new(objective, algorithm, start(20)).unwrap().into_state();
    while state.phase != Phase::Finished {
        let mut trainer = Trainer::resume(objective, algorithm, state).unwrap();
        let _event = trainer.advance(cut).unwrap();
        state = trainer.into_state();
    }
    state
}

fn value(population: &Population, lambda: f64, student: &Network) -> f64 {
    population.loss(student, ACCURACY).value + WeightDecay::equal(lambda).value(student).value
}

#[test]
fn a_floor_is_a_stationary_point_below_what_descent_reaches() {
    let population = population();
    for lambda in [1e-2, 1e-4] {
        let quick =
            Stage3 { lambda, epochs: 1, steps: 0, floors: Floors::Last, ..Stage3::default() };
        let algorithm = algorithm(quick);
        let mut trainer = Trainer::new(&population, &algorithm, start(20)).unwrap();
        let mut last = f64::INFINITY;
        while !trainer.is_finished() {
            let phase = trainer.state().phase;
            let _event = trainer.advance(1).unwrap();
            let now = value(&population, lambda, &trainer.state().student);
            if matches!(phase, Phase::Floor { .. }) {
                // Up to the rounding of the values compared here.
                assert!(now <= last * (1.0 + ACCURACY), "{now} after {last}");
            }
            last = now;
        }
        let State { floor, student, steps, .. } = trainer.into_state();
        assert_eq!(floor.ending, Some(FloorEnding::Rounding));
        assert!(floor.gradient_norm <= NEAR * floor.rounding, "{floor:?}");
        // Rounding itself is that of doubles on parameters and curvatures of order one.
        assert!(floor.rounding <= 4096.0 * f64::EPSILON, "{floor:?}");
        let descent = Stage3 { steps: 20 * steps, floors: Floors::None, ..quick };
        let slow = finish(&population, &self::algorithm(descent), u64::MAX);
        let (floor, slow) =
            (value(&population, lambda, &student), value(&population, lambda, &slow.student));
        // Negative control: many more steps of descent have not arrived.
        assert!(floor < slow * (1.0 - ACCURACY), "{floor} and {slow} after {steps} steps");
    }
}

#[test]
fn one_neuron_has_the_floor_that_is_known() {
    // (1 - c)^2 k + lambda c is least at c = 1 - lambda/(2 k), k = k(1).
    let teacher = Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap();
    let population = Population::new(Teacher::new(teacher).unwrap());
    let (lambda, k) = (0.01, 0.25 - 0.5 / PI);
    let stage3 = Stage3 { lambda, epochs: 1, steps: 0, floors: Floors::Every, ..Stage3::default() };
    let algorithm = Algorithm { stage1: None, stage2: None, balance: false, stage3: Some(stage3) };
    // Coincident and unbalanced neurons, a zero neuron and one of the wrong sign, which must vanish.
    let w = vec![0.8, 0.6, 0.8, 0.6, 0.0, 0.0, 0.0, 0.5];
    let begun = Network::new(2, vec![0.1, 0.5, 0.0, -0.3], w).unwrap();
    let mut trainer = Trainer::new(&population, &algorithm, begun).unwrap();
    while !trainer.is_finished() {
        let _event = trainer.advance(u64::MAX).unwrap();
    }
    let student = trainer.into_state().student;
    let total = student.mass(0) + student.mass(1);
    // The gradient is of the order of its rounding, the curvature in the mass 2 k.
    let allowed = NEAR * 64.0 * f64::EPSILON;
    assert!((total - (1.0 - 0.5 * lambda / k)).abs() <= allowed, "{total}");
    assert!(student.mass(3).abs() <= allowed, "{}", student.mass(3));
    assert_eq!(student.neuron(2), [0.0, 0.0]);
    // The direction moves against a curvature of lambda times the mass.
    assert!(student.neuron(0)[1].abs() <= allowed / lambda, "{:?}", student.neuron(0));
}

#[test]
fn a_search_cut_anywhere_ends_in_the_same_bytes() {
    let population = population();
    let stage3 = Stage3 { epochs: 2, steps: 30, floors: Floors::Every, ..Stage3::default() };
    let algorithm = algorithm(stage3);
    let whole = finish(&population, &algorithm, u64::MAX);
    assert!(whole.steps > 70, "{}", whole.steps);
    for cut in [1, 7] {
        assert_eq!(finish(&population, &algorithm, cut), whole, "cut every {cut} steps");
    }
}

#[test]
fn floors_come_where_they_are_asked_for_and_end_after_their_steps() {
    let population = population();
    let phases = |floors| {
        let stage3 = Stage3 { epochs: 2, steps: 1, floors, floor_steps: 2, ..Stage3::default() };
        let algorithm = algorithm(stage3);
        let mut trainer = Trainer::new(&population, &algorithm, start(20)).unwrap();
        let (mut found, mut most) = (Vec::new(), 0);
        while !trainer.is_finished() {
            if let phase @ Phase::Floor { .. } = trainer.state().phase {
                found.push(phase);
            }
            most = trainer.most_steps();
            let _event = trainer.advance(u64::MAX).unwrap();
        }
        let state = trainer.into_state();
        assert!(found.is_empty() || state.floor.ending == Some(FloorEnding::Steps));
        (found, most)
    };
    let floor = |epoch| Phase::Floor { epoch };
    assert_eq!(phases(Floors::None), (vec![], 2));
    assert_eq!(phases(Floors::Last), (vec![floor(1)], 4));
    assert_eq!(phases(Floors::Every), (vec![floor(0), floor(1)], 6));
}

#[test]
fn a_frozen_first_layer_stays_and_samples_have_no_floor() {
    let population = population();
    let stage3 = Stage3 {
        epochs: 1,
        steps: 0,
        floors: Floors::Last,
        freeze_first_layer: true,
        ..Stage3::default()
    };
    let algorithm = Algorithm { stage1: None, stage2: None, balance: false, stage3: Some(stage3) };
    let state = finish(&population, &algorithm, u64::MAX);
    assert_eq!(state.student.first_layer(), start(20).first_layer());
    assert!(state.floor.gradient_norm <= NEAR * state.floor.rounding, "{:?}", state.floor);
    let request = SampleRequest::new(100, 1);
    let sampled = Samples::drawn(population.teacher().clone(), Activation::Relu, &request).unwrap();
    let mut trainer = Trainer::new(&sampled, &algorithm, start(20)).unwrap();
    let _epoch = trainer.advance(1).unwrap();
    let error = trainer.advance(1).unwrap_err();
    assert!(matches!(error, TrainError::Population(_)), "{error}");
    assert!(error.to_string().contains("leave samples"), "{error}");
}
