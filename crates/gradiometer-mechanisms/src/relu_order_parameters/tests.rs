use super::*;
use crate::descent::{largest, mean_and_error, normals, rng};
use gradiometer_model::{Network, Teacher};
use gradiometer_population::{Accuracy, Objective, Population};
use gradiometer_testing::{at_most, close, rounding};

/// The specification prints this value with ten digits.
const TEN_DIGITS: f64 = 1e-9;
/// The specification prints this value with twelve digits.
const TWELVE_DIGITS: f64 = 1e-11;
/// The specification prints these excesses with four digits.
const FOUR_DIGITS: f64 = 6e-5;
/// Statement 11.13.5 saw .1472274 at s = 10, where the saddle has .1472259.
const AT_THE_SADDLE: f64 = 1e-5;
/// Error of a central difference of step 1e-5: its third derivative, and rounding over the step.
const DIFFERENCES: f64 = 1e-9;

fn gram(rows: &[f64], columns: &[f64], d: usize) -> Vec<f64> {
    let rows = rows.chunks_exact(d);
    rows.flat_map(|u| {
        let columns = columns.chunks_exact(d);
        columns.map(|v| u.iter().zip(v).map(|(x, y)| x * y).sum::<f64>()).collect::<Vec<_>>()
    })
    .collect()
}

/// Two students and two teachers in six dimensions: the order parameters and their vectors.
fn instance(
    seed: u64,
    k: usize,
    m: usize,
    d: usize,
) -> (Dynamics, OrderParameters, Vec<f64>, Vec<f64>) {
    let mut rng = rng(seed);
    let (student, teacher) = (normals(&mut rng, k * d), normals(&mut rng, m * d));
    let mut dynamics =
        Dynamics::new(gram(&teacher, &teacher, d), normals(&mut rng, m), 0.3).unwrap();
    dynamics.second_layer_rate = 0.2;
    dynamics.decay = 0.07;
    dynamics.noise_variance = 0.3;
    let at = OrderParameters {
        student: gram(&student, &student, d),
        overlap: gram(&student, &teacher, d),
        second_layer: normals(&mut rng, k),
    };
    (dynamics, at, student, teacher)
}

/// To what the specification asks the escape time, and its growth per decade.
const ESCAPE_TIME: f64 = 1e-3;

#[test]
fn the_mean_of_a_step_is_exact_for_vectors_and_for_the_reduced_process() {
    let (k, m, d) = (2, 2, 6);
    let (dynamics, at, student, teacher) = instance(1, k, m, d);
    let exact = dynamics.mean_step(&at, d).unwrap().flat();
    let start = at.flat();
    let mut rng = rng(2);
    let draws = 400_000;
    // The process in R^d, vector by vector.
    let mut vectors = || {
        let x = normals(&mut rng, d);
        let fields = |w: &[f64]| gram(w, &x, d);
        let (own, theirs) = (fields(&student), fields(&teacher));
        let ramp = |x: f64| if x > 0.0 { x } else { 0.0 };
        let zeta = normals(&mut rng, 1)[0] * dynamics.noise_variance.sqrt();
        let error = own.iter().zip(&at.second_layer).map(|(l, a)| a * ramp(*l)).sum::<f64>()
            - theirs
                .iter()
                .zip(&dynamics.teacher_second_layer)
                .map(|(l, v)| v * ramp(*l))
                .sum::<f64>()
            - zeta;
        let width = d as f64;
        let mut next = student.clone();
        let mut second_layer = at.second_layer.clone();
        for i in 0..k {
            let a = at.second_layer[i];
            let push = if own[i] > 0.0 { 2.0 * dynamics.rate / width * a * error } else { 0.0 };
            for (w, x) in next[i * d..(i + 1) * d].iter_mut().zip(&x) {
                *w -= dynamics.rate * dynamics.decay / width * *w + push * x;
            }
            second_layer[i] -= dynamics.second_layer_rate / width
                * (dynamics.decay * a + 2.0 * error * ramp(own[i]));
        }
        [gram(&next, &next, d), gram(&next, &teacher, d), second_layer].concat()
    };
    let from_vectors: Vec<Vec<f64>> = (0..draws).map(|_| vectors()).collect();
    let mut reduced = || {
        let mut next = at.clone();
        dynamics.simulate(&mut next, d, 1, &mut rng).unwrap();
        next.flat()
    };
    let from_fields: Vec<Vec<f64>> = (0..draws).map(|_| reduced()).collect();
    // The control: d for d + 2.
    let averages = dynamics.averages(&at).unwrap();
    let mut worst_control: f64 = 0.0;
    for states in [from_vectors, from_fields] {
        for (index, exact) in exact.iter().enumerate() {
            let changes: Vec<f64> = states.iter().map(|s| s[index] - start[index]).collect();
            let (mean, error) = mean_and_error(&changes);
            assert!((mean - exact).abs() <= 4.0 * error, "{index}: {mean} {exact} {error}");
            if index < k * k {
                let (i, j) = (index / k, index % k);
                let missing = 8.0 * dynamics.rate * dynamics.rate / 36.0
                    * at.second_layer[i]
                    * at.second_layer[j]
                    * averages.squares[index];
                worst_control = maximum(worst_control, (mean - exact + missing).abs() / error);
            }
        }
    }
    assert!(worst_control > 10.0, "{worst_control}");
}

#[test]
fn without_the_second_order_it_is_the_population_flow() {
    for (degrees, seed) in [(Degrees::All, 3), (Degrees::FromTwo, 4)] {
        let (k, m, d) = (3, 2, 7);
        let (mut dynamics, at, student, teacher) = instance(seed, k, m, d);
        dynamics.degrees = degrees;
        dynamics.second_order = SecondOrder::Dropped;
        dynamics.rate = 1.0;
        dynamics.second_layer_rate = 1.0;
        let rates = dynamics.rates(&at).unwrap();
        let target =
            Network::new(d, dynamics.teacher_second_layer.clone(), teacher.clone()).unwrap();
        let network = Network::new(d, at.second_layer.clone(), student.clone()).unwrap();
        let population = Population::new(Teacher::new(target).unwrap()).of_degrees(degrees);
        let evaluation = population.evaluate(&network, Accuracy::loss(1e-13)).unwrap();
        let lambda = dynamics.decay;
        let gradient: Vec<f64> = evaluation
            .gradient
            .first_layer
            .iter()
            .zip(&student)
            .map(|(g, w)| g + lambda * w)
            .collect();
        let overlap = gram(&gradient, &teacher, d);
        let turned = gram(&gradient, &student, d);
        let scale = largest(gradient.iter().copied()) * 20.0;
        let close = |found: f64, exact: f64| {
            close(found, exact, rounding(64, scale * 10.0));
        };
        for (found, exact) in rates.overlap.iter().zip(&overlap) {
            close(*found, -exact);
        }
        for i in 0..k {
            for j in 0..k {
                close(rates.student[i * k + j], -(turned[i * k + j] + turned[j * k + i]));
            }
            let exact = evaluation.gradient.second_layer[i] + lambda * at.second_layer[i];
            close(rates.second_layer[i], -exact);
        }
        let averages = dynamics.averages(&at).unwrap();
        close(averages.loss, evaluation.loss.value);
        // Half the loss, and so half the gradient, is refuted.
        assert!((rates.overlap[0] + 0.5 * overlap[0]).abs() > 1e-2 * overlap[0].abs());
    }
}

#[test]
fn signs_square_to_one() {
    let (mut dynamics, at, ..) = instance(5, 3, 3, 8);
    dynamics.degrees = Degrees::FromTwo;
    let averages = dynamics.averages(&at).unwrap();
    for i in 0..3 {
        let off = (averages.squares[4 * i] - 0.25 * averages.loss).abs();
        at_most(off, 0.0, rounding(512, averages.loss));
    }
    dynamics.degrees = Degrees::All;
    let raw = dynamics.averages(&at).unwrap();
    assert!((raw.squares[0] - 0.25 * raw.loss).abs() > 1e-2 * raw.loss);
}

/// The setting of statement 11.13.4.
fn deviation_setting() -> (Dynamics, OrderParameters) {
    let mut dynamics = Dynamics::new(vec![1.0, 0.0, 0.0, 1.0], vec![1.0, 1.0], 0.2).unwrap();
    dynamics.second_layer_rate = 0.1;
    dynamics.decay = 0.02;
    dynamics.noise_variance = 0.09;
    let start = OrderParameters {
        student: vec![0.25, 0.01, 0.01, 0.25],
        overlap: vec![0.02, -0.01, -0.005, 0.015],
        second_layer: vec![0.5, 0.4],
    };
    (dynamics, start)
}

/// Root mean square and mean over seeds of the deviations of `Q_11` and `R_11` from the equations
/// after a time.
fn deviations(
    dynamics: &Dynamics,
    start: &OrderParameters,
    equations: &OrderParameters,
    d: usize,
    time: u64,
) -> [f64; 4] {
    let seeds = 40;
    let values: Vec<[f64; 2]> = (0..seeds)
        .map(|seed| {
            let mut at = start.clone();
            dynamics.simulate(&mut at, d, time * d as u64, &mut rng(seed)).unwrap();
            [at.student[0] - equations.student[0], at.overlap[0] - equations.overlap[0]]
        })
        .collect();
    let mean = |f: &dyn Fn(&[f64; 2]) -> f64| values.iter().map(f).sum::<f64>() / seeds as f64;
    [mean(&|x| x[0] * x[0]).sqrt(), mean(&|x| x[1] * x[1]).sqrt(), mean(&|x| x[0]), mean(&|x| x[1])]
}

#[test]
fn gradient_descent_follows_the_equations_to_one_over_the_root_of_the_dimension() {
    let (mut dynamics, start) = deviation_setting();
    let equations = dynamics.trajectory(&start, &[20.0], 1e-10).unwrap().remove(0);
    let small = deviations(&dynamics, &start, &equations, 100, 20);
    let large = deviations(&dynamics, &start, &equations, 1600, 20);
    for i in 0..2 {
        let exponent = (large[i] / small[i]).ln() / 16_f64.ln();
        assert!((exponent + 0.5).abs() <= 0.1, "{exponent}");
        // The measured constants of the statement, .96 and .8 over the root of d.
        assert!(large[i] * 40.0 < 1.3 && large[i] * 40.0 > 0.5, "{large:?}");
        // The mean over 40 seeds is nearer still.
        assert!(large[2 + i].abs() <= 4.0 * large[i] / 40_f64.sqrt(), "{large:?}");
    }
    // The control: without the eta^2 term, some 12 deviations off at d = 1600.
    dynamics.second_order = SecondOrder::Dropped;
    let flow = dynamics.trajectory(&start, &[20.0], 1e-10).unwrap().remove(0);
    let off = (flow.student[0] - equations.student[0]).abs() / large[0];
    assert!(off > 8.0, "{off}");
}

#[test]
fn degrees_from_two_follow_their_equations() {
    let (mut dynamics, start) = deviation_setting();
    dynamics.degrees = Degrees::FromTwo;
    dynamics.rate = 1.0;
    dynamics.second_layer_rate = 0.5;
    dynamics.noise_variance = 0.01;
    dynamics.teacher_second_layer = vec![1.0, -0.7];
    // Until time 10: from then on the escape of the first neuron amplifies what was small.
    let equations = dynamics.trajectory(&start, &[10.0], 1e-10).unwrap().remove(0);
    let found = deviations(&dynamics, &start, &equations, 1600, 10);
    let small = deviations(&dynamics, &start, &equations, 100, 10);
    for i in 0..2 {
        assert!(found[2 + i].abs() <= 4.0 * found[i] / 40_f64.sqrt(), "{found:?}");
        // One over the root of d; each root mean square of 40 is known to a ninth, their ratio's
        // exponent to 0.06.
        let exponent = (found[i] / small[i]).ln() / 16_f64.ln();
        assert!((exponent + 0.5).abs() <= 3.0 * 0.06, "{exponent}: {found:?} {small:?}");
    }
}

/// The flow of two students of two orthonormal teachers from overlaps of size `eps`, in the
/// statement's directions.
fn escape(eps: f64, overlaps: [f64; 4]) -> (Dynamics, OrderParameters) {
    let mut dynamics = Dynamics::new(vec![1.0, 0.0, 0.0, 1.0], vec![1.0, 1.0], 1.0).unwrap();
    dynamics.second_order = SecondOrder::Dropped;
    let start = OrderParameters {
        student: vec![0.25, 0.0, 0.0, 0.25],
        overlap: overlaps.map(|x| eps * x).to_vec(),
        second_layer: vec![0.5, 0.5],
    };
    (dynamics, start)
}

#[test]
fn the_plateau_lasts_a_constant_time_more_per_decade() {
    let plateau = Plateau::of_two_students(2).unwrap();
    let time = |eps: f64, overlaps| {
        let (dynamics, start) = escape(eps, overlaps);
        dynamics.first_below(&start, 0.07, 200.0, 1e-12).unwrap()
    };
    let generic = [1.0, 0.2, -0.4, 0.6];
    let (first, second) = (time(1e-4, generic), time(1e-5, generic));
    assert!((first - 22.3787).abs() <= ESCAPE_TIME, "{first}");
    assert!(
        (second - first - plateau.time_per_decade()).abs() <= ESCAPE_TIME,
        "{}",
        second - first
    );
    assert!((plateau.time_per_decade() - 5.680276099).abs() <= TEN_DIGITS);
    // Where the double difference of the overlaps vanishes the unstable mode starts at order eps^2:
    // twice the constant.
    let trap = [1.0, 0.2, 0.4, -0.4];
    let doubled = time(1e-3, trap) - time(1e-2, trap);
    assert!((doubled - 2.0 * plateau.time_per_decade()).abs() <= 0.05, "{doubled}");
}

#[test]
fn the_plateau_is_not_the_collapsed_point() {
    let plateau = Plateau::of_two_students(2).unwrap();
    let (dynamics, start) = escape(1e-5, [1.0, 0.2, -0.4, 0.6]);
    let at = dynamics.trajectory(&start, &[10.0], 1e-11).unwrap().remove(0);
    let loss = dynamics.averages(&at).unwrap().loss;
    assert!((loss - plateau.loss).abs() <= AT_THE_SADDLE, "{loss}");
    let collapsed = Plateau::collapsed(2).unwrap();
    assert!((collapsed.loss - 0.177023873266).abs() <= TWELVE_DIGITS);
    assert!((loss - collapsed.loss).abs() > 0.02);
    close(collapsed.rate, 8_f64.sqrt() / PI, rounding(4096, 1.0));
    assert!(Plateau::of_two_students(1).is_err());
}

#[test]
fn growth_at_the_saddle_is_the_closed_form() {
    for teachers in [2, 3, 4] {
        let plateau = Plateau::of_two_students(teachers).unwrap();
        let m = teachers;
        let identity = (0..m * m).map(|i| f64::from(u8::from(i % (m + 1) == 0))).collect();
        let mut dynamics = Dynamics::new(identity, vec![1.0; m], 1.0).unwrap();
        dynamics.second_order = SecondOrder::Dropped;
        // Balanced: c = 2 |w|^2.
        let square = 0.5 * plateau.total_mass;
        let cross = square * (2.0 * plateau.angle).cos();
        let mean = square.sqrt() * plateau.angle.cos() / (m as f64).sqrt();
        let state = |h: f64| {
            let mut overlap = vec![mean; 2 * m];
            overlap[0] += h;
            overlap[1] -= h;
            overlap[m] -= h;
            overlap[m + 1] += h;
            OrderParameters {
                student: vec![square, cross, cross, square],
                overlap,
                second_layer: vec![square.sqrt(); 2],
            }
        };
        let h = 1e-5;
        let rates = [h, -h].map(|h| dynamics.rates(&state(h)).unwrap());
        let growth = (rates[0].overlap[0] - rates[1].overlap[0]) / (2.0 * h);
        // Third derivatives over h^2, rounding over h.
        assert!((growth - plateau.rate).abs() <= DIFFERENCES, "{growth} {}", plateau.rate);
        let still = dynamics.rates(&state(0.0)).unwrap();
        at_most(largest(still.flat()), 0.0, rounding(64, 20.0));
        let loss = dynamics.averages(&state(0.0)).unwrap().loss;
        close(loss, plateau.loss, rounding(64, 10.0));
    }
}

#[test]
fn noise_leaves_its_floor() {
    let setting = |rate: f64, variance: f64| {
        let mut dynamics = Dynamics::new(vec![1.0], vec![1.0], rate).unwrap();
        dynamics.second_layer_rate = 0.0;
        dynamics.noise_variance = variance;
        let start =
            OrderParameters { student: vec![1.0], overlap: vec![0.9], second_layer: vec![1.0] };
        (dynamics, start)
    };
    for (rate, variance, excess) in [(0.1, 1e-3, 0.0010), (0.1, 1e-4, 0.0003), (0.5, 1e-3, -4e-6)] {
        let (dynamics, start) = setting(rate, variance);
        let at = dynamics.trajectory(&start, &[400.0], 1e-11).unwrap().remove(0);
        let floor = dynamics.averages(&at).unwrap().loss / variance;
        let found = floor / noise_floor(rate) - 1.0;
        assert!((found - excess).abs() <= FOUR_DIGITS, "{rate} {variance}: {found}");
        // The control: without the 1 - eta.
        assert!((floor / (0.5 * rate) - 1.0).abs() > 0.1);
    }
    let (dynamics, start) = setting(0.2, 0.01);
    let d = 200;
    let means: Vec<f64> = (0..8)
        .map(|seed| {
            let (mut at, mut rng) = (start.clone(), rng(seed));
            dynamics.simulate(&mut at, d, 20 * d as u64, &mut rng).unwrap();
            let mut sum = 0.0;
            for _ in 0..1000 {
                dynamics.simulate(&mut at, d, d as u64 / 10, &mut rng).unwrap();
                sum += dynamics.averages(&at).unwrap().loss;
            }
            sum / 1000.0 / dynamics.noise_variance
        })
        .collect();
    let (mean, error) = mean_and_error(&means);
    // 1/d is left of the process against the equations.
    assert!((mean - 0.12551).abs() <= 4.0 * error + 1.0 / d as f64 * 0.125, "{mean} {error}");
    assert!((mean - 0.1).abs() > 4.0 * error, "{mean} {error}");
    assert!(noise_floor(1.0).is_infinite());
}

#[test]
fn impossible_settings_are_refused() {
    let (dynamics, at, ..) = instance(6, 2, 2, 6);
    assert!(dynamics.simulate(&mut at.clone(), 4, 1, &mut rng(1)).is_err());
    let short = OrderParameters { overlap: vec![0.0; 3], ..at.clone() };
    assert!(matches!(dynamics.rates(&short), Err(MechanismError::Shape { .. })));
    let mut from_two = dynamics.clone();
    from_two.degrees = Degrees::FromTwo;
    assert!(from_two.mean_step(&at, 6).is_err());
    let broken = OrderParameters {
        second_layer: at.second_layer.clone(),
        student: vec![f64::NAN; 4],
        overlap: at.overlap.clone(),
    };
    assert!(dynamics.rates(&broken).is_err());
}
