//! The trainer against the formulas of statements 3.4 and 4.1 to 4.4.
#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use gradiometer_hermite::Activation;
use gradiometer_hermite::float::{maximum, maximum_of};
use gradiometer_model::geometry::{dot, norm, normalised};
use gradiometer_model::{Network, Teacher};
use gradiometer_population::{
    Accuracy, Batches, Degrees, Gradient, Objective, Population, Precision,
};
use gradiometer_population::{Reached, SampleRequest, Samples, WeightDecay, Workspace};
use gradiometer_train::{Advance, Algorithm, Phase, Record, Solver, Stage1, Stage2, Stage3};
use gradiometer_train::{Optimizer, State, TrainError, Trainer};
use proptest::prelude::*;
use std::f64::consts::PI;

/// Factor by which the ridge solver is asked to lower its residual.
const RIDGE_TOLERANCE: f64 = 1e-9;

/// A multiple of the rounding of sums of `terms` terms of the given size.
fn rounding(terms: usize, scale: f64) -> f64 {
    32.0 * terms as f64 * f64::EPSILON * scale
}

/// An irregular sequence in `[-1, 1]`.
fn wave(count: usize, seed: f64) -> Vec<f64> {
    (0..count).map(|i| (12.9898 * (i as f64 + 1.0) + 78.233 * seed).sin()).collect()
}

fn teacher(d: usize, amplitudes: &[f64]) -> Teacher {
    let mut w = Vec::new();
    for (i, _) in amplitudes.iter().enumerate() {
        w.extend(normalised(&wave(d, i as f64 + 0.5)));
    }
    Teacher::new(Network::new(d, amplitudes.to_vec(), w).unwrap()).unwrap()
}

/// The symmetric start of Algorithm 1 with `a = +-scale`.
fn symmetric(d: usize, half: usize, scale: f64) -> Network {
    let mut w = Vec::new();
    for j in 0..half {
        w.extend(normalised(&wave(d, 100.0 + j as f64)));
    }
    w.extend(w.clone());
    let mut a = vec![scale; half];
    a.extend(vec![-scale; half]);
    Network::new(d, a, w).unwrap()
}

fn finish(population: &Population, algorithm: &Algorithm, start: Network) -> (Network, Record) {
    finish_in(Precision::Double, population, algorithm, start)
}

fn finish_in(
    precision: Precision,
    population: &Population,
    algorithm: &Algorithm,
    start: Network,
) -> (Network, Record) {
    let mut trainer = Trainer::new(population, algorithm, start).unwrap().with_precision(precision);
    while !trainer.is_finished() {
        let _event = trainer.advance(u64::MAX).unwrap();
    }
    let record = trainer.record(&[0.3]);
    (trainer.into_state().student, record)
}

fn only(stage3: Stage3) -> Algorithm {
    Algorithm { stage1: None, stage2: None, balance: false, stage3: Some(stage3) }
}

#[test]
fn stage_one_is_the_formula_of_statement_4_2() {
    let (d, eta) = (7, 10.0);
    let teacher = teacher(d, &[1.0, -2.0, 0.5]);
    let start = symmetric(d, 5, 0.3);
    let algorithm = Algorithm {
        stage1: Some(Stage1 { step_size: eta }),
        stage2: None,
        balance: false,
        stage3: None,
    };
    let (student, _) = finish(&Population::new(teacher.clone()), &algorithm, start.clone());
    for j in 0..start.neurons() {
        let (a, w) = (start.second_layer()[j], start.neuron(j));
        let mut expected = vec![0.0; d];
        for i in 0..teacher.neurons() {
            let u = teacher.direction(i);
            let t = dot(w, u);
            let factor = 2.0 * eta * a * teacher.amplitudes()[i] / (2.0 * PI);
            for k in 0..d {
                expected[k] += factor * (((1.0 - t * t).sqrt() - 1.0) * w[k] + t.asin() * u[k]);
            }
        }
        let worst = maximum_of(student.neuron(j).iter().zip(&expected).map(|(x, y)| (x - y).abs()));
        assert!(worst <= rounding(30, 2.0 * eta), "neuron {j}: {worst:e}");
    }
}

#[test]
fn the_symmetric_start_is_the_zero_function() {
    let population = Population::new(teacher(5, &[1.0, -1.0])).of_degrees(Degrees::All);
    let zero = Network::new(5, vec![0.0], vec![0.0; 5]).unwrap();
    let at_zero = population.evaluate(&zero, Accuracy::finest(RIDGE_TOLERANCE)).unwrap().loss;
    let at_start =
        population.evaluate(&symmetric(5, 6, 0.7), Accuracy::finest(RIDGE_TOLERANCE)).unwrap().loss;
    assert!((at_zero.value - at_start.value).abs() <= at_zero.error + at_start.error);
}

/// `|grad_a L + lambda a|` at the end of Stage 2.
fn ridge_residual(solver: Solver, lambda: f64) -> f64 {
    ridge_residual_from(symmetric(6, 20, 0.2), solver, lambda)
}

fn ridge_residual_from(start: Network, solver: Solver, lambda: f64) -> f64 {
    let population = Population::new(teacher(6, &[1.0, -1.0, 2.0]));
    let algorithm = Algorithm {
        stage1: None,
        stage2: Some(Stage2 { lambda, solver }),
        balance: false,
        stage3: None,
    };
    let (student, _) = finish(&population, &algorithm, start);
    let gradient =
        population.evaluate(&student, Accuracy::finest(RIDGE_TOLERANCE)).unwrap().gradient;
    let residual: Vec<f64> = gradient
        .second_layer
        .iter()
        .zip(student.second_layer())
        .map(|(g, a)| g + lambda * a)
        .collect();
    norm(&residual)
}

#[test]
fn ridge_solves_the_normal_equations_and_gradient_descent_approaches_them() {
    let exact = ridge_residual(Solver::Ridge { tolerance: RIDGE_TOLERANCE, steps: 1000 }, 1e-2);
    // The right-hand side -grad_a L(0) has a norm of a few units.
    assert!(exact <= 10.0 * RIDGE_TOLERANCE, "{exact:e}");
    let few = ridge_residual(Solver::GradientDescent { step_size: 0.1, steps: 10 }, 1e-2);
    let many = ridge_residual(Solver::GradientDescent { step_size: 0.1, steps: 1000 }, 1e-2);
    assert!(many < 0.5 * few, "{many:e} against {few:e}");
    // Negative control: two iterations do not solve it.
    assert!(
        ridge_residual(Solver::Ridge { tolerance: RIDGE_TOLERANCE, steps: 2 }, 1e-2)
            > 100.0 * exact
    );
}

#[test]
fn ridge_ends_at_the_tolerance_asked_for() {
    let lambda = 1e-4;
    let start = ridge_residual(Solver::Ridge { tolerance: 0.5, steps: 0 }, lambda);
    let mut last = f64::INFINITY;
    for tolerance in [0.1, 1e-2, 1e-3, 1e-4, 1e-5] {
        let left = ridge_residual(Solver::Ridge { tolerance, steps: 1000 }, lambda) / start;
        // Within twice the tolerance is near enough; a looser one does less.
        assert!(left <= 2.0 * tolerance, "{tolerance}: {left}");
        assert!(left < last, "{tolerance}: {left} {last}");
        last = left;
    }
}

#[test]
fn ridge_of_short_neurons_meets_its_tolerance() {
    // Lengths of one in a hundred thousand: differences of gradients lose the digits of their square.
    let short = |length: f64| {
        let start = symmetric(6, 20, 0.2);
        let w = start.first_layer().iter().map(|x| length * x).collect();
        Network::new(6, start.second_layer().to_vec(), w).unwrap()
    };
    for length in [1e-2, 1e-5] {
        let lambda = 1e-3 * length * length;
        let of = |tolerance, steps| {
            ridge_residual_from(short(length), Solver::Ridge { tolerance, steps }, lambda)
        };
        let left = of(RIDGE_TOLERANCE, 1000) / of(0.5, 0);
        assert!(left <= 2.0 * RIDGE_TOLERANCE, "{length}: {left:e}");
    }
}

#[test]
fn a_step_is_gradient_descent_on_the_regularised_objective_and_lowers_it() {
    let population = Population::new(teacher(6, &[1.0, -1.0, 2.0]));
    let (eta, lambda) = (0.05, 1e-2);
    let stage3 = Stage3 { step_size: eta, lambda, epochs: 1, steps: 30, ..Stage3::default() };
    let algorithm = Algorithm { balance: true, ..only(stage3) };
    let mut trainer = Trainer::new(&population, &algorithm, symmetric(6, 20, 0.2)).unwrap();
    let _balanced = trainer.advance(1).unwrap();
    let objective = |student: &Network| {
        population.loss(student, RIDGE_TOLERANCE).value
            + WeightDecay::equal(lambda).value(student).value
    };
    let mut last = objective(&trainer.state().student);
    while !trainer.is_finished() {
        let before = trainer.state().student.clone();
        let _event = trainer.advance(1).unwrap();
        let after = &trainer.state().student;
        let gradient =
            population.evaluate(&before, Accuracy::finest(RIDGE_TOLERANCE)).unwrap().gradient;
        for ((x, y), g) in
            after.first_layer().iter().zip(before.first_layer()).zip(&gradient.first_layer)
        {
            let expected = y - eta * (g + lambda * y);
            assert!((x - expected).abs() <= rounding(50, 1.0), "{x} against {expected}");
        }
        let now = objective(after);
        assert!(now < last, "{now} after {last}");
        last = now;
    }
}

#[test]
fn balance_defects_decay_as_statement_3_4_says() {
    // Each a_j^2 - |w_j|^2 falls by exp(-2 lambda t), up to terms of order eta.
    let population = Population::new(teacher(4, &[1.0, 1.5]));
    let (eta, lambda, steps) = (1e-3, 0.5, 2000_u32);
    let stage3 =
        Stage3 { step_size: eta, lambda, epochs: 1, steps: steps.into(), ..Stage3::default() };
    let mut start = symmetric(4, 3, 0.5);
    for (j, a) in start.layers_mut().0.iter_mut().enumerate() {
        *a *= 1.5 + j as f64;
    }
    let defect = |s: &Network, j: usize| s.second_layer()[j].powi(2) - norm(s.neuron(j)).powi(2);
    let (end, _) = finish(&population, &only(stage3), start.clone());
    let factor = (-2.0 * lambda * eta * f64::from(steps)).exp();
    // Step k adds eta^2 (|g_a|^2 - |g_w|^2), damped afterwards, with squares below 30 along this run.
    let allowed = 30.0 * eta / (2.0 * lambda);
    for j in 0..start.neurons() {
        let (expected, found) = (factor * defect(&start, j), defect(&end, j));
        assert!((found - expected).abs() <= allowed, "neuron {j}: {found} against {expected}");
    }
    // Negative control: without decay the largest defect stays where it was.
    let (end, _) = finish(&population, &only(Stage3 { lambda: 0.0, ..stage3 }), start.clone());
    let (expected, found) = (factor * defect(&start, 5), defect(&end, 5));
    assert!((found - expected).abs() > allowed, "{found} against {expected}");
}

#[test]
fn too_large_a_step_is_a_divergence_with_its_numbers() {
    let population = Population::new(teacher(3, &[1.0]));
    let algorithm = only(Stage3 { step_size: 1e6, epochs: 2, steps: 500, ..Stage3::default() });
    let mut trainer = Trainer::new(&population, &algorithm, symmetric(3, 4, 0.5)).unwrap();
    let error = loop {
        match trainer.advance(100) {
            Ok(_) => assert!(!trainer.is_finished(), "the run should diverge"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, TrainError::Diverged { step_size, .. } if step_size > 1e5), "{error}");
}

#[test]
fn a_ridge_problem_that_overflows_is_a_divergence() {
    let population = Population::new(teacher(3, &[1.0]));
    let algorithm = Algorithm { stage1: Some(Stage1 { step_size: 1e300 }), ..Algorithm::default() };
    let mut trainer = Trainer::new(&population, &algorithm, symmetric(3, 4, 0.5)).unwrap();
    let _large_step = trainer.advance(1).unwrap();
    let error = trainer.advance(1).unwrap_err();
    let TrainError::Diverged { phase, step_size, .. } = error else { panic!("{error}") };
    // The step to make smaller is that of Stage 1: the ridge problem has none.
    assert_eq!((phase, step_size.to_bits()), (Phase::Stage2, 1e300_f64.to_bits()));
    assert!(error.to_string().contains("smaller step size"), "{error}");
    // Descent on the second layer has a step of its own, and takes as many as it is given.
    let stage2 = |step_size, steps| Algorithm {
        stage1: None,
        stage2: Some(Stage2 { lambda: 1e-2, solver: Solver::GradientDescent { step_size, steps } }),
        balance: false,
        stage3: None,
    };
    let long = stage2(1e300, 3);
    let mut trainer = Trainer::new(&population, &long, symmetric(3, 4, 0.5)).unwrap();
    let error = trainer.advance(u64::MAX).unwrap_err();
    let TrainError::Diverged { step_size, .. } = error else { panic!("{error}") };
    assert_eq!(step_size.to_bits(), 1e300_f64.to_bits());
    let short = stage2(0.1, 7);
    let mut trainer = Trainer::new(&population, &short, symmetric(3, 4, 0.5)).unwrap();
    assert_eq!(trainer.advance(3).unwrap(), Advance::Paused);
    assert_eq!((trainer.state().steps, trainer.state().phase_steps), (3, 3));
    assert_eq!(trainer.advance(100).unwrap(), Advance::Ended(Phase::Stage2));
    assert_eq!(trainer.state().steps, 7);
}

#[test]
fn a_record_measures_what_its_fields_say() {
    // One teacher e_1; neurons at angles 0, pi/2 and pi, of masses 2, -3 and 1.
    let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap();
    let w = vec![4.0, 0.0, 0.0, 1.0, -1.0, 0.0];
    let student = Network::new(2, vec![0.5, -3.0, 1.0], w).unwrap();
    let population = Population::new(teacher);
    let lambda = 0.25;
    let angles = [0.1, 1.0, 1.6];
    let record = Record::measure(
        &population,
        &student,
        (Phase::Stage1, 7),
        (lambda, WeightDecay::equal(lambda)),
        &angles,
    );
    assert_eq!((record.phase, record.step), (Phase::Stage1, 7));
    let slack = rounding(8, 10.0);
    let close = |x: f64, y: f64| assert!((x - y).abs() <= slack, "{x} for {y}");
    close(record.total_mass, 6.0);
    close(record.mean_angle, 3.0 * PI / 2.0 / 6.0);
    close(record.balance_defect, 3.5);
    for (mass, expected) in record.mass_beyond.iter().zip([3.0, 3.0, 0.0]) {
        close(*mass, expected);
    }
    // The second neuron is nearest to the only teacher too: 2 e_1 - 3 s e_2 - (-e_1), s its side.
    close(record.average_angles[0], 1.0_f64.atan());
    close(record.assigned_angles[0], 0.0);
    let squares = 0.25 + 9.0 + 1.0 + 16.0 + 1.0 + 1.0;
    close(record.objective.value - record.loss.value, 0.5 * lambda * squares);
    let exact = population.evaluate(&student, Accuracy::finest(RIDGE_TOLERANCE)).unwrap();
    close(record.loss.value, exact.loss.value);
    let entries = exact.gradient.second_layer.iter().chain(&exact.gradient.first_layer);
    let parameters = student.second_layer().iter().chain(student.first_layer());
    let whole: Vec<f64> = entries.zip(parameters).map(|(g, x)| g + lambda * x).collect();
    close(record.gradient_norm.value, norm(&whole));
}

#[test]
fn a_recorded_gradient_is_accurate_where_the_fast_one_is_noise() {
    // 1e-12 beside the teacher: the gradient is of that size too, and the bound of the fast one close to it.
    let beside = 4096.0 * f64::EPSILON;
    let teacher = teacher(6, &[1.0, -1.0, 2.0]);
    let mut student = teacher.network().clone();
    student.layers_mut().0[1] += beside;
    student.layers_mut().1[2] += beside;
    let population = Population::new(teacher);
    let record = Record::measure(
        &population,
        &student,
        (Phase::Finished, 0),
        (0.0, WeightDecay::equal(0.0)),
        &[],
    );
    let exact = population.evaluate(&student, Accuracy::finest(RIDGE_TOLERANCE)).unwrap().gradient;
    let exact = exact.norm().value;
    assert!(exact > 0.01 * beside, "the student is not the teacher: {exact:e}");
    let off = |norm: f64| (norm / exact - 1.0).abs();
    assert!(off(record.gradient_norm.value) <= rounding(8, 1.0), "{:?}", record.gradient_norm);
    // Negative control: the fast gradient does not know so much.
    let fast = population.evaluate(&student, Accuracy::FAST).unwrap().gradient;
    assert!(off(fast.norm().value) > rounding(8, 1.0), "{:e}", fast.norm().value);
}

#[test]
fn bad_parameters_are_named() {
    let population = Population::new(teacher(3, &[1.0]));
    let algorithm = only(Stage3 { decay: f64::NAN, ..Stage3::default() });
    let error = Trainer::new(&population, &algorithm, symmetric(3, 2, 0.5)).unwrap_err();
    assert!(error.to_string().contains("stage3.decay"), "{error}");
    let wrong = Optimizer::Adam { momentum: 0.9, second_momentum: 1.0, epsilon: 1e-8 };
    let algorithm = only(Stage3 { optimizer: wrong, ..Stage3::default() });
    let error = Trainer::new(&population, &algorithm, symmetric(3, 2, 0.5)).unwrap_err();
    assert!(error.to_string().contains("stage3.second_momentum"), "{error}");
    let error = Trainer::new(&population, &Algorithm::default(), symmetric(4, 2, 0.5)).unwrap_err();
    assert!(matches!(error, TrainError::Model(_)), "{error}");
}

const ADAM: Optimizer = Optimizer::Adam { momentum: 0.9, second_momentum: 0.99, epsilon: 1e-8 };

fn cut_every(objective: &dyn Objective, algorithm: &Algorithm, cut: u64) -> State {
    let start = symmetric(5, 30, 0.1);
    let mut state = Trainer::new(objective, algorithm, start).unwrap().into_state();
    while state.phase != Phase::Finished {
        let mut trainer = Trainer::resume(objective, algorithm, state).unwrap();
        let event = trainer.advance(cut).unwrap();
        assert!(cut > 1000 || trainer.state().phase_steps <= 40, "{event:?}");
        state = trainer.into_state();
    }
    state
}

#[test]
fn a_run_cut_anywhere_ends_in_the_same_bytes() {
    let teacher = teacher(5, &[1.0, -1.0]);
    let sampled = |batches| {
        let request = SampleRequest { batches, noise: 0.1, ..SampleRequest::new(400, 3) };
        Samples::drawn(teacher.clone(), Activation::Relu, &request).unwrap()
    };
    let shuffled = sampled(Batches::Shuffled { size: 150, reuse: 3 });
    let fresh = sampled(Batches::Fresh { size: 150, reuse: 1 });
    let population = Population::new(teacher.clone());
    let objectives: [&dyn Objective; 3] = [&population, &shuffled, &fresh];
    let momentum = Optimizer::Momentum { momentum: 0.5 };
    for (objective, optimizer) in
        objectives.into_iter().zip([ADAM, momentum, Optimizer::GradientDescent])
    {
        let step_size = if optimizer == ADAM { 1e-3 } else { 0.1 };
        let stage3 = Stage3 { step_size, steps: 40, epochs: 2, optimizer, ..Stage3::default() };
        let algorithm = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
        let whole = cut_every(objective, &algorithm, u64::MAX);
        assert_eq!(whole.steps, 81);
        for cut in [1, 7, 40] {
            assert_eq!(cut_every(objective, &algorithm, cut), whole, "cut every {cut} steps");
        }
    }
}

#[test]
fn a_frozen_first_layer_stays_and_unequal_decay_is_each_layers_own() {
    let population = Population::new(teacher(5, &[1.0, -1.0]));
    let start = symmetric(5, 10, 0.1);
    let gradient = population.evaluate(&start, Accuracy::FAST).unwrap().gradient;
    let (eta, lambda) = (0.5, 0.25);
    let shares = WeightDecay { second_layer: 2.0, first_layer: 0.0 };
    let stage3 =
        Stage3 { step_size: eta, lambda, shares, epochs: 1, steps: 1, ..Stage3::default() };
    let (moved, record) = finish(&population, &only(stage3), start.clone());
    let layer = |after: &[f64], before: &[f64], gradient: &[f64], lambda: f64| {
        let entries = after.iter().zip(before).zip(gradient);
        maximum_of(entries.map(|((x, y), g)| (x - (y - eta * (g + lambda * y))).abs()))
    };
    let a = (moved.second_layer(), start.second_layer(), gradient.second_layer.as_slice());
    let w = (moved.first_layer(), start.first_layer(), gradient.first_layer.as_slice());
    assert!(layer(a.0, a.1, a.2, 2.0 * lambda) <= rounding(1, 1.0));
    assert!(layer(w.0, w.1, w.2, 0.0) <= rounding(1, 1.0));
    // Negative control: equal decay is another step.
    assert!(layer(w.0, w.1, w.2, lambda) > 0.01);
    assert!((record.lambda - lambda).abs() <= 0.0);

    for optimizer in [Optimizer::GradientDescent, ADAM] {
        let frozen = Stage3 { freeze_first_layer: true, optimizer, steps: 20, ..stage3 };
        let (moved, _) = finish(&population, &only(frozen), start.clone());
        assert_eq!(moved.first_layer(), start.first_layer());
        assert_ne!(moved.second_layer(), start.second_layer());
    }
}

#[test]
fn an_epoch_ends_early_on_a_small_gradient() {
    let population = Population::new(teacher(5, &[1.0]));
    let stage3 = Stage3 { steps: 100_000, epochs: 1, gradient_factor: 10.0, ..Stage3::default() };
    let algorithm = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
    let mut trainer = Trainer::new(&population, &algorithm, symmetric(5, 30, 0.1)).unwrap();
    while !trainer.is_finished() {
        let event = trainer.advance(u64::MAX).unwrap();
        assert!(matches!(event, Advance::Ended(_)));
    }
    let record = trainer.record(&[]);
    assert!(record.step < 100_000, "{}", record.step);
    let goal = stage3.gradient_factor * record.lambda * record.lambda;
    let norm = record.gradient_norm;
    assert!(norm.value <= goal * (1.0 + rounding(1, 1e3)), "{norm:?}");
}

#[test]
fn algorithm_one_recovers_a_teacher_with_both_signs() {
    let mut w = vec![0.0; 12];
    (w[0], w[7]) = (1.0, 1.0);
    let teacher = Teacher::new(Network::new(6, vec![1.0, -1.0], w).unwrap()).unwrap();
    let population = Population::new(teacher);
    let stage3 = Stage3 { steps: 1500, epochs: 8, ..Stage3::default() };
    let run = |stage3: Stage3| {
        let algorithm = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
        finish(&population, &algorithm, symmetric(6, 30, 0.1)).1
    };
    let record = run(stage3);
    // The last lambda is 1e-2/2^7: angles of its order, loss of its square's.
    let lambda = record.lambda;
    assert!(record.loss.value <= 100.0 * lambda * lambda, "{record:?}");
    assert!(maximum_of(record.average_angles.iter().copied()) <= 30.0 * lambda, "{record:?}");
    assert!(record.mass_beyond[0] <= lambda, "{record:?}");
    // Negative control: without weight decay mass stays far from the teacher.
    let unregularised = run(Stage3 { lambda: 0.0, ..stage3 });
    assert!(unregularised.mass_beyond[0] > maximum(100.0 * lambda, 0.1), "{unregularised:?}");
}

#[test]
fn singles_take_the_steps_but_not_the_ridge_solution() {
    let population = Population::new(teacher(6, &[1.0, -1.0, 2.0]));
    let both = |algorithm: &Algorithm| {
        [Precision::Double, Precision::Single]
            .map(|precision| finish_in(precision, &population, algorithm, symmetric(6, 30, 0.1)))
    };
    let ridge = Solver::Ridge { tolerance: RIDGE_TOLERANCE, steps: 100 };
    let fit = |solver| Algorithm {
        stage1: None,
        stage2: Some(Stage2 { lambda: 0.1, solver }),
        balance: true,
        stage3: None,
    };
    let [double, single] = both(&fit(ridge));
    assert_eq!(double, single);
    for algorithm in [
        fit(Solver::GradientDescent { step_size: 0.1, steps: 20 }),
        only(Stage3 { epochs: 1, steps: 20, ..Stage3::default() }),
        Algorithm { stage2: None, stage3: None, ..Algorithm::default() },
    ] {
        let [(double, _), (single, _)] = both(&algorithm);
        let off = [
            (double.second_layer(), single.second_layer()),
            (double.first_layer(), single.first_layer()),
        ]
        .map(|(x, y)| maximum_of(x.iter().zip(y).map(|(x, y)| (x - y).abs())));
        let size = maximum_of(double.first_layer().iter().map(|x| x.abs()));
        // Steps differ, by no more than some units of singles each.
        let allowed = rounding(20, size) * f64::from(f32::EPSILON) / f64::EPSILON;
        let off = maximum(off[0], off[1]);
        assert!(off > 0.0 && off <= allowed, "{off:e} of {size:e}");
    }
}

proptest! {
    #[test]
    fn balancing_keeps_the_function(scale in 0.01_f64..100.0, seed in 0.0_f64..10.0) {
        let d = 4;
        let mut w = wave(5 * d, seed);
        w[..d].fill(0.0);
        let mut a = wave(5, seed + 1.0);
        a[0] = 3.0;
        a[1] = 0.0;
        for x in &mut w {
            *x *= scale;
        }
        let before = Network::new(d, a, w).unwrap();
        let mut after = before.clone();
        after.balance();
        for j in 0..5 {
            let (c, b) = (before.mass(j), after.mass(j));
            prop_assert!((c - b).abs() <= rounding(d, c.abs()), "{} against {}", b, c);
            let defect = after.second_layer()[j].abs() - norm(after.neuron(j));
            prop_assert!(defect.abs() <= rounding(d, after.second_layer()[j].abs()));
        }
    }
}

/// A population objective that notes how many neurons it is asked about, and may hide that twins are exchangeable.
struct Watched {
    population: Population,
    exchangeable: bool,
    seen: std::cell::RefCell<std::collections::BTreeSet<usize>>,
}

impl Objective for Watched {
    fn teacher(&self) -> &Teacher {
        self.population.teacher()
    }

    fn evaluate_into(
        &self,
        student: &Network,
        asked: &Accuracy,
        workspace: &mut Workspace,
        gradient: Option<&mut Gradient>,
    ) -> Reached {
        self.seen.borrow_mut().insert(student.neurons());
        self.population.evaluate_into(student, asked, workspace, gradient)
    }

    fn twins_are_exchangeable(&self, student: &Network) -> bool {
        self.exchangeable && self.population.twins_are_exchangeable(student)
    }
}

#[test]
fn half_the_student_takes_the_steps_of_the_whole_to_the_last_bit() {
    let (m, stage3) = (12, Stage3 { epochs: 2, steps: 7, ..Stage3::default() });
    let run_in =
        |precision, d: usize, population: Population, exchangeable: bool, stage3: Stage3| {
            let seen = std::cell::RefCell::default();
            let objective = Watched { population, exchangeable, seen };
            let algorithm = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
            let trainer = Trainer::new(&objective, &algorithm, symmetric(d, m / 2, 0.01)).unwrap();
            let mut trainer = trainer.with_precision(precision);
            while !trainer.is_finished() {
                let _event = trainer.advance(3).unwrap();
            }
            let state = trainer.into_state();
            let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<u64>>();
            let layers = [state.student.second_layer(), state.student.first_layer()].map(bits);
            (layers, state.steps, objective.seen.into_inner().contains(&(m / 2)))
        };
    let population = |d| Population::new(teacher(d, &[1.0, -0.8]));
    for precision in [Precision::Double, Precision::Single] {
        let (half, steps, taken) = run_in(precision, 5, population(5), true, stage3);
        let (whole, whole_steps, whole_taken) = run_in(precision, 5, population(5), false, stage3);
        assert!(taken && !whole_taken && half == whole && steps == whole_steps, "{precision:?}");
    }
    // Where twins are not alike, or the steps are others, the whole student takes them.
    let momentum = Optimizer::Momentum { momentum: 0.5 };
    for (d, population, stage3) in [
        (5, population(5).of_degrees(Degrees::All), stage3),
        (3, population(3), stage3),
        (5, population(5), Stage3 { optimizer: momentum, ..stage3 }),
        (5, population(5), Stage3 { freeze_first_layer: true, ..stage3 }),
        (5, population(5), Stage3 { gradient_factor: 1.0, ..stage3 }),
    ] {
        let (_, _, taken) = run_in(Precision::Double, d, population, true, stage3);
        assert!(!taken, "{d} {stage3:?}");
    }
}
