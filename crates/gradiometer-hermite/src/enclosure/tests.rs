//! Point checks of every operation against 120-bit arithmetic.

use dashu_float::FBig;

use super::*;

type Big = FBig;

/// Bits of the reference arithmetic.
const BITS: usize = 120;
/// Random points per arithmetic operation.
const POINTS: u64 = 100_000;
/// Random points per elementary function, whose reference is slow.
const FUNCTION_POINTS: u64 = 10_000;
/// Random points per function whose reference is an exponential or a series of many terms.
const SLOW_POINTS: u64 = 2_000;
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
    draw: impl FnMut(&mut Words) -> f64,
    ours: impl Fn(Enclosure) -> Enclosure,
    exact: impl Fn(&Big) -> Big,
) -> u64 {
    check_function_at(FUNCTION_POINTS, seed, draw, ours, exact)
}

fn check_function_at(
    points: u64,
    seed: u64,
    mut draw: impl FnMut(&mut Words) -> f64,
    ours: impl Fn(Enclosure) -> Enclosure,
    exact: impl Fn(&Big) -> Big,
) -> u64 {
    let mut words = Words(seed);
    let mut outside = 0;
    for _ in 0..points {
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

/// `exp(-x)` of the reference arithmetic with more bits, for what is taken from one.
fn decay(x: &Big) -> Big {
    (-x.clone()).with_precision(2 * BITS).value().exp()
}

fn big_tanh(x: &Big) -> Big {
    let square = decay(&(x.clone() * big(2.0)));
    let one = big(1.0).with_precision(2 * BITS).value();
    (one.clone() - square.clone()) / (one + square)
}

fn big_sigmoid(x: &Big) -> Big {
    let one = big(1.0).with_precision(2 * BITS).value();
    one.clone() / (one + decay(x))
}

fn big_softplus(x: &Big) -> Big {
    let one = big(1.0).with_precision(2 * BITS).value();
    (one + decay(&-x.clone())).ln()
}

/// `2/sqrt(pi) exp(-x^2) sum_n 2^n x^(2n+1)/(2n+1)!!`, whose terms have one sign.
fn big_erf(x: &Big) -> Big {
    let square = x.clone() * x.clone();
    let mut term = x.clone();
    let mut sum = x.clone();
    let mut n = 1_u32;
    while (term.to_f64().value() / sum.to_f64().value()).abs() > REFERENCE_SLACK / 1024.0 {
        term = term * square.clone() * big(2.0) / big(f64::from(2 * n + 1));
        sum += term.clone();
        n += 1;
    }
    let pi = big(1.0).asin() * big(2.0);
    sum * (-square).exp() * big(2.0) / pi.sqrt()
}

#[test]
fn exponentials_and_logarithms_enclose_the_exact_results() {
    let middle = |words: &mut Words| 40.0 * words.unit() - 20.0;
    let small = |words: &mut Words| 12.0 * words.unit() - 6.0;
    let positive = |words: &mut Words| words.wide().abs();
    let tiny = |words: &mut Words| (-40.0 * words.unit()).exp2();
    assert_eq!(check_function_at(SLOW_POINTS, 8, middle, Enclosure::exp, Big::exp), 0);
    assert_eq!(check_function_at(SLOW_POINTS, 9, positive, Enclosure::log, Big::ln), 0);
    assert_eq!(check_function_at(SLOW_POINTS, 10, middle, Enclosure::tanh, big_tanh), 0);
    assert_eq!(check_function_at(SLOW_POINTS, 11, tiny, Enclosure::tanh, big_tanh), 0);
    assert_eq!(check_function_at(SLOW_POINTS, 12, small, Enclosure::erf, big_erf), 0);
    assert_eq!(check_function_at(SLOW_POINTS, 13, tiny, Enclosure::erf, big_erf), 0);
    assert_eq!(check_function_at(SLOW_POINTS, 14, middle, Enclosure::sigmoid, big_sigmoid), 0);
    assert_eq!(check_function_at(SLOW_POINTS, 15, middle, Enclosure::softplus, big_softplus), 0);
    // Negative control: the end points as the library rounds them.
    let nearest = |f: fn(f64) -> f64| move |x: Enclosure| Enclosure::new(f(x.lo()), f(x.hi()));
    assert!(
        check_function_at(SLOW_POINTS, 8, middle, nearest(pxfm::f_exp), Big::exp)
            > SLOW_POINTS / 10
    );
    assert!(
        check_function_at(SLOW_POINTS, 12, small, nearest(pxfm::f_erf), big_erf) > SLOW_POINTS / 10
    );
    assert!(
        check_function_at(SLOW_POINTS, 10, middle, nearest(pxfm::f_tanh), big_tanh)
            > SLOW_POINTS / 10
    );
}

#[test]
#[expect(clippy::float_cmp, reason = "these end points are exact")]
fn exponentials_stay_in_their_range() {
    let line = Enclosure::ENTIRE;
    assert_eq!((line.exp().lo(), line.exp().hi()), (0.0, f64::INFINITY));
    assert_eq!((line.log().lo(), line.log().hi()), (f64::NEG_INFINITY, f64::INFINITY));
    assert_eq!((line.tanh(), line.erf()), (Enclosure::new(-1.0, 1.0), Enclosure::new(-1.0, 1.0)));
    assert_eq!(line.sigmoid(), Enclosure::new(0.0, 1.0));
    assert_eq!((line.softplus().lo(), line.softplus().hi()), (0.0, f64::INFINITY));
    let far = Enclosure::from(1e4);
    assert!(far.exp().lo() == f64::MAX && far.exp().hi().is_infinite());
    assert!((-far).exp().lo() == 0.0 && (-far).exp().hi() > 0.0);
    assert!((-far).sigmoid().hi() > 0.0 && far.sigmoid().lo() < 1.0);
    assert!(far.softplus().contains(1e4) && (-far).softplus().hi() > 0.0);
    assert!(far.tanh().lo() < 1.0 && far.erf().lo() < 1.0 && far.tanh().hi() == 1.0);
}

#[test]
fn without_the_outward_step_points_escape() {
    // Negative control: the same checks on round-to-nearest end points.
    let nearest = |f: fn(f64) -> f64| move |x: Enclosure| Enclosure::new(f(x.lo()), f(x.hi()));
    assert!(
        check_function(3, Words::cosine, nearest(pxfm::f_asin), Big::asin) > FUNCTION_POINTS / 10
    );
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
        Enclosure::from(-2.0).log(),
        Enclosure::ZERO.log(),
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
            bad.exp(),
            bad.log(),
            bad.tanh(),
            bad.erf(),
            bad.sigmoid(),
            bad.softplus(),
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

/// All intervals whose ends are whole numbers of modulus at most three, on which arithmetic in doubles is exact.
fn whole() -> Vec<Enclosure> {
    let ends = -3_i32..=3;
    ends.clone()
        .flat_map(|lo| (lo..=3).map(move |hi| Enclosure::new(f64::from(lo), f64::from(hi))))
        .collect()
}

/// The whole and half numbers of such an interval: it is the hull of them, and theirs is the range of what has its extrema at the ends.
fn members(x: Enclosure) -> Vec<f64> {
    (-6..=6).map(|n| 0.5 * f64::from(n)).filter(|n| x.lo() <= *n && *n <= x.hi()).collect()
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| (minimum(lo, x), maximum(hi, x)))
}

#[test]
fn arithmetic_is_the_range_moved_by_one_float() {
    let outward = |(lo, hi): (f64, f64)| Enclosure::new(lo.next_down(), hi.next_up());
    for a in whole() {
        let (xs, (lo, hi)) = (members(a), (a.lo(), a.hi()));
        let modulus = range(xs.iter().map(|x| x.abs()));
        assert_eq!(-a, Enclosure::new(-hi, -lo));
        assert_eq!(a.abs(), Enclosure::new(modulus.0, modulus.1));
        assert_eq!((a.mignitude().to_bits(), a.magnitude()), (modulus.0.to_bits(), modulus.1));
        let square = outward((modulus.0 * modulus.0, modulus.1 * modulus.1));
        assert_eq!(a.square(), Enclosure::new(maximum(square.lo(), 0.0), square.hi()));
        for b in whole() {
            let ys = members(b);
            let over = |f: fn(f64, f64) -> f64| {
                range(xs.iter().flat_map(|x| ys.iter().map(move |y| f(*x, *y))))
            };
            assert_eq!(a + b, outward(over(|x, y| x + y)), "{a} + {b}");
            assert_eq!(a - b, outward(over(|x, y| x - y)), "{a} - {b}");
            assert_eq!(a * b, outward(over(|x, y| x * y)), "{a} * {b}");
            if ys.contains(&0.0) {
                assert!((a / b).is_undefined(), "{a} / {b}");
            } else {
                assert_eq!(a / b, outward(over(|x, y| x / y)), "{a} / {b}");
            }
            let (mut sum, mut difference) = (a, a);
            sum += b;
            difference -= b;
            assert_eq!((sum, difference), (a + b, a - b));
            assert_eq!([a, b].into_iter().sum::<Enclosure>(), Enclosure::ZERO + a + b);
        }
        assert_eq!(a.half(), outward((0.5 * lo, 0.5 * hi)));
        assert_eq!(Enclosure::around(lo, 0.25), outward((lo - 0.25, lo + 0.25)));
        assert_eq!((a + 2.0, 2.0 - a), (a + Enclosure::from(2.0), Enclosure::from(2.0) - a));
    }
}

#[test]
#[expect(clippy::float_cmp, reason = "halves of whole numbers are exact")]
fn sizes_are_those_of_the_end_points() {
    for a in whole() {
        let (lo, hi) = (a.lo(), a.hi());
        assert_eq!(a.midpoint(), 0.5 * (lo + hi), "{a}");
        assert_eq!(a.width(), (hi - lo).next_up(), "{a}");
        assert_eq!(a.radius(), (0.5 * (hi - lo)).next_up(), "{a}");
        assert!(a.is_finite() && !a.is_undefined());
    }
    // The middle of two neighbours is one of them, not what their halves round to.
    let tiny = f64::from_bits(1);
    for lo in [tiny, -tiny, 3.0 * tiny, -3.0 * tiny, 1.0, f64::MAX.next_down()] {
        let a = Enclosure::new(lo, lo.next_up());
        assert!(a.contains(a.midpoint()), "{a}");
        assert!(Enclosure::from(lo).contains(Enclosure::from(lo).midpoint()), "{lo}");
    }
    let half = Enclosure::new(0.0, f64::INFINITY);
    assert!(half.contains(half.midpoint()) && !half.is_finite());
    assert!(!Enclosure::new(f64::NEG_INFINITY, 0.0).is_finite());
    assert_eq!(half.midpoint(), f64::INFINITY);
    assert_eq!(Enclosure::new(f64::NEG_INFINITY, 3.0).midpoint(), f64::NEG_INFINITY);
}

#[test]
fn comparisons_hold_for_every_pair_of_points_or_not_at_all() {
    for a in whole() {
        for b in whole() {
            let (xs, ys) = (members(a), members(b));
            let all = |f: fn(&f64, &f64) -> bool| xs.iter().all(|x| ys.iter().all(|y| f(x, y)));
            assert_eq!(a.certainly_less(b), all(|x, y| x < y), "{a} {b}");
            assert_eq!(a.certainly_at_most(b), all(|x, y| x <= y), "{a} {b}");
            assert_eq!(a.certainly_greater(b), all(|x, y| x > y), "{a} {b}");
            assert_eq!(a.certainly_at_least(b), all(|x, y| x >= y), "{a} {b}");
            let subset = xs.iter().all(|x| ys.contains(x));
            assert_eq!(a.is_subset_of(b), subset, "{a} {b}");
            let interior = subset && a.lo() > b.lo() && a.hi() < b.hi();
            assert_eq!(a.is_interior_of(b), interior, "{a} {b}");
            let both: Vec<f64> = xs.iter().copied().filter(|x| ys.contains(x)).collect();
            let met = a.intersection(b).map(|c| (c.lo(), c.hi()));
            assert_eq!(met, (!both.is_empty()).then(|| range(both.into_iter())), "{a} {b}");
            let hull = range(xs.iter().chain(&ys).copied());
            assert_eq!(a.hull(b), Enclosure::new(hull.0, hull.1), "{a} {b}");
            let over = |f: fn(f64, f64) -> f64| {
                let (lo, hi) = range(xs.iter().flat_map(|x| ys.iter().map(move |y| f(*x, *y))));
                Enclosure::new(lo, hi)
            };
            assert_eq!(a.larger(b), over(maximum), "{a} {b}");
            assert_eq!(a.smaller(b), over(minimum), "{a} {b}");
        }
        for n in -6..=6 {
            let x = 0.5 * f64::from(n);
            assert_eq!(a.contains(x), members(a).contains(&x), "{a} {x}");
        }
    }
}

#[test]
fn powers_of_one_sign_are_their_range_up_to_a_few_floats() {
    // A power of n <= 8 is at most six products, each of which moves by a float or two.
    let slack = |x: f64| 16.0 * f64::EPSILON * x.abs();
    for a in whole().into_iter().filter(|a| a.lo() >= 0.0 || a.hi() <= 0.0) {
        for exponent in 0..=8 {
            let power = a.powi(exponent);
            let n = i32::try_from(exponent).unwrap();
            let (lo, hi) = range(members(a).into_iter().map(|x| x.powi(n)));
            assert!(power.lo() <= lo && power.hi() >= hi, "{a}^{n} {power}");
            let tiny = f64::MIN_POSITIVE;
            assert!(lo - power.lo() <= slack(lo) + tiny, "{a}^{n} {power}");
            assert!(power.hi() - hi <= slack(hi) + tiny, "{a}^{n} {power}");
            assert!(exponent % 2 == 1 || power.lo() >= 0.0, "{a}^{n} {power}");
        }
    }
    assert_eq!(Enclosure::new(-2.0, 3.0).powi(0), Enclosure::ONE);
    assert!(Enclosure::new(-1.0, 2.0).powi(4).lo() >= 0.0);
}

#[test]
fn elementary_functions_move_by_one_float() {
    let two_floats = |x: Enclosure| x.hi() <= x.lo().next_up().next_up();
    for n in -20..=20 {
        let x = f64::from(n) / 20.0;
        let (at, up) = (Enclosure::from(x), Enclosure::from(x + 0.01));
        let both = Enclosure::new(x, x + 0.01);
        assert!(two_floats(at.asin()) && two_floats(at.acos()), "{x}");
        assert!(two_floats(at.atan()) && two_floats(at.sin()) && two_floats(at.cos()), "{x}");
        assert_eq!(both.atan(), at.atan().hull(up.atan()), "{x}");
        if n < 20 {
            assert_eq!(both.asin(), at.asin().hull(up.asin()), "{x}");
            assert_eq!(both.acos(), at.acos().hull(up.acos()), "{x}");
        }
        if n != 0 {
            assert_eq!(both.cos(), at.cos().hull(up.cos()), "{x}");
        }
        assert_eq!(both.sin(), at.sin().hull(up.sin()), "{x}");
        let root = Enclosure::from(x * x).sqrt();
        assert!(two_floats(root) && root.contains(x.abs()), "{x}");
    }
    assert_eq!(Enclosure::ZERO.sqrt(), Enclosure::ZERO);
    assert_eq!(Enclosure::new(-1.0, 0.0).sqrt(), Enclosure::ZERO);
    assert_eq!(Enclosure::new(-2.0, 4.0).sqrt(), Enclosure::new(0.0, 2.0_f64.next_up()));
    // What lies outside the domain counts for nothing.
    assert_eq!(Enclosure::new(0.5, 3.0).asin(), Enclosure::new(0.5, 1.0).asin());
    assert_eq!(Enclosure::new(-3.0, 0.5).asin(), Enclosure::new(-1.0, 0.5).asin());
    assert_eq!(Enclosure::new(0.5, 3.0).acos(), Enclosure::new(0.5, 1.0).acos());
    assert_eq!(Enclosure::new(-3.0, 0.5).acos(), Enclosure::new(-1.0, 0.5).acos());
    assert_eq!(Enclosure::new(0.5, 1.0).acos().lo().to_bits(), 0.0_f64.to_bits());
}

/// Wide intervals against the extrema of a fine grid, up to a float and the grid's sagitta.
#[test]
fn waves_over_wide_intervals_are_their_range() {
    let steps = 4096_u32;
    for (lo, width) in (-40_i32..40).map(|n| (0.37 * f64::from(n), 0.2 * f64::from(n.abs() % 31))) {
        let x = Enclosure::new(lo, lo + width);
        let grid = (0..=steps).map(|k| lo + width * f64::from(k) / f64::from(steps));
        let sagitta = (width / f64::from(steps)).powi(2) + 4.0 * f64::EPSILON;
        for (found, (least, most)) in
            [(x.sin(), range(grid.clone().map(f64::sin))), (x.cos(), range(grid.map(f64::cos)))]
        {
            assert!(found.lo() <= least && found.hi() >= most, "{x} {found}");
            assert!(least - found.lo() <= sagitta && found.hi() - most <= sagitta, "{x} {found}");
        }
    }
}
