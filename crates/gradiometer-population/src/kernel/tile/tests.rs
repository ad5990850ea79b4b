use super::*;
use crate::roundoff::{ELEMENTWISE, ELEMENTWISE_SINGLE};
use gradiometer_hermite::float::maximum;
use rayon::prelude::*;

/// One tile whose cosines are the given ones, at most 256: a row `e_1` of unit mass against columns `(t, 0, ..)`. What the columns collect:
/// kernel, radial part and arcsine of each cosine, in units of `1/(2 pi)`.
fn functions_of<E: Element>(set: InstructionSet, cosines: &[E]) -> Vec<[f64; 3]> {
    let (width, group) = (E::GROUP, E::GROUP);
    let (count, columns) = (E::GRAIN, cosines.len().next_multiple_of(E::GRAIN));
    let mut row = vec![E::default(); count * width];
    row[0] = E::nearest(1.0);
    let mut units = vec![E::default(); columns * width];
    for (j, t) in cosines.iter().enumerate() {
        units[j / group * group * width + j % group] = *t;
    }
    let zeros = vec![E::default(); columns * width];
    let left = Rows {
        count,
        dimension: 1,
        width,
        units: &row,
        weighted: &row,
        masses: &row[..count],
        unit_of_mass: 1.0,
    };
    let right = Rows { count: columns, units: &units, weighted: &zeros, masses: &zeros, ..left };
    let [mut k, mut q] = [vec![0.0; count + columns], vec![0.0; count + columns]];
    let mut g = vec![0.0; (count + columns) * width];
    let ((k0, k1), (q0, q1)) = (k.split_at_mut(count), q.split_at_mut(count));
    let (g0, g1) = g.split_at_mut(count * width);
    pair(
        set,
        &left,
        &mut Sums { kernel: k0, radial: q0, tangent: g0 },
        &right,
        &mut Sums { kernel: k1, radial: q1, tangent: g1 },
        &mut TileBuffers::default(),
    );
    (0..cosines.len()).map(|j| [k1[j], q1[j], g1[j * width]]).collect()
}

/// Largest error of the three functions in units of the last place of numbers below 1.
fn worst<E: Element>(found: &[[f64; 3]], cosines: &[E], unit: f64) -> f64 {
    let mut worst = 0.0;
    for (f, t) in found.iter().zip(cosines) {
        let t: f64 = (*t).into();
        // 1 - t^2 as a product of exact factors, so that the reference is good to two units of doubles.
        let root = ((1.0 - t) * (1.0 + t)).sqrt();
        let angle = pxfm::f_asin(t);
        for (x, y) in f.iter().zip([root + t * angle - 1.0, root - 1.0, angle]) {
            worst = maximum(worst, (x - y).abs() / unit);
        }
    }
    worst
}

const DOUBLES: f64 = f64::EPSILON / 2.0;
const SINGLES: f64 = f32::EPSILON as f64 / 2.0;

fn cosines<E: Element>() -> Vec<E> {
    let mut cosines = vec![0.0, 0.5, 0.5_f64.next_up(), 1.0, 1.0_f64.next_down(), 1e-300, 1e-8];
    for i in 0..2000 {
        cosines.push((f64::from(i) + 0.37) / 2000.0);
        cosines.push(1.0 - (f64::from(i) * -0.018).exp());
        cosines.push((f64::from(i) * -0.018).exp());
    }
    let negative: Vec<f64> = cosines.iter().map(|t| -t).collect();
    cosines.extend(negative);
    cosines.into_iter().map(E::nearest).collect()
}

fn functions_by_tile<E: Element>(set: InstructionSet, cosines: &[E]) -> Vec<[f64; 3]> {
    cosines.chunks(LARGEST_TILE).flat_map(|t| functions_of(set, t)).collect()
}

#[test]
fn the_functions_are_within_their_units_on_every_set() {
    let cosines = cosines::<f64>();
    for set in InstructionSet::available() {
        let worst = worst(&functions_by_tile(*set, &cosines), &cosines, DOUBLES);
        // The reference itself may be off by two units.
        assert!(worst <= ELEMENTWISE - 2.0, "{}: {worst} units", set.name());
        println!("{}: {worst:.2} units of 2^-53", set.name());
    }
}

/// Every single in `[0, 1]` where `RUN_SLOW_TESTS` is set, else one in some thousand; and those of both signs that doubles are tried at.
#[test]
fn the_functions_of_singles_are_within_their_units_on_every_set() {
    let slow = std::env::var_os("RUN_SLOW_TESTS").is_some();
    let stride: u16 = if slow { 1 } else { 4099 };
    let (last, chunk) = (1.0_f32.to_bits(), u32::from(stride) << 8);
    let mixed = cosines::<f32>();
    for set in InstructionSet::available() {
        let worst_of_all = (0..=last / chunk)
            .into_par_iter()
            .map(|n| {
                let bits = (n * chunk..=last).step_by(usize::from(stride)).take(LARGEST_TILE);
                let cosines: Vec<f32> = bits.map(f32::from_bits).collect();
                worst(&functions_of(*set, &cosines), &cosines, SINGLES)
            })
            .reduce(|| 0.0, maximum);
        let mixed = worst(&functions_by_tile(*set, &mixed), &mixed, SINGLES);
        let worst = maximum(worst_of_all, mixed);
        assert!(worst <= ELEMENTWISE_SINGLE, "{}: {worst} units", set.name());
        println!("{}: {worst:.2} units of 2^-24, stride {stride}", set.name());
    }
}

/// Where a root would lose the kernel's digits: below 1/2 all three functions of a single keep their own.
#[test]
fn small_cosines_of_singles_keep_relative_digits() {
    let cosines: Vec<f32> = (0..40_000_u16).map(|i| f32::from(i + 40) / 80_080.0).collect();
    for set in InstructionSet::available() {
        let relative = |found: &[[f64; 3]]| {
            let mut worst = 0.0;
            for (f, t) in found.iter().zip(&cosines) {
                let t = f64::from(*t);
                let (root, angle) = (((1.0 - t) * (1.0 + t)).sqrt(), pxfm::f_asin(t));
                let radial = -t * t / (1.0 + root);
                for (x, y) in f.iter().zip([radial + t * angle, radial, angle]) {
                    worst = maximum(worst, (x / y - 1.0).abs() / SINGLES);
                }
            }
            worst
        };
        let mut found = functions_by_tile(*set, &cosines);
        let worst = relative(&found);
        // A rounding each of z, z K, y r and their difference, which is half of them, and the polynomials.
        assert!(worst <= 8.0, "{}: {worst} units", set.name());
        println!("{}: {worst:.2} relative units of 2^-24", set.name());
        found[0][0] += SINGLES / 16.0;
        assert!(relative(&found) > 8.0);
    }
}

#[test]
fn a_wrong_arcsine_is_noticed() {
    let cosines = cosines::<f64>();
    let mut found = functions_by_tile(InstructionSet::detect(), &cosines);
    found[100][2] += 16.0 * f64::EPSILON;
    assert!(worst(&found, &cosines, DOUBLES) > ELEMENTWISE);
    let cosines = self::cosines::<f32>();
    let mut found = functions_by_tile(InstructionSet::detect(), &cosines);
    found[100][2] += 16.0 * SINGLES;
    assert!(worst(&found, &cosines, SINGLES) > ELEMENTWISE_SINGLE);
}

#[test]
fn a_cosine_above_one_is_clamped_and_nan_stays() {
    fn check<E: Element>(above: E, nan: E, unit: f64) {
        for set in InstructionSet::available() {
            let found = functions_of(*set, &[above, nan]);
            let right = std::f64::consts::FRAC_PI_2;
            assert!((found[0][2] - right).abs() <= 2.0 * unit, "{:?}", found[0]);
            assert!(found[1][0].is_nan(), "{:?}", found[1]);
        }
    }
    check(1.0 + 4.0 * f64::EPSILON, f64::NAN, DOUBLES);
    check(1.0 + 4.0 * f32::EPSILON, f32::NAN, SINGLES);
}
