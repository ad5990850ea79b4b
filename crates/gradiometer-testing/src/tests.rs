use super::*;
use Tolerance::Exact;

fn refused(check: impl FnOnce() + std::panic::UnwindSafe) -> bool {
    std::panic::catch_unwind(check).is_err()
}

#[test]
fn a_bound_is_its_formula() {
    close(Exact.bound(), 0.0, Exact);
    close(rounding(8, 4.0).bound(), f64::powi(2.0, -47), Exact);
    // 1 + 3/sqrt(2 * 2) = 5/2.
    close(sampling(3, 0.5, 3.0).bound(), 3.75, Exact);
}

#[test]
fn one_rounding_is_close_and_exactness_is_not_rounding() {
    let next = 1.0_f64.next_up();
    close(1.0, next, rounding(1, 1.0));
    close(0.0, -0.0, Exact);
    assert!(refused(|| close(1.0, next, Exact)));
    assert!(refused(|| close(1.0, next.next_up(), rounding(1, 1.0))));
}

#[test]
fn an_inequality_has_one_side() {
    at_most(-5.0, 1.0, Exact);
    at_most(1.0_f64.next_up(), 1.0, rounding(1, 1.0));
    assert!(refused(|| at_most(1.0_f64.next_up(), 1.0, Exact)));
    assert!(refused(|| at_most(1.0, -5.0, rounding(1, 1.0))));
}

#[test]
fn not_a_number_is_close_to_nothing() {
    for (left, right, tolerance) in [
        (f64::NAN, 1.0, rounding(1, f64::INFINITY)),
        (1.0, f64::NAN, rounding(1, f64::INFINITY)),
        (f64::NAN, f64::NAN, Exact),
        (f64::INFINITY, f64::INFINITY, Exact),
        (1.0, 1.0, rounding(1, f64::NAN)),
        (1.0, 1.0, sampling(10, f64::NAN, 3.0)),
        (1.0, 1.0, rounding(1, -1.0)),
    ] {
        assert!(refused(|| close(left, right, tolerance)), "{left} {right} {tolerance}");
    }
    assert!(refused(|| at_most(f64::NAN, 1.0, rounding(1, 1.0))));
    assert!(refused(|| at_most(1.0, 2.0, rounding(1, f64::NAN))));
}

#[test]
fn a_sample_of_one_is_refused() {
    assert!(refused(|| {
        let _tolerance = sampling(1, 1.0, 3.0);
    }));
}

#[test]
#[should_panic(expected = "left  1e0\n  right 2e0\n  apart 1e0, ratio 0.5")]
fn a_failure_shows_both_sides() {
    close(1.0, 2.0, rounding(1, 1.0));
}

#[test]
fn a_stream_of_words_is_its_published_one() {
    // The first output of SplitMix64 from state zero.
    assert_eq!(Words::new(0).bits(), 0xe220_a839_7b1d_cdaf);
    assert_ne!(Words::new(1).bits(), Words::new(0).bits());
    let mut words = Words::new(7);
    let sample: Vec<f64> = (0..4000).map(|_| words.normal()).collect();
    let mean = sample.iter().sum::<f64>() / 4000.0;
    close(mean, 0.0, sampling(4000, 1.0 / 4000.0_f64.sqrt(), 4.0));
}
