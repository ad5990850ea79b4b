use super::*;
use gradiometer_hermite::float::maximum;

/// Units of `2^-53` by which each of the three functions may be off, as `Roundoff` assumes for the fast path.
const ELEMENTWISE_UNITS: f64 = 8.0;

/// One tile of `GRAIN` rows whose cosines are the given ones: rows `e_1`, columns `(t, sqrt(1 - t^2))`, unit masses on the
/// diagonal of what is read. Returns kernel, radial part and arcsine of each cosine, in units of `1/(2 pi)`.
fn functions_of(set: InstructionSet, cosines: &[f64]) -> Vec<[f64; 3]> {
    let width = GROUP;
    let mut results = Vec::new();
    for &t in cosines {
        let mut left = [0.0; GRAIN * GROUP];
        left[0] = 1.0;
        let mut right = left;
        right[0] = t;
        let mut masses = [0.0; GRAIN];
        masses[0] = 1.0;
        let zero_left = [0.0; GRAIN];
        let rows = |units, masses| Rows { count: GRAIN, width, units, weighted: units, masses };
        let (mut k, mut q) = ([[0.0; GRAIN]; 2], [[0.0; GRAIN]; 2]);
        let mut g = [[0.0; GRAIN * GROUP]; 2];
        let [k0, k1] = &mut k;
        let [q0, q1] = &mut q;
        let [g0, g1] = &mut g;
        // The weighted right vectors are the left ones, so that the tangent sum is the arcsine itself.
        let right_rows = Rows { weighted: &left, ..rows(&right, &masses) };
        pair(
            set,
            &rows(&left, &zero_left),
            &mut Sums { kernel: k0, radial: q0, tangent: g0 },
            &right_rows,
            &mut Sums { kernel: k1, radial: q1, tangent: g1 },
            &mut Scratch::default(),
        );
        results.push([k[0][0], q[0][0], g[0][0]]);
    }
    results
}

fn cosines() -> Vec<f64> {
    let mut cosines = vec![0.0, 0.5, 0.5_f64.next_up(), 1.0, 1.0_f64.next_down(), 1e-300, 1e-8];
    for i in 0..2000 {
        cosines.push((f64::from(i) + 0.37) / 2000.0);
        cosines.push(1.0 - (f64::from(i) * -0.018).exp());
        cosines.push((f64::from(i) * -0.018).exp());
    }
    let negative: Vec<f64> = cosines.iter().map(|t| -t).collect();
    cosines.extend(negative);
    cosines
}

fn worst(found: &[[f64; 3]], cosines: &[f64]) -> f64 {
    let mut worst = 0.0;
    for (f, t) in found.iter().zip(cosines) {
        // 1 - t^2 as a product of exact factors, so that the reference is good to two units.
        let root = ((1.0 - t) * (1.0 + t)).sqrt();
        let angle = pxfm::f_asin(*t);
        for (x, y) in f.iter().zip([root + t * angle - 1.0, root - 1.0, angle]) {
            worst = maximum(worst, (x - y).abs() / (f64::EPSILON / 2.0));
        }
    }
    worst
}

#[test]
fn the_functions_are_within_their_units_on_every_set() {
    let cosines = cosines();
    for set in InstructionSet::available() {
        let worst = worst(&functions_of(*set, &cosines), &cosines);
        // The reference itself may be off by two units.
        assert!(worst <= ELEMENTWISE_UNITS - 2.0, "{}: {worst} units", set.name());
        println!("{}: {worst:.2} units of 2^-53", set.name());
    }
}

#[test]
fn a_wrong_arcsine_is_noticed() {
    let cosines = cosines();
    let mut found = functions_of(InstructionSet::detect(), &cosines);
    found[100][2] += 16.0 * f64::EPSILON;
    assert!(worst(&found, &cosines) > ELEMENTWISE_UNITS);
}

#[test]
fn a_cosine_above_one_is_clamped_and_nan_stays() {
    for set in InstructionSet::available() {
        let found = functions_of(*set, &[1.0 + 4.0 * f64::EPSILON, f64::NAN]);
        assert!(
            (found[0][2] - std::f64::consts::FRAC_PI_2).abs() <= f64::EPSILON,
            "{:?}",
            found[0]
        );
        assert!(found[1][0].is_nan(), "{:?}", found[1]);
    }
}
