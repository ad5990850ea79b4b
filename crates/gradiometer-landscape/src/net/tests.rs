use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use gradiometer_certify::Verdict;
use gradiometer_certify::net::check_net;
use rand_distr::{Distribution, StandardNormal};

use super::*;

/// Interval width of a hull whose facets are well conditioned: some dozen roundings.
const SHARP: f64 = 64.0 * f64::EPSILON;
/// Interval width that the largest net must reach; a claim that much too small must be refuted.
const WIDE: f64 = 0.01;
/// Interval width of random nets: the hull is taken of points shifted by 1e-10 at first, and a cap grows with the shift over its
/// simplex's thinness.
const SHIFTED: f64 = 1e-8;
/// Half a unit of the sixth decimal, to which tables give radii.
const TABULATED: f64 = 5e-7;

fn projective(d: usize, rows: &[Vec<f64>]) -> Net {
    Net::new(d, &rows.concat(), Geometry::Projective).unwrap()
}

fn radius(net: &Net) -> CoveringRadius {
    covering_radius(net, &NetOptions::default()).unwrap()
}

/// The interval holds the value, is as narrow as said, its evidence checks, and smaller claims do not pass.
fn assert_radius(net: &Net, exact: f64, width: f64) {
    let found = radius(net);
    // The reference is itself rounded.
    let slack = 4.0 * f64::EPSILON;
    assert!(
        found.lower <= exact + slack && exact <= found.upper + slack,
        "{exact} not in [{}, {}]",
        found.lower,
        found.upper
    );
    assert!(found.upper - found.lower <= width, "{:e}: {exact}", found.upper - found.lower);
    if let Evidence::Cover(cover) = &found.evidence {
        let verdict = check_net(net, found.upper, Some(cover), 0).unwrap();
        assert!(matches!(verdict, Verdict::Proved(_)), "{verdict:?}");
        let verdict = check_net(net, found.lower.next_down(), Some(cover), 0).unwrap();
        assert!(!matches!(verdict, Verdict::Proved(_)), "{verdict:?}");
        let verdict = check_net(net, found.lower - WIDE, Some(cover), 10_000).unwrap();
        assert!(matches!(verdict, Verdict::Refuted(_)), "{verdict:?}");
    }
}

fn random_points(d: usize, count: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..d * count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// All even permutations of four coordinates.
fn even_permutations(x: [f64; 4]) -> Vec<Vec<f64>> {
    let mut all = Vec::new();
    for a in 0..4 {
        for b in (0..4).filter(|b| *b != a) {
            for c in (0..4).filter(|c| *c != a && *c != b) {
                let e = 6 - a - b - c;
                let order = [a, b, c, e];
                let inversions: usize =
                    (0..4).map(|j| (0..j).filter(|&i| order[i] > order[j]).count()).sum();
                if inversions.is_multiple_of(2) {
                    all.push(order.iter().map(|&i| x[i]).collect());
                }
            }
        }
    }
    all
}

fn golden_ratio() -> f64 {
    f64::midpoint(1.0, 5.0_f64.sqrt())
}

fn icosahedron() -> Vec<Vec<f64>> {
    let g = golden_ratio();
    let mut rows = Vec::new();
    for s in [1.0, -1.0] {
        rows.extend([vec![0.0, 1.0, s * g], vec![1.0, s * g, 0.0], vec![s * g, 0.0, 1.0]]);
    }
    rows
}

fn twenty_four_cell() -> Vec<Vec<f64>> {
    let mut rows = Vec::new();
    for i in 0..4 {
        for j in 0..i {
            for s in [1.0, -1.0] {
                let mut x = vec![0.0; 4];
                x[i] = 1.0;
                x[j] = s;
                rows.push(x);
            }
        }
    }
    rows
}

/// The 60 lines of the 600-cell (all 120 vertices: duplicates up to sign are harmless).
fn six_hundred_cell() -> Vec<Vec<f64>> {
    let g = golden_ratio();
    let mut rows = Vec::new();
    for bits in 0..16_u32 {
        let sign = |k: u32| if bits >> k & 1 == 0 { 0.5 } else { -0.5 };
        rows.push((0..4).map(sign).collect());
    }
    for i in 0..4 {
        let mut x = vec![0.0; 4];
        x[i] = 1.0;
        rows.push(x);
    }
    for bits in 0..8_u32 {
        let sign = |k: u32| if bits >> k & 1 == 0 { 0.5 } else { -0.5 };
        rows.extend(even_permutations([sign(0) * g, sign(1), sign(2) / g, 0.0]));
    }
    rows
}

/// The 120 lines of the roots of E8.
fn e8() -> Vec<Vec<f64>> {
    let mut rows = Vec::new();
    for i in 0..8 {
        for j in 0..i {
            for s in [1.0, -1.0] {
                let mut x = vec![0.0; 8];
                x[i] = 1.0;
                x[j] = s;
                rows.push(x);
            }
        }
    }
    for bits in (0..128_u32).filter(|b| b.count_ones().is_multiple_of(2)) {
        rows.push((0..8).map(|k| if bits >> k & 1 == 0 { 0.5 } else { -0.5 }).collect());
    }
    rows
}

#[test]
fn the_icosahedrons_diagonals() {
    // The hole is a face centre: cos^2 = (5 + 2 sqrt 5)/15.
    let exact = ((5.0 + 2.0 * 5.0_f64.sqrt()) / 15.0).sqrt().acos();
    assert!((exact - 0.652358).abs() < TABULATED);
    assert_radius(&projective(3, &icosahedron()), exact, SHARP);
}

#[test]
fn the_lines_of_the_24_cell() {
    assert_radius(&projective(4, &twenty_four_cell()), FRAC_PI_4, SHARP);
}

#[test]
fn the_lines_of_the_600_cell() {
    // The 600-cell of edge 1 has inradius g^3/sqrt(8) and circumradius g.
    let exact = (golden_ratio().powi(2) / 8.0_f64.sqrt()).acos();
    assert!((exact - 0.388140).abs() < TABULATED);
    assert_radius(&projective(4, &six_hundred_cell()), exact, SHARP);
}

#[test]
fn the_roots_of_e8() {
    assert_radius(&projective(8, &e8()), FRAC_PI_4, WIDE);
}

#[test]
fn random_nets_against_sampling() {
    for (d, count) in [(2, 7), (3, 12), (3, 200), (4, 60), (5, 40), (6, 30)] {
        for geometry in [Geometry::Projective, Geometry::Sphere] {
            let net = Net::new(d, &random_points(d, count, 7), geometry).unwrap();
            let found = radius(&net);
            let mut largest = 0.0;
            for x in random_points(d, 20_000, 11).chunks_exact(d) {
                let distance = net.approximate_distance(x);
                if distance > largest {
                    largest = distance;
                }
            }
            assert!(largest <= found.upper, "{largest} {found:?}");
            assert!(found.upper - found.lower <= SHIFTED, "{d} {count} {geometry:?} {found:?}");
        }
    }
}

#[test]
fn nets_that_leave_half_the_sphere_empty() {
    // One point: the farthest direction is its opposite; two lines in space: a right angle.
    let net = Net::new(3, &[1.0, 2.0, 2.0], Geometry::Sphere).unwrap();
    assert_radius(&net, PI, SHARP);
    let lines = projective(3, &[vec![1.0, 0.0, 0.0], vec![1.0, 1.0, 0.0], vec![0.0; 3]]);
    assert_radius(&lines, FRAC_PI_2, SHARP);
    // The positive axes: (1, 1, 1)/3 is the hull's nearest point.
    let axes =
        Net::new(3, &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], Geometry::Sphere).unwrap();
    assert_radius(&axes, (-1.0 / 3.0_f64.sqrt()).acos(), SHARP);
    // A half circle and its axis.
    let half = Net::new(2, &[1.0, 0.0, 0.0, 1.0, -1.0, 0.0], Geometry::Sphere).unwrap();
    assert_radius(&half, FRAC_PI_2, SHARP);
}

#[test]
fn a_hemisphere_with_its_equator_leaves_a_right_angle() {
    // The origin lies on the hull's boundary; the hole is the pole that is left out.
    let half_octahedron =
        [1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0];
    assert_radius(&Net::new(3, &half_octahedron, Geometry::Sphere).unwrap(), FRAC_PI_2, SHARP);
    // Grids of rounded sines, some turned so that no coordinate is exact, in three and four dimensions.
    for (turn, rings, around) in [(0.0, 4, 12), (0.7, 5, 30), (2.1, 9, 41)] {
        let (sin, cos) = f64::sin_cos(turn);
        let mut points = Vec::new();
        for ring in 0..rings {
            let height = FRAC_PI_2 * f64::from(ring) / f64::from(rings);
            for k in 0..around {
                let angle = TAU * f64::from(k) / f64::from(around);
                let (x, y, z) =
                    (height.cos() * angle.cos(), height.cos() * angle.sin(), height.sin());
                points.push([x, cos * y - sin * z, sin * y + cos * z]);
            }
        }
        let net = Net::new(3, points.as_flattened(), Geometry::Sphere).unwrap();
        assert_radius(&net, FRAC_PI_2, SHARP);
        let fourth: Vec<f64> = points.iter().flat_map(|p| [p[0], p[1], p[2], 0.0]).collect();
        let up = [fourth, vec![0.0, -sin, cos, 1.0, 0.0, 0.0, 0.0, 1.0]].concat();
        let net = Net::new(4, &up, Geometry::Sphere).unwrap();
        let found = radius(&net);
        assert!(found.upper - found.lower <= SHIFTED && found.upper < PI - 1.0, "{found:?}");
        // Negative control: the last pole closes the hole.
        let closed = [points.as_flattened(), &[0.0, sin, -cos]].concat();
        let found = radius(&Net::new(3, &closed, Geometry::Sphere).unwrap());
        assert!(found.upper < FRAC_PI_2 - WIDE, "{found:?}");
    }
}

#[test]
fn where_the_hull_is_too_large_subdivision_answers() {
    let net = projective(3, &icosahedron());
    let options = NetOptions { facets: 5, cells: 20_000, tolerance: 1e-3 };
    let found = covering_radius(&net, &options).unwrap();
    assert_eq!(found.evidence, Evidence::Subdivision);
    let exact = radius(&net);
    assert!(found.lower <= exact.upper && exact.lower <= found.upper, "{found:?}");
    assert!(found.upper - found.lower <= options.tolerance, "{found:?}");
}

#[test]
fn many_points_on_one_small_circle() {
    // 12 points at height 1/2: a facet with 12 corners above, and the south pole is the hole.
    let ring: Vec<f64> = (0..12)
        .flat_map(|k| {
            let angle = TAU * f64::from(k) / 12.0;
            [0.75_f64.sqrt() * angle.cos(), 0.75_f64.sqrt() * angle.sin(), 0.5]
        })
        .collect();
    let net = Net::new(3, &ring, Geometry::Sphere).unwrap();
    assert_radius(&net, 2.0 * PI / 3.0, SHARP);
    // With the south pole the hole is the north pole.
    let net = Net::new(3, &[&ring[..], &[0.0, 0.0, -1.0]].concat(), Geometry::Sphere).unwrap();
    let found = radius(&net);
    let exact = (0.5_f64).acos();
    assert!(found.upper >= exact && found.upper - found.lower < SHIFTED, "{found:?}");
}

#[test]
fn near_duplicates_are_left_out() {
    let rows = [1.0, 0.0, 1.0, 1e-9, 0.0, 1.0, -1.0, 0.0, 1.0, 0.1];
    let net = Net::new(2, &rows, Geometry::Sphere).unwrap();
    for (gap, count) in [(1e-12, 5), (1e-6, 4), (0.2, 3)] {
        let kept = distinct(&net, gap);
        assert_eq!(kept.len(), count, "{gap}");
        assert!(kept.contains(&2) && kept.contains(&3), "{gap}");
    }
}

#[test]
fn a_direction_a_little_farther_is_taken() {
    let net = Net::new(2, &[1.0, 0.0], Geometry::Sphere).unwrap();
    let mut search = Search { net: &net, lower: -1.0, witness: Vec::new(), work: 0 };
    let at = |angle: f64| [angle.cos(), angle.sin()];
    search.consider(&at(1.0));
    // Less than the search's own doubt apart.
    let step = 1.0 / (1_u64 << 34) as f64;
    search.consider(&at(1.0 + step));
    assert_eq!(search.witness, at(1.0 + step));
    search.consider(&at(1.0));
    assert_eq!(search.witness, at(1.0 + step));
    assert!(search.lower > 1.0 && search.lower <= 1.0 + step);
}

#[test]
fn on_a_line_both_ends_are_a_cover() {
    let both = Net::new(1, &[2.0, -1.0], Geometry::Sphere).unwrap();
    let found = radius(&both);
    assert!(matches!(found.evidence, Evidence::Cover(Cover::Caps { .. })), "{found:?}");
    assert_radius(&both, 0.0, SHARP);
    // One end alone is half a turn from the other, whichever it is.
    for end in [1.0, -1.0] {
        assert_radius(&Net::new(1, &[end], Geometry::Sphere).unwrap(), PI, SHARP);
    }
    assert_radius(&Net::new(1, &[3.0], Geometry::Projective).unwrap(), 0.0, SHARP);
}
