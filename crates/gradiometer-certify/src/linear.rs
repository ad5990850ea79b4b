//! Linear algebra with proofs: enclosed solutions of linear systems, positive definiteness.

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::{maximum, maximum_of};

/// Encloses the solution of `A x = b` for every matrix and right side in the given enclosures.
///
/// With an approximate inverse `R` (plain floating point) and `x~ = R b`, the error `e = x - x~` satisfies
/// `e = R (b - A x~) + (I - R A) e`. If `c = |I - R A|_inf < 1` then `A` is regular and
/// `|e|_inf <= |R (b - A x~)|_inf / (1 - c)`; one more substitution sharpens every component (\[Rump2010\]).
///
/// `matrix` is row-major. The error is `c`, when it is not below 1.
pub(crate) fn solve(matrix: &[Enclosure], right: &[Enclosure]) -> Result<Vec<Enclosure>, f64> {
    let n = right.len();
    let middle: Vec<f64> = matrix.iter().map(|x| x.midpoint()).collect();
    let Some(inverse) = approximate_inverse(middle, n) else {
        return Err(f64::INFINITY);
    };
    let start: Vec<f64> = inverse
        .chunks_exact(n)
        .map(|row| row.iter().zip(right).map(|(r, b)| r * b.midpoint()).sum())
        .collect();
    let residual: Vec<Enclosure> = matrix
        .chunks_exact(n)
        .zip(right)
        .map(|(row, &b)| row.iter().zip(&start).fold(b, |rest, (&a, &x)| rest - a * x))
        .collect();
    let mut contraction = 0.0;
    let mut defect_size = 0.0;
    let mut defects = Vec::with_capacity(n);
    let mut iterations = Vec::with_capacity(n * n);
    for (i, row) in inverse.chunks_exact(n).enumerate() {
        let defect: Enclosure = row.iter().zip(&residual).map(|(&r, &z)| z * r).sum();
        defect_size = maximum(defect_size, defect.magnitude());
        defects.push(defect);
        let mut accumulated = vec![Enclosure::ZERO; n];
        accumulated[i] = Enclosure::ONE;
        for (&r, a) in row.iter().zip(matrix.chunks_exact(n)) {
            for (sum, &entry) in accumulated.iter_mut().zip(a) {
                *sum -= entry * r;
            }
        }
        let size: Enclosure = accumulated.iter().map(|x| x.abs()).sum();
        contraction = maximum(contraction, size.hi());
        iterations.extend(accumulated);
    }
    // c < 1, so A is regular and the solution exists.
    if !(contraction < 1.0) {
        return Err(contraction);
    }
    let bound = (Enclosure::from(defect_size) / (Enclosure::ONE - contraction)).hi();
    let error = Enclosure::new(-bound, bound);
    let solution: Vec<_> = iterations
        .chunks_exact(n)
        .zip(&defects)
        .zip(&start)
        .map(|((row, &defect), &x)| {
            let rest: Enclosure = row.iter().map(|&c| c * error).sum();
            let sharper = (defect + rest).intersection(error).unwrap_or(error);
            sharper + x
        })
        .collect();
    if solution.iter().all(|x| x.is_finite()) { Ok(solution) } else { Err(contraction) }
}

/// `w / |w|` for exact floats, divided by a positive `scale` first, which keeps the squares away from the ends of the exponent
/// range; undefined if `w` is zero or not finite.
pub(crate) fn unit(w: &[f64], scale: f64) -> Vec<Enclosure> {
    let scaled: Vec<_> = w.iter().map(|&x| Enclosure::from(x) / scale).collect();
    let norm = scaled.iter().map(|x| x.square()).sum::<Enclosure>().sqrt();
    scaled.into_iter().map(|x| x / norm).collect()
}

/// `x . y`.
pub(crate) fn dot(x: &[Enclosure], y: &[Enclosure]) -> Enclosure {
    x.iter().zip(y).map(|(&a, &b)| a * b).sum()
}

/// The inverse in plain floating point by Gauss-Jordan elimination with partial pivoting; `None` if a pivot vanishes.
pub(crate) fn approximate_inverse(mut matrix: Vec<f64>, n: usize) -> Option<Vec<f64>> {
    let mut inverse = vec![0.0; n * n];
    for i in 0..n {
        inverse[i * n + i] = 1.0;
    }
    for column in 0..n {
        let pivot = (column..n).max_by(|&a, &b| {
            matrix[a * n + column].abs().total_cmp(&matrix[b * n + column].abs())
        })?;
        let scale = matrix[pivot * n + column];
        if !(scale.abs() > 0.0 && scale.is_finite()) {
            return None;
        }
        for j in 0..n {
            matrix.swap(pivot * n + j, column * n + j);
            inverse.swap(pivot * n + j, column * n + j);
            matrix[column * n + j] /= scale;
            inverse[column * n + j] /= scale;
        }
        let pivot_row = matrix[column * n..(column + 1) * n].to_vec();
        let pivot_inverse = inverse[column * n..(column + 1) * n].to_vec();
        for i in (0..n).filter(|&i| i != column) {
            let factor = matrix[i * n + column];
            for (x, p) in matrix[i * n..(i + 1) * n].iter_mut().zip(&pivot_row) {
                *x -= factor * p;
            }
            for (x, p) in inverse[i * n..(i + 1) * n].iter_mut().zip(&pivot_inverse) {
                *x -= factor * p;
            }
        }
    }
    inverse.iter().all(|x| x.is_finite()).then_some(inverse)
}

/// Proves that `A - slack I` is positive definite for the symmetric float matrix `A` (row-major, `n x n`; only the
/// lower triangle is read and it is overwritten).
///
/// If Cholesky's algorithm in floating point runs to completion on `A - s I`, then
/// `lambda_min(A) > s - g tr(A - s I)` with `g = (n + 1) u / (1 - 2 (n + 1) u)`, `u = EPSILON / 2` (\[Rump2006\]); here
/// `s = slack + 4 (n + 2) EPSILON (sum of the moduli of the diagonal + |slack|)` covers that and the rounding of the
/// subtraction.
pub(crate) fn is_positive_definite(a: &mut [f64], n: usize, slack: f64) -> bool {
    let diagonal: f64 = (0..n).map(|i| a[i * n + i].abs()).sum();
    let shift = slack + 4.0 * (n as f64 + 2.0) * f64::EPSILON * (diagonal + slack.abs());
    for i in 0..n {
        for j in 0..i {
            let mut sum = a[i * n + j];
            for k in 0..j {
                sum -= a[i * n + k] * a[j * n + k];
            }
            a[i * n + j] = sum / a[j * n + j];
        }
        let mut sum = a[i * n + i] - shift;
        for k in 0..i {
            sum -= a[i * n + k] * a[i * n + k];
        }
        // Written so that NaN fails; the lower bound keeps clear of underflow.
        if !(sum > f64::MIN_POSITIVE * 1e20) {
            return false;
        }
        a[i * n + i] = sum.sqrt();
    }
    true
}

/// A bound `g >= max over unit e of e.M e + l.e`, proved, for float `M` (symmetric) and `l`; infinite if none is found.
///
/// For every `mu` with `mu I - M` positive definite the maximum is at most `mu + l.(mu I - M)^-1 l / 4`, and the
/// smallest such bound is the maximum itself (the S-lemma). `mu` is sought in floating point; the bound `mu + g` is
/// proved by the positive definiteness of the bordered matrix `[g, -l/2; -l/2, mu I - M]`.
pub(crate) fn largest_on_sphere(m: &[f64], l: &[f64]) -> f64 {
    let n = l.len();
    if n == 0 {
        return f64::NEG_INFINITY;
    }
    let norm = m.iter().map(|x| x * x).sum::<f64>().sqrt();
    let length = l.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (mut lo, mut hi) = (-norm - length, norm + length + f64::MIN_POSITIVE);
    for _ in 0..60 {
        let (left, right) = (lo + (hi - lo) / 3.0, hi - (hi - lo) / 3.0);
        let value = dual(m, l, left);
        if value.is_finite() && value <= dual(m, l, right) {
            hi = right;
        } else {
            lo = left;
        }
    }
    let mu = hi;
    // The floor keeps a zero form away from underflow.
    let scale = norm + length + mu.abs() + f64::powi(0.5, 200);
    let mut pad = 64.0 * (n as f64 + 2.0) * f64::EPSILON * scale;
    let corner = dual(m, l, mu) - mu;
    let size = n + 1;
    for _ in 0..20 {
        let (g, shifted) = (corner + pad, mu + pad);
        let mut bordered = vec![0.0; size * size];
        bordered[0] = g;
        for i in 0..n {
            bordered[(i + 1) * size] = -0.5 * l[i];
            for j in 0..n {
                bordered[(i + 1) * size + j + 1] =
                    -m[i * n + j] + if i == j { shifted } else { 0.0 };
            }
        }
        // The rounding of shifted - M_ii is below EPSILON * scale.
        if is_positive_definite(&mut bordered, size, 2.0 * f64::EPSILON * (scale + pad)) {
            return (g + shifted).next_up();
        }
        pad *= 4.0;
    }
    f64::INFINITY
}

/// `mu + l.(mu I - M)^-1 l / 4` in floating point, infinite unless `mu I - M` looks positive definite.
fn dual(m: &[f64], l: &[f64], mu: f64) -> f64 {
    let n = l.len();
    let mut a: Vec<f64> = m.iter().map(|x| -x).collect();
    let mut y = l.to_vec();
    let mut total = mu;
    for i in 0..n {
        a[i * n + i] += mu;
        for j in 0..i {
            let mut sum = a[i * n + j];
            for k in 0..j {
                sum -= a[i * n + k] * a[j * n + k];
            }
            a[i * n + j] = sum / a[j * n + j];
            y[i] -= a[i * n + j] * y[j];
        }
        let sum = (0..i).fold(a[i * n + i], |s, k| s - a[i * n + k] * a[i * n + k]);
        if !(sum > 0.0) {
            return f64::INFINITY;
        }
        a[i * n + i] = sum.sqrt();
        y[i] /= a[i * n + i];
        total += 0.25 * y[i] * y[i];
    }
    total
}

/// An upper bound of the Euclidean norm of any vector in the enclosures.
pub(crate) fn norm_bound(x: &[Enclosure]) -> f64 {
    x.iter().map(|v| v.square()).sum::<Enclosure>().sqrt().hi()
}

/// Midpoints of a vector of enclosures and a bound of the distance of its points from them.
pub(crate) fn centred(x: &[Enclosure]) -> (Vec<f64>, f64) {
    let middle = x.iter().map(|v| v.midpoint()).collect();
    let radii: Vec<Enclosure> = x.iter().map(|v| Enclosure::from(v.radius())).collect();
    (middle, norm_bound(&radii))
}

/// The largest modulus of the entries.
pub(crate) fn largest(x: &[Enclosure]) -> f64 {
    maximum_of(x.iter().map(|v| v.magnitude()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(x: &[f64]) -> Vec<Enclosure> {
        x.iter().map(|&v| Enclosure::from(v)).collect()
    }

    #[test]
    fn the_hilbert_system_of_size_six_is_enclosed() {
        let n = 6;
        // Scaled by 27720 = lcm(1..12), so that all entries are whole numbers and the row sums exact.
        let hilbert: Vec<f64> =
            (0..n * n).map(|e| 27720.0 / ((e / n + e % n) as f64 + 1.0)).collect();
        let sums: Vec<f64> = hilbert.chunks_exact(n).map(|row| row.iter().sum()).collect();
        let solution = solve(&points(&hilbert), &points(&sums)).unwrap();
        for x in solution {
            assert!(x.contains(1.0), "{x}");
            assert!(x.width() < f64::EPSILON.sqrt());
        }
    }

    #[test]
    fn singular_wide_and_undefined_systems_are_refused() {
        let one = points(&[1.0, 1.0]);
        assert!(solve(&points(&[1.0, 2.0, 2.0, 4.0]), &one).is_err());
        let wide = Enclosure::new(-1.0, 3.0);
        assert!(solve(&[wide, Enclosure::ZERO, Enclosure::ZERO, Enclosure::ONE], &one).is_err());
        let nan = Enclosure::UNDEFINED;
        assert!(solve(&[nan, Enclosure::ZERO, Enclosure::ZERO, Enclosure::ONE], &one).is_err());
        assert!(solve(&points(&[1.0, 0.0, 0.0, 1.0]), &[nan, nan]).is_err());
    }

    #[test]
    fn definiteness_is_decided_on_both_sides_of_the_eigenvalue() {
        // Eigenvalues 1 and 3.
        let matrix = [2.0, 1.0, 1.0, 2.0];
        assert!(is_positive_definite(&mut matrix.clone(), 2, 0.999));
        assert!(!is_positive_definite(&mut matrix.clone(), 2, 1.0));
        assert!(!is_positive_definite(&mut [f64::NAN, 0.0, 0.0, 1.0], 2, 0.0));
        assert!(!is_positive_definite(&mut matrix.clone(), 2, f64::NAN));
    }

    #[test]
    fn the_largest_value_on_the_sphere_is_met() {
        // e.M e + l.e on the circle, M = diag(1, -2), l = (3, 4): compared with a fine scan.
        let (m, l) = ([1.0, 0.0, 0.0, -2.0], [3.0, 4.0]);
        let scan = maximum_of((0..100_000).map(|k| {
            let (s, c) = (f64::from(k) * std::f64::consts::TAU / 1e5).sin_cos();
            c * c - 2.0 * s * s + 3.0 * c + 4.0 * s
        }));
        let bound = largest_on_sphere(&m, &l);
        // The scan misses at most (step)^2 * curvature.
        let missed = (std::f64::consts::TAU / 1e5).powi(2) * 10.0;
        assert!(bound >= scan && bound <= scan + missed, "{bound} {scan}");
        let hard = largest_on_sphere(&m, &[0.0, 0.0]);
        assert!(hard >= 1.0 && hard < 1.0 + f64::EPSILON.sqrt(), "{hard}");
    }

    /// `a I + b (neighbours)`, whose eigenvalues are `a + 2 b cos(k pi/(n + 1))`.
    fn path(n: usize, a: f64, b: f64) -> Vec<f64> {
        let entry = |e: usize| match (e / n).abs_diff(e % n) {
            0 => a,
            1 => b,
            _ => 0.0,
        };
        (0..n * n).map(entry).collect()
    }

    #[test]
    fn definiteness_of_larger_matrices_ends_at_the_least_eigenvalue() {
        for n in 1..=7 {
            let angle = std::f64::consts::PI / (n as f64 + 1.0);
            for (a, b) in [(3.0, 1.0), (2.5, -0.75)] {
                let least = a - 2.0 * f64::abs(b) * angle.cos();
                let holds = |slack| is_positive_definite(&mut path(n, a, b), n, slack);
                // The shift is 4 (n + 2) eps of the diagonal's sum.
                let shift = 4.0 * (n as f64 + 2.0) * f64::EPSILON * (n as f64 * a + least);
                assert!(holds(least - 1.5 * shift) && !holds(least - 0.5 * shift), "{n}");
                assert!(!holds(least + shift), "{n}");
            }
        }
        // Any slack that is more than the diagonal, of either sign.
        assert!(is_positive_definite(&mut [0.0], 1, -1.0));
        assert!(!is_positive_definite(&mut [-1.0], 1, -1.0 + f64::EPSILON));
    }

    #[test]
    fn solutions_are_as_wide_as_the_system_makes_them() {
        let n = 4;
        let matrix = path(n, 4.0, -1.0);
        let exact = [1.0, -2.0, 3.0, 0.5];
        let inverse = approximate_inverse(matrix.clone(), n).unwrap();
        let times = |rows: &[f64], x: &[f64]| -> Vec<f64> {
            rows.chunks_exact(n).map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum()).collect()
        };
        let right = times(&matrix, &exact);
        for (in_matrix, in_right) in [(0.0, 1.0 / 65536.0), (1.0 / 65536.0, 0.0)] {
            let around = |x: &f64, radius| Enclosure::new(x - radius, x + radius);
            let a: Vec<Enclosure> = matrix.iter().map(|x| around(x, in_matrix)).collect();
            let b: Vec<Enclosure> = right.iter().map(|x| around(x, in_right)).collect();
            let solution = solve(&a, &b).unwrap();
            // |A^-1| (radius of b + radius of A |x|), to first order, and to second order no wider than that by a thousandth.
            let sum: f64 = exact.iter().map(|x| f64::abs(*x)).sum();
            let moduli: Vec<f64> = inverse.iter().map(|x| x.abs()).collect();
            let widest = times(&moduli, &vec![in_right + in_matrix * sum; n]);
            for ((x, exact), widest) in solution.iter().zip(exact).zip(widest) {
                assert!(x.contains(exact), "{x} {exact}");
                let share = x.radius() / widest;
                assert!((1.0..1.01).contains(&share), "{share}");
            }
        }
        // Rows that have to change places.
        let swapped = [0.0, 2.0, 4.0, 1.0];
        let solution = solve(&points(&swapped), &points(&[2.0, 9.0])).unwrap();
        assert!(solution[0].contains(2.0) && solution[1].contains(1.0));
        assert!(solution.iter().all(|x| x.width() <= 64.0 * f64::EPSILON));
    }

    #[test]
    fn the_largest_value_on_a_sphere_of_any_dimension_is_met() {
        let known = [
            // |l| for M = 0, the largest eigenvalue for l = 0, and both along one axis.
            (vec![0.0; 9], vec![2.0, -3.0, 6.0], 7.0),
            (path(3, 1.0, 1.0), vec![0.0; 3], 1.0 + std::f64::consts::SQRT_2),
            (vec![3.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -2.0], vec![4.0, 0.0, 0.0], 7.0),
            (vec![-5.0], vec![2.0], -3.0),
            // l along the eigenvector of the largest eigenvalue, in no axis's direction.
            (
                path(3, 1.0, 1.0),
                vec![1.0, std::f64::consts::SQRT_2, 1.0],
                3.0 + std::f64::consts::SQRT_2,
            ),
            // M = -diag(2, 2), l = (3, 4): -2 + 5.
            (vec![-2.0, 0.0, 0.0, -2.0], vec![3.0, 4.0], 3.0),
        ];
        for (m, l, largest) in known {
            let bound = largest_on_sphere(&m, &l);
            // The bisection stops within 3^-60 * 2^60 of the minimum, where the bound is flat.
            let slack = 64.0 * f64::EPSILON.sqrt();
            assert!(bound >= largest && bound <= largest + slack, "{m:?} {l:?}: {bound}");
        }
        let (none, unknown) = (largest_on_sphere(&[], &[]), largest_on_sphere(&[f64::NAN], &[1.0]));
        assert!(none.is_infinite() && none < 0.0, "{none}");
        assert!(unknown.is_infinite() && unknown > 0.0, "{unknown}");
    }
}
