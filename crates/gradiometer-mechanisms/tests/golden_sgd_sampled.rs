//! The section `sampled` of the golden file: its deterministic columns are computed, its simulated
//! ones are simulated again at the quick sizes, with seeds of our own, and compared within four
//! joint standard errors.

use std::f64::consts::FRAC_1_SQRT_2;

use gradiometer_mechanisms::Outcome;
use gradiometer_mechanisms::abbe2022::{Inputs, StaircaseFlow, hermite_means, staircase_constants};
use gradiometer_mechanisms::arnaboldi2024::{RepeatedRelu, relu_square_force};
use gradiometer_mechanisms::ben_arous2021::{
    ReluMoments, SingleIndex, explosion_time, plateau_h2, stationary_deviation, trajectory,
};
use gradiometer_mechanisms::damian2024::{
    detection_threshold, fourth_order_cosine, second_order_cosine, second_order_prediction,
    spiked_cosine, squared_signal_of_product, squared_signal_with_noise, third_order_cosines,
    third_order_threshold, vector_stage_cosine,
};
use gradiometer_mechanisms::dandi2024::{Reuse, two_step_overlap};
use gradiometer_mechanisms::order_parameters::{
    FreeChain, FreeWork, Loss, Overlaps, Rule, SeveralDirections, SphereChain, hermite_student,
    relu_student, stream,
};
use rand::RngExt;
use rand_distr::StandardNormal;
use serde_json::{Map, Value};

/// Absolute error of the file's staircase flows. They are off by up to 1.3e-6 of what rules of 100
/// and 240 points in `G` give, with DOP853 at 1e-12; ours by 2e-9.
const FLOW: f64 = 2e-6;
/// Absolute error of the file's flow of a ReLU student with a second look: its quadrature does not
/// see the kinks, and is off by up to 4.2e-4 at `tau = 40`.
const RELU_FLOW: f64 = 5e-4;
/// Relative error of the file's two steps in closed form: up to 1.6e-5.
const TWO_STEPS: f64 = 2e-5;
/// Relative error of the file's `lambda_k^2` of a product of normals: its mesh does not resolve
/// small labels, 0.3 % for `k = 2` and 0.7 % for `k = 4`.
const PRODUCT: f64 = 1e-2;
/// Rounding and the quadrature of our own closed forms.
const EXACT: f64 = 1e-11;

/// Joint standard errors that two simulated means may be apart.
const Z: f64 = 4.0;

fn sampled(name: &str) -> Option<Value> {
    let path = std::env::var_os("GRADIOMETER_GOLDEN_SGD").unwrap_or_else(|| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/mechanisms_sgd.json").into()
    });
    let text = std::fs::read_to_string(path).expect("the golden file").replace("NaN", "null");
    let golden: Value = serde_json::from_str(&text).expect("JSON");
    golden["sampled"].get(name).cloned()
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("a table")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

fn after<'a>(text: &'a str, key: &str) -> &'a str {
    let start = text.find(key).unwrap_or_else(|| panic!("no {key} in {text}")) + key.len();
    text[start..].split([',', ' ']).next().expect("a part")
}

fn near(found: f64, golden: f64, relative: f64, absolute: f64, what: &str) {
    let slack = relative * golden.abs() + absolute;
    assert!((found - golden).abs() <= slack, "{what}: {found} for {golden}");
}

/// Our mean against another with its own standard error.
fn compatible(samples: &[f64], golden: f64, error: f64, what: &str) {
    let ours = Outcome::of_samples(golden, samples);
    let joint = ours.error.hypot(error);
    let slack = Z * joint * (1.0 + Z / (2.0 * (samples.len() as f64 - 1.0)).sqrt());
    assert!(
        (ours.measured - golden).abs() <= slack,
        "{what}: {} +- {} for {golden} +- {error}",
        ours.measured,
        ours.error
    );
}

/// The whole part of a positive number of steps.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "far below 2^53")]
fn whole(x: f64) -> u64 {
    assert!((0.0..1e15).contains(&x), "{x} steps");
    x as u64
}

#[expect(clippy::type_complexity, reason = "closures have no names")]
fn matched(
    k: usize,
    loss: Loss,
) -> (Rule<impl Fn(f64) -> (f64, f64) + Copy>, impl Fn(f64) -> f64 + Copy) {
    let student = hermite_student(k);
    (Rule { student, loss, lookahead: 0.0 }, move |z| student(z).0)
}

#[test]
fn golden_sgd_sampled_sections_are_all_known() {
    const KNOWN: [&str; 17] = [
        "note",
        "11.6.5",
        "11.6.5 population",
        "11.6.6-7",
        "11.7.2",
        "11.7.4",
        "11.7.5",
        "11.7.6 batch,delta -> rms overlap at the end, predicted",
        "11.8.4 noise level -> lambda_k^2 of z^2 exp(-z^2)",
        "11.8.6 samples at which the squared advantage reaches 2",
        "11.8.7",
        "11.9.2",
        "11.9.2 relu h3 sphere",
        "11.9.3",
        "11.9.4",
        "11.9.5",
        "11.9.6",
    ];
    let path = std::env::var_os("GRADIOMETER_GOLDEN_SGD").unwrap_or_else(|| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/mechanisms_sgd.json").into()
    });
    let text = std::fs::read_to_string(path).unwrap().replace("NaN", "null");
    let golden: Value = serde_json::from_str(&text).unwrap();
    if let Some(sampled) = golden.get("sampled") {
        for name in object(sampled).keys() {
            assert!(KNOWN.contains(&name.as_str()), "{name}");
        }
    }
}

/// Target of two coordinates, sign of the second layer and the coordinate that is awaited.
type Saddle = (fn(&[f64]) -> f64, f64, fn(&[f64]) -> f64);

fn saddle(name: &str) -> Saddle {
    match name {
        "h1(z1)+h2(z2)" => (|z| z[0] + (z[1] * z[1] - 1.0) * FRAC_1_SQRT_2, 1.0, |m| m[1].abs()),
        "z1+z2+z1z2" => {
            (|z| z[0] + z[1] + z[0] * z[1], -1.0, |m| ((m[0] - m[1]) * FRAC_1_SQRT_2).abs())
        }
        "z1+z1z2" => (|z| z[0] + z[0] * z[1], 1.0, |m| m[1].abs()),
        _ => panic!("unknown saddle {name}"),
    }
}

#[test]
fn golden_sgd_sampled_saddle_to_saddle() {
    const RUNS: u64 = 16;
    let Some(section) = sampled("11.6.5") else { return };
    for (name, entry) in object(&section) {
        let (target, sign, coordinate) = saddle(name);
        let (delta, level) = (number(&entry["delta"]), number(&entry["level"]));
        // sigma = h_1 + h_2.
        let student = move |a: f64| {
            (sign * (a + (a * a - 1.0) * FRAC_1_SQRT_2), sign * (1.0 + 2.0_f64.sqrt() * a))
        };
        let rule = Rule { student, loss: Loss::Correlation, lookahead: 0.0 };
        for (d, row) in object(&entry["rows"]) {
            let dimension: usize = d.parse().unwrap();
            if dimension > 1000 {
                continue;
            }
            let chain = SeveralDirections::new(rule, target, 2, dimension, delta).unwrap();
            let limit = whole(20.0 / delta * dimension as f64);
            let times: Vec<f64> = (0..RUNS)
                .map(|run| {
                    let mut rng = stream(1165, run);
                    let mut m = chain.random_start(&mut rng);
                    let steps = chain
                        .first_passage(&mut m, limit, |m| coordinate(m) >= level, &mut rng)
                        .unwrap();
                    steps as f64 * delta / dimension as f64
                })
                .collect();
            compatible(&times, number(&row["sgd"]), number(&row["se"]), &format!("{name} {d}"));
        }
    }
}

#[test]
fn golden_sgd_sampled_saddle_to_saddle_population() {
    use gradiometer_mechanisms::abbe2023::{HermiteTarget, PopulationFlow};
    let Some(section) = sampled("11.6.5 population") else { return };
    let flow = |terms: &[(&[u32], f64)], sign: f64| {
        let target: HermiteTarget = terms.iter().map(|(a, c)| (a.to_vec(), *c)).collect();
        PopulationFlow::new(&target, &[0.0, 1.0, 1.0], sign).unwrap()
    };
    for (name, entry) in object(&section) {
        let mut rows: Vec<(f64, &Value)> =
            object(entry).iter().map(|(d, t)| (d.parse().unwrap(), t)).collect();
        rows.sort_by(|x, y| x.0.total_cmp(&y.0));
        // The start is not in the file, nor the grid of times that events are found on: what a
        // larger d adds does not depend on the start, up to 1/sqrt(d).
        rows.retain(|(d, _)| *d >= 10_000.0);
        let [first, .., last] = rows.as_slice() else { continue };
        if name == "saddle_h1h2" {
            // First m_1 = 0.9, then m_2 = 0.5.
            let flow = flow(&[(&[1, 0], 1.0), (&[0, 2], 1.0)], 1.0);
            for (i, level) in [0.9, 0.5].into_iter().enumerate() {
                let time = |d: f64| {
                    let start = [0.7 / d.sqrt(); 2];
                    flow.time_to_level(&start, i, level, 20.0).unwrap().unwrap()
                };
                let rise = time(last.0) - time(first.0);
                near(rise, number(&last.1[i]) - number(&first.1[i]), 0.0, 5e-3, name);
            }
            continue;
        }
        let (flow, event): (_, fn(&[f64]) -> f64) = match name.as_str() {
            "saddle_iso" => (flow(&[(&[1, 0], 1.0), (&[0, 1], 1.0), (&[1, 1], 1.0)], -1.0), |m| {
                ((m[0] - m[1]) * FRAC_1_SQRT_2).abs() - 0.3
            }),
            "leap1" => (flow(&[(&[1, 0], 1.0), (&[1, 1], 1.0)], 1.0), |m| m[1].abs() - 0.5),
            _ => panic!("unknown saddle {name}"),
        };
        let time = |d: f64| {
            let start = [0.5 / d.sqrt(), -0.2 / d.sqrt()];
            flow.time_with_retraction(&start, event, 30.0, |_| 0.0).unwrap().unwrap()
        };
        let rise = time(last.0) - time(first.0);
        near(rise, number(last.1) - number(first.1), 0.0, 0.03, name);
    }
}

fn staircase(z: &[f64]) -> f64 {
    z[0] + z[0] * z[1] + z[0] * z[1] * z[2]
}

fn tanh_slope(t: f64) -> f64 {
    let value = (t + 0.7).tanh();
    1.0 - value * value
}

#[test]
fn golden_sgd_sampled_staircase_flows() {
    let Some(section) = sampled("11.6.6-7") else { return };
    let means = hermite_means(|t| (t + 0.7).tanh(), 4).unwrap();
    for (x, golden) in means.iter().zip(numbers(&section["mu"])) {
        near(*x, golden, 2e-8, 1e-12, "mu");
    }
    let constants = staircase_constants(&[1.0; 3], &means);
    for (name, inputs) in [("cube", Inputs::Cube), ("gauss", Inputs::Gaussian)] {
        let entry = &section[name];
        for (x, golden) in constants.iter().zip(numbers(&entry["K"])) {
            near(*x, golden, 2e-8, 1e-12, "K");
        }
        let flow = StaircaseFlow::new(tanh_slope, staircase, 3, inputs, 0.0).unwrap();
        let mut times: Vec<(f64, Vec<f64>)> =
            object(&entry["u"]).iter().map(|(t, u)| (t.parse().unwrap(), numbers(u))).collect();
        times.sort_by(|x, y| x.0.total_cmp(&y.0));
        // Three Gaussian coordinates and G are a rule in four dimensions: early times only.
        times.retain(|(t, _)| inputs == Inputs::Cube || *t <= 1.0);
        let at: Vec<f64> = times.iter().map(|(t, _)| *t).collect();
        let path = flow.trajectory(3, &at).unwrap();
        for ((t, golden), state) in times.iter().zip(&path) {
            for (x, y) in state.iter().zip(golden) {
                // The prototype's rule in G has 60 points: some 1e-8 of tanh's poles.
                near(*x, *y, 2e-7, 2e-12, &format!("{name} at {t}"));
            }
        }
        // u_i/(K_i t^(2^(i-1))) at t = 0.01, 0.02, 0.04, 0.08.
        for (i, row) in entry["ratios"].as_array().unwrap().iter().enumerate() {
            for (ratio, state) in numbers(row).iter().zip(&path) {
                let t = at[path.iter().position(|s| s == state).unwrap()];
                let found = state[i] / (constants[i] * t.powi(1 << i));
                near(found, *ratio, 1e-5, 0.0, &format!("ratio {i} of {name} at {t}"));
            }
        }
    }
    // Control: without the link z1 z2 the higher coordinates are not learnt, exactly.
    let broken = |z: &[f64]| z[0] + z[0] * z[1] * z[2];
    let flow = StaircaseFlow::new(tanh_slope, broken, 3, Inputs::Cube, 0.0).unwrap();
    let end = flow.trajectory(3, &[8.0]).unwrap().remove(0);
    for (x, golden) in end.iter().zip(numbers(&section["control"])) {
        near(*x, golden, 0.0, FLOW, "control");
    }
    for (name, inputs) in [("sgd cube", Inputs::Cube)] {
        let entry = &section[name];
        let delta = number(&entry["delta"]);
        let flow = StaircaseFlow::new(tanh_slope, staircase, 3, inputs, delta).unwrap();
        let path = flow.trajectory(3, &[1.0, 2.0, 3.0, 4.0]).unwrap();
        for (state, golden) in path.iter().zip(entry["flow"].as_array().unwrap()) {
            for (x, y) in state.iter().zip(numbers(golden)) {
                near(*x, y, 0.0, FLOW, name);
            }
        }
    }
}

#[test]
fn golden_sgd_sampled_staircase_runs() {
    const RUNS: u64 = 8;
    let Some(section) = sampled("11.6.6-7") else { return };
    let entry = &section["sgd cube"];
    let delta = number(&entry["delta"]);
    let flow = StaircaseFlow::new(tanh_slope, staircase, 3, Inputs::Cube, delta).unwrap();
    let times = [1.0, 2.0, 3.0, 4.0];
    let path = flow.trajectory(3, &times).unwrap();
    let still = StaircaseFlow::new(tanh_slope, staircase, 3, Inputs::Cube, 0.0).unwrap();
    let still = still.trajectory(3, &times).unwrap();
    let mut sup_errors = Vec::new();
    for dimension in [100_usize, 400] {
        let mut sups = Vec::new();
        let mut lengths = Vec::new();
        for run in 0..RUNS {
            let mut rng = stream(1167, run);
            let mut w: Vec<f64> = (0..dimension)
                .map(|i| if i < 3 { 0.0 } else { ((dimension - 3) as f64).sqrt().recip() })
                .collect();
            for x in w.iter_mut().skip(3) {
                if rng.random::<bool>() {
                    *x = -*x;
                }
            }
            let mut x = vec![0.0; dimension];
            let mut sup = 0.0_f64;
            let steps = whole(dimension as f64 / delta);
            for state in &path {
                for _ in 0..steps {
                    for c in &mut x {
                        *c = if rng.random::<bool>() { 1.0 } else { -1.0 };
                    }
                    let a: f64 = w.iter().zip(&x).map(|(w, x)| w * x).sum();
                    let f = delta / dimension as f64 * staircase(&x) * tanh_slope(a);
                    for (w, x) in w.iter_mut().zip(&x) {
                        *w += f * x;
                    }
                }
                for i in 0..3 {
                    sup = if (w[i] - state[i]).abs() > sup { (w[i] - state[i]).abs() } else { sup };
                }
            }
            lengths.push(w.iter().skip(3).map(|x| x * x).sum::<f64>());
            sups.push(sup);
        }
        sup_errors.push(sups.iter().sum::<f64>() / RUNS as f64);
        if dimension == 400 {
            let ours = Outcome::of_samples(path[3][3], &lengths);
            // O(1/d) of finite size, and the sampling error.
            assert!((ours.measured - ours.predicted).abs() <= 6.0 * ours.error + 0.01, "{ours:?}");
            // Control: without the finite-step term s^2 is off by many standard errors.
            let control = Outcome::of_samples(still[3][3], &lengths);
            assert!(control.deviations() > 10.0, "{control:?}");
        }
    }
    let ratio = sup_errors[0] / sup_errors[1];
    // Rate d^{-1/2}: 2 for a factor 4 in d; eight runs leave some 25 per cent each.
    assert!(ratio > 1.2 && ratio < 3.6, "{sup_errors:?}");
}

#[test]
fn golden_sgd_sampled_flow_and_chain() {
    const RUNS: u64 = 40;
    let Some(section) = sampled("11.7.2") else { return };
    for (name, entry) in object(&section) {
        let (delta, m0) = (number(&entry["delta"]), number(&entry["m0"]));
        let mut ode: Vec<(f64, f64)> =
            object(&entry["ode"]).iter().map(|(t, m)| (t.parse().unwrap(), number(m))).collect();
        ode.sort_by(|x, y| x.0.total_cmp(&y.0));
        ode.retain(|(t, _)| *t > 0.0);
        let tau: Vec<f64> = ode.iter().map(|(t, _)| *t).collect();
        let relu = name.contains("relu");
        let (rule, target) = matched(2, Loss::Correlation);
        let path = if relu {
            let v = |m| ReluMoments::velocity(m, delta, Loss::Correlation);
            trajectory(v, m0, &tau).unwrap()
        } else {
            SingleIndex::new(rule, target).unwrap().trajectory(m0, delta, &tau).unwrap()
        };
        for ((t, golden), m) in ode.iter().zip(&path) {
            near(*m, *golden, 2e-9, 1e-10, &format!("{name} at {t}"));
        }
        for (d, row) in object(&entry["chain"]) {
            let dimension: usize = d.parse().unwrap();
            if dimension > 1600 {
                continue;
            }
            let (mut sups, mut ends) = (Vec::new(), Vec::new());
            for run in 0..RUNS {
                let mut rng = stream(1172, run);
                let (mut m, mut now, mut sup) = (m0, 0.0, 0.0_f64);
                for (t, expected) in tau.iter().zip(&path) {
                    let steps = whole(((t - now) * dimension as f64).round());
                    let relu_rule =
                        Rule { student: relu_student, loss: Loss::Correlation, lookahead: 0.0 };
                    m = if relu {
                        let target = |z| relu_student(z).0;
                        SphereChain::new(relu_rule, target, dimension, delta)
                            .unwrap()
                            .run(m, steps, &mut rng)
                    } else {
                        SphereChain::new(rule, target, dimension, delta)
                            .unwrap()
                            .run(m, steps, &mut rng)
                    };
                    now = *t;
                    let off = (m - expected).abs();
                    sup = if off > sup { off } else { sup };
                }
                sups.push(sup);
                ends.push(m);
            }
            // The spread of the sup error is about half its mean: forty runs of either.
            let golden = number(&row["mean_sup"]);
            compatible(&sups, golden, 0.5 * golden / (RUNS as f64).sqrt(), &format!("{name} {d}"));
        }
    }
}

#[test]
fn golden_sgd_sampled_escape() {
    const RUNS: u64 = 300;
    let Some(section) = sampled("11.7.4") else { return };
    for (name, entry) in object(&section) {
        let dimension: usize = after(name, "d=").parse().unwrap();
        let finite = name.starts_with("finite d");
        let delta: f64 = if finite { 0.5 } else { after(name, "delta=").parse().unwrap() };
        let m1 = if finite { 0.3 } else { number(&entry["m1"]) };
        let loss = if name.contains("square=True") { Loss::Square } else { Loss::Correlation };
        let (rule, target) = matched(2, loss);
        let problem = SingleIndex::new(rule, target).unwrap();
        let law = problem.escape(delta, m1).unwrap();
        if finite {
            let found = problem.diffusion_time(delta, m1, dimension as f64, true).unwrap();
            // The prototype's own mesh: its two values for d = 1000 differ by 1e-6.
            near(found, number(&entry["pred"]), 1e-4, 0.0, name);
        } else {
            let predicted = law.mean(dimension as f64);
            if loss == Loss::Square {
                // The file's V_2(0) of the square loss is 20, without the cross term of
                // E[(h_2(b) - h_2(a))^2 2 a^2 b^2] = 20 - 8; section 11.7.2 has 12, as we have. Its
                // mean is the law's with 20; the simulation is within its error of ours.
                assert!((law.spread - 12.0).abs() <= EXACT * 12.0, "{}", law.spread);
                let factor = |spread: f64| 1.0 + delta * delta * spread / (2.0 * law.rate);
                let shift = 0.5 * (factor(20.0) / factor(12.0)).ln() / law.rate;
                near(predicted - shift, number(&entry["pred"]), 1e-7, 0.0, name);
                // The law itself is of large d.
                let apart = (predicted - number(&entry["mean"])).abs();
                let large = dimension >= 10_000;
                assert!(!large || apart <= Z * number(&entry["se"]), "{name}: {predicted}");
            } else {
                near(predicted, number(&entry["pred"]), 1e-7, 0.0, name);
            }
            near(law.standard_deviation(), number(&entry["sd_pred"]), 1e-8, 0.0, name);
            near(law.constant, number(&entry["C"]), 1e-7, 0.0, name);
            near(law.rate, number(&entry["lam"]), 1e-8, 0.0, name);
        }
        if dimension <= 1000 {
            let chain = SphereChain::new(rule, target, dimension, delta).unwrap();
            let times: Vec<f64> = (0..RUNS)
                .map(|run| {
                    let mut rng = stream(1174, run);
                    let m = rng.sample::<f64, _>(StandardNormal) / (dimension as f64).sqrt();
                    let done = |m: f64| m.abs() >= m1;
                    let steps = chain.first_passage(m, 1_000_000, done, &mut rng).unwrap();
                    steps as f64 / dimension as f64
                })
                .collect();
            compatible(&times, number(&entry["mean"]), number(&entry["se"]), name);
        }
    }
}

#[test]
fn golden_sgd_sampled_explosion() {
    const RUNS: u64 = 100;
    let Some(section) = sampled("11.7.5") else { return };
    for (name, entry) in object(&section) {
        if name.starts_with("control") {
            continue;
        }
        let k: u32 = name[1..2].parse().unwrap();
        let delta_0: f64 = after(name, "d0=").parse().unwrap();
        let dimension: usize = after(name, " d=").parse().unwrap();
        let (noise, spread) = (f64::from(k), f64::from(k * (2 * k + 1)));
        let limit = explosion_time(k, delta_0, 1.0, noise, spread).unwrap();
        near(limit, number(&entry["limit"]), 3e-3, 0.0, name);
        let (rule, target) = matched(k as usize, Loss::Correlation);
        let d = dimension as f64;
        let power = f64::from(k);
        let delta = delta_0 * d.powf(-0.5 * (power - 2.0));
        let problem = SingleIndex::new(rule, target).unwrap();
        let m1 = entry.get("m1").map_or(0.5, number);
        let time = problem.diffusion_time(delta, m1, d, k.is_multiple_of(2)).unwrap();
        let scaled = time * d / d.powf(power - 1.0);
        near(scaled, number(&entry["diffusion"]), 5e-3, 0.0, name);
        if d.powf(power - 1.0) <= 50_000.0 {
            let chain = SphereChain::new(rule, target, dimension, delta).unwrap();
            let steps: Vec<f64> = (0..RUNS)
                .map(|run| {
                    let mut rng = stream(1175, run);
                    let m = rng.sample::<f64, _>(StandardNormal) / d.sqrt();
                    let done = |m: f64| if k.is_multiple_of(2) { m.abs() >= m1 } else { m >= m1 };
                    let n = chain.first_passage(m, 100_000_000, done, &mut rng).unwrap();
                    n as f64 / d.powf(power - 1.0)
                })
                .collect();
            compatible(&steps, number(&entry["mean"]), number(&entry["se"]), name);
        }
    }
}

#[test]
fn golden_sgd_sampled_batches() {
    let Some(section) = sampled("11.7.6 batch,delta -> rms overlap at the end, predicted") else {
        return;
    };
    let dimension = 2000;
    for (name, entry) in object(&section) {
        let (batch, delta) = name.split_once(',').unwrap();
        let (batch, delta): (usize, f64) = (batch.parse().unwrap(), delta.parse().unwrap());
        let golden = numbers(entry);
        let predicted = plateau_h2(delta / batch as f64);
        near(predicted, golden[1], 1e-9, 0.0, name);
        let (rule, target) = matched(2, Loss::Correlation);
        let chain = SphereChain::new(rule, target, dimension, delta).unwrap();
        let steps = whole(20.0 / delta * dimension as f64);
        let squares: Vec<f64> = (0..6)
            .map(|run| {
                let mut rng = stream(1176, run);
                let mut m = rng.sample::<f64, _>(StandardNormal) / (dimension as f64).sqrt();
                for _ in 0..steps {
                    m = chain.batch_step(m, batch, &mut rng);
                }
                m * m
            })
            .collect();
        let rms = (squares.iter().sum::<f64>() / 6.0).sqrt();
        if predicted > 0.0 {
            near(rms, predicted, 0.0, 0.06, name);
        } else {
            // Control: above the threshold 2 B the overlap stays at its noise.
            assert!(rms < 0.3, "{name}: {rms}");
        }
    }
}

#[test]
fn golden_sgd_sampled_signals_with_noise() {
    let Some(section) = sampled("11.8.4 noise level -> lambda_k^2 of z^2 exp(-z^2)") else {
        return;
    };
    for (noise, entry) in object(&section) {
        let found: Vec<f64> = if noise == "z xi" {
            // By a quadrature of 15 digits.
            for (k, exact) in [(2, 0.3421037056), (4, 0.1228049408)] {
                near(squared_signal_of_product(k), exact, 1e-9, 0.0, "z xi");
            }
            (0..=8).map(squared_signal_of_product).collect()
        } else {
            let link = |z: f64| z * z * (-z * z).exp();
            squared_signal_with_noise(link, 8, noise.parse().unwrap()).unwrap()
        };
        for (k, golden) in object(entry) {
            let k: usize = k.parse().unwrap();
            let relative = if noise == "z xi" { PRODUCT } else { 1e-8 };
            near(found[k], number(golden), relative, 1e-12, &format!("{noise} {k}"));
        }
    }
}

#[test]
fn golden_sgd_sampled_detection() {
    let Some(section) = sampled("11.8.6 samples at which the squared advantage reaches 2") else {
        return;
    };
    for (k, entry) in object(&section) {
        let k: usize = k.parse().unwrap();
        // The file does not say which signals it has; these four or five digits of the sections'
        // links give all of its numbers.
        let mut signals = vec![0.0; 4 * k + 1];
        match k {
            1 | 2 => signals[k] = 0.5,
            3 => signals[3] = 0.2039,
            4 => (signals[4], signals[6]) = (0.22996, 0.28694),
            _ => panic!("unknown exponent {k}"),
        }
        for (d, golden) in object(entry) {
            let found = detection_threshold(&signals, d.parse().unwrap(), 4 * k);
            near(found, number(golden), 1e-6, 0.0, &format!("k = {k}, d = {d}"));
        }
    }
}

#[test]
fn golden_sgd_sampled_partial_trace() {
    let Some(section) = sampled("11.8.7") else { return };
    let fourth = fourth_order_transform();
    let signal = 0.229957668524;
    for (name, entry) in object(&section) {
        if let Some(rest) = name.strip_prefix("k4 d=") {
            let Some((d, x)) = rest.split_once(" x=") else { continue };
            let (d, x): (usize, f64) = (d.parse().unwrap(), x.parse().unwrap());
            let n = entry["n"].as_u64().unwrap();
            // The file leaves out the 4 of d(d + 4).
            let threshold = (d * d) as f64 / (12.0 * signal);
            assert_eq!(n, whole(x * threshold), "{name}");
            near(spiked_cosine(x, 1.0), number(&entry["pred"]), 1e-9, 1e-12, name);
            if d <= 30 {
                let cosines: Vec<f64> = (0..20)
                    .map(|run| {
                        let mut rng = stream(1187, run);
                        fourth_order_cosine(
                            |z, _| fourth(z),
                            d,
                            usize::try_from(n).unwrap(),
                            &mut rng,
                        )
                    })
                    .collect();
                compatible(&cosines, number(&entry["mean"]), number(&entry["se"]), name);
            }
        }
        if let Some(rest) = name.strip_prefix("k3 d=") {
            let (d, _) = rest.split_once(" x=").unwrap();
            let d: f64 = d.parse().unwrap();
            let n = entry["n"].as_u64().unwrap();
            let signal = 0.203910592236;
            near(
                vector_stage_cosine(n as f64, d, signal),
                number(&entry["pred1"]),
                1e-6,
                0.0,
                name,
            );
            let x: f64 = after(name, "x=").parse().unwrap();
            assert_eq!(n, whole(x * third_order_threshold(d, signal)), "{name}");
        }
    }
    let Some(entry) = section.get("phase retrieval d=400 [optimal, plain]") else { return };
    let Some(pair) = entry.get("pr 4.0").map(numbers) else { return };
    let bounded = |z: f64| (z * z - 1.0) / (z * z);
    let predicted = second_order_prediction(bounded, 1.0, 2.0).unwrap();
    near(predicted, 0.639, 0.0, 1e-3, "phase retrieval");
    let d = 100;
    let cosines: Vec<f64> = (0..12)
        .map(|run| {
            let mut rng = stream(1188, run);
            second_order_cosine(|z, _| bounded(z), d, 2 * d, &mut rng)
        })
        .collect();
    // A smaller dimension than the file's: finite size 1/sqrt(d).
    let ours = Outcome::of_samples(predicted, &cosines);
    assert!((ours.measured - pair[0]).abs() <= Z * ours.error + 0.1, "{ours:?}");
    // Control: the second-order estimator on the link of generative exponent 4, and labels
    // shuffled.
    let mut rng = stream(1189, 0);
    let link = |z: f64| z * z * (-z * z).exp();
    let chance: Vec<f64> =
        (0..8).map(|_| second_order_cosine(|z, _| link(z) - 0.19, 60, 5000, &mut rng)).collect();
    assert!(Outcome::of_samples(0.0, &chance).measured < 0.15, "{chance:?}");
    let shuffled: Vec<f64> =
        (0..8).map(|_| fourth_order_cosine(|_, other| fourth(other), 30, 2609, &mut rng)).collect();
    assert!(Outcome::of_samples(0.0, &shuffled).measured < 0.15, "{shuffled:?}");
}

/// `zeta_4` of `z^2 exp(-z^2)`, a function of the label; here as a function of `z`.
fn fourth_order_transform() -> impl Fn(f64) -> f64 {
    use gradiometer_hermite::polynomial::hermite;
    use gradiometer_mechanisms::numerics::root;
    move |z: f64| {
        // The other preimage in u = z^2 of u exp(-u), with weights phi/|g'|.
        let u = z * z;
        let level = (u.ln() - u).min_one();
        let f = |v: f64| v.ln() - v - level;
        // Below one, log v lies between the level and the level plus one.
        let other = if u < 1.0 { root(f, 1.0, 800.0) } else { root(f, level.exp(), 1.0) };
        let term = |v: f64| {
            let z = v.sqrt();
            let slope = 2.0 * z * (-v).exp() * (1.0 - v).abs();
            let weight = (-0.5 * v).exp() / slope;
            (weight, weight * hermite(4, z))
        };
        let ((w, s), (x, t)) = (term(u), term(other));
        (s + t) / (w + x)
    }
}

trait MinOne {
    fn min_one(self) -> f64;
}

impl MinOne for f64 {
    /// `log u - u` is at most -1; rounding must not lift it above.
    fn min_one(self) -> f64 {
        if self > -1.0 { -1.0 } else { self }
    }
}

#[test]
fn golden_sgd_sampled_third_order_stages() {
    let Some(section) = sampled("11.8.7") else { return };
    let Some(entry) = section.get("k3 d=50 x=4") else { return };
    // zeta_3 of a sign is the sign times a constant.
    let root = (2.0 * 2.0_f64.ln()).sqrt();
    let transform = move |z: f64| 0.451_564_604_7 * (z * (z - root) * (z + root)).signum();
    let n = usize::try_from(entry["n"].as_u64().unwrap()).unwrap();
    let pairs: Vec<(f64, f64)> =
        (0..12).map(|run| third_order_cosines(transform, 50, n, &mut stream(1190, run))).collect();
    let first: Vec<f64> = pairs.iter().map(|p| p.0).collect();
    let second: Vec<f64> = pairs.iter().map(|p| p.1).collect();
    // The file has no errors here: thirty seeds with a spread of some 0.12 and 0.06.
    compatible(&first, number(&entry["stage1"]), 0.022, "stage 1");
    compatible(&second, number(&entry["stage2"]), 0.02, "stage 2");
}

#[test]
fn golden_sgd_sampled_second_look() {
    let Some(section) = sampled("11.9.2") else { return };
    for (name, entry) in object(&section) {
        if let Some(rho) = name.strip_prefix("control rho=") {
            let lookahead: f64 = rho.parse().unwrap();
            let rule = Rule { student: hermite_student(2), loss: Loss::Correlation, lookahead };
            let h3 = hermite_student(3);
            let target = move |z: f64| h3(z).0;
            let problem = SingleIndex::new(rule, target).unwrap();
            let (delta, at) = (0.1, problem.moments(0.0));
            let rate = delta * problem.start().1 - 0.5 * delta * delta * at.noise;
            near(rate, number(&entry["lam"]), 1e-9, 1e-12, name);
            let predicted = stationary_deviation(delta, at.spread, rate);
            near(predicted, number(&entry["ou"]), 1e-9, 0.0, name);
            continue;
        }
        let student = hermite_student(name[1..2].parse().unwrap());
        let target = hermite_student(after(name, "on h").parse().unwrap());
        let target = move |z: f64| target(z).0;
        let (lookahead, delta) = (number(&entry["rho"]), number(&entry["delta"]));
        let rule = Rule { student, loss: Loss::Correlation, lookahead };
        let problem = SingleIndex::new(rule, target).unwrap();
        let law = problem.escape(delta, number(&entry["m1"])).unwrap();
        let dimension: usize = after(name, "d=").parse().unwrap();
        near(law.rate, number(&entry["lam"]), 1e-8, 1e-12, name);
        near(law.spread, number(&entry["V2"]), 1e-8, 0.0, name);
        // See `CONSTANT` of the other golden tests: the file's constants are 3e-8 off.
        near(law.constant, number(&entry["C"]), 2e-7, 0.0, name);
        near(law.mean(dimension as f64), number(&entry["pred"]), 2e-7, 0.0, name);
        let end =
            gradiometer_mechanisms::numerics::root(|m| problem.velocity(m, delta) / m, 0.05, 0.999);
        near(end, number(&entry["msat"]), 1e-6, 0.0, name);
        if dimension <= 1000 && delta > 0.05 {
            let chain = SphereChain::new(rule, target, dimension, delta).unwrap();
            let m1 = number(&entry["m1"]);
            let times: Vec<f64> = (0..100)
                .map(|run| {
                    let mut rng = stream(1192, run);
                    let m = rng.sample::<f64, _>(StandardNormal) / (dimension as f64).sqrt();
                    let done = |m: f64| m.abs() >= m1;
                    chain.first_passage(m, 10_000_000, done, &mut rng).unwrap() as f64
                        / dimension as f64
                })
                .collect();
            compatible(&times, number(&entry["mean"]), number(&entry["se"]), name);
        }
    }
}

#[test]
fn golden_sgd_sampled_relu_second_look() {
    let Some(section) = sampled("11.9.2 relu h3 sphere") else { return };
    let (delta, lookahead) = (number(&section["delta"]), number(&section["rho0"]));
    let h3 = hermite_student(3);
    let target = move |z: f64| h3(z).0;
    let tau = numbers(&section["tau"]);
    let path = RepeatedRelu::new(target, lookahead).sphere_trajectory(delta, &tau).unwrap();
    for (m, golden) in path.iter().zip(numbers(&section["ode"])) {
        near(*m, golden, 0.0, RELU_FLOW, "ode");
    }
    // The same flow by an independent program, which splits its quadrature at the kinks.
    let setting = (delta, lookahead, tau.as_slice());
    if setting == (0.2, 0.5, &[10.0, 20.0, 30.0, 40.0]) {
        for (m, exact) in path.iter().zip([-0.11628599, -0.25202143, -0.3950563, -0.52502373]) {
            near(*m, exact, 0.0, 1e-8, "flow");
        }
    }
    let rule = Rule { student: relu_student, loss: Loss::Correlation, lookahead };
    for (d, row) in object(&section["chain"]) {
        let dimension: usize = d.parse().unwrap();
        if dimension > 1000 {
            continue;
        }
        let chain = SphereChain::new(rule, target, dimension, delta).unwrap();
        let steps = whole(tau[0] * dimension as f64);
        let ends: Vec<f64> =
            (0..20).map(|run| chain.run(0.0, steps, &mut stream(1193, run))).collect();
        let golden = number(&row[0][0]);
        compatible(&ends, golden, number(&row[1]), &format!("chain at d = {d}"));
    }
}

#[test]
fn golden_sgd_sampled_which_targets_benefit() {
    const RUNS: u64 = 8;
    let Some(section) = sampled("11.9.3") else { return };
    for (name, entry) in object(&section) {
        let (target_name, rho) = name.split_once(" rho=").unwrap();
        let lookahead: f64 = rho.parse().unwrap();
        let (directions, target): (usize, fn(&[f64]) -> f64) = match target_name {
            "z1z2z3" => (3, |z| z[0] * z[1] * z[2]),
            "sign(z1z2z3)" => (3, |z| (z[0] * z[1] * z[2]).signum()),
            "sign(z1z2)" => (2, |z| (z[0] * z[1]).signum()),
            _ => panic!("unknown target {target_name}"),
        };
        let golden = &entry["500"];
        let rule = Rule { student: hermite_student(2), loss: Loss::Correlation, lookahead };
        let (dimension, delta) = (500, 0.1);
        let chain = SeveralDirections::new(rule, target, directions, dimension, delta).unwrap();
        let mut times = Vec::new();
        for run in 0..RUNS {
            let mut rng = stream(1194, run);
            let mut m = chain.random_start(&mut rng);
            let done = |m: &[f64]| m.iter().map(|x| x * x).sum::<f64>() >= 0.16;
            if let Some(n) = chain.first_passage(&mut m, 200 * dimension as u64, done, &mut rng) {
                times.push(n as f64 / dimension as f64);
            }
        }
        if golden[0].is_null() {
            // Chance: none of the file's sixteen runs arrived.
            assert!(times.is_empty(), "{name}: {times:?}");
        } else {
            assert_eq!(times.len() as u64, RUNS, "{name}");
            compatible(&times, number(&golden[0]), number(&golden[1]), name);
        }
    }
}

#[test]
fn golden_sgd_sampled_two_steps() {
    let Some(section) = sampled("11.9.4") else { return };
    let label = |z: f64| (z * z * z - 3.0 * z).tanh() + 0.375_117_228_821_106_4 * z;
    for (name, entry) in object(&section["first"]) {
        let eta: f64 = after(name, "eta=").parse().unwrap();
        let alpha: f64 = after(name, "alpha=").parse().unwrap();
        let found = two_step_overlap(label, eta, alpha).unwrap();
        near(found, number(&entry["M2"]), TWO_STEPS, 0.0, name);
    }
    // By an independent quadrature of 60 points on each of 120 and 90 panels.
    for (eta, alpha, exact) in [
        (1.0, 2.0, -0.05173342292832192),
        (3.0, 2.0, -0.07896285796277808),
        (2.0, 8.0, -0.1082072529138961),
    ] {
        near(two_step_overlap(label, eta, alpha).unwrap(), exact, EXACT, 0.0, "two steps");
    }
    // The process of all steps, cut to two, is the closed form within its sampling error.
    let reuse = Reuse { neurons: 1, directions: 1, alpha: 2.0, eta: 1.0 };
    let force = move |h: &[f64], z: &[f64], g: &mut [f64]| {
        g[0] = if h[0] > 0.0 { label(z[0]) } else { 0.0 };
    };
    let again: Vec<f64> = (0..20)
        .map(|run| reuse.mean_field(force, 2, 20_000, &mut stream(1195, run))[2][(0, 0)])
        .collect();
    let ours = Outcome::of_samples(two_step_overlap(label, 1.0, 2.0).unwrap(), &again);
    compatible(&again, ours.predicted, 0.0, "two steps of the process");
    // Control: fresh samples at the second step learn nothing.
    let fresh: Vec<f64> = (0..20)
        .map(|run| reuse.fresh_batches(force, 2, 20_000, &mut stream(1195, run))[2][(0, 0)])
        .collect();
    compatible(&fresh, 0.0, 0.0, "two steps of fresh batches");
    let fresh = Outcome::of_samples(0.0, &fresh);
    assert!((ours.predicted - fresh.measured).abs() > 10.0 * fresh.error, "{ours:?} {fresh:?}");
}

#[test]
fn golden_sgd_sampled_mean_field() {
    let Some(section) = sampled("11.9.5") else { return };
    let a = [FRAC_1_SQRT_2, -FRAC_1_SQRT_2];
    let force = move |h: &[f64], z: &[f64], g: &mut [f64]| {
        let y = (z[0] + z[1] * z[1] * z[1] - 3.0 * z[1]).tanh();
        let f: f64 = h.iter().zip(a).map(|(h, a)| a * relu_student(*h).0).sum();
        for ((g, h), a) in g.iter_mut().zip(h).zip(a) {
            *g = a * (y - f) * relu_student(*h).1;
        }
    };
    let exact = numbers(&section["exact_step_1"]);
    let reuse = Reuse { neurons: 2, directions: 2, alpha: 3.0, eta: 0.2 };
    let run = |again: bool, component: usize| -> Vec<Vec<f64>> {
        (0..8)
            .map(|run| {
                let mut rng = stream(1196, run);
                let path = if again {
                    reuse.mean_field(force, 6, 15_000, &mut rng)
                } else {
                    reuse.fresh_batches(force, 6, 15_000, &mut rng)
                };
                // Step 1 is exact: what it is off by is taken off in proportion.
                let scale = exact[component] / path[1][(0, component)];
                path.iter().skip(1).map(|m| m[(0, component)] * scale).collect()
            })
            .collect()
    };
    for component in 0..2 {
        let paths = run(true, component);
        let golden = numbers(&section["dmft"][format!("component_{}", component + 1)]);
        let errors = numbers(&section["dmft"][format!("se_{}", component + 1)]);
        for step in 1..6 {
            let values: Vec<f64> = paths.iter().map(|p| p[step]).collect();
            compatible(&values, golden[step], errors[step], &format!("{component} {step}"));
        }
    }
    // Control: fresh batches follow another path. The file has forty simulations of them at
    // d = 1000, without errors; those of its 360 simulations of the same batch are a third.
    let forgetful = run(false, 0);
    let fresh = section["fresh_batches_simulated_d1000_40_seeds"].as_array().unwrap();
    let errors = numbers(&section["simulation_d1000_360_seeds_control_variate"]["se_1"]);
    let same = numbers(&section["dmft"]["component_1"]);
    for step in 1..6 {
        let values: Vec<f64> = forgetful.iter().map(|p| p[step]).collect();
        let error = 3.0 * errors[step];
        println!("fresh {step} {:?} {}", Outcome::of_samples(0.0, &values), fresh[step + 1][0]);
        compatible(&values, number(&fresh[step + 1][0]), error, &format!("fresh {step}"));
        let ours = Outcome::of_samples(same[step], &values);
        assert!(ours.deviations() > 10.0, "{step}: {ours:?}");
    }
}

#[test]
fn golden_sgd_sampled_published_repetition() {
    let Some(section) = sampled("11.9.6") else { return };
    let he3 = |z: f64| z * z * z - 3.0 * z;
    let order = &section["He3 order parameters, square loss"];
    let tau = numbers(&order["tau"]);
    let path = RepeatedRelu::new(he3, 0.1).free_square_trajectory(0.01, &tau[1..]).unwrap();
    let cosines = numbers(&order["ode_cos"]);
    let lengths = numbers(&order["ode_Q"]);
    for ((state, cosine), length) in path.iter().zip(&cosines[1..]).zip(&lengths[1..]) {
        // The file has three and four digits.
        near(state[0] / state[1].sqrt(), *cosine, 0.0, 6e-5, "cosine");
        near(state[1], *length, 0.0, 6e-4, "length");
    }
    let fill = move |a: &[f64], z: &[f64], g: &mut [f64]| g[0] = relu_square_force(he3(z[0]), a[0]);
    for lookahead in [0.1, 0.0] {
        let name = format!("He3 rho0={lookahead:.1} d=512");
        let Some(entry) = section.get(&name) else { continue };
        let steps = entry["steps"].as_u64().unwrap();
        let chain = FreeChain::new(fill, 1, 1, 512, 0.01, lookahead).unwrap();
        let ends: Vec<f64> = (0..12)
            .map(|run| {
                let mut rng = stream(1197, run);
                let mut overlaps = Overlaps {
                    neurons: 1,
                    directions: 1,
                    with_teacher: vec![0.0],
                    among_students: vec![1.0],
                };
                let mut work = FreeWork::default();
                for _ in 0..steps {
                    chain.step(&mut overlaps, &mut work, &mut rng);
                }
                overlaps.cosines(0)[0].abs()
            })
            .collect();
        let golden = numbers(&entry["cos"]);
        compatible(&ends, golden[golden.len() - 1], number(&entry["se"]), &name);
    }
}
