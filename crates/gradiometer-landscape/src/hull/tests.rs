use super::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// By how much a vertex may be off its facet: a solution of a few well-conditioned equations.
const OFF: f64 = 1024.0 * f64::EPSILON;

/// Both ends of every axis, then points inside.
fn cross(d: usize, inside: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(d as u64);
    let mut points = Vec::new();
    for k in 0..d {
        for sign in [1.0, -1.0] {
            points.extend((0..d).map(|i| if i == k { sign } else { 0.0 }));
        }
    }
    for _ in 0..inside {
        points.extend((0..d).map(|_| (rng.random::<f64>() - 0.5) / d as f64));
    }
    // In general position.
    points.iter().map(|x| x + 0.01 * (rng.random::<f64>() - 0.5)).collect()
}

#[test]
fn every_facet_holds_its_vertices_and_has_all_points_below() {
    for d in 2..=6 {
        let points = cross(d, 10);
        let hull = convex_hull(d, &points, 100_000).unwrap();
        // A cross polytope has a facet in every orthant.
        assert_eq!((hull.facets.len(), hull.offsets.len()), (d << d, 1 << d), "{d}");
        assert!(hull.work >= 1 << d);
        for ((facet, normal), offset) in
            hull.facets.chunks_exact(d).zip(hull.normals.chunks_exact(d)).zip(&hull.offsets)
        {
            assert!(*offset > 0.0);
            for (p, x) in points.chunks_exact(d).enumerate() {
                let above = normal.iter().zip(x).map(|(a, x)| a * x).sum::<f64>() - offset;
                if facet.contains(&p) {
                    assert!(above.abs() <= OFF * offset, "{d} {p}: {above:e}");
                } else {
                    assert!(above < -OFF * offset, "{d} {p}: {above:e}");
                }
            }
            assert!(facet.iter().all(|p| *p < 2 * d), "the others are inside");
        }
    }
}

#[test]
fn the_budget_is_the_number_of_facets_built() {
    let points = cross(3, 4);
    let work = convex_hull(3, &points, 1000).unwrap().work;
    assert_eq!(convex_hull(3, &points, work).unwrap().work, work);
    assert!(convex_hull(3, &points, work - 1).is_none());
}

#[test]
fn flat_points_and_other_dimensions_have_no_hull() {
    let flat: Vec<f64> =
        cross(3, 4).chunks_exact(3).flat_map(|x| [x[0], x[1], x[0] + 2.0 * x[1]]).collect();
    assert!(convex_hull(3, &flat, 1000).is_none());
    assert!(convex_hull(1, &[0.0, 1.0], 1000).is_none());
    assert!(convex_hull(LARGEST_DIMENSION + 1, &cross(LARGEST_DIMENSION + 1, 0), 1000).is_none());
    assert!(convex_hull(LARGEST_DIMENSION, &cross(LARGEST_DIMENSION, 0), 1000).is_some());
}

#[test]
fn systems_are_solved_with_and_without_exchange() {
    let solved = |rows: &[[f64; 4]; 3]| {
        let mut system = [0.0; LARGEST_DIMENSION * (LARGEST_DIMENSION + 1)];
        system[..12].copy_from_slice(rows.as_flattened());
        solve(3, &mut system)
    };
    // x = (1, -2, 4), the first pivots zero or small.
    for rows in [
        [[0.0, 2.0, 1.0, 0.0], [2.0, 1.0, -1.0, -4.0], [1.0, 3.0, 5.0, 15.0]],
        [[4.0, 1.0, 0.0, 2.0], [1.0, 3.0, 1.0, -1.0], [0.0, 1.0, 2.0, 6.0]],
    ] {
        let x = solved(&rows).unwrap();
        for (x, y) in x.iter().zip([1.0, -2.0, 4.0]) {
            assert!((x - y).abs() <= 32.0 * f64::EPSILON, "{x} {y}");
        }
    }
    assert!(solved(&[[0.0, 2.0, 1.0, 0.0], [0.0, 1.0, 1.0, 4.0], [0.0, 3.0, 5.0, 1.0]]).is_none());
    // <a, p - (1, 1)> = 1 at (3, 1) and (1, 5).
    let a = hyperplane(2, &[1, 2], &[9.0, 9.0, 3.0, 1.0, 1.0, 5.0], &[1.0, 1.0]).unwrap();
    assert!((a[0] - 0.5).abs() <= 4.0 * f64::EPSILON && (a[1] - 0.25).abs() <= 4.0 * f64::EPSILON);
}

#[test]
fn the_first_points_are_spread_one_by_one() {
    // The farthest from the first, then from the line, then from the plane.
    let points = [[0.0; 3], [1.0, 1.0, 0.0], [4.0, 0.0, 0.0], [5.0, 0.0, 0.5], [2.0, 2.0, 1.0]];
    assert_eq!(spread_points(3, points.as_flattened()).unwrap(), [0, 3, 4, 1]);
    assert!(spread_points(3, points[..3].as_flattened()).is_none());
}
