use super::*;
use crate::descent::{mean_and_error, normals, rng};
use gradiometer_hermite::quadrature::GaussHermite;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Statement 11.13.2's control: product rules are wrong by some 1e-4 at the kinks.
const KINKS: f64 = 1e-5;
/// And no more than this, or the rule was not a product rule at all.
const ROUGH: f64 = 1e-2;

/// Rounding of the largest term that a moment is a sum of, relative to `sqrt(C_ww C_zz)`; the
/// statement's tolerance.
const TOLERANCE: f64 = 1e-13;

fn gram(vectors: &[Vec<f64>]) -> Vec<f64> {
    let dot = |u: &[f64], v: &[f64]| -> f64 { u.iter().zip(v).map(|(x, y)| x * y).sum() };
    vectors.iter().flat_map(|u| vectors.iter().map(|v| dot(u, v)).collect::<Vec<_>>()).collect()
}

/// A covariance of four fields of one of eight kinds, most of them nearly singular or singular.
fn covariance(rng: &mut ChaCha8Rng, kind: usize) -> Vec<f64> {
    let width = if kind == 1 { 4 } else { 6 };
    let mut fields: Vec<Vec<f64>> = (0..4).map(|_| normals(rng, width)).collect();
    let small = f64::powf(10.0, -7.0 * rng.random::<f64>());
    let mut near = |fields: &mut Vec<Vec<f64>>, from: usize, to: usize, sign: f64| {
        let noise = normals(rng, width);
        fields[to] = (0..width).map(|i| sign * fields[from][i] + small * noise[i]).collect();
    };
    match kind {
        2 => near(&mut fields, 0, 2, 1.0),
        3 => near(&mut fields, 1, 3, -1.0),
        4 => {
            near(&mut fields, 0, 2, 1.0);
            near(&mut fields, 1, 3, 1.0);
        }
        5 => {
            near(&mut fields, 0, 1, 1.0);
            near(&mut fields, 0, 2, 1.0);
        }
        // Nearly in a space of three or two dimensions, or all nearly one.
        6 | 7 => {
            let rank = 9 - kind;
            for field in &mut fields {
                for x in field.iter_mut().skip(rank) {
                    *x *= small;
                }
            }
        }
        8 => {
            for to in 1..4 {
                near(&mut fields, 0, to, 1.0);
            }
        }
        // Singular as far as doubles go.
        9 => {
            for field in &mut fields {
                field.truncate(3);
            }
        }
        _ => {}
    }
    gram(&fields)
}

#[test]
fn ramps_can_be_exchanged_on_ten_thousand_covariances() {
    let rule = OrthantRule::new().unwrap();
    let mut rng = rng(22);
    let mut worst = [0.0; 10];
    for draw in 0..10_000 {
        let kind = draw % 10;
        let fields = Fields::new(&rule, &covariance(&mut rng, kind), 4).unwrap();
        let quadruple = fields.quadruple([0, 1, 2, 3]);
        for (w, z) in [(2, 3), (0, 1), (0, 3), (1, 2)] {
            let scale = fields.deviation(w) * fields.deviation(z);
            let one = fields.i4_of(&quadruple, w, z);
            let other = fields.i4_of(&quadruple, z, w);
            let off = (one - other).abs() / scale;
            assert!(off <= TOLERANCE, "{draw}: {off:e} of {one} and {other}");
            worst[kind] = if off > worst[kind] { off } else { worst[kind] };
            let possible = one >= -TOLERANCE * scale && one <= scale;
            assert!(possible, "{draw}: {one} of {scale}");
        }
    }
    println!("{worst:?}");
}

#[test]
fn all_splits_agree_where_they_are_well_conditioned() {
    let rule = OrthantRule::new().unwrap();
    let mut rng = rng(23);
    let mut pairs = 0;
    for draw in 0..2000 {
        let fields = Fields::new(&rule, &covariance(&mut rng, draw % 9), 4).unwrap();
        let whole = determinant(fields.matrix([0, 1, 2, 3]));
        let best = fields.orthant(&[0, 1, 2, 3]);
        let singles = (0..4).map(|i| Split::single(&fields, rotated([0, 1, 2, 3], i), whole));
        let others = (1..4).map(|i| Split::pair(&fields, partnered([0, 1, 2, 3], i), whole));
        for split in singles.chain(others).flatten() {
            // A split through nearly parallel fields has a singularity that no panel resolves.
            if split.gap > 1e-3 {
                let off = (split.probability(&rule) - best).abs();
                assert!(off <= TOLERANCE, "{draw}: {off:e}");
                pairs += 1;
            }
        }
    }
    assert!(pairs > 4000, "{pairs}");
}

#[test]
fn known_orthants_and_moments() {
    let rule = OrthantRule::new().unwrap();
    let equal =
        |rho: f64| -> Vec<f64> { (0..16).map(|i| if i % 5 == 0 { 1.0 } else { rho }).collect() };
    let close = |x: f64, y: f64| assert!((x - y).abs() <= 4.0 * f64::EPSILON, "{x} {y}");
    close(Fields::new(&rule, &equal(0.5), 4).unwrap().orthant(&[0, 1, 2, 3]), 0.2);
    close(Fields::new(&rule, &equal(0.0), 4).unwrap().orthant(&[0, 1, 2, 3]), 0.0625);
    // All one field, and a field with its opposite.
    let one = Fields::new(&rule, &equal(1.0), 4).unwrap();
    close(one.orthant(&[0, 1, 2, 3]), 0.5);
    close(one.i4(0, 1, 2, 3), 0.5);
    let mut opposite = equal(1.0);
    for i in 0..3 {
        (opposite[4 * i + 3], opposite[12 + i]) = (-1.0, -1.0);
    }
    let opposite = Fields::new(&rule, &opposite, 4).unwrap();
    close(opposite.orthant(&[0, 1, 2, 3]), 0.0);
    close(opposite.i4(0, 3, 1, 2), 0.0);
    // A zero field.
    let mut zero = equal(0.5);
    for i in 0..4 {
        (zero[i], zero[4 * i]) = (0.0, 0.0);
    }
    let zero = Fields::new(&rule, &zero, 4).unwrap();
    close(zero.i4(0, 1, 2, 3), 0.0);
    close(zero.i4(1, 2, 3, 0), 0.0);
    close(zero.orthant(&[0, 1]), 0.0);
}

#[test]
fn every_field_scales_its_moments() {
    let rule = OrthantRule::new().unwrap();
    let mut rng = rng(24);
    for kind in 0..9 {
        let plain = covariance(&mut rng, kind);
        let scales = [1e-60, 3.0, 1e40, 0.7];
        let scaled: Vec<f64> =
            plain.iter().enumerate().map(|(i, c)| c * scales[i / 4] * scales[i % 4]).collect();
        // Rounding of the scaled entries is a change of the covariance; take the plain one from
        // them.
        let back: Vec<f64> =
            scaled.iter().enumerate().map(|(i, c)| c / scales[i / 4] / scales[i % 4]).collect();
        if kind > 1 {
            continue;
        }
        let (one, other) =
            (Fields::new(&rule, &back, 4).unwrap(), Fields::new(&rule, &scaled, 4).unwrap());
        let size = one.deviation(2) * one.deviation(3);
        let off = (one.i4(0, 1, 2, 3) - other.i4(0, 1, 2, 3) / (scales[2] * scales[3])).abs();
        assert!(off <= TOLERANCE * size, "{off:e}");
        let off = (one.i3(0, 1, 2) - other.i3(0, 1, 2) / (scales[1] * scales[2])).abs();
        assert!(off <= TOLERANCE * one.deviation(1) * one.deviation(2), "{off:e}");
    }
}

/// Draws of four fields with the given covariance.
fn sample(rng: &mut ChaCha8Rng, root: &[Vec<f64>]) -> [f64; 4] {
    let z = normals(rng, root[0].len());
    std::array::from_fn(|i| root[i].iter().zip(&z).map(|(x, y)| x * y).sum())
}

#[test]
fn all_moments_are_those_of_samples() {
    let rule = OrthantRule::new().unwrap();
    let mut rng = rng(25);
    let root: Vec<Vec<f64>> = (0..4).map(|_| normals(&mut rng, 5)).collect();
    let fields = Fields::new(&rule, &gram(&root), 4).unwrap();
    let draws: Vec<[f64; 4]> = (0..200_000).map(|_| sample(&mut rng, &root)).collect();
    let step = |x: f64| f64::from(u8::from(x > 0.0));
    let ramp = |x: f64| step(x) * x;
    for i in 0..4 {
        for j in 0..4 {
            for b in 0..4 {
                let check = |exact: f64, f: &dyn Fn(&[f64; 4]) -> f64| {
                    let values: Vec<f64> = draws.iter().map(f).collect();
                    let (mean, error) = mean_and_error(&values);
                    assert!(
                        (mean - exact).abs() <= 5.0 * error,
                        "{i} {j} {b}: {mean} {exact} {error}"
                    );
                };
                check(fields.i3(i, j, b), &|x| step(x[i]) * x[j] * ramp(x[b]));
                check(fields.signs_and_modulus(i, j, b), &|x| {
                    x[i].signum() * x[j].signum() * x[b].abs()
                });
                for c in b..4 {
                    check(fields.i4(i, j, b, c), &|x| {
                        step(x[i]) * step(x[j]) * ramp(x[b]) * ramp(x[c])
                    });
                    check(fields.signs_and_moduli(i, j, b, c), &|x| {
                        x[i].signum() * x[j].signum() * x[b].abs() * x[c].abs()
                    });
                }
            }
        }
    }
}

#[test]
fn shortcuts_are_refuted() {
    let rule = OrthantRule::new().unwrap();
    let mut rng = rng(26);
    let root: Vec<Vec<f64>> = (0..4).map(|_| normals(&mut rng, 4)).collect();
    let fields = Fields::new(&rule, &gram(&root), 4).unwrap();
    let scale = fields.deviation(2) * fields.deviation(3);
    let exact = fields.i4(0, 1, 2, 3);
    // Without the terms c = z.
    let quadruple = fields.quadruple([0, 1, 2, 3]);
    let dropped: f64 = (0..3)
        .map(|b| {
            let weight = 0.25 + quadruple.given(b, 3) / TAU;
            fields.c(2, b) * fields.slope(b, 3, 3) * weight / TAU
        })
        .sum();
    assert!(dropped.abs() * fields.scales[2] * fields.scales[3] > 1e-3 * scale, "{dropped}");
    // P_4 as a product of two P_2.
    let product = fields.both_positive(0, 1) * fields.both_positive(2, 3);
    assert!((product - fields.orthant(&[0, 1, 2, 3])).abs() > 1e-3);
    // Gauss-Hermite products do not see the kinks.
    let hermite = GaussHermite::new(30).unwrap();
    let (nodes, weights) = (hermite.nodes(), hermite.weights());
    let mut sum = 0.0;
    for index in 0..30_usize.pow(4) {
        let at = [1, 30, 900, 27000].map(|place: usize| index / place % 30);
        let x: [f64; 4] = std::array::from_fn(|i| (0..4).map(|j| root[i][j] * nodes[at[j]]).sum());
        if x.iter().all(|x| *x > 0.0) {
            sum += at.iter().map(|i| weights[*i]).product::<f64>() * x[2] * x[3];
        }
    }
    let off = (sum - exact).abs() / scale;
    assert!(off > KINKS && off < ROUGH, "{off:e}");
}

#[test]
fn wrong_shapes_and_numbers_are_refused() {
    let rule = OrthantRule::new().unwrap();
    let shape = Fields::new(&rule, &[1.0, 0.0, 0.0], 2).unwrap_err();
    assert_eq!(shape, MechanismError::Shape { what: "covariance", expected: 4, found: 3 });
    for bad in [f64::NAN, f64::INFINITY] {
        assert!(Fields::new(&rule, &[1.0, bad, 0.0, 1.0], 2).is_err());
    }
    assert!(Fields::new(&rule, &[-1.0], 1).is_err());
}
