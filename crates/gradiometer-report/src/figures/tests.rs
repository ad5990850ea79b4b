use super::*;
use gradiometer_verify::statistics::PowerFit;

#[test]
fn numbers_have_sensible_digits() {
    for (x, digits, text) in [
        (0.0, 3, "0"),
        (0.012345, 3, "0.0123"),
        (12.345, 3, "12.3"),
        (-1234.5, 3, "−1234"),
        (1.25e-6, 3, "1.25×10⁻⁶"),
        (-3.0e12, 2, "−3.0×10¹²"),
        (f64::NAN, 3, "–"),
        (f64::NEG_INFINITY, 3, "−∞"),
    ] {
        assert_eq!(number(x, digits), text);
    }
    assert_eq!(teacher_name(0), "u₀");
    assert_eq!(teacher_name(12), "u₁₂");
}

#[test]
fn thinning_keeps_both_ends() {
    assert_eq!(thinned(3, 5), [0, 1, 2]);
    assert_eq!(thinned(0, 5), [0_usize; 0]);
    assert_eq!(thinned(11, 3), [0, 5, 10]);
    let many = thinned(1000, 96);
    assert_eq!((many.len(), many[0], many[95]), (96, 0, 999));
}

#[test]
fn a_power_law_is_fitted_exactly_and_noise_widens_the_band() {
    let law: Vec<(f64, f64)> =
        (1..9).map(|k| (f64::from(k), 3.0 * f64::from(k).powi(-2))).collect();
    let fit = PowerFit::of(&law).unwrap();
    assert!((fit.slope + 2.0).abs() <= 64.0 * f64::EPSILON && fit.half_width <= 1e3 * f64::EPSILON);
    let bent: Vec<(f64, f64)> =
        law.iter().map(|(x, y)| (*x, if *x > 4.0 { 1.5 * y } else { *y })).collect();
    let fit = PowerFit::of(&bent).unwrap();
    assert!(fit.half_width > 0.1);
    let (low, high) = (fit.at(2.0).1, fit.at(2.0).2);
    assert!(low < fit.at(2.0).0 && fit.at(2.0).0 < high);
    // Two points, one place and numbers without logarithms make no fit.
    assert!(PowerFit::of(&law[..2]).is_none());
    assert!(PowerFit::of(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]).is_none());
    assert!(PowerFit::of(&[(1.0, 0.0), (2.0, -1.0), (3.0, f64::NAN)]).is_none());
}

#[test]
fn many_neurons_leave_a_page_of_bounded_size() {
    use gradiometer_run::record::Position;
    use gradiometer_run::snapshots::{Neuron, Snapshot};
    let moment = |first: usize| Snapshot {
        position: Position::START,
        step: 1,
        lambda: 1.0,
        neurons: (first..first + 400)
            .map(|index| Neuron {
                index,
                teacher: 0,
                angle: 0.0,
                share: 0.0,
                second_layer: 1.0,
                inside: vec![1.0],
                outside: 0.0,
            })
            .collect(),
        feature: None,
    };
    let moments: Vec<Snapshot> = (0..20).map(|k| moment(1000 * k)).collect();
    let all: Vec<&Snapshot> = moments.iter().collect();
    let slots = neurons::slots(&all, 1);
    assert_eq!(slots.len(), 480);
    // Everything of the last moment is among them.
    assert!((19_000..19_400).all(|index| slots.contains(&index)));
    assert_eq!(neurons::slots(&all, 4).len(), 120);
}
