use super::*;
use crate::descent::{balanced, largest, mean_and_error, normals, rng, stationary, teacher};
use gradiometer_instances::FeatureSubspace;
use gradiometer_model::Teacher;
use gradiometer_model::geometry::dot;
use gradiometer_population::{Accuracy, Objective, Population, Workspace};
use gradiometer_testing::{at_most, close, rounding};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Statement 11.10.4's control is 5 parts in a thousand off, far more than this.
const VISIBLE: f64 = 1e-4;
/// Statement 11.10.5's length of a gradient that counts as zero.
const STATIONARY: f64 = 1e-8;
/// Rounding times the condition of three kernel matrices with a ridge of 0.05.
const CONDITION: f64 = 1e-9;
/// Error of a central difference of step 1e-6, relative to the largest gradient.
const DIFFERENCES: f64 = 1e-7;

fn network(rng: &mut ChaCha8Rng, d: usize, m: usize) -> Network {
    Network::new(d, normals(rng, m), normals(rng, d * m)).unwrap()
}

fn gradient_at(network: &Network, x: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; x.len()];
    for (a, w) in network.second_layer().iter().zip(network.rows()) {
        if dot(w, x) > 0.0 {
            sum.iter_mut().zip(w).for_each(|(s, w)| *s += a * w);
        }
    }
    sum
}

fn difference(a: &Mat<f64>, b: &Mat<f64>, factor: f64) -> f64 {
    length(&Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] - factor * b[(i, j)]))
}

#[test]
fn the_centred_agop_is_the_raw_one_less_the_mean() {
    let mut rng = rng(1);
    for (d, m) in [(3, 1), (4, 7), (6, 5)] {
        let f = network(&mut rng, d, m);
        let (raw, centred) = (agop(&f, Centring::Raw), agop(&f, Centring::Centred));
        let g = mean_gradient(&f);
        let less = Mat::from_fn(d, d, |i, j| raw[(i, j)] - g[i] * g[j]);
        at_most(difference(&centred, &less, 1.0), 0.0, rounding(64, length(&raw)));
        // The raw weights under the centred name.
        assert!(difference(&centred, &raw, 1.0) > 1e-2 * length(&raw));
    }
    // Zero neurons have no gradient, and the AGOP of none is zero.
    let zero = Network::new(2, vec![1.0, 3.0], vec![1.0, 0.0, 0.0, 0.0]).unwrap();
    let one = Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap();
    assert_eq!(agop(&zero, Centring::Raw), agop(&one, Centring::Raw));
}

#[test]
fn the_agop_is_that_of_samples() {
    let mut rng = rng(2);
    let (d, m) = (6, 5);
    let f = network(&mut rng, d, m);
    let exact = agop(&f, Centring::Raw);
    let gradients: Vec<Vec<f64>> =
        (0..100_000).map(|_| gradient_at(&f, &normals(&mut rng, d))).collect();
    let mut refuted = 0;
    for i in 0..d {
        for j in 0..=i {
            let values: Vec<f64> = gradients.iter().map(|g| g[i] * g[j]).collect();
            let (mean, error) = mean_and_error(&values);
            assert!((mean - exact[(i, j)]).abs() <= 4.5 * error, "{i} {j}");
            // (pi - phi)/pi is twice as much.
            refuted += usize::from((mean - 2.0 * exact[(i, j)]).abs() > 4.5 * error);
        }
    }
    assert!(refuted > 15, "{refuted}");
}

#[test]
fn the_agop_is_above_its_second_degree() {
    let mut rng = rng(3);
    let mut refuted = 0;
    for _ in 0..200 {
        let (d, m) = (2 + rng.random::<u32>() as usize % 5, 1 + rng.random::<u32>() as usize % 8);
        let f = network(&mut rng, d, m);
        let outcome = above_second_degree(&f).unwrap();
        assert!(outcome.measured >= -outcome.error, "{outcome:?}");
        // The control: H^2/pi.
        let (m, h) = (agop(&f, Centring::Centred), hessian(&f));
        let square = &h * &h;
        let wrong = Mat::from_fn(d, d, |i, j| m[(i, j)] - 2.0 * square[(i, j)] / TAU);
        refuted += usize::from(eigenvalues(&wrong).unwrap()[0] < -1e-3);
        // tr M >= 2 E f^2: f against nothing, as the loss of a student of almost no mass.
        let teacher = Teacher::new(f.clone()).unwrap();
        let none = Network::new(d, vec![0.0], vec![1.0; d]).unwrap();
        let energy =
            Population::new(teacher).evaluate(&none, Accuracy::loss(1e-12)).unwrap().loss.value;
        let outcome = trace_above_energy(&f, energy);
        assert!(outcome.measured >= outcome.predicted - outcome.error, "{outcome:?}");
    }
    assert!(refuted > 100, "{refuted}");
}

#[test]
fn the_agop_shows_the_teachers_whole_subspace() {
    // H is singular on the plane of these three.
    let half = 0.5_f64.sqrt();
    let rows = [vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0], vec![half, half, 0.0]];
    let f = Network::from_rows(vec![1.0, 1.0, -1.0], &rows).unwrap();
    let of_hessian = eigenvalues(&hessian(&f)).unwrap();
    assert!(
        of_hessian.iter().filter(|l| l.abs() > 4096.0 * f64::EPSILON).count() == 1,
        "{of_hessian:?}"
    );
    let of_agop = eigenvalues(&agop(&f, Centring::Centred)).unwrap();
    assert!(of_agop.iter().filter(|l| l.abs() > 1e-3).count() == 2, "{of_agop:?}");
}

#[test]
fn balanced_networks_of_one_sign_have_the_ansatz_without_training() {
    let mut rng = rng(4);
    let (mut least, mut least_mixed) = (1.0, 1.0);
    for _ in 0..1000 {
        let (d, m) = (2 + rng.random::<u32>() as usize % 5, 1 + rng.random::<u32>() as usize % 30);
        let f = balanced(&mut rng, d, &vec![1.0; m]);
        let outcome = ansatz_floor(&f).unwrap();
        assert!(outcome.measured >= outcome.predicted - outcome.error, "{outcome:?}");
        if outcome.measured < least {
            least = outcome.measured;
        }
        let (b, trace_of) = (gram(&f), trace(&agop(&f, Centring::Centred)));
        let square = inner(&b, &b);
        assert!(
            trace_of >= square / TAU * (1.0 - 1e-12) && trace_of <= 0.25 * square * (1.0 + 1e-12)
        );
        let signs: Vec<f64> = (0..m).map(|_| if rng.random() { 1.0 } else { -1.0 }).collect();
        let mixed = ansatz_floor(&balanced(&mut rng, d, &signs)).unwrap();
        if mixed.measured < least_mixed {
            least_mixed = mixed.measured;
        }
    }
    println!("least cosine of one sign {least}, of mixed signs {least_mixed}");
    assert!(least > 0.99);
    assert!(least_mixed < FRAC_2_PI.sqrt(), "{least_mixed}");
}

#[test]
fn neurons_that_cancel_have_no_alignment() {
    let mut rng = rng(14);
    let teacher = teacher(&mut rng, 6, 2, &[1.0, -0.7]);
    let span = FeatureSubspace::of(&teacher).unwrap();
    let half = network(&mut rng, 6, 9);
    let a =
        [half.second_layer(), &half.second_layer().iter().map(|a| -a).collect::<Vec<_>>()].concat();
    let student = Network::new(6, a, half.first_layer().repeat(2)).unwrap();
    let target = Target::new(teacher.network(), span.basis());
    let nothing = target.feature(&student).unwrap();
    assert!(nothing.gradients.is_none(), "{nothing:?}");
    assert!(nothing.of_weights > 0.0 && nothing.of_weights < 1.0);
    // The control: half of them.
    let something = target.feature(&half).unwrap().gradients.unwrap();
    assert!(something.ansatz.half > 0.0 && something.in_span < 1.0, "{something:?}");
    // The teacher beside itself, all of it in its span.
    let own = target.feature(teacher.network()).unwrap();
    assert!(own.floor.is_none());
    let own = own.gradients.unwrap();
    close(own.to_teacher, 1.0, rounding(64, 1.0));
    close(own.in_span, 1.0, rounding(64, 1.0));
}

#[test]
fn the_raw_agop_has_no_such_floor() {
    let d = 200;
    let rows: Vec<Vec<f64>> =
        (0..d).map(|i| (0..d).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    let ansatz = Ansatz::of(&Network::from_rows(vec![1.0; d], &rows).unwrap()).unwrap();
    let exact = (199.0 + 201_f64.sqrt()) / (2_f64.sqrt() * 200.0);
    close(ansatz.raw_half, exact, rounding(4096, 1.0));
    assert!(exact < FRAC_2_PI.sqrt());
    close(ansatz.half, 1.0, rounding(4096, 1.0));
}

#[test]
fn sampled_agops_have_the_error_of_the_fourth_moment() {
    let mut rng = rng(5);
    let (d, m, n) = (5, 6, 100);
    let f = network(&mut rng, d, m);
    let exact = SampledAgop::of(&f).unwrap();
    let raw = agop(&f, Centring::Raw);
    let errors: Vec<f64> = (0..1000)
        .map(|_| {
            let mut sum = Mat::<f64>::zeros(d, d);
            for _ in 0..n {
                let g = gradient_at(&f, &normals(&mut rng, d));
                for i in 0..d {
                    for j in 0..d {
                        sum[(i, j)] += g[i] * g[j] / f64::from(n);
                    }
                }
            }
            f64::from(n) * difference(&sum, &raw, 1.0).powi(2)
        })
        .collect();
    let (mean, error) = mean_and_error(&errors);
    assert!((mean - exact.constant).abs() <= 4.0 * error, "{mean} +- {error}, {}", exact.constant);
    // The control: 1/16 for every four distinct neurons, which only the closed form can tell.
    let w = first_layer(&f);
    let c = &w * w.transpose();
    let rule = OrthantRule::new().unwrap();
    let flat: Vec<f64> = (0..m * m).map(|i| c[(i / m, i % m)]).collect();
    let fields = Fields::new(&rule, &flat, m).unwrap();
    let a = f.second_layer();
    let sum = |four: &dyn Fn([usize; 4]) -> f64| -> f64 {
        (0..m.pow(4))
            .map(|index| {
                let [j, k, l, p] =
                    [index / m.pow(3), index / m.pow(2) % m, index / m % m, index % m];
                let weight = a[j] * a[k] * a[l] * a[p] * c[(j, k)] * c[(l, p)];
                let mut set = vec![j, k, l, p];
                set.sort_unstable();
                set.dedup();
                weight * if set.len() == 4 { four([j, k, l, p]) } else { fields.orthant(&set) }
            })
            .sum()
    };
    let whole = sum(&|set| fields.orthant(&set));
    close(whole / exact.fourth_moment, 1.0, rounding(4096, 1.0));
    let wrong = sum(&|_| 0.0625);
    assert!((wrong / exact.fourth_moment - 1.0).abs() > VISIBLE, "{wrong}");
}

/// Orthonormal teachers in ten dimensions and the student that is their regularised optimum.
fn soft_optimum(amplitudes: &[f64], lambda: f64) -> (Teacher, Network) {
    let rows: Vec<Vec<f64>> = (0..amplitudes.len())
        .map(|i| (0..10).map(|j| f64::from(u8::from(i == j))).collect())
        .collect();
    let teacher = Teacher::new(Network::from_rows(amplitudes.to_vec(), &rows).unwrap()).unwrap();
    let masses: Vec<f64> = amplitudes.iter().map(|a| soft_threshold(*a, lambda)).collect();
    let student: Vec<Vec<f64>> = rows
        .iter()
        .zip(&masses)
        .map(|(row, c)| row.iter().map(|x| x * c.abs().sqrt()).collect())
        .collect();
    let a = masses.iter().map(|c| c.abs().sqrt().copysign(*c)).collect();
    (teacher, Network::from_rows(a, &student).unwrap())
}

#[test]
fn at_the_optimum_of_orthonormal_teachers_the_ansatz_is_exact() {
    let lambda = 0.02;
    let amplitudes = [1.0, -0.7, 0.5, -1.3];
    let (teacher, student) = soft_optimum(&amplitudes, lambda);
    let mut workspace = Workspace::new();
    let population = Population::new(teacher.clone());
    let (value, gradient) =
        crate::descent::objective(&population, &student, lambda, &mut workspace);
    at_most(largest(gradient), 0.0, rounding(64, 8.0));
    let m = agop(&student, Centring::Centred);
    let root = semidefinite_root(&m).unwrap();
    at_most(difference(&gram(&student), &root, 2.0), 0.0, rounding(64, 8.0));
    // The other exponent is refuted.
    let ansatz = Ansatz::of(&student).unwrap();
    close(ansatz.half, 1.0, rounding(64, 8.0));
    assert!(ansatz.one < 0.99, "{ansatz:?}");
    // It is where descent from elsewhere comes to, at any width.
    let mut arrived = 0;
    for seed in 6..9 {
        let start = balanced(&mut rng(seed), 10, &[1.0, -1.0].repeat(6));
        let (found, norm) = stationary(&teacher, &start, lambda, STATIONARY);
        assert!(norm <= STATIONARY, "{norm:e}");
        let (reached, _) = crate::descent::objective(&population, &found, lambda, &mut workspace);
        at_most(value, reached, rounding(4096, 1.0));
        // A stationary point of a larger value is none of the minimisers that the statement is
        // about.
        if reached <= value + norm {
            let m = agop(&found, Centring::Centred);
            let off = difference(&gram(&found), &semidefinite_root(&m).unwrap(), 2.0);
            assert!(off <= 10.0 * norm / lambda, "{off:e}");
            arrived += 1;
        }
    }
    assert!(arrived >= 2, "{arrived} of three");
}

#[test]
fn a_fixed_second_layer_has_exponent_one() {
    // One neuron a teacher with |a_j| = 1: B = sum alpha^2 u u^T = 4 M.
    let amplitudes = [1.0, -0.7, 0.5, -1.3];
    let rows: Vec<Vec<f64>> = amplitudes
        .iter()
        .enumerate()
        .map(|(i, a): (usize, &f64)| (0..10).map(|j| if i == j { a.abs() } else { 0.0 }).collect())
        .collect();
    let signs = amplitudes.iter().map(|a| a.signum()).collect();
    let student = Network::from_rows(signs, &rows).unwrap();
    let m = agop(&student, Centring::Centred);
    at_most(difference(&gram(&student), &m, 4.0), 0.0, rounding(64, 1.0));
    let ansatz = Ansatz::of(&student).unwrap();
    close(ansatz.one, 1.0, rounding(64, 1.0));
    assert!(ansatz.half < 0.995, "{ansatz:?}");
}

#[test]
fn training_ends_at_a_number_of_the_teacher() {
    let mut rng = rng(7);
    let lambda = 0.02 / 32.0;
    let teacher = teacher(&mut rng, 10, 3, &[1.0, -0.8, 0.9, -1.1]);
    let limit = Ansatz::limit(teacher.network()).unwrap().half;
    let signs = [1.0, -1.0].repeat(12);
    let mut student = balanced(&mut rng, 10, &signs);
    let (a, w) = student.layers_mut();
    a.iter_mut().chain(w).for_each(|x| *x *= 0.03);
    let population = Population::new(teacher.clone());
    let mut workspace = Workspace::new();
    for epoch in 0..6 {
        let lambda = 0.02 / f64::powi(2.0, epoch);
        for _ in 0..2000 {
            let (_, gradient) =
                crate::descent::objective(&population, &student, lambda, &mut workspace);
            let (a, w) = student.layers_mut();
            a.iter_mut().chain(w).zip(&gradient).for_each(|(x, g)| *x -= 0.2 * g);
        }
    }
    let ansatz = Ansatz::of(&student).unwrap();
    println!("cosine {} against {limit}", ansatz.half);
    assert!((ansatz.half - limit).abs() <= 10.0 * lambda, "{} {limit}", ansatz.half);
    assert!((ansatz.half - 1.0).abs() > 10.0 * lambda);
}

fn rotation(rng: &mut ChaCha8Rng, d: usize) -> Mat<f64> {
    let z = normals(rng, d * d);
    let z = Mat::from_fn(d, d, |i, j| z[i * d + j]);
    z.qr().compute_Q()
}

fn times(inputs: &[f64], o: &Mat<f64>) -> Vec<f64> {
    let d = o.nrows();
    let rows = inputs.chunks_exact(d);
    rows.flat_map(|x| (0..d).map(move |j| (0..d).map(|i| x[i] * o[(i, j)]).sum())).collect()
}

#[test]
fn feature_machines_have_their_symmetries() {
    let mut rng = rng(8);
    let (n, d) = (30, 4);
    let (x, y) = (normals(&mut rng, n * d), normals(&mut rng, n));
    let z = normals(&mut rng, 5 * d);
    let kernel = Kernel { bandwidth: 3.0, ridge: 0.05 };
    let plain = kernel.recursive(&x, &y, d, 3).unwrap();
    let apart = |a: &[f64], b: &[f64]| {
        largest(a.iter().zip(b).map(|(a, b)| a - b)) / largest(a.iter().copied())
    };
    // Rotation, in every round.
    let o = rotation(&mut rng, d);
    let turned = kernel.recursive(&times(&x, &o), &y, d, 3).unwrap();
    // Translation.
    let moved: Vec<f64> = x.iter().map(|x| x + 1.5).collect();
    let shifted = kernel.recursive(&moved, &y, d, 3).unwrap();
    let moved: Vec<f64> = z.iter().map(|x| x + 1.5).collect();
    for t in 0..4 {
        let expected = plain[t].predict(&z);
        assert!(apart(&turned[t].predict(&times(&z, &o)), &expected) <= CONDITION, "{t}");
        assert!(apart(&shifted[t].predict(&moved), &expected) <= CONDITION, "{t}");
        let back = sandwich(&o, plain[t].metric(), &o);
        assert!(difference(turned[t].metric(), &back, 1.0) <= CONDITION * length(&back), "{t}");
    }
    // (c M, sqrt c b) is (M, b), and c y gives c^2 of the metric.
    let wide = Kernel { bandwidth: 6.0, ..kernel };
    let four = Mat::from_fn(d, d, |i, j| if i == j { 4.0 } else { 0.0 });
    let same = wide.fit(&x, &y, &four).unwrap();
    at_most(apart(same.alpha(), plain[0].alpha()), 0.0, rounding(4096, 1.0));
    at_most(
        difference(&same.agop(), &plain[0].agop(), 1.0),
        0.0,
        rounding(4096, length(&same.agop())),
    );
    let double: Vec<f64> = y.iter().map(|y| 2.0 * y).collect();
    let double = kernel.recursive(&x, &double, d, 2).unwrap();
    at_most(
        difference(double[1].metric(), plain[1].metric(), 4.0),
        0.0,
        rounding(4096, length(double[1].metric())),
    );
    assert!(
        difference(double[2].metric(), plain[2].metric(), 4.0) > 1e-3 * length(double[2].metric())
    );
    // The ridge is not multiplied by n.
    let other = Kernel { ridge: 0.05 * n as f64, ..kernel }.fit(&x, &y, plain[0].metric()).unwrap();
    assert!(apart(other.alpha(), plain[0].alpha()) > 0.1);
}

#[test]
fn feature_machines_gradients_are_differences_without_the_own_cusp() {
    let mut rng = rng(9);
    let (n, d) = (12, 3);
    let (x, y) = (normals(&mut rng, n * d), normals(&mut rng, n));
    let kernel = Kernel { bandwidth: 2.0, ridge: 0.01 };
    let machine = kernel.recursive(&x, &y, d, 1).unwrap().remove(1);
    let gradients = machine.gradients();
    let h = 1e-6;
    for j in 0..n {
        for i in 0..d {
            let mut points = [x[j * d..(j + 1) * d].to_vec(), x[j * d..(j + 1) * d].to_vec()];
            points[0][i] += h;
            points[1][i] -= h;
            // The own term is even, so that central differences do not see it.
            let [above, below] = points.map(|z| machine.predict(&z)[0]);
            let slope = (above - below) / (2.0 * h);
            assert!(
                (slope - gradients[j * d + i]).abs()
                    <= DIFFERENCES * largest(gradients.iter().copied())
            );
        }
    }
}

#[test]
fn feature_machines_find_three_coordinates() {
    let mut rng = rng(10);
    // At n = 1000, the quick size of the statement, the last error is .32 to .40 of the first over
    // six seeds of an independent program; a third is passed at n = 2000, where it is .21 to .33.
    let (n, d) = (2000, 20);
    let mut draw = |n: usize| -> (Vec<f64>, Vec<f64>) {
        let x: Vec<f64> = normals(&mut rng, n * d).iter().map(|x| 0.5 * x).collect();
        let y = x.chunks_exact(d).map(|x| if x[5] > 0.0 { x[0] * x[1] } else { 0.0 }).collect();
        (x, y)
    };
    let ((x, y), (z, truth)) = (draw(n), draw(1000));
    let kernel = Kernel { bandwidth: 10.0, ridge: 1e-3 };
    let rounds = kernel.recursive(&x, &y, d, 5).unwrap();
    let errors: Vec<f64> = rounds
        .iter()
        .map(|round| {
            let found = round.predict(&z);
            found.iter().zip(&truth).map(|(f, y)| (f - y) * (f - y)).sum::<f64>() / 1000.0
        })
        .collect();
    assert!(errors.is_sorted_by(|before, after| after < before), "{errors:?}");
    assert!(errors[5] <= errors[0] / 3.0, "{errors:?}");
    // The three coordinates lead.
    let metric = rounds[5].metric();
    let leads = [0, 1, 5];
    let others = largest((0..d).filter(|i| !leads.contains(i)).map(|i| metric[(i, i)]));
    for i in leads {
        assert!(metric[(i, i)] > 10.0 * others, "{i} {} {others}", metric[(i, i)]);
    }
}

#[test]
fn feature_machines_find_the_teachers_agop_from_true_labels_only() {
    let mut rng = rng(11);
    let (n, d, r) = (500, 20, 2);
    let teacher = teacher(&mut rng, d, r, &[1.0, -0.8, 0.9]);
    let f = teacher.network();
    let x = normals(&mut rng, n * d);
    let value = |x: &[f64]| -> f64 {
        let terms = f.rows().zip(f.second_layer());
        terms.map(|(w, a)| a * (0.5 * dot(w, x).abs() - (dot(w, w) / TAU).sqrt())).sum()
    };
    let mut y: Vec<f64> = x.chunks_exact(d).map(value).collect();
    let kernel = Kernel { bandwidth: 10.0, ridge: 1e-3 };
    let share = |metric: &Mat<f64>| (0..r).map(|i| metric[(i, i)]).sum::<f64>() / trace(metric);
    let last = kernel.recursive(&x, &y, d, 5).unwrap().remove(5);
    let found = share(last.metric());
    let close = cosine(last.metric(), &agop(f, Centring::Centred));
    println!("share {found}, cosine {close}");
    assert!(found >= 0.98, "{found}");
    assert!(close >= 0.98, "{close}");
    y.shuffle(&mut rng);
    let shuffled = kernel.recursive(&x, &y, d, 5).unwrap();
    for round in &shuffled[1..] {
        assert!(share(round.metric()) < 0.3, "{}", share(round.metric()));
    }
}

#[test]
fn impossible_kernels_are_refused() {
    let kernel = Kernel { bandwidth: 1.0, ridge: 0.0 };
    let identity = Mat::identity(2, 2);
    assert!(matches!(
        kernel.fit(&[0.0; 3], &[1.0; 2], &identity),
        Err(MechanismError::Shape { .. })
    ));
    // Two equal points without a ridge.
    assert!(matches!(
        kernel.fit(&[0.0; 4], &[1.0; 2], &identity),
        Err(MechanismError::Factorisation { .. })
    ));
    let flat = Kernel { bandwidth: 0.0, ridge: 1.0 };
    assert!(matches!(
        flat.fit(&[0.0; 4], &[1.0; 2], &identity),
        Err(MechanismError::OutOfRange { .. })
    ));
}

#[test]
fn few_neurons_are_taken_in_their_span() {
    let mut rng = rng(15);
    let (d, wide) = (12, 40);
    let teacher = teacher(&mut rng, d, 2, &[1.0, -0.7]);
    let student = network(&mut rng, d, 9);
    let padded = |network: &Network| {
        let row = |w: &[f64]| [w, &vec![0.0; wide - d]].concat();
        let rows: Vec<_> = network.rows().map(row).collect();
        Network::from_rows(network.second_layer().to_vec(), &rows).unwrap()
    };
    let basis = FeatureSubspace::of(&teacher).unwrap().basis().to_vec();
    let wide_basis: Vec<f64> =
        basis.chunks_exact(d).flat_map(|u| [u, &vec![0.0; wide - d]].concat()).collect();
    // Thirteen vectors: in twelve dimensions none can be left out, in forty 27.
    let here = Target::new(teacher.network(), &basis).feature(&student).unwrap();
    let there = Target::new(&padded(teacher.network()), &wide_basis).feature(&padded(&student));
    let there = there.unwrap();
    let tolerance = rounding(256, 1.0);
    close(there.of_weights, here.of_weights, tolerance);
    let (here, there) = (here.gradients.unwrap(), there.gradients.unwrap());
    close(there.in_span, here.in_span, tolerance);
    close(there.to_teacher, here.to_teacher, tolerance);
    let all = |ansatz: Ansatz| [ansatz.half, ansatz.one, ansatz.raw_half];
    for (there, here) in all(there.ansatz).into_iter().zip(all(here.ansatz)) {
        close(there, here, tolerance);
    }
    // Nine vectors in twelve dimensions, against all twelve.
    let full = Gradients::of(&student).unwrap();
    let pairs = [
        (Ansatz::of(&student).unwrap(), full.ansatz(&gram(&student))),
        (Ansatz::limit(&student).unwrap(), full.ansatz(&mass_matrix(&student))),
    ];
    for (reduced, full) in pairs {
        for (reduced, full) in all(reduced).into_iter().zip(all(full)) {
            close(reduced, full, tolerance);
        }
    }
    // The control: another student is another number.
    let other = Ansatz::of(&network(&mut rng, d, 9)).unwrap();
    assert!((other.half - full.ansatz(&gram(&student)).half).abs() > tolerance.bound());
}
