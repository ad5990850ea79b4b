//! The golden values of statements 11.6 to 11.9: every entry is computed from its own inputs.
//!
//! The file is `testdata/mechanisms_sgd.json`, or the one that `GRADIOMETER_GOLDEN_SGD` names. An
//! entry of an unknown kind fails.
//!
//! The file claims a relative error below 1e-8. Four kinds of its numbers are further off; each has
//! a constant here that says by how much, and a test that our number is right.

use gradiometer_hermite::quadrature::GaussHermite;
use gradiometer_mechanisms::abbe2022::{hermite_means, staircase_constants};
use gradiometer_mechanisms::abbe2023::PopulationFlow;
use gradiometer_mechanisms::arnaboldi2023::{QuadraticNetwork, QuadraticState};
use gradiometer_mechanisms::arnaboldi2024::RepeatedRelu;
use gradiometer_mechanisms::ben_arous2021::{ReluMoments, SingleIndex, explosion_time, trajectory};
use gradiometer_mechanisms::damian2024::squared_signal;
use gradiometer_mechanisms::exponents::level_set::{LevelSet, Tuning as LevelTuning};
use gradiometer_mechanisms::exponents::rational::{RationalPolynomial, integer};
use gradiometer_mechanisms::exponents::{Expression, Leaps, Tuning, analyse, leap};
use gradiometer_mechanisms::matrix::Matrix;
use gradiometer_mechanisms::numerics::distribution;
use gradiometer_mechanisms::order_parameters::{Loss, Rule, hermite_student};
use gradiometer_testing::{at_most, rounding};
use num_rational::BigRational;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// Relative error of what the file calls quadratures and flows.
const RELATIVE: f64 = 1e-8;
/// Relative error of the file's mean hitting times, for a unit of `d`. It has two values for `delta
/// = .5`, `d = 1000`: 3.357228692 and, among the simulations, 3.357231992. Runge-Kutta of order 4
/// gives 3.3572285308. Its error grows in proportion to `d`: 4.8e-8 and 6.9e-7 at `d = 10^3, 10^4`;
/// for `delta = .25` 1.8e-7 and 2.1e-6 (6.1596135843 and 8.8006852530 by Runge-Kutta).
const DIFFUSION: f64 = 4e-10;
/// Relative error of the file's constants C with a second look: for `h_2` on `h_3` the closed form
/// `log m1 - (1/2) log(1 - c m1^2/lambda)` is -0.9144541512, the file has -0.9144541756.
const CONSTANT: f64 = 2e-7;
/// Relative error of the file's `lambda_k^2` of links that are neither monotone nor polynomials.
/// For `z^2 exp(-z^2)` it has 0.229957668524 (`k = 4`) and 0.286941804441 (`k = 6`); a quadrature
/// of 30 digits between the ends of the branches gives 0.229957622502 and 0.286944600060.
const BRANCHES: f64 = 2e-5;
/// Relative error of the file's `lambda_k^2` of polynomials: it says so.
const POLYNOMIALS: f64 = 1e-7;
/// Relative error of the file's explosion times: it says so.
const EXPLOSION: f64 = 2e-4;
/// The file rounds to twelve decimals.
const ROUNDED: f64 = 1e-12;

fn golden() -> Value {
    let path = std::env::var_os("GRADIOMETER_GOLDEN_SGD").unwrap_or_else(|| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/mechanisms_sgd.json").into()
    });
    // Python writes NaN for what was not measured.
    let text = std::fs::read_to_string(path).expect("the golden file").replace("NaN", "null");
    serde_json::from_str(&text).expect("JSON")
}

fn section(name: &str) -> Value {
    golden()[name].clone()
}

/// A table; a section that the file lacks is empty.
fn object(value: &Value) -> &Map<String, Value> {
    static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    if value.is_null() { &EMPTY } else { value.as_object().expect("a table") }
}

/// A list; a section that the file lacks is empty.
fn list(value: &Value) -> &[Value] {
    if value.is_null() { &[] } else { value.as_array().expect("a list") }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::String(text) => text.parse().expect("a number"),
        value => value.as_f64().expect("a number"),
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

fn near(found: f64, golden: &Value, relative: f64, what: &str) {
    let golden = number(golden);
    let slack = relative * golden.abs() + ROUNDED;
    assert!((found - golden).abs() <= slack, "{what}: {found} for {golden}");
}

fn all_near(found: &[f64], golden: &Value, relative: f64, what: &str) {
    let golden = golden.as_array().expect("a list");
    assert_eq!(found.len(), golden.len(), "{what}");
    for (x, y) in found.iter().zip(golden) {
        near(*x, y, relative, what);
    }
}

fn rational(text: &str) -> BigRational {
    Expression::parse(text).expect("an expression").rational().expect("a result")
}

/// `text` after `key`, up to a comma or the end.
fn after<'a>(text: &'a str, key: &str) -> &'a str {
    let start = text.find(key).unwrap_or_else(|| panic!("no {key} in {text}")) + key.len();
    text[start..].split([',', ' ']).next().expect("a part")
}

#[test]
fn golden_sgd_has_no_unknown_sections() {
    const KNOWN: [&str; 10] = [
        "note",
        "leap",
        "flow",
        "staircase",
        "online_sgd",
        "level_set_sums",
        "reuse",
        "lambda_squared",
        "sampled",
        "exponents",
    ];
    for name in object(&golden()).keys() {
        assert!(KNOWN.contains(&name.as_str()), "{name}");
    }
}

/// `rot(c,s) of f`, `rotN of f`, or `f` itself.
fn leap_function(name: &str) -> RationalPolynomial {
    let polynomial = |text: &str| {
        let f = Expression::parse(text).expect("an expression");
        f.polynomial(f.variables()).expect("a result")
    };
    if let Some(rest) = name.strip_prefix("rot(") {
        let (pair, f) = rest.split_once(") of ").expect("a result");
        let (c, s) = pair.split_once(',').expect("a result");
        let (c, s) = (rational(c), rational(s));
        assert_eq!(&c * &c + &s * &s, integer(1), "a rotation");
        return polynomial(f).substituted(&[vec![c.clone(), s.clone()], vec![-s, c]]);
    }
    if let Some(rest) = name.strip_prefix("rot") {
        let (size, f) = rest.split_once(" of ").expect("a result");
        let n: usize = size.parse().expect("a number");
        let f = polynomial(f);
        assert_eq!(f.variables(), n);
        let skew: Vec<BigRational> = (0..n * (n - 1) / 2)
            .map(|i| rational(&format!("{}/{}", 2 * i + 3, 3 * i + 7)))
            .collect();
        return f.substituted(&leap::cayley_rotation(n, &skew));
    }
    polynomial(name)
}

#[test]
fn golden_sgd_leap() {
    for (name, entry) in object(&section("leap")) {
        let f = leap_function(name);
        let found = Leaps::of(&f);
        for (field, golden) in object(entry) {
            let count = |x: Option<u32>| x.map(u64::from);
            let value = match field.as_str() {
                "variables" => Some(f.variables() as u64),
                "relevant_dimension" => Some(found.relevant_dimension() as u64),
                "information" => count(found.information),
                "leap_in_basis" => count(found.in_basis),
                "leap_isotropic" => count(found.isotropic),
                "stages" => {
                    let stages: Vec<(u32, usize)> = serde_json::from_value(golden.clone()).unwrap();
                    assert_eq!(found.stages, stages, "{name}");
                    continue;
                }
                _ => panic!("unknown field {field} of {name}"),
            };
            assert_eq!(value, golden.as_u64(), "{field} of {name}");
        }
    }
}

#[test]
fn golden_sgd_flow() {
    for entry in list(&section("flow")) {
        let target = object(&entry["coefficients"])
            .iter()
            .map(|(alpha, c)| {
                (alpha.split(',').map(|a| a.trim().parse().unwrap()).collect(), number(c))
            })
            .collect();
        let m = numbers(&entry["m"]);
        let flow = PopulationFlow::new(&target, &numbers(&entry["s"]), 1.0).unwrap();
        for (field, golden) in object(entry) {
            match field.as_str() {
                "coefficients" | "s" | "m" => {}
                "phi" => near(flow.correlation(&m), golden, RELATIVE, "phi"),
                "velocity" => {
                    let mut velocity = vec![0.0; m.len()];
                    flow.velocity(&m, &mut velocity);
                    all_near(&velocity, golden, RELATIVE, "velocity");
                }
                _ => panic!("unknown field {field}"),
            }
        }
    }
}

#[test]
fn golden_sgd_staircase() {
    let entry = section("staircase");
    if entry.is_null() {
        return;
    }
    let activation = Expression::parse(entry["activation"].as_str().unwrap()).unwrap();
    let count = entry["mu"].as_array().unwrap().len();
    let coefficients = numbers(&entry["coefficients"]);
    let means =
        hermite_means(|t| activation.value(&[t]), count.max(coefficients.len() + 1)).unwrap();
    for (field, golden) in object(&entry) {
        match field.as_str() {
            "activation" | "coefficients" | "law" => {}
            "mu" => all_near(&means[..count], golden, RELATIVE, "mu"),
            "K" => all_near(&staircase_constants(&coefficients, &means), golden, RELATIVE, "K"),
            _ => panic!("unknown field {field}"),
        }
    }
}

/// A student or target `h3`, `He3`.
fn degree(name: &str) -> usize {
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{name} is no Hermite polynomial"))
}

fn loss(name: &str) -> Loss {
    match name {
        "correlation" => Loss::Correlation,
        "square" => Loss::Square,
        _ => panic!("unknown loss {name}"),
    }
}

fn matched(k: usize, loss: Loss) -> SingleIndex<impl Fn(f64) -> (f64, f64), impl Fn(f64) -> f64> {
    let student = hermite_student(k);
    SingleIndex::new(Rule { student, loss, lookahead: 0.0 }, move |z| student(z).0)
        .expect("a result")
}

#[test]
fn golden_sgd_online_flows() {
    for (name, entry) in object(&section("online_sgd")) {
        if ["moments_matched", "escape_k2", "explosion", "quadratic_sphere", "quadratic_free"]
            .contains(&name.as_str())
        {
            continue;
        }
        let (student, loss_name) = name.split_once('_').unwrap_or_else(|| panic!("unknown {name}"));
        let loss = loss(loss_name);
        let (delta, m0) = (number(&entry["delta"]), number(&entry["m0"]));
        let tau = numbers(&entry["tau"]);
        let path = if student == "relu" {
            trajectory(|m| ReluMoments::velocity(m, delta, loss), m0, &tau).unwrap()
        } else {
            matched(degree(student), loss).trajectory(m0, delta, &tau).unwrap()
        };
        for (field, golden) in object(entry) {
            match field.as_str() {
                "delta" | "m0" | "tau" => {}
                "m" => all_near(&path, golden, RELATIVE, name),
                "plateau" => {
                    let problem = matched(degree(student), loss);
                    let f = |m: f64| problem.velocity(m, delta) / m;
                    let end = gradiometer_mechanisms::numerics::root(f, 1e-3, 1.0);
                    near(end, golden, RELATIVE, "plateau");
                }
                "threshold" => {
                    let problem = matched(degree(student), loss);
                    let found = 2.0 * problem.start().1 / problem.moments(0.0).noise;
                    near(found, golden, RELATIVE, "threshold");
                }
                _ => panic!("unknown field {field} of {name}"),
            }
        }
    }
}

#[test]
fn golden_sgd_moments() {
    for (name, entry) in object(&section("online_sgd")["moments_matched"]) {
        let (student, loss_name) = name.split_once(' ').unwrap();
        let problem = matched(degree(student), loss(loss_name));
        for (field, golden) in object(entry) {
            let m = match field.split_once("_at_") {
                Some((_, at)) => at.replace('p', ".").parse().unwrap(),
                None => 0.0,
            };
            let at = problem.moments(m);
            let found = match field.split("_at_").next().unwrap() {
                "V" | "V0" => at.noise,
                "V2" | "V2_0" => at.spread,
                "b" => at.drift,
                _ => panic!("unknown field {field}"),
            };
            near(found, golden, RELATIVE, &format!("{field} of {name}"));
        }
    }
}

/// The mean time at which `|m|` reaches `m1`, by Runge-Kutta of order 4 on
/// `(g/2) T'' + f T' = -1`, `T'(0) = 0`, and Simpson's rule of `-T'(x) P(|m_0| < x)`.
fn mean_hitting_time<S, T>(problem: &SingleIndex<S, T>, delta: f64, m1: f64, d: f64) -> f64
where
    S: Fn(f64) -> (f64, f64),
    T: Fn(f64) -> f64,
{
    // Eighty steps for the shortest length, 1/sqrt(d), and an even number of them.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousands")]
    let steps = 2 * (1.0 + 40.0 * m1 * d.sqrt()) as u32;
    let h = m1 / f64::from(steps);
    let bend = |x: f64, slope: f64| {
        let variance = delta * delta / d * problem.moments(x).spread;
        -2.0 * (1.0 + problem.velocity(x, delta) * slope) / variance
    };
    let below = |x: f64| 2.0 * distribution(x * d.sqrt()) - 1.0;
    let (mut slope, mut sum) = (0.0, 0.0);
    for i in 0..steps {
        let x = h * f64::from(i);
        let weight = if i == 0 { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
        sum -= weight * slope * below(x);
        let a = bend(x, slope);
        let b = bend(x + 0.5 * h, slope + 0.5 * h * a);
        let c = bend(x + 0.5 * h, slope + 0.5 * h * b);
        let e = bend(x + h, slope + h * c);
        slope += h / 6.0 * (a + 2.0 * b + 2.0 * c + e);
    }
    (sum - slope * below(m1)) * h / 3.0
}

/// The constant C of an `h_2` student with a second look, correlation loss: the velocity is
/// `m (lambda - c m^2)`, so that `C = log m1 - (1/2) log(1 - c m1^2/lambda)`.
fn constant_of_h2(target: impl Fn(f64) -> f64, lookahead: f64, delta: f64, m1: f64) -> f64 {
    let rule = GaussHermite::new(40).expect("a rule");
    let mean = |f: &dyn Fn(f64) -> f64| -> f64 {
        rule.nodes().iter().zip(rule.weights()).map(|(z, w)| w * f(*z)).sum()
    };
    // G = sqrt2 a (y + sqrt2 rho y^2): B = 2 m (1 - m^2) (..), E G^2 = 2 E[P] + 2 m^2 E[P''].
    let root = 2.0_f64.sqrt();
    let pushed = |z: f64| target(z) * (1.0 + root * lookahead * target(z));
    let drift = 2.0 * mean(&|z| pushed(z) * (z * z - 1.0) / root);
    let noise = mean(&|z| pushed(z).powi(2));
    let bent = mean(&|z| pushed(z).powi(2) * (z * z - 1.0));
    let rate = delta * drift - delta * delta * noise;
    let c = delta * drift + delta * delta * bent;
    m1.ln() - 0.5 * (1.0 - c * m1 * m1 / rate).ln()
}

#[test]
fn golden_sgd_branches_of_a_link_are_resolved() {
    let link = Expression::parse("z^2 exp(-z^2)").unwrap();
    // By a quadrature of 30 digits between the ends of the branches.
    for (k, exact) in [(4, 0.229957622502095), (6, 0.286944600059938)] {
        let found = squared_signal(&link, k).unwrap();
        assert!((found - exact).abs() <= RELATIVE * exact, "{k}: {found}");
    }
}

#[test]
fn golden_sgd_escape() {
    let problem = matched(2, Loss::Correlation);
    for (delta, entry) in object(&section("online_sgd")["escape_k2"]) {
        let delta: f64 = delta.parse().unwrap();
        let m1 = number(&entry["m1"]);
        let law = problem.escape(delta, m1).unwrap();
        for (field, golden) in object(entry) {
            match field.as_str() {
                "m1" => {}
                "lam" => near(law.rate, golden, RELATIVE, "lam"),
                "C" => near(law.constant, golden, RELATIVE, "C"),
                "noise_factor" => near(law.noise_factor, golden, RELATIVE, "noise_factor"),
                "sd_tau" => near(law.standard_deviation(), golden, RELATIVE, "sd_tau"),
                "mean_tau" => {
                    for (d, golden) in object(golden) {
                        near(law.mean(d.parse().unwrap()), golden, RELATIVE, "mean_tau");
                    }
                }
                "mean_tau_diffusion" => {
                    for (d, golden) in object(golden) {
                        let d: f64 = d.parse().unwrap();
                        let found = problem.diffusion_time(delta, m1, d, true).unwrap();
                        near(found, golden, DIFFUSION * d, "mean_tau_diffusion");
                        let exact = mean_hitting_time(&problem, delta, m1, d);
                        assert!((found / exact - 1.0).abs() <= RELATIVE, "{found} {exact}");
                    }
                }
                _ => panic!("unknown field {field}"),
            }
        }
    }
}

#[test]
fn golden_sgd_explosion() {
    for (name, golden) in object(&section("online_sgd")["explosion"]) {
        let k: u32 = after(name, "k=").parse().unwrap();
        let delta_0: f64 = after(name, "delta0=").parse().unwrap();
        let (noise, spread) = (f64::from(k), f64::from(k * (2 * k + 1)));
        let found = explosion_time(k, delta_0, 1.0, noise, spread).unwrap();
        near(found, golden, EXPLOSION, name);
    }
}

#[test]
fn golden_sgd_quadratic() {
    let online = section("online_sgd");
    for (name, sphere) in [("quadratic_sphere", true), ("quadratic_free", false)] {
        let Some(entry) = online.get(name) else { continue };
        let one = |x: f64| Matrix::from_fn(1, 1, |_, _| x);
        let network = QuadraticNetwork {
            teacher: one(1.0),
            gamma: number(&entry["gamma"]),
            noise: number(&entry["noise"]),
            sphere,
        };
        let start = QuadraticState { overlaps: one(number(&entry["M0"])), gram: one(1.0) };
        let path = network.trajectory(&start, &numbers(&entry["t"])).unwrap();
        for (field, golden) in object(entry) {
            let found: Vec<f64> = match field.as_str() {
                "gamma" | "noise" | "M0" | "t" => continue,
                "M" => path.iter().map(|s| s.overlaps[(0, 0)]).collect(),
                "Q" => path.iter().map(|s| s.gram[(0, 0)]).collect(),
                "risk" => path.iter().map(|s| network.risk(s)).collect(),
                _ => panic!("unknown field {field}"),
            };
            all_near(&found, golden, RELATIVE, &format!("{field} of {name}"));
        }
    }
}

#[test]
fn golden_sgd_level_set_sums() {
    for entry in list(&section("level_set_sums")) {
        let name = entry["function"].as_str().unwrap();
        let g = Expression::parse(name).unwrap();
        let k = u32::try_from(entry["k"].as_u64().unwrap()).unwrap();
        let set =
            LevelSet::of(|cell| g.evaluate(&[cell]), number(&entry["y"]), &LevelTuning::default());
        let sum = set.sum(k);
        let (value, radius) = (number(&entry["value"]), number(&entry["radius"]));
        assert!(sum.lo() - radius <= value && value <= sum.hi() + radius, "{name} {k}: {sum}");
        at_most(sum.radius(), 0.0, rounding(4096, 1.0));
    }
}

#[test]
fn golden_sgd_reuse() {
    for (name, entry) in object(&section("reuse")) {
        if name == "relu_student_correlation" {
            for (name, entry) in object(entry) {
                let (target, rho) = name.split_once(" rho0=").unwrap();
                let target = Expression::parse(target).unwrap();
                let problem = RepeatedRelu::new(|z| target.value(&[z]), rho.parse().unwrap());
                let (constant, slope) = problem.start().unwrap();
                for (field, golden) in object(entry) {
                    match field.as_str() {
                        "B0" => near(constant, golden, RELATIVE, name),
                        "B1" => near(slope, golden, RELATIVE, name),
                        _ => panic!("unknown field {field}"),
                    }
                }
            }
            continue;
        }
        let student = hermite_student(degree(name.split(" student").next().unwrap()));
        let target = Expression::parse(after(name, "target ")).unwrap();
        let lookahead = after(name, "rho0=").parse().unwrap();
        let delta: f64 = after(name, "delta=").parse().unwrap();
        let rule = Rule { student, loss: Loss::Correlation, lookahead };
        let problem = SingleIndex::new(rule, |z| target.value(&[z])).unwrap();
        let m1 = number(&entry["m1"]);
        let law = problem.escape(delta, m1).unwrap();
        if name.starts_with("h2 ") {
            let exact = constant_of_h2(|z| target.value(&[z]), lookahead, delta, m1);
            assert!((law.constant - exact).abs() <= RELATIVE, "{} {exact}", law.constant);
        }
        for (field, golden) in object(entry) {
            let found = match field.as_str() {
                "m1" => continue,
                "mean_tau" => {
                    for (d, golden) in object(golden) {
                        near(law.mean(d.parse().unwrap()), golden, CONSTANT, name);
                    }
                    continue;
                }
                "B1" => law.slope,
                "V0" => law.noise,
                "V2_0" => law.spread,
                "lam" => law.rate,
                "C" => {
                    near(law.constant, golden, CONSTANT, name);
                    continue;
                }
                "threshold_delta" => law.threshold(),
                _ => panic!("unknown field {field}"),
            };
            near(found, golden, RELATIVE, &format!("{field} of {name}"));
        }
    }
}

#[test]
fn golden_sgd_lambda_squared() {
    for (name, entry) in object(&section("lambda_squared")) {
        let link = Expression::parse(name).unwrap();
        let relative = if link.polynomial(1).is_some() {
            POLYNOMIALS
        } else if name.contains("sign") {
            RELATIVE
        } else {
            BRANCHES
        };
        for (k, golden) in object(entry) {
            let found = squared_signal(&link, k.parse().unwrap()).unwrap();
            near(found, golden, relative, &format!("{k} of {name}"));
        }
    }
}

#[test]
fn golden_sgd_exponents() {
    for entry in list(&section("exponents")) {
        let name = entry["function"].as_str().unwrap();
        let found = analyse(&Expression::parse(name).unwrap(), &Tuning::default()).unwrap();
        for (field, golden) in object(entry) {
            let bounds = match field.as_str() {
                "function" => continue,
                "information" => found.information,
                "generative" => found.generative,
                _ => panic!("unknown field {field}"),
            };
            let known = bounds.known().map(u64::from);
            assert_eq!(known, golden.as_u64(), "{field} of {name}: {found:?}");
        }
    }
}
