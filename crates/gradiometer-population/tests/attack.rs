//! What is reported of an objective against 400 bits, on hostile instances: no number is farther from
//! the truth than its own bound says. `scripts/attack_bounds.py` is the long form, in ball arithmetic.

#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use dashu_float::FBig;
use dashu_float::round::mode::HalfEven;
use gradiometer_hermite::float::maximum;
use gradiometer_hermite::{Bounded, Degrees};
use gradiometer_model::{Network, Skip, Teacher};
use gradiometer_population::{Accuracy, Objective, Population, Reported, WeightDecay};
use gradiometer_testing::{Words, seeds};
use std::collections::BTreeMap;

type Big = FBig<HalfEven, 2>;

const BITS: usize = 400;

fn big(x: f64) -> Big {
    Big::try_from(x).unwrap().with_precision(BITS).value()
}

fn dot(v: &[Big], w: &[Big]) -> Big {
    v.iter().zip(w).fold(big(0.0), |sum, (x, y)| sum + x * y)
}

/// The objective by its definition, every pair for itself.
struct Exact {
    loss: Big,
    objective: Big,
    second_layer: Vec<Big>,
    first_layer: Vec<Big>,
    squared_norm: Big,
}

impl Exact {
    fn new(teacher: &Network, student: &Network, degrees: Degrees, decay: WeightDecay) -> Self {
        let atoms: Vec<(Big, Vec<Big>)> = student
            .rows()
            .zip(student.second_layer())
            .map(|(w, a)| (big(*a), w))
            .chain(teacher.rows().zip(teacher.second_layer()).map(|(w, a)| (big(-*a), w)))
            .map(|(a, w)| (a, w.iter().map(|x| big(*x)).collect()))
            .collect();
        let lengths: Vec<Big> = atoms.iter().map(|(_, w)| dot(w, w).sqrt()).collect();
        let (m, d, pi) = (student.neurons(), student.dimension(), Big::pi(BITS));
        let (one, two) = (big(1.0), big(2.0));
        let is_zero = |x: &Big| *x == Big::ZERO;
        let mut loss = big(0.0);
        let mut second_layer = vec![big(0.0); m];
        let mut first_layer = vec![big(0.0); m * d];
        for (j, (a, w)) in atoms.iter().enumerate().filter(|(j, _)| !is_zero(&lengths[*j])) {
            let mut radial = big(0.0);
            let mut along = vec![big(0.0); d];
            let mut potential = big(0.0);
            for (b, (c, v)) in atoms.iter().enumerate().filter(|(b, _)| !is_zero(&lengths[*b])) {
                let t = dot(w, v) / (&lengths[j] * &lengths[b]);
                // 1 - t^2 by Lagrange's identity, which loses nothing where the two coincide.
                let mut square = big(0.0);
                for k in 0..d {
                    for l in 0..k {
                        let minor = &w[k] * &v[l] - &w[l] * &v[k];
                        square += &minor * &minor;
                    }
                }
                let root = square.sqrt() / (&lengths[j] * &lengths[b]);
                let angle = t.atan2(&root);
                let mass = c * &lengths[b];
                potential += &mass * (&t * &angle + &root - &one);
                radial += &mass * (&root - &one);
                for (g, x) in along.iter_mut().zip(v) {
                    *g += c * &angle * x;
                }
            }
            loss += a * &lengths[j] * &potential / (&two * &pi);
            if j < m {
                second_layer[j] = &lengths[j] * &potential / &pi;
                for k in 0..d {
                    first_layer[j * d + k] = a * (&radial * &w[k] / &lengths[j] + &along[k]) / &pi;
                }
            }
        }
        if degrees == Degrees::All {
            let root = (&two * &pi).sqrt();
            let mut constant = big(0.0);
            let mut linear = vec![big(0.0); d];
            for ((a, w), length) in atoms.iter().zip(&lengths) {
                constant += a * length / &root;
                for (s, x) in linear.iter_mut().zip(w) {
                    *s += a * x / &two;
                }
            }
            if let Some(skip) = student.skip() {
                constant += big(skip.constant);
                for (s, x) in linear.iter_mut().zip(&skip.linear) {
                    *s += big(*x);
                }
            }
            loss += &constant * &constant + dot(&linear, &linear);
            for j in (0..m).filter(|j| !is_zero(&lengths[*j])) {
                let (a, w) = &atoms[j];
                second_layer[j] += &two * &constant * &lengths[j] / &root + dot(&linear, w);
                for k in 0..d {
                    let low = &two * &constant * &w[k] / (&root * &lengths[j]) + &linear[k];
                    first_layer[j * d + k] += a * low;
                }
            }
        }
        let mut objective = loss.clone();
        for (gradient, layer, lambda) in [
            (&mut second_layer, student.second_layer(), decay.second_layer),
            (&mut first_layer, student.first_layer(), decay.first_layer),
        ] {
            for (g, x) in gradient.iter_mut().zip(layer) {
                *g += big(lambda) * big(*x);
                objective += big(lambda) * big(*x) * big(*x) / &two;
            }
        }
        let squared_norm = dot(&second_layer, &second_layer) + dot(&first_layer, &first_layer);
        Self { loss, objective, second_layer, first_layer, squared_norm }
    }

    /// The numbers reported, with their bounds, beside the exact ones.
    fn beside(&self, found: &Reported) -> Vec<(&'static str, Bounded, Big)> {
        let mut all = vec![
            ("loss", found.loss, self.loss.clone()),
            ("objective", found.objective, self.objective.clone()),
            ("norm", found.norm, self.squared_norm.sqrt()),
            ("squared norm", found.squared_norm, self.squared_norm.clone()),
        ];
        let gradient = &found.gradient;
        for (part, values, error, exact) in [
            ("grad a", &gradient.second_layer, gradient.second_layer_error, &self.second_layer),
            ("grad w", &gradient.first_layer, gradient.first_layer_error, &self.first_layer),
        ] {
            let entries = values.iter().zip(exact);
            all.extend(entries.map(|(x, y)| (part, Bounded { value: *x, error }, y.clone())));
        }
        all
    }
}

/// Whether the exact number is within the bound; a number that is not finite claims nothing.
fn is_within(found: Bounded, exact: &Big) -> bool {
    if !found.value.is_finite() {
        return !found.error.is_finite();
    }
    if !found.error.is_finite() {
        return true;
    }
    let off = big(found.value) - exact;
    let error = big(found.error);
    off <= error && -off <= error
}

/// Error over bound, zero where the bound claims nothing or nothing is off.
fn error_over_bound(found: Bounded, exact: &Big) -> f64 {
    if !(found.value.is_finite() && found.error.is_finite() && found.error > 0.0) {
        return 0.0;
    }
    let off = big(found.value) - exact;
    (off / big(found.error)).to_f64().value().abs()
}

struct Case {
    teacher: Teacher,
    student: Network,
    degrees: Degrees,
    decay: WeightDecay,
}

impl Case {
    fn reported(&self) -> Option<Reported> {
        let population = Population::new(self.teacher.clone()).of_degrees(self.degrees);
        let asked = Accuracy::both(LOSS, GRADIENT, self.decay);
        let evaluation = population.evaluate(&self.student, asked).ok()?;
        Some(evaluation.reported(&self.student, self.decay))
    }

    fn exact(&self) -> Exact {
        Exact::new(self.teacher.network(), &self.student, self.degrees, self.decay)
    }

    #[track_caller]
    fn check(&self, name: &str) -> Option<Reported> {
        let found = self.reported()?;
        for (part, bounded, exact) in self.exact().beside(&found) {
            let shown = exact.to_f64().value();
            assert!(is_within(bounded, &exact), "{name}: {part} {bounded:?}, exactly {shown:e}");
        }
        Some(found)
    }
}

/// Relative accuracies that the program asks for.
const LOSS: f64 = 1e-10;
const GRADIENT: f64 = 1e-6;

/// A stored instance.
fn stored(teacher: &str, student: &str, lambda: f64) -> Case {
    let network = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let numbers = |x: &serde_json::Value| -> Vec<f64> {
            x.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
        };
        let rows: Vec<Vec<f64>> = value["w"].as_array().unwrap().iter().map(numbers).collect();
        Network::from_rows(numbers(&value["a"]), &rows).unwrap()
    };
    Case {
        teacher: Teacher::new(network(teacher)).unwrap(),
        student: network(student),
        degrees: Degrees::FromTwo,
        decay: WeightDecay::equal(lambda),
    }
}

macro_rules! attack {
    ($name:literal, $lambda:expr) => {
        stored(
            include_str!(concat!("../../../tests/testdata/attack/", $name, "_teacher.json")),
            include_str!(concat!("../../../tests/testdata/attack/", $name, "_student.json")),
            $lambda,
        )
    };
}

#[test]
fn the_decay_is_in_the_bounds_of_what_it_is_added_to() {
    let case = attack!("lambda_small", 1.0);
    let found = case.check("lambda_small").unwrap();
    // Negative control: the bound of the gradient without decay, which was printed beside that with it.
    let population = Population::new(case.teacher.clone());
    let asked = Accuracy::both(LOSS, GRADIENT, case.decay);
    let error = population.evaluate(&case.student, asked).unwrap().gradient.second_layer_error;
    let claimed = Bounded { value: found.gradient.second_layer[0], error };
    assert!(!is_within(claimed, &case.exact().second_layer[0]), "{claimed:?}");
}

#[test]
fn the_norm_is_in_its_own_bound() {
    let case = attack!("norm_rounding", 0.0);
    let found = case.check("norm_rounding").unwrap();
    // Negative control: the error of the entries alone, for the norm as it was summed.
    let entries = found.gradient.second_layer.iter().chain(&found.gradient.first_layer);
    let plain = entries.map(|g| g * g).sum::<f64>().sqrt();
    let claimed = Bounded { value: plain, error: found.gradient.entries_error() };
    assert!(!is_within(claimed, &case.exact().squared_norm.sqrt()), "{claimed:?}");
}

#[test]
fn norms_neither_overflow_nor_underflow() {
    let at = |scale: f64| {
        let network = |rows: &[f64]| Network::new(2, vec![scale], rows.to_vec()).unwrap();
        Case {
            teacher: Teacher::new(network(&[scale, 0.0])).unwrap(),
            student: network(&[0.6 * scale, 0.7 * scale]),
            degrees: Degrees::FromTwo,
            decay: WeightDecay::equal(0.0),
        }
    };
    for scale in [1e-90, 1e-100, 1e60, 1e75] {
        let found = at(scale).check("scale").unwrap();
        let accurate = f64::EPSILON * 1024.0;
        assert!(found.norm.value > 0.0 && found.norm.within(accurate), "{scale:e} {found:?}");
    }
    // Entries of 1e158: their squares overflow, and the squared norm claims nothing.
    let case =
        Case { student: Network::new(2, vec![1e-100], vec![0.6e128, 0.7e128]).unwrap(), ..at(1.0) };
    let case = Case {
        teacher: Teacher::new(Network::new(2, vec![1e15], vec![1e15, 0.0]).unwrap()).unwrap(),
        ..case
    };
    let found = case.check("overflow").unwrap();
    assert!(found.norm.value > 1e155 && found.norm.within(GRADIENT), "{:?}", found.norm);
    assert!(!found.squared_norm.value.is_finite() && !found.squared_norm.error.is_finite());
}

#[test]
fn subnormal_weights_of_ordinary_masses_have_their_loss() {
    let case = attack!("subnormal", 0.0);
    let found = case.check("subnormal").unwrap();
    assert!(found.loss.value > 0.0 && found.loss.within(LOSS), "{:?}", found.loss);
    assert_eq!(found.objective, found.loss, "without decay the objective is the loss");
    // With decay the square of a = 1e305 overflows, and the objective claims nothing.
    let decayed = attack!("subnormal", 1.0).check("subnormal with decay").unwrap();
    assert!(!decayed.objective.value.is_finite() && !decayed.objective.error.is_finite());
}

#[test]
fn a_loss_that_underflows_is_not_claimed_to_be_zero() {
    for scale in [1e-74, 1e-78, 1e-80, 1e-81, 1e-90, 1e-150] {
        let network = |y: f64| Network::new(2, vec![scale], vec![scale, y * scale]).unwrap();
        let case = Case {
            teacher: Teacher::new(network(0.0)).unwrap(),
            student: network(0.01),
            degrees: Degrees::FromTwo,
            decay: WeightDecay::equal(scale),
        };
        let found = case.check("underflow").unwrap();
        assert!(found.loss.error > 0.0 && found.objective.error > 0.0, "{scale:e} {found:?}");
    }
}

/// A number between ten to these powers.
fn decade(words: &mut Words, low: f64, high: f64) -> f64 {
    10.0_f64.powf(low + (high - low) * words.unit())
}

/// One of so many, at random.
fn choice(words: &mut Words, n: usize) -> usize {
    usize::try_from(words.bits() % n as u64).unwrap()
}

/// Networks of a few neurons at scales of many kinds, some of them near copies of others.
fn hostile(seed: u64) -> Case {
    let mut words = Words::new(seed);
    let words = &mut words;
    let d = 1 + choice(words, 5);
    let (m, n) = (1 + choice(words, 5), 1 + choice(words, 3));
    let kind = choice(words, 8);
    let common = match choice(words, 4) {
        0 => decade(words, -160.0, 70.0),
        1 => decade(words, -80.0, -70.0),
        _ => 1.0,
    };
    let neuron = |words: &mut Words, others: &[(f64, Vec<f64>)]| -> (f64, Vec<f64>) {
        let mut w: Vec<f64> = (0..d).map(|_| words.normal()).collect();
        let mut a = words.normal();
        if !others.is_empty() && choice(words, 2) == 0 {
            let (b, v) = &others[choice(words, others.len())];
            let apart = decade(words, -18.0, -1.0);
            let sign = if choice(words, 2) == 0 { 1.0 } else { -1.0 };
            w = v.iter().zip(&w).map(|(x, y)| sign * (x + apart * y * x.abs())).collect();
            a = b * (1.0 + decade(words, -17.0, -1.0) * words.normal());
        }
        let scale = match kind {
            0 => decade(words, -140.0, 140.0),
            1 => decade(words, -320.0, -290.0),
            2 => decade(words, -12.0, 12.0),
            _ => 1.0,
        };
        if choice(words, 12) == 0 {
            w.fill(0.0);
        }
        if choice(words, 6) == 0 {
            w[0] *= decade(words, -160.0, 0.0);
        }
        // Masses stay in range where the layers do not.
        (
            (a * common / scale).clamp(-f64::MAX, f64::MAX),
            w.iter().map(|x| (x * common * scale).clamp(-f64::MAX, f64::MAX)).collect(),
        )
    };
    let mut layers: Vec<(f64, Vec<f64>)> = Vec::new();
    for _ in 0..n + m {
        let one = neuron(words, &layers);
        layers.push(one);
    }
    // A teacher has no neuron without mass.
    for (a, w) in &mut layers[..n] {
        if w.iter().all(|x| (*a * x).abs() <= 0.0) {
            (*a, w[0]) = (1.0, common);
        }
    }
    let network = |part: &[(f64, Vec<f64>)]| {
        let (a, w): (Vec<f64>, Vec<Vec<f64>>) = part.iter().cloned().unzip();
        Network::from_rows(a, &w).unwrap()
    };
    let mut student = network(&layers[n..]);
    let degrees = if choice(words, 2) == 0 { Degrees::All } else { Degrees::FromTwo };
    if choice(words, 3) == 0 {
        let size = common * common;
        let linear = (0..d).map(|_| size * words.normal()).collect();
        student = student.with_skip(Skip { constant: size * words.normal(), linear }).unwrap();
    }
    let lambda = match choice(words, 3) {
        0 => 0.0,
        1 => decade(words, -6.0, 6.0),
        _ => decade(words, -320.0, 3.0),
    };
    let teacher = network(&layers[..n]);
    Case {
        teacher: Teacher::new(teacher).unwrap(),
        student,
        degrees,
        decay: WeightDecay { second_layer: lambda, first_layer: lambda * decade(words, -1.0, 1.0) },
    }
}

#[test]
fn no_bound_is_below_the_error_on_hostile_instances() {
    let (mut refused, all) = (0, seeds(400, 20_000));
    let count = all.end;
    let mut worst = BTreeMap::new();
    for seed in all {
        let case = hostile(seed);
        let Some(found) = case.check(&format!("seed {seed}")) else {
            refused += 1;
            continue;
        };
        for (part, bounded, exact) in case.exact().beside(&found) {
            let off = error_over_bound(bounded, &exact);
            let ratio = worst.entry(part).or_insert(0.0);
            *ratio = maximum(*ratio, off);
        }
    }
    println!("{count} instances, {refused} refused; worst error over bound: {worst:?}");
    // The bounds are near the errors somewhere: they are not true for being useless.
    assert!(worst.values().all(|ratio| *ratio > 0.01), "{worst:?}");
    // Some overflow; most are answered.
    assert!(refused * 4 < count, "{refused} of {count} refused");
}
