//! 11.8.6 and 11.8.7: the samples that a test needs, and the partial trace at generative exponent 4.
//!
//! The estimators of exponents 2 and 3 are `study generative`.

use super::Size;
use super::comparison::{self, Experiment, Form, Rate, Row, whole};
use super::measurement::Measurement;
use super::reading::{Conclusion, Found};
use super::session::{Failure, Plan};
use gradiometer_hermite::polynomial::hermite;
use gradiometer_mechanisms::damian2024::{
    detection_threshold, fourth_order_cosine, partial_trace_threshold, second_order_cosine,
    spiked_cosine,
};
use gradiometer_mechanisms::numerics::root;
use gradiometer_mechanisms::order_parameters::stream;

/// `lambda_4^2` and `lambda_6^2` of `z^2 exp(-z^2)`.
const SIGNAL: [f64; 2] = [0.229_957_622_502, 0.286_944_600_060];
/// The mean of `z^2 exp(-z^2)`, `3^{-3/2}`.
const MEAN: f64 = 0.192_450_089_729_875_26;

/// `zeta_4` of the label `z^2 exp(-z^2)`, at a place with that label: the mean of `h_4` over the two squares `u` with
/// the same `u exp(-u)`, by their densities.
fn transform(z: f64) -> f64 {
    let u = z * z;
    let level = u.ln() - u;
    // Rounding must not lift the level above its largest value, at u = 1.
    let level = if level > -1.0 { -1.0 } else { level };
    let f = |v: f64| v.ln() - v - level;
    // Below one, log v lies between the level and the level plus one.
    let other = if u < 1.0 { root(f, 1.0, 800.0) } else { root(f, level.exp(), 1.0) };
    let term = |v: f64| {
        let z = v.sqrt();
        let weight = (-0.5 * v).exp() / (2.0 * z * (-v).exp() * (1.0 - v).abs());
        (weight, weight * hermite(4, z))
    };
    let ((w, s), (x, t)) = (term(u), term(other));
    (s + t) / (w + x)
}

/// Multiples of the threshold, what is measured there, and what a finite size takes away, over `d`.
const MULTIPLES: [(f64, &str, f64); 2] = [
    (8.0, "cos^2 at 8 thresholds of exponent 4", 9.0),
    (4.0, "cos^2 at 4 thresholds of exponent 4", 32.0),
];
const BELOW: &str = "cos^2 at half the threshold of exponent 4 beside a direction at random";
const SHUFFLED: &str = "cos^2 at 8 thresholds with shuffled labels beside a direction at random";

/// 11.8.7 at exponent 4. The controls: shuffled labels, half the threshold, and the matrix of second order.
fn partial_trace(d: usize, seeds: usize) -> Vec<Experiment> {
    let size = d as f64;
    let threshold = partial_trace_threshold(4, size, SIGNAL[0]);
    let samples = move |ratio: f64| usize::try_from(whole(ratio * threshold)).unwrap_or(usize::MAX);
    let mut all = Vec::new();
    for (ratio, name, lacks) in MULTIPLES {
        let limit = spiked_cosine(ratio, 1.0);
        let rows = [Row::stated("11.8.7", name, d, lacks / size)];
        all.push(Experiment::new(rows, seeds, move |seed| {
            let mut rng = stream(1187, seed);
            let found = fourth_order_cosine(|z, _| transform(z), d, samples(ratio), &mut rng);
            Ok(vec![(found, limit)])
        }));
    }
    let limit = spiked_cosine(8.0, 1.0);
    let rows = [
        // Near the threshold the spike is felt: up to three times chance.
        Row::stated("11.8.7", BELOW, d, 2.0),
        Row::control("11.8.7", "cos^2 at half the threshold of exponent 4", d, 0.2),
    ];
    all.push(Experiment::new(rows, seeds, move |seed| {
        let mut rng = stream(11_871, seed);
        let found = fourth_order_cosine(|z, _| transform(z), d, samples(0.5), &mut rng);
        Ok(vec![(found, 1.0 / size), (found, limit)])
    }));
    let rows = [
        Row::stated("11.8.7", SHUFFLED, d, 0.5),
        Row::control("11.8.7", "cos^2 at 8 thresholds with shuffled labels", d, 0.2),
        Row::control("11.8.7", "cos^2 of the matrix of second order at exponent 4", d, 0.2),
    ];
    all.push(Experiment::new(rows, seeds, move |seed| {
        let mut rng = stream(11_872, seed);
        let n = samples(8.0);
        let shuffled = fourth_order_cosine(|_, other| transform(other), d, n, &mut rng);
        let link = |z: f64| z * z * (-z * z).exp() - MEAN;
        let second = second_order_cosine(|z, _| link(z), d, n, &mut rng);
        Ok(vec![(shuffled, 1.0 / size), (shuffled, limit), (second, limit)])
    }));
    all
}

const DETECTED: [&str; 4] = [
    "samples that a test of exponent 1 needs",
    "samples that a test of exponent 2 needs",
    "samples that a test of exponent 3 needs",
    "samples that a test of exponent 4 needs",
];

/// 11.8.6: where the squared advantage of degree `4 k` reaches 2. Computed, so that a seed is as good as another.
fn detection(d: usize) -> Experiment {
    let rows: Vec<Row> = DETECTED.iter().map(|name| Row::stated("11.8.6", name, d, 0.0)).collect();
    Experiment::new(rows, 2, move |_| {
        let of = |k: usize| {
            let mut signals = vec![0.0; 4 * k + 1];
            match k {
                1 | 2 => signals[k] = 0.5,
                3 => signals[3] = 0.203_910_592_236,
                _ => (signals[4], signals[6]) = (SIGNAL[0], SIGNAL[1]),
            }
            (detection_threshold(&signals, d as f64, 4 * k), f64::NAN)
        };
        Ok((1..=4).map(of).collect())
    })
}

pub(super) fn plan(size: Size) -> Plan {
    let mut all = Vec::new();
    let sizes: &[usize] = match size {
        Size::Quick => &[30, 60],
        Size::Full => &[60, 120, 240],
    };
    for d in sizes.iter().copied() {
        all.extend(partial_trace(d, size.choose(16, 12)));
    }
    all.extend([10_000, 30_000, 100_000].map(detection));
    comparison::plan(all)
}

const fn of_detection(k: usize, form: Form, exponent: f64) -> Rate {
    Rate { statement: "11.8.6", quantity: DETECTED[k - 1], form, exponent, room: 0.01 }
}

const RATES: &[Rate] = &[
    of_detection(1, Form::Stated, 0.5),
    of_detection(2, Form::Stated, 1.0),
    of_detection(3, Form::Stated, 1.5),
    of_detection(4, Form::Stated, 2.0),
    // The samples of online descent.
    of_detection(4, Form::Control, 3.0),
];

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    comparison::derive(found, RATES)
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    comparison::read(found, RATES)
}
