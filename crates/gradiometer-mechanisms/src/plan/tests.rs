use super::*;
use gradiometer_testing::{close, rounding};

fn polynomial(terms: &[(&[usize], f64)]) -> PlanTarget {
    let terms = terms.iter().map(|(d, c)| Term { degrees: d.to_vec(), coefficient: *c });
    PlanTarget::Polynomial(PolynomialTarget::new(terms.collect()).unwrap())
}

fn needs(target: &PlanTarget, dimension: usize, goal: f64) -> Vec<Need> {
    plan(target, &PlanRequest { dimension, width: 80, goal, seed: 1 }).unwrap()
}

fn find<'a>(needs: &'a [Need], statement: &str) -> &'a Need {
    needs.iter().find(|need| need.statement.starts_with(statement)).unwrap()
}

/// A quadratic: kernels need about `d^2/2`, one step sees it at `(pi/4) d^2`.
#[test]
fn a_quadratic_needs_a_number_of_order_d_squared() {
    let saddle = PlanTarget::Polynomial(PolynomialTarget::harmonic(2).unwrap());
    let found = needs(&saddle, 40, 0.2);
    let half = find(&found, "11.1.2").samples.unwrap() / 1600.0;
    assert!((half - std::f64::consts::FRAC_PI_4).abs() < 0.05, "{half}");
    assert!(find(&found, "11.3.1").samples.is_none(), "no linear part");
    assert!(find(&found, "11.3.4").samples.is_none(), "no stair without a linear part");
    let ridge = find(&found, "11.1.5").samples.unwrap();
    let better = find(&needs(&saddle, 40, 0.05), "11.1.5").samples.unwrap();
    assert!(better > ridge, "{better} {ridge}");
}

/// One step needs far fewer samples than kernels for a degree that comes with a quadratic part;
/// control: without one it has no number at all.
#[test]
fn a_step_beats_kernels_where_it_sees_the_span() {
    let four = PolynomialTarget::harmonic(4).unwrap();
    let both = PlanTarget::Polynomial(PolynomialTarget::harmonic(2).unwrap().combined(
        0.5_f64.sqrt(),
        &four,
        0.5_f64.sqrt(),
    ));
    let mut multiples = Vec::new();
    for (dimension, second, fourth) in [(40, 819.0, 122_590.0), (80, 3239.0, 1_834_380.0)] {
        let found = needs(&both, dimension, 0.4);
        let (kernels, step) = (find(&found, "11.1.4"), find(&found, "11.1.5"));
        assert_eq!(kernels.rests, Rests::Proved);
        // Half of the energy in each degree: degree two whole, a fifth of degree four, less the
        // affine functions.
        let functions = second + 0.2 * fourth - (dimension + 1) as f64;
        close(kernels.samples.unwrap(), functions, rounding(64, functions));
        assert!(kernels.samples > step.samples, "{found:?}");
        multiples.push(step.samples.unwrap() / (dimension * dimension) as f64);
    }
    // A number of order d^2: what is left is the penalty's share of the noise, which falls with n.
    assert!((multiples[1] / multiples[0] - 1.0).abs() < 0.05, "{multiples:?}");
    let control = needs(&PlanTarget::Polynomial(four), 40, 0.4);
    assert!(find(&control, "11.1.5").samples.is_none(), "{control:?}");
    // It is seen at d^4 all the same.
    assert!(find(&control, "11.1.2").samples.unwrap() > 1e5, "{control:?}");
}

#[test]
fn odd_degrees_are_hidden_from_relu() {
    let third = polynomial(&[(&[1], 0.8), (&[3], 0.6)]);
    let found = needs(&third, 30, 0.1);
    assert!(find(&found, "11.1.2").samples.is_none(), "{found:?}");
    let parity = found.last().unwrap();
    assert!(parity.samples.is_none() && parity.rests == Rests::Proved, "{found:?}");
    // With a goal above the odd part nothing is forbidden, and the linear predictor does.
    let easy = needs(&third, 30, 0.5);
    assert!(easy[0].samples.unwrap() > 30.0 && easy[0].samples.unwrap() < 500.0, "{easy:?}");
    assert!(easy.iter().all(|need| need.mechanism != parity.mechanism));
}

#[test]
fn a_staircase_needs_a_number_of_order_d() {
    let stairs = polynomial(&[(&[1, 0], 1.0), (&[1, 1], 1.0)]);
    let found = needs(&stairs, 400, 0.2);
    let steps = find(&found, "11.3.4");
    assert!(steps.samples.unwrap() < 100.0 * 400.0, "{found:?}");
    let broken = polynomial(&[(&[1, 0, 0], 1.0), (&[0, 1, 1], 1.0)]);
    assert!(find(&needs(&broken, 400, 0.2), "11.3.4").samples.is_none(), "control");
}

#[test]
fn a_relu_teacher_has_a_plan() {
    let relu = PlanTarget::Relu {
        directions: faer::mat![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        amplitudes: vec![1.0, -1.0, 1.0],
    };
    let found = needs(&relu, 40, 0.1);
    // (pi/2) d (d - r) E y^2/t2 for orthonormal directions: E y^2 = 3 (1/4 - 1/(2 pi)), t2 = 3/(2
    // pi).
    let energy = 0.25 - 0.5 / std::f64::consts::PI;
    let exact = 40.0 * 37.0 * std::f64::consts::FRAC_PI_2 * energy * std::f64::consts::TAU;
    let half = find(&found, "11.1.2").samples.unwrap();
    assert!((half / exact - 1.0).abs() < 2.0 / 40.0 + 0.05, "{half} {exact}");
    // The limit law of ridge leaves what was asked for at its number of samples, and more at half
    // of it.
    let needed = find(&found, "11.1.3").samples.unwrap();
    let left = |samples: f64| {
        let mut rng = sample::stream(1);
        let normals = sample::normals(&mut rng, 80, 3);
        let law = relu.law(&[], normals.as_ref(), samples / 1600.0).unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
        let n = samples.ceil() as usize;
        let tests = PENALTIES.iter().map(|penalty| law.risk(n, *penalty).unwrap().test);
        tests.fold(f64::INFINITY, gradiometer_hermite::float::minimum)
    };
    let (variance, _) = relu.affine().unwrap();
    assert!(left(needed) <= 0.1 * variance && left(0.5 * needed) > 0.1 * variance, "{needed}");
    close(label_mean(&relu), crate::normal::DENSITY_AT_ZERO, rounding(8, 1.0));
}

#[test]
fn wrong_requests_are_refused() {
    let target = polynomial(&[(&[1, 0], 1.0)]);
    let good = PlanRequest { dimension: 10, width: 10, goal: 0.1, seed: 0 };
    assert!(plan(&target, &good).is_ok());
    for bad in [
        PlanRequest { dimension: 2, ..good },
        PlanRequest { width: 0, ..good },
        PlanRequest { goal: 0.0, ..good },
        PlanRequest { goal: f64::NAN, ..good },
    ] {
        assert!(plan(&target, &bad).is_err(), "{bad:?}");
    }
    assert!(plan(&polynomial(&[(&[0, 0], 1.0)]), &good).is_err(), "a constant");
}
