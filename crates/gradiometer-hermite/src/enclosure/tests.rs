//! Point checks of every operation against 120-bit arithmetic.

use dashu_float::FBig;

use super::*;

type Big = FBig;

/// Bits of the reference arithmetic.
const BITS: usize = 120;
/// Random points per arithmetic operation.
const POINTS: u64 = 100_000;
/// Wider than the reference's own error, far narrower than a float's last place.
const REFERENCE_SLACK: f64 = 1.0 / (1_u128 << 100) as f64;

fn big(x: f64) -> Big {
    Big::try_from(x).unwrap().with_precision(BITS).value()
}

/// A stream of well mixed 64-bit words.
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Either sign, magnitudes from `2^-40` to `2^40`.
    fn wide(&mut self) -> f64 {
        let magnitude = (self.unit() * 80.0 - 40.0).exp2();
        if self.next().is_multiple_of(2) { magnitude } else { -magnitude }
    }

    /// In `[-1, 1]`, a third of them crowded at the ends.
    fn cosine(&mut self) -> f64 {
        match self.next() % 3 {
            0 => 2.0 * self.unit() - 1.0,
            1 => 1.0 - (-40.0 * self.unit()).exp2(),
            _ => (-60.0 * self.unit()).exp2() - 1.0,
        }
    }

    /// An interval around `x`, a point in one case out of three.
    fn around(&mut self, x: f64) -> Enclosure {
        match self.next() % 3 {
            0 => Enclosure::from(x),
            1 => Enclosure::new(x, x + x.abs() * (-50.0 * self.unit()).exp2()),
            _ => Enclosure::new(x - self.unit() * x.abs(), x),
        }
    }
}

/// Whether the exact value lies inside, up to the reference's error.
fn encloses(enclosure: Enclosure, exact: &Big) -> bool {
    let magnitude = exact.to_f64().value().abs();
    let slack = big(REFERENCE_SLACK * magnitude);
    enclosure.lo() <= enclosure.hi()
        && big(enclosure.lo()) <= exact.clone() + slack.clone()
        && big(enclosure.hi()) >= exact.clone() - slack
}

#[test]
fn arithmetic_encloses_the_exact_results() {
    let mut words = Words(1);
    for _ in 0..POINTS {
        let (x, y) = (words.wide(), words.wide());
        let (a, b) = (words.around(x), words.around(y));
        let (p, q) = (big(x), big(y));
        assert!(encloses(a + b, &(p.clone() + q.clone())), "{x} + {y}");
        assert!(encloses(a - b, &(p.clone() - q.clone())), "{x} - {y}");
        assert!(encloses(a * b, &(p.clone() * q.clone())), "{x} * {y}");
        assert!(encloses(-a, &-p.clone()), "-{x}");
        assert!(encloses(a.square(), &(p.clone() * p.clone())), "{x}^2");
        assert!(encloses(a.powi(3), &(p.clone() * p.clone() * p.clone())), "{x}^3");
        assert!(encloses(a.abs(), &if x < 0.0 { -p.clone() } else { p.clone() }), "|{x}|");
        if !b.contains(0.0) {
            assert!(encloses(a / b, &(p / q)), "{x} / {y}");
        }
    }
}

#[test]
fn square_roots_enclose_the_exact_results() {
    let mut words = Words(2);
    for _ in 0..POINTS {
        let x = words.wide().abs();
        assert!(encloses(words.around(x).sqrt(), &big(x).sqrt()), "sqrt {x}");
    }
}

fn check_function(
    seed: u64,
    mut draw: impl FnMut(&mut Words) -> f64,
    ours: impl Fn(Enclosure) -> Enclosure,
    exact: impl Fn(&Big) -> Big,
) -> u64 {
    let mut words = Words(seed);
    let mut outside = 0;
    for _ in 0..POINTS {
        let x = draw(&mut words);
        let enclosure = ours(words.around(x));
        outside += u64::from(!encloses(enclosure, &exact(&big(x))));
    }
    outside
}

#[test]
fn inverse_sines_and_cosines_enclose_the_exact_results() {
    assert_eq!(check_function(3, Words::cosine, Enclosure::asin, Big::asin), 0);
    assert_eq!(check_function(4, Words::cosine, Enclosure::acos, Big::acos), 0);
}

#[test]
fn sines_and_cosines_enclose_the_exact_results() {
    let draw = |words: &mut Words| 20.0 * words.unit() - 10.0;
    assert_eq!(check_function(5, draw, Enclosure::sin, Big::sin), 0);
    assert_eq!(check_function(6, draw, Enclosure::cos, Big::cos), 0);
    assert_eq!(check_function(7, Words::wide, Enclosure::atan, Big::atan), 0);
}

#[test]
fn without_the_outward_step_points_escape() {
    // Negative control: the same checks on round-to-nearest end points.
    let nearest = |f: fn(f64) -> f64| move |x: Enclosure| Enclosure::new(f(x.lo()), f(x.hi()));
    assert!(check_function(3, Words::cosine, nearest(pxfm::f_asin), Big::asin) > POINTS / 10);
    let mut words = Words(1);
    let escaped = (0..POINTS).filter(|_| {
        let (x, y) = (words.wide(), words.wide());
        !encloses(Enclosure::from(x * y), &(big(x) * big(y)))
    });
    assert!(escaped.count() as u64 > POINTS / 2);
}

#[test]
fn whole_periods_and_extrema_are_inside() {
    let pi = std::f64::consts::PI;
    for k in -3_i32..=3 {
        let turn = 2.0 * pi * f64::from(k);
        let near = |x: f64| Enclosure::new(turn + x - 0.01, turn + x + 0.01);
        assert!(near(pi / 2.0).sin().contains(1.0) && !near(pi / 2.0).sin().contains(0.9));
        assert!(near(-pi / 2.0).sin().contains(-1.0) && !near(-pi / 2.0).sin().contains(-0.9));
        assert!(near(0.0).cos().contains(1.0) && !near(0.0).cos().contains(0.9));
        assert!(near(pi).cos().contains(-1.0) && !near(pi).cos().contains(-0.9));
        assert!(!near(0.0).sin().contains(0.1) && !near(pi / 2.0).cos().contains(0.1));
    }
    let unit = Enclosure::new(-1.0, 1.0);
    assert_eq!(Enclosure::new(0.0, 6.3).sin(), unit);
    assert_eq!(Enclosure::ENTIRE.cos(), unit);
    assert_eq!(Enclosure::from(1e300).sin(), unit);
}

#[test]
fn nan_and_empty_domains_prove_nothing() {
    let one = Enclosure::ONE;
    let undefined = [
        Enclosure::from(f64::NAN),
        Enclosure::from(f64::INFINITY),
        Enclosure::new(2.0, 1.0),
        Enclosure::new(f64::NAN, 1.0),
        Enclosure::around(1.0, f64::NAN),
        one / Enclosure::new(-1.0, 1.0),
        one / Enclosure::ZERO,
        Enclosure::ENTIRE * Enclosure::ZERO,
        Enclosure::from(-1.0).sqrt(),
        Enclosure::from(2.0).asin(),
        Enclosure::from(-2.0).acos(),
    ];
    for bad in undefined {
        assert!(bad.is_undefined());
        let descendants = [
            bad + one,
            one - bad,
            bad * Enclosure::ZERO,
            bad / one,
            one / bad,
            -bad,
            bad.abs(),
            bad.square(),
            bad.powi(0),
            bad.powi(3),
            bad.sqrt(),
            bad.asin(),
            bad.acos(),
            bad.atan(),
            bad.sin(),
            bad.cos(),
            bad.hull(one),
            one.hull(bad),
            one.larger(bad),
            bad.smaller(one),
        ];
        for x in descendants {
            assert!(x.is_undefined());
            assert!(!x.contains(0.0) && !x.is_finite());
            assert!(x.intersection(one).is_none() && one.intersection(x).is_none());
            assert!(!(x.certainly_less(one) || x.certainly_at_most(one)));
            assert!(!(x.certainly_greater(one) || x.certainly_at_least(one)));
            assert!(!(x.is_subset_of(Enclosure::ENTIRE) || one.is_subset_of(x)));
        }
    }
}

#[test]
#[expect(clippy::float_cmp, reason = "these end points are exact")]
fn overflow_keeps_the_exact_result_inside() {
    let huge = Enclosure::from(f64::MAX);
    let sum = huge + huge;
    assert_eq!((sum.lo(), sum.hi()), (f64::MAX, f64::INFINITY));
    assert_eq!((-sum).hi(), -f64::MAX);
    assert!((huge * huge).hi().is_infinite());
    let tiny = Enclosure::from(f64::from_bits(1));
    assert!((tiny * tiny).hi() > 0.0);
    assert!(tiny.square().lo() >= 0.0);
}

#[test]
#[expect(clippy::float_cmp, reason = "these end points are exact")]
fn comparisons_are_certain_only_when_the_intervals_are_apart() {
    let (a, b) = (Enclosure::new(0.0, 1.0), Enclosure::new(1.0, 2.0));
    assert!(a.certainly_at_most(b) && b.certainly_at_least(a));
    assert!(!a.certainly_less(b) && !b.certainly_greater(a));
    assert_eq!(a.intersection(b), Some(Enclosure::ONE));
    assert_eq!(a.hull(b), Enclosure::new(0.0, 2.0));
    assert!(a.intersection(Enclosure::new(3.0, 4.0)).is_none());
    assert!(Enclosure::new(0.2, 0.3).is_interior_of(a) && !a.is_interior_of(a));
    assert!(a.is_subset_of(a));
    assert_eq!((b.mignitude(), b.magnitude()), (1.0, 2.0));
    assert_eq!(Enclosure::new(-1.0, 2.0).mignitude(), 0.0);
    assert_eq!(Enclosure::ENTIRE.midpoint(), 0.0);
    assert_eq!(Enclosure::new(1.0, 3.0).midpoint(), 2.0);
    assert!(Enclosure::new(1.0, 3.0).radius() >= 1.0);
}
