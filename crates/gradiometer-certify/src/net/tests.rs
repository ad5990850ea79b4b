use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use proptest::prelude::*;

use super::*;

/// Some dozen roundings of numbers of order one.
const ROUNDING: f64 = 64.0 * f64::EPSILON;

fn axes(d: usize) -> Net {
    let mut points = vec![0.0; d * d];
    for i in 0..d {
        points[i * d + i] = 1.0;
    }
    Net::new(d, &points, Geometry::Projective).unwrap()
}

/// The octahedron's eight faces: with the `k`-th bit of the face, the opposite of axis `k`.
fn octahedron() -> (Vec<usize>, Vec<f64>) {
    let mut simplices = Vec::new();
    let mut centres = Vec::new();
    for face in 0..8_usize {
        for axis in 0..3 {
            let opposite = face >> axis & 1 == 1;
            simplices.push(if opposite { 3 + axis } else { axis });
            centres.push(if opposite { -1.0 } else { 1.0 });
        }
    }
    (simplices, centres)
}

fn bound(simplices: &[usize], centres: &[f64]) -> Result<f64, NetError> {
    let cover = Cover::Caps { simplices: simplices.to_vec(), centres: centres.to_vec() };
    covering_bound(&axes(3), &cover)
}

#[test]
fn the_octahedron_proves_the_radius_of_the_axes() {
    let (simplices, centres) = octahedron();
    let exact = (1.0 / 3.0_f64.sqrt()).acos();
    let proved = bound(&simplices, &centres).unwrap();
    assert!(exact <= proved && proved <= exact + ROUNDING);
    let cover = Cover::Caps { simplices, centres };
    let verdict = |radius| check_net(&axes(3), radius, Some(&cover), 0).unwrap();
    assert!(matches!(verdict(proved), Verdict::Proved(_)));
    assert!(matches!(verdict(exact - ROUNDING), Verdict::Refuted(_)));
    assert!(matches!(verdict(f64::NAN), Verdict::Inconclusive(_)));
    assert!(matches!(check_net(&axes(3), 0.96, None, 4).unwrap(), Verdict::Inconclusive(_)));
}

#[test]
fn each_rule_of_the_cover_refuses() {
    let (simplices, centres) = octahedron();
    // A face is missing.
    let open = bound(&simplices[3..], &centres[3..]);
    assert!(matches!(open, Err(NetError::OpenRidge { count: 1, .. })), "{open:?}");
    // Every face twice: closed, but every direction is covered an even number of times.
    let twice = bound(&[&simplices[..]; 2].concat(), &[&centres[..]; 2].concat());
    assert_eq!(twice, Err(NetError::NotAround));
    // Three times is as good as once.
    assert!(bound(&[&simplices[..]; 3].concat(), &[&centres[..]; 3].concat()).is_ok());
    // The same hole with its rim, and the next ridges, three or five times: no more closed.
    let beside: Vec<usize> = (1..8)
        .filter(|face: &usize| face.is_power_of_two())
        .flat_map(|f| 3 * f..3 * f + 3)
        .collect();
    for more in [2, 4] {
        let mut many = (simplices[3..].to_vec(), centres[3..].to_vec());
        for &corner in beside.iter().cycle().take(more * beside.len()) {
            many.0.push(simplices[corner]);
            many.1.push(centres[corner]);
        }
        let open = bound(&many.0, &many.1);
        let odd = more + 1;
        assert!(matches!(open, Err(NetError::OpenRidge { count, .. }) if count == odd), "{open:?}");
    }
    // A face and its double: closed, but covering only itself.
    let (face, centre) = (&simplices[..3], &centres[..3]);
    assert_eq!(bound(&[face; 2].concat(), &[centre; 2].concat()), Err(NetError::NotAround));
    // A centre that is off widens its cap; one that faces away proves nothing.
    let exact = (1.0 / 3.0_f64.sqrt()).acos();
    let mut tilted = centres.clone();
    tilted[0] = 2.0;
    assert!(bound(&simplices, &tilted).unwrap() > exact + 0.1);
    tilted[0] = -1.0;
    assert!(bound(&simplices, &tilted).unwrap() >= FRAC_PI_2);
    tilted[0] = f64::NAN;
    assert!(bound(&simplices, &tilted).unwrap() >= FRAC_PI_2);
    // A vertex that is not there, or there twice.
    let mut wrong = simplices.clone();
    wrong[4] = 6;
    assert_eq!(bound(&wrong, &centres), Err(NetError::CoverVertex { simplex: 1 }));
    wrong[4] = wrong[3];
    assert_eq!(bound(&wrong, &centres), Err(NetError::CoverVertex { simplex: 1 }));
    // Lists that do not fit.
    let length = |field, expected, found| Err(NetError::CoverLength { field, expected, found });
    assert_eq!(bound(&simplices[1..], &centres), length("simplices", 24, 23));
    assert_eq!(bound(&simplices, &centres[3..]), length("centres", 24, 21));
    assert_eq!(bound(&[], &[]), length("simplices", 3, 0));
}

#[test]
fn caps_that_overlap_leave_the_cones_apart() {
    // Centres so far off that the cap of each face reaches the middle of the next one.
    let (simplices, centres) = octahedron();
    let oblique: Vec<f64> =
        centres.iter().zip([4.0, 2.0, 1.0].iter().cycle()).map(|(s, x)| s * x).collect();
    let exact = (1.0 / 21.0_f64.sqrt()).acos();
    assert!((bound(&simplices, &oblique).unwrap() - exact).abs() <= ROUNDING);
    // Twice is still not around.
    let twice = bound(&[&simplices[..]; 2].concat(), &[&oblique[..]; 2].concat());
    assert_eq!(twice, Err(NetError::NotAround));
}

#[test]
fn flat_simplices_are_harmless() {
    // The square x, y, -x, -y as two flat tetrahedron-like cones glued on one edge of the octahedron: each face of a
    // degenerate simplex is met by another, and the parity away from them does not change.
    let net = Net::new(
        3,
        &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0],
        Geometry::Projective,
    )
    .unwrap();
    let (mut simplices, mut centres) = octahedron();
    for vertex in &mut simplices {
        // Opposites now start after four directions.
        if *vertex >= 3 {
            *vertex += 1;
        }
    }
    // Split the face (x, y, z) at the middle of its edge xy and close the other side by the flat triangle.
    simplices.splice(0..3, [0, 3, 2, 3, 1, 2, 0, 1, 3]);
    centres.splice(0..3, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
    let cover = Cover::Caps { simplices, centres };
    let exact = (1.0 / 3.0_f64.sqrt()).acos();
    assert!((covering_bound(&net, &cover).unwrap() - exact).abs() <= ROUNDING);
}

#[test]
fn a_combination_bounds_wide_nets() {
    let net = Net::new(2, &[1.0, 0.0, 0.0, 2.0], Geometry::Sphere).unwrap();
    let prove = |weights: Vec<f64>| covering_bound(&net, &Cover::Combination { weights });
    // The mean (1, 1)/2 has length 1/sqrt(2).
    assert!((prove(vec![3.0, 3.0]).unwrap() - 0.75 * PI).abs() <= ROUNDING);
    assert!(prove(vec![1.0, 0.0]).unwrap() >= PI);
    assert!(matches!(prove(vec![1.0, -1.0]), Err(NetError::Weight { point: 1, .. })));
    assert!(matches!(prove(vec![1.0, f64::NAN]), Err(NetError::Weight { point: 1, .. })));
    assert!(matches!(prove(vec![0.0, 0.0]), Err(NetError::Weight { .. })));
    assert!(matches!(prove(vec![1.0]), Err(NetError::CoverLength { .. })));
}

#[test]
fn distances_keep_their_digits_at_both_ends() {
    let tiny = 1e-11;
    let net = Net::new(2, &[1.0, 0.0], Geometry::Sphere).unwrap();
    for (x, exact) in [
        ([1.0, tiny], tiny),
        ([-1.0, tiny], PI - tiny),
        ([0.0, 1e-310], FRAC_PI_2),
        ([1e300, 1e300], FRAC_PI_4),
    ] {
        let distance = net.distance(&x);
        assert!(distance.width() <= ROUNDING && (distance.midpoint() - exact).abs() <= ROUNDING);
    }
    assert!(net.distance(&[0.0, 0.0]).is_undefined());
    assert!(net.distance(&[1.0]).is_undefined());
    assert!(net.distance(&[f64::NAN, 1.0]).is_undefined());
}

#[test]
fn bad_points_are_refused_and_zeros_left_out() {
    let net = |d, points: &[f64]| Net::new(d, points, Geometry::Projective);
    assert_eq!(net(0, &[]), Err(NetError::NoDimension));
    assert_eq!(net(2, &[1.0]), Err(NetError::Length { dimension: 2, found: 1 }));
    assert_eq!(net(2, &[]), Err(NetError::NoDirections { points: 0 }));
    assert_eq!(net(2, &[0.0, -0.0]), Err(NetError::NoDirections { points: 1 }));
    assert!(matches!(net(1, &[f64::NAN]), Err(NetError::NotFinite { .. })));
    assert_eq!(net(2, &[0.0, 0.0, 1.0, 1.0]).unwrap().origins(), &[1]);
}

#[test]
fn no_more_cells_are_bounded_than_allowed() {
    for geometry in [Geometry::Projective, Geometry::Sphere] {
        let points: Vec<f64> = (0..25).map(|e| f64::from(u8::from(e % 6 == 0))).collect();
        let net = Net::new(5, &points, geometry).unwrap();
        let orthants = if geometry == Geometry::Projective { 16 } else { 32 };
        for allowed in [0, 1, orthants - 1] {
            let found = subdivide(&net, None, 0.0, allowed);
            assert_eq!(found.cells, 0);
            // Nothing was looked at but the first axis.
            assert!((found.upper - net.trivial_bound()).abs() <= ROUNDING);
            assert_eq!(found.witness, [1.0, 0.0, 0.0, 0.0, 0.0]);
        }
        assert_eq!(subdivide(&net, None, 0.0, orthants).cells, orthants);
        assert_eq!(subdivide(&net, None, 0.0, orthants + 1).cells, orthants);
        assert_eq!(subdivide(&net, None, 0.0, orthants + 5).cells, orthants + 4);
    }
}

#[test]
fn subdivision_alone_proves_and_refutes() {
    for (d, cells) in [(2, 100), (3, 5_000), (4, 60_000)] {
        let net = axes(d);
        let exact = (1.0 / (d as f64).sqrt()).acos();
        let found = subdivide(&net, None, 0.02, cells);
        assert!(found.upper >= exact && found.upper <= exact + 0.02, "{d}: {found:?}");
        let verdict = check_net(&net, exact + 0.02, None, cells).unwrap();
        assert!(matches!(verdict, Verdict::Proved(_)), "{verdict:?}");
        let verdict = check_net(&net, exact - 0.02, None, cells).unwrap();
        assert!(matches!(verdict, Verdict::Refuted(_)), "{verdict:?}");
    }
    // One dimension: the line, and one of its two ends.
    let line = Net::new(1, &[2.0], Geometry::Projective).unwrap();
    assert!(subdivide(&line, None, 0.0, 10).upper <= ROUNDING);
    let end = Net::new(1, &[2.0], Geometry::Sphere).unwrap();
    assert!(subdivide(&end, None, 0.0, 10).upper >= PI);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_direction_is_beyond_a_proved_bound(
        points in prop::collection::vec(-1.0..1.0_f64, 9..30),
        x in prop::array::uniform3(-1.0..1.0_f64),
        projective: bool,
    ) {
        let whole = points.len() / 3 * 3;
        let geometry = if projective { Geometry::Projective } else { Geometry::Sphere };
        let net = Net::new(3, &points[..whole], geometry).unwrap();
        let proved = subdivide(&net, None, 0.0, 400).upper;
        prop_assert!(!(net.distance(&x).lo() > proved));
        // Evidence by weights: uniform ones.
        let weights = vec![1.0; net.directed()];
        let proved = covering_bound(&net, &Cover::Combination { weights }).unwrap();
        prop_assert!(!(net.distance(&x).lo() > proved));
    }
}

#[test]
fn angles_between_directions_keep_their_digits_everywhere() {
    let angles = [1e-9, 0.5, 1.5, 2.0, 3.0, PI - 1e-9];
    for angle in angles {
        let (sin, cos) = f64::sin_cos(angle);
        let points = [1.0, 0.0, cos, sin];
        // The point is rounded: its angle by an eps, the enclosure by a few more.
        let rounding = 32.0 * f64::EPSILON;
        let sphere = Net::new(2, &points, Geometry::Sphere).unwrap().angle(0, 1);
        assert!((sphere.midpoint() - angle).abs() <= rounding, "{angle}: {sphere}");
        assert!(sphere.width() <= rounding, "{angle}: {sphere}");
        let line = Net::new(2, &points, Geometry::Projective).unwrap().angle(1, 0);
        let least = if angle < 1.6 { angle } else { PI - angle };
        assert!((line.midpoint() - least).abs() <= rounding, "{angle}: {line}");
        assert!(line.width() <= rounding, "{angle}: {line}");
    }
}
