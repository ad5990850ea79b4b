use super::*;
use crate::descent::{balanced, largest, normals, rng, stationary, teacher};
use gradiometer_model::geometry::norm;
use gradiometer_testing::{at_most, close, rounding};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Relative error of a central difference of step 1e-6: rounding over the step.
const DIFFERENCES: f64 = 1e-8;
/// Statement 11.10.5's length of a gradient that counts as zero.
const STATIONARY: f64 = 1e-8;
/// Statement 11.11.5's first step: "equal to 5 digits", and the kernel moves in proportion to it.
const FIRST_STEP: f64 = 1e-3;

fn off(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    length(&Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] - b[(i, j)]))
}

fn pair(rng: &mut ChaCha8Rng, d: usize, m: usize) -> (Network, Teacher) {
    let student = Network::new(d, normals(rng, m), normals(rng, d * m)).unwrap();
    (student, teacher(rng, d, d, &[1.0, -0.7, 1.2]))
}

/// Algorithm 1's symmetric start.
fn symmetric(rng: &mut ChaCha8Rng, d: usize, m: usize) -> Network {
    let half: Vec<Vec<f64>> = (0..m / 2)
        .map(|_| {
            let w = normals(rng, d);
            let length = norm(&w);
            w.iter().map(|x| x / length).collect()
        })
        .collect();
    let a = [vec![1.0; m / 2], vec![-1.0; m / 2]].concat();
    Network::from_rows(a, &[half.clone(), half].concat()).unwrap()
}

#[test]
fn the_agop_is_the_kernel_between_the_weights() {
    let mut rng = rng(1);
    let (f, _) = pair(&mut rng, 5, 7);
    let w = first_layer(&f);
    // Term by term, from angles by their cosines.
    let mut sum = Mat::<f64>::zeros(5, 5);
    for j in 0..7 {
        for k in 0..7 {
            let (u, v) = (f.neuron(j), f.neuron(k));
            let t: f64 = u.iter().zip(v).map(|(x, y)| x * y).sum::<f64>() / (norm(u) * norm(v));
            let gate = if j == k { FRAC_PI_2 } else { t.asin() } / TAU;
            for p in 0..5 {
                for q in 0..5 {
                    sum[(p, q)] += f.second_layer()[j] * f.second_layer()[k] * gate * u[p] * v[q];
                }
            }
        }
    }
    let product = sandwich(&w, &tangent_kernel(&f, Centring::Centred), &w);
    at_most(off(&product, &sum), 0.0, rounding(64, length(&sum) * 4.0));
    at_most(off(&product, &agop(&f, Centring::Centred)), 0.0, rounding(64, length(&sum)));
    let raw = sandwich(&w, &tangent_kernel(&f, Centring::Raw), &w);
    assert!(off(&raw, &sum) > 1e-2 * length(&sum));
}

#[test]
fn left_alignment_is_structural_in_balanced_networks() {
    let mut rng = rng(2);
    let mut least = 1.0;
    for _ in 0..2000 {
        let (d, m) = (1 + rng.random::<u32>() as usize % 8, 1 + rng.random::<u32>() as usize % 20);
        let signs: Vec<f64> = (0..m).map(|_| if rng.random() { 1.0 } else { -1.0 }).collect();
        let outcome = left_alignment(&balanced(&mut rng, d, &signs));
        assert!(outcome.measured >= outcome.predicted - outcome.error, "{outcome:?}");
        if outcome.measured < least {
            least = outcome.measured;
        }
    }
    println!("least left alignment {least}");
    // Many neurons with one small overlap t, m t^2 = pi/2, come close to it.
    let m = 400;
    let t = (FRAC_PI_2 / m as f64).sqrt();
    let rows: Vec<Vec<f64>> = (0..m)
        .map(|j| {
            let mut row = vec![0.0; m + 1];
            row[0] = t.sqrt();
            row[j + 1] = (1.0 - t).sqrt();
            row
        })
        .collect();
    let sharp = left_alignment(&Network::from_rows(vec![1.0; m], &rows).unwrap());
    assert!(sharp.measured < 0.9755 && sharp.measured >= sharp.predicted, "{sharp:?}");
    // Layers out of balance have no floor.
    let w = normals(&mut rng, 200);
    let a = normals(&mut rng, 100).iter().map(|x| x.abs().powi(3)).collect();
    let out_of_balance = left_alignment(&Network::new(2, a, w).unwrap());
    assert!(out_of_balance.measured < left_floor(), "{out_of_balance:?}");
}

#[test]
fn the_weights_times_the_gradient_are_agops() {
    let mut rng = rng(3);
    let (student, teacher) = pair(&mut rng, 5, 6);
    let g = gradient(&student, &teacher).unwrap();
    let w = first_layer(&student);
    let product = w.transpose() * &g;
    let closed = weights_times_gradient(&student, &teacher);
    let scale = length(&w) * length(&g);
    at_most(off(&product, &closed), 0.0, rounding(4096, scale));
    // Its antisymmetric part is the cross AGOP's.
    let cross = cross_agop(&student, teacher.network(), Centring::Centred);
    for i in 0..5 {
        for j in 0..5 {
            let left = closed[(i, j)] - closed[(j, i)];
            close(left, -(2.0 * (cross[(i, j)] - cross[(j, i)])), rounding(4096, scale));
        }
    }
    // Without the radial term it is something else.
    let q = radial_coefficients(&student, &teacher);
    let radial = weighted(&student, |j| 2.0 * student.mass(j) * q[j]);
    assert!(length(&radial) > 1e-3 * scale);
}

#[test]
fn the_gram_matrix_flows_as_its_formula_says() {
    let mut rng = rng(4);
    let (student, teacher) = pair(&mut rng, 4, 5);
    let decay = WeightDecay::equal(0.03);
    let g = gradient(&student, &teacher).unwrap();
    let h = 1e-6;
    let moved = [h, -h].map(|h| {
        let mut next = student.clone();
        let (_, w) = next.layers_mut();
        for (at, w) in w.iter_mut().enumerate() {
            *w -= h * (g[(at / 4, at % 4)] + 0.03 * *w);
        }
        gram(&next)
    });
    let slope = Mat::from_fn(4, 4, |i, j| (moved[0][(i, j)] - moved[1][(i, j)]) / (2.0 * h));
    let exact = gram_flow(&student, &teacher, decay);
    assert!(off(&slope, &exact) <= DIFFERENCES * length(&exact), "{}", off(&slope, &exact));
    let half = gram_flow(&student, &teacher, WeightDecay::equal(0.015));
    assert!(off(&slope, &half) > 1e4 * DIFFERENCES * length(&exact));
}

#[test]
fn stationary_points_have_the_exact_form_of_the_ansatz() {
    let mut rng = rng(5);
    let lambda = 0.01;
    let teacher = teacher(&mut rng, 10, 3, &[1.0, -0.8, 0.9, -1.1]);
    let start = balanced(&mut rng, 10, &[1.0, -1.0].repeat(7));
    let (student, length_of_gradient) = stationary(&teacher, &start, lambda, STATIONARY);
    assert!(length_of_gradient <= STATIONARY, "{length_of_gradient:e}");
    let at = Stationarity::at(&student, &teacher, lambda).unwrap();
    println!("{at:?}");
    // What the gradient leaves, and the rounding of the parts.
    let most = 2.0 * norm(student.first_layer()) * length_of_gradient + 1e-14;
    assert!(at.ansatz <= most && at.asymmetry <= most && at.squares <= most, "{at:?}");
    assert!(at.imbalance <= 10.0 * length_of_gradient / lambda, "{at:?}");
    at_most(at.defect, 0.0, rounding(64, 1.0));
    // Elsewhere the ansatz fails, but not the identity for its defect.
    let mut elsewhere = student.clone();
    let noise = normals(&mut rng, 140);
    let (_, w) = elsewhere.layers_mut();
    w.iter_mut().zip(&noise).for_each(|(w, z)| *w += 0.01 * z);
    let at = Stationarity::at(&elsewhere, &teacher, lambda).unwrap();
    at_most(at.defect, 0.0, rounding(64, 1.0));
    assert!(at.ansatz > 1e-3, "{at:?}");
    assert!(at.ansatz <= at.scale * (1.0 + 1e-12), "{at:?}");
}

#[test]
fn one_step_aligns_the_change_with_the_labels() {
    let mut rng = rng(6);
    for (d, m) in [(20, 64), (20, 1024)] {
        let teacher = teacher(&mut rng, d, 3, &[1.0, -0.8, 0.9, -1.1]);
        let start = symmetric(&mut rng, d, m);
        let early = EarlyAlignment::at(&start, &teacher, FIRST_STEP).unwrap();
        println!("{d} {m} {early:?}");
        let slack = 5.0 / (m as f64).sqrt() + 3.0 / d as f64;
        assert!(1.0 - early.centred <= slack, "{early:?}");
        assert!((early.centred - early.centred_after_step).abs() <= 0.1 * FIRST_STEP, "{early:?}");
        assert!(1.0 - early.against_labels <= slack && early.off_prediction <= slack, "{early:?}");
        // With the kernel before the step, a step of any size gives the first number.
        let g = gradient(&start, &teacher).unwrap();
        let mut next = start.clone();
        let (_, w) = next.layers_mut();
        for (at, w) in w.iter_mut().enumerate() {
            *w -= 0.3 * g[(at / d, at % d)];
        }
        let kernel = tangent_kernel(&start, Centring::Centred);
        let same = centred_alignment(&next, &start, &kernel).unwrap();
        close(same, early.centred, rounding(4096, 1.0));
    }
}

#[test]
fn another_teachers_labels_predict_nothing() {
    let mut rng = rng(7);
    let cosines: Vec<f64> = (0..40)
        .map(|_| {
            let squares = [0, 1].map(|_| {
                // Directions of the whole space, so that the two subspaces are independent.
                let mut h = Mat::<f64>::zeros(20, 20);
                let frame = normals(&mut rng, 60);
                let plane = teacher(&mut rng, 3, 3, &[1.0, -0.8, 0.9, -1.1]);
                for (w, a) in plane.network().rows().zip(plane.network().second_layer()) {
                    let u: Vec<f64> =
                        (0..20).map(|i| (0..3).map(|c| frame[c * 20 + i] * w[c]).sum()).collect();
                    let square = norm(&u).powi(2);
                    for p in 0..20 {
                        for q in 0..20 {
                            h[(p, q)] += a * u[p] * u[q] / square;
                        }
                    }
                }
                &h * &h
            });
            cosine(&squares[0], &squares[1])
        })
        .collect();
    let mean = cosines.iter().sum::<f64>() / 40.0;
    assert!(mean < 0.2 && largest(cosines.iter().copied()) < 0.7, "{mean} {cosines:?}");
}

#[test]
fn other_shapes_are_refused() {
    let mut rng = rng(8);
    let (one, _) = pair(&mut rng, 3, 4);
    let (other, _) = pair(&mut rng, 3, 5);
    let kernel = tangent_kernel(&one, Centring::Centred);
    assert!(centred_alignment(&one, &other, &kernel).is_err());
    assert!(alignment(&one, Centring::Centred) > 0.0);
}
