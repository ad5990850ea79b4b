use super::*;

fn quick(name: &str) -> Vec<Measurement> {
    let findings = find(name).unwrap().run(Size::Quick).unwrap();
    let names = |found: &Measurement| -> Vec<&str> { found.setting.iter().map(|s| s.0).collect() };
    for found in &findings.measurements {
        assert_eq!(names(found), names(&findings.measurements[0]));
        assert!(found.values.len() >= 10 && found.half_width() > 0.0, "{found:?}");
    }
    let lines = findings.measurements.iter().map(|found| found.values.len()).sum::<usize>() + 1;
    assert_eq!(findings.csv().lines().count(), lines);
    assert_eq!(
        findings.json()["measurements"].as_array().unwrap().len(),
        findings.measurements.len()
    );
    findings.measurements
}

/// The one measurement of the quantity at the values, within a rounding.
fn at<'a>(found: &'a [Measurement], quantity: &str, setting: &[(&str, f64)]) -> &'a Measurement {
    let fits = |found: &&Measurement| {
        let has = |name: &str, value: f64| {
            found
                .setting
                .iter()
                .any(|(n, x)| *n == name && (x - value).abs() <= f64::EPSILON * value)
        };
        found.quantity == quantity && setting.iter().all(|(name, value)| has(name, *value))
    };
    let mut fitting = found.iter().filter(fits);
    let first = fitting.next().unwrap_or_else(|| panic!("no {quantity} at {setting:?}"));
    assert!(fitting.next().is_none(), "{quantity} at {setting:?} is not unique");
    first
}

/// Whether the confidence intervals say that the first mean is the larger.
fn exceeds(left: &Measurement, right: &Measurement) -> bool {
    left.mean() - left.half_width() > right.mean() + right.half_width()
}

/// How far the two-digit figures of section 9 may be from ours: half their last digit and the spread over dimensions.
const TWO_DIGITS: f64 = 0.03;

#[test]
fn the_cosine_depends_on_the_samples_over_the_squared_dimension() {
    let found = quick("samples");
    for ratio in [1.0, 4.0, 16.0] {
        for d in [20.0, 40.0] {
            let here = at(&found, "median cosine", &[("d", d), ("n/d^2", ratio)]);
            // What the prediction leaves out is of relative order 1/d.
            let off = |cosine: f64| (here.mean() - cosine).abs() - 1.0 / d - here.half_width();
            assert!(off(samples::predicted(d, ratio * d * d)) <= 0.0, "{here:?}: {}", here.mean());
            // Negative control: half or twice the samples are noticed where the cosine is not near 1.
            if ratio < 16.0 && d > 20.0 {
                assert!(off(samples::predicted(d, 2.0 * ratio * d * d)) > 0.0, "{here:?}");
                assert!(off(samples::predicted(d, 0.5 * ratio * d * d)) > 0.0, "{here:?}");
            }
        }
    }
    // At twenty samples a dimension it falls: the scale is not d.
    let linear = |d: f64| at(&found, "median cosine", &[("d", d), ("n", 20.0 * d)]);
    assert!(exceeds(linear(20.0), linear(40.0)), "{:?}", (linear(20.0), linear(40.0)));
}

/// The prototype's leading share (statement 9.2).
const COLLAPSED: f64 = 0.93;

#[test]
fn the_raw_step_collapses_and_the_preprocessed_one_does_not() {
    let found = quick("collapse");
    for ratio in [1.0, 4.0, 16.0] {
        let share = |degree: f64, quantity| {
            at(&found, quantity, &[("from degree", degree), ("n/d^2", ratio)])
        };
        let raw = share(0.0, "first singular value/norm");
        assert!((raw.mean() - COLLAPSED).abs() <= TWO_DIGITS + raw.half_width(), "{raw:?}");
        assert!(share(0.0, "second singular value/norm").mean() < 0.25);
        // Negative control: the preprocessed step keeps its three directions.
        let kept = share(2.0, "first singular value/norm");
        assert!(exceeds(raw, kept) && kept.mean() < 0.75, "{kept:?}");
    }
}

#[test]
fn the_gradients_exponent_is_one_half() {
    let found = quick("gradients");
    let exponent = found.iter().find(|found| found.quantity == "exponent").unwrap();
    // Twice the 95 % interval: one chance in thousands.
    assert!((exponent.mean() + 0.5).abs() <= 2.0 * exponent.half_width(), "{exponent:?}");
    assert!(exponent.half_width() < 0.1, "{exponent:?}");
    let few = at(&found, "relative gradient error", &[("n", 1e3)]);
    let many = at(&found, "relative gradient error", &[("n", 1e6)]);
    assert!(exceeds(few, many));
}

#[test]
fn full_training_finds_the_directions_that_a_frozen_layer_lacks() {
    let found = quick("freeze");
    for quantity in ["loss", "mean angle of the mass"] {
        let [frozen, full] = [1.0, 0.0].map(|x| {
            found
                .iter()
                .find(|f| f.quantity == quantity && (f.setting[0].1 - x).abs() < 0.5)
                .unwrap()
        });
        assert!(exceeds(frozen, full), "{frozen:?} {full:?}");
    }
}
