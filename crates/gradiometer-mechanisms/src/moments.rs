//! Gaussian moments of steps, ramps, signs and moduli of up to four fields, for any covariance
//! (statement 11.13.2).
//!
//! `x` is a centred Gaussian vector with covariance `C`, `theta_u = 1(x_u > 0)`, `x_w+ = max(x_w,
//! 0)`, `s_u = sign x_u`. All but the orthant probability of four fields is elementary. Nearly
//! parallel fields cost digits in the minors of `C`, not in the moments; so minors are computed in
//! twice the digits and arcsines as arctangents of two minors.

use crate::double::Double;
use crate::error::MechanismError;
use gradiometer_hermite::quadrature::GaussLegendre;
use std::f64::consts::{FRAC_2_PI, TAU};

/// Nodes of a panel. A singularity one panel's length beyond its end leaves `6^-32` of the
/// integral.
const NODES: usize = 16;
/// Largest canonical correlation that one panel is enough for: `pi/2` is then 0.4 of the panel's
/// length beyond its end, and `3.2^-32` is rounding. At 0.98 one panel was seen to be `1e-13` off.
const SINGLE_PANEL: f64 = 0.9;
/// Most panels of Plackett's integral; they halve towards the end where its singularities are near.
const MOST_PANELS: usize = 40;
/// Determinant of a correlation matrix below which the slower eliminations are used.
const NEARLY_SINGULAR: f64 = 1e-8;
/// Squared sine of the angle below which two fields are one: no pair of doubles tells them apart.
const PARALLEL: f64 = 1e-30;

/// The quadrature that orthant probabilities of four fields need.
#[derive(Clone, Debug, PartialEq)]
pub struct OrthantRule {
    /// Nodes and weights on `[0, 1]`.
    nodes: Vec<(f64, f64)>,
}

impl OrthantRule {
    /// A Gauss-Legendre rule of 16 nodes a panel.
    ///
    /// # Errors
    /// [`MechanismError::Hermite`] if a node was not found.
    pub fn new() -> Result<Self, MechanismError> {
        let rule = GaussLegendre::new(NODES)?;
        let nodes = rule.nodes().iter().zip(rule.weights());
        Ok(Self { nodes: nodes.map(|(x, w)| (0.5 * (1.0 + x), 0.5 * w)).collect() })
    }
}

/// Centred Gaussian fields `x_0, ..., x_{n-1}` and what all their moments share.
///
/// Every field is scaled by a power of two first, so that variances of any size keep their digits.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::moments::{Fields, OrthantRule};
/// let rule = OrthantRule::new().unwrap();
/// // Equal correlations 1/2 of n fields: every orthant has probability 1/(n + 1).
/// let covariance: Vec<f64> = (0..16).map(|i| if i % 5 == 0 { 1.0 } else { 0.5 }).collect();
/// let fields = Fields::new(&rule, &covariance, 4).unwrap();
/// assert!((fields.orthant(&[0, 1, 2, 3]) - 0.2).abs() <= 2.0 * f64::EPSILON);
/// assert!((fields.orthant(&[0, 1, 2]) - 0.25).abs() <= 2.0 * f64::EPSILON);
/// ```
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rule: &'a OrthantRule,
    count: usize,
    /// Powers of two that fields were divided by.
    scales: Vec<f64>,
    /// `C` of the scaled fields, `n x n`.
    covariance: Vec<f64>,
    /// `sqrt(Delta_bc)`, `n x n`; zero where fields are parallel.
    root_minors: Vec<f64>,
    /// `asin rho_bc`, `n x n`.
    arcsines: Vec<f64>,
    /// `C_bb C_zc - C_zb C_bc` at `(b n + z) n + c`.
    residuals: Vec<f64>,
}

/// What moments of four distinct fields share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quadruple {
    /// The fields, in any order.
    fields: [usize; 4],
    /// The orthant probability.
    probability: f64,
    /// `asin rho_kl|bc` of the two fields other than those at positions `b`, `c`, given that both
    /// of these are zero.
    conditional: [[f64; 4]; 4],
}

impl Quadruple {
    /// `P(all four fields > 0)`.
    pub const fn probability(&self) -> f64 {
        self.probability
    }

    /// `asin rho_kl|bc` for two of its fields.
    fn given(&self, b: usize, c: usize) -> f64 {
        let at = |field| self.fields.iter().position(|f| *f == field).unwrap_or(0);
        self.conditional[at(b)][at(c)]
    }
}

impl<'a> Fields<'a> {
    /// Fields with the given covariance, `n x n` row-major; the upper triangle is read. It should
    /// be positive semidefinite but for rounding; negative minors count as zero. A field of
    /// variance zero is zero.
    ///
    /// # Errors
    /// [`MechanismError::Shape`] if there are not `n^2` entries; [`MechanismError::OutOfRange`] if
    /// an entry is not finite or a variance negative.
    pub fn new(
        rule: &'a OrthantRule,
        covariance: &[f64],
        count: usize,
    ) -> Result<Self, MechanismError> {
        if covariance.len() != count * count {
            let (expected, found) = (count * count, covariance.len());
            return Err(MechanismError::Shape { what: "covariance", expected, found });
        }
        if let Some(value) = covariance.iter().find(|c| !c.is_finite()) {
            let (what, allowed) = ("covariance", "finite");
            return Err(MechanismError::OutOfRange { what, value: *value, allowed });
        }
        let variances = (0..count).map(|b| covariance[b * count + b]);
        if let Some(value) = variances.clone().find(|c| !(*c >= 0.0)) {
            let (what, allowed) = ("variance", "at least 0");
            return Err(MechanismError::OutOfRange { what, value, allowed });
        }
        let scales: Vec<f64> = variances.map(root_scale).collect();
        let scaled = (0..count * count).map(|i| {
            let (b, c) = (i / count, i % count);
            covariance[if b <= c { i } else { c * count + b }] / scales[b] / scales[c]
        });
        let covariance = scaled.collect();
        let mut fields = Self {
            rule,
            count,
            scales,
            covariance,
            root_minors: vec![0.0; count * count],
            arcsines: vec![0.0; count * count],
            residuals: vec![0.0; count * count * count],
        };
        for b in 0..count {
            for c in 0..count {
                fields.root_minors[b * count + c] = fields.root_minor_of(b, c);
                let (cosine, sine) = (fields.c(b, c), fields.root_minors[b * count + c]);
                fields.arcsines[b * count + c] = cosine.atan2(sine);
                for z in 0..count {
                    let (left, right) = (fields.two(b, b, z, c), fields.two(z, b, b, c));
                    fields.residuals[(b * count + z) * count + c] = (left - right).value();
                }
            }
        }
        Ok(fields)
    }

    /// Number of fields.
    pub const fn count(&self) -> usize {
        self.count
    }

    #[inline]
    fn c(&self, b: usize, c: usize) -> f64 {
        self.covariance[b * self.count + c]
    }

    /// `C_ab C_cd`, exactly.
    #[inline]
    fn two(&self, a: usize, b: usize, c: usize, d: usize) -> Double {
        Double::product(self.c(a, b), self.c(c, d))
    }

    /// `C_ac C_bd - C_ad C_bc`, the minor of rows `a`, `b` and columns `c`, `d`.
    #[inline]
    fn minor(&self, a: usize, b: usize, c: usize, d: usize) -> Double {
        self.two(a, c, b, d) - self.two(a, d, b, c)
    }

    /// The minor of rows and columns `a`, `b`, `c`.
    fn minor3(&self, a: usize, b: usize, c: usize) -> Double {
        self.minor(b, c, b, c) * self.c(a, a) - self.minor(b, c, a, c) * self.c(a, b)
            + self.minor(b, c, a, b) * self.c(a, c)
    }

    fn root_minor_of(&self, b: usize, c: usize) -> f64 {
        let minor = self.minor(b, c, b, c).value();
        let scale = self.c(b, b) * self.c(c, c);
        if minor > PARALLEL * scale { minor.sqrt() } else { 0.0 }
    }

    #[inline]
    fn root_minor(&self, b: usize, c: usize) -> f64 {
        self.root_minors[b * self.count + c]
    }

    #[inline]
    fn arcsine(&self, b: usize, c: usize) -> f64 {
        self.arcsines[b * self.count + c]
    }

    #[inline]
    fn residual(&self, b: usize, z: usize, c: usize) -> f64 {
        self.residuals[(b * self.count + z) * self.count + c]
    }

    fn is_zero(&self, b: usize) -> bool {
        !(self.c(b, b) > 0.0)
    }

    /// `(C_zc - C_zb C_bc/C_bb)/sqrt(Delta_bc)`, of modulus at most `sqrt(Delta_bz)/C_bb`; zero for
    /// parallel fields, whose two terms cancel.
    #[inline]
    fn slope(&self, b: usize, c: usize, z: usize) -> f64 {
        let root = self.root_minor(b, c);
        if !(root > 0.0) {
            return 0.0;
        }
        // Rounding of the covariance may break the bound where the fields are nearly parallel.
        let most = self.root_minor(b, z);
        (self.residual(b, z, c) / root).clamp(-most, most) / self.c(b, b)
    }

    /// `E x_b^2`.
    pub fn variance(&self, b: usize) -> f64 {
        self.c(b, b) * self.scales[b] * self.scales[b]
    }

    /// `sqrt(E x_b^2)`.
    pub fn deviation(&self, b: usize) -> f64 {
        self.c(b, b).sqrt() * self.scales[b]
    }

    /// `C_bc`.
    pub fn covariance(&self, b: usize, c: usize) -> f64 {
        self.c(b, c) * self.scales[b] * self.scales[c]
    }

    /// `P_2 = 1/4 + asin(rho)/(2 pi)`, and 1/2 for a field and itself.
    pub fn both_positive(&self, b: usize, c: usize) -> f64 {
        if b == c { 0.5 } else { 0.25 + self.arcsine(b, c) / TAU }
    }

    /// `sqrt(Delta_bc) = sqrt(C_bb C_cc - C_bc^2)`.
    pub fn root_determinant(&self, b: usize, c: usize) -> f64 {
        self.root_minor(b, c) * self.scales[b] * self.scales[c]
    }

    /// The probability that the given fields are all positive; up to four distinct ones,
    /// repetitions count once.
    ///
    /// Absolute error a few `eps`. `P_3 = 1/8 + (sum of three arcsines)/(4 pi)`; for four see
    /// [`Fields::quadruple`]. NaN for more than four distinct fields. A zero field is never
    /// positive.
    ///
    /// # Panics
    /// If an index is not one of a field.
    pub fn orthant(&self, fields: &[usize]) -> f64 {
        let mut set = fields.to_vec();
        set.sort_unstable();
        set.dedup();
        if set.iter().any(|b| self.is_zero(*b)) {
            return 0.0;
        }
        match set[..] {
            [] => 1.0,
            [_] => 0.5,
            [a, b] => self.both_positive(a, b),
            [a, b, c] => self.three_positive(a, b, c),
            [a, b, c, d] => self.quadruple([a, b, c, d]).probability,
            _ => f64::NAN,
        }
    }

    fn three_positive(&self, a: usize, b: usize, c: usize) -> f64 {
        0.125 + (self.arcsine(a, b) + self.arcsine(a, c) + self.arcsine(b, c)) / (2.0 * TAU)
    }

    /// What the moments of four distinct fields share: the orthant probability and six conditional
    /// arcsines.
    ///
    /// By Plackett's identity along the scaling of the covariances between two blocks, in the
    /// variable that removes the root at the blocks' largest canonical correlation, for the split
    /// of the seven with the smallest one. `asin rho_kl|bc = atan2(D_kl, sqrt(Delta_bc det C))` by
    /// Jacobi's identity.
    ///
    /// # Panics
    /// If an index is not one of a field.
    pub fn quadruple(&self, fields: [usize; 4]) -> Quadruple {
        let matrix = self.matrix(fields);
        let whole = determinant(matrix);
        let mut conditional = [[0.0; 4]; 4];
        for b in 0..4 {
            for c in b + 1..4 {
                let minor = self.root_minor(fields[b], fields[c]);
                if !(minor > 0.0) {
                    continue;
                }
                let [k, l] = others(b, c);
                let partial = partial(&matrix, [b, c, k, l]).value();
                conditional[b][c] = partial.atan2(root(whole.value()) / minor);
                conditional[c][b] = conditional[b][c];
            }
        }
        let probability = self.four_positive(fields, whole);
        Quadruple { fields, probability, conditional }
    }

    /// The covariance if its determinant is so small that sums of products lose its digits.
    fn nearly_singular(&self, fields: [usize; 4], whole: Double) -> Option<Matrix> {
        let scale: f64 = fields.iter().map(|b| self.c(*b, *b)).product();
        if whole.value() > NEARLY_SINGULAR * scale { None } else { Some(self.matrix(fields)) }
    }

    fn matrix(&self, fields: [usize; 4]) -> Matrix {
        fields.map(|b| fields.map(|c| Double::from(self.c(b, c))))
    }

    fn four_positive(&self, fields: [usize; 4], whole: Double) -> f64 {
        for b in 0..4 {
            for c in b + 1..4 {
                let (p, q) = (fields[b], fields[c]);
                if !(self.root_minor(p, q) > 0.0) {
                    let [k, l] = others(b, c).map(|i| fields[i]);
                    let same = self.c(p, q) > 0.0;
                    return if same { self.three_positive(p, k, l) } else { 0.0 };
                }
            }
        }
        let mut best: Option<Split> = None;
        let singles = (0..4).map(|i| Split::single(self, rotated(fields, i), whole));
        let pairs = (1..4).map(|i| Split::pair(self, partnered(fields, i), whole));
        for split in singles.chain(pairs).flatten() {
            if best.as_ref().is_none_or(|other| split.gap > other.gap) {
                best = Some(split);
            }
        }
        best.map_or(f64::NAN, |split| split.probability(self.rule))
    }

    /// `I_2 = E[x_a+ x_b+] = (sqrt(Delta_ab) + C_ab (pi - acos rho_ab))/(2 pi)`.
    ///
    /// # Panics
    /// If an index is not one of a field.
    pub fn i2(&self, a: usize, b: usize) -> f64 {
        if a == b {
            return 0.5 * self.variance(a);
        }
        let value = self.root_minor(a, b) / TAU + self.c(a, b) * self.both_positive(a, b);
        value * self.scales[a] * self.scales[b]
    }

    /// `I_3 = E[theta_u x_v x_w+] = C_uv sqrt(Delta_uw)/(2 pi C_uu) + C_vw P_2(rho_uw)`; `C_uv/2`
    /// for `w = u`.
    ///
    /// # Panics
    /// If an index is not one of a field.
    pub fn i3(&self, u: usize, v: usize, w: usize) -> f64 {
        if self.is_zero(u) || self.is_zero(w) {
            return 0.0;
        }
        let value = if u == w {
            0.5 * self.c(u, v)
        } else {
            self.c(u, v) * self.root_minor(u, w) / (TAU * self.c(u, u))
                + self.c(v, w) * self.both_positive(u, w)
        };
        value * self.scales[v] * self.scales[w]
    }

    /// `I_4 = E[theta_u theta_v x_w+ x_z+]`, any of its indices equal.
    ///
    /// `C_wz P_S + sum_{b, c in S, c != b} C_wb (C_zc - C_zb C_bc/C_bb)/(2 pi sqrt(Delta_bc)) P(S -
    /// {b, c} | x_b = x_c = 0)`, `S` the distinct fields of the four. Absolute error `1e-15` of
    /// `sqrt(C_ww C_zz)` also for nearly singular covariances.
    ///
    /// # Panics
    /// If an index is not one of a field.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::moments::{Fields, OrthantRule};
    /// let rule = OrthantRule::new().unwrap();
    /// // Independent fields: theta theta x+ x+ has mean 1/2 1/2 1/sqrt(2 pi)^2.
    /// let identity: Vec<f64> = (0..16).map(|i| if i % 5 == 0 { 1.0 } else { 0.0 }).collect();
    /// let fields = Fields::new(&rule, &identity, 4).unwrap();
    /// let exact = 0.125 / std::f64::consts::PI;
    /// assert!((fields.i4(0, 1, 2, 3) - exact).abs() <= f64::EPSILON);
    /// ```
    pub fn i4(&self, u: usize, v: usize, w: usize, z: usize) -> f64 {
        let mut set = vec![u, v, w, z];
        set.sort_unstable();
        set.dedup();
        match set[..] {
            [a, b, c, d] => self.i4_of(&self.quadruple([a, b, c, d]), w, z),
            _ => self.ramps(&set, w, z),
        }
    }

    /// `I_4` of four distinct fields, `w` and `z` the ramps; the other two are the steps.
    pub fn i4_of(&self, quadruple: &Quadruple, w: usize, z: usize) -> f64 {
        if quadruple.fields.iter().any(|b| self.is_zero(*b)) {
            return 0.0;
        }
        let rest = self.pairs(&quadruple.fields, w, z, |b, c| 0.25 + quadruple.given(b, c) / TAU);
        let value = self.c(w, z) * quadruple.probability + rest / TAU;
        value * self.scales[w] * self.scales[z]
    }

    /// `I_4` of at most three distinct fields, `w` and `z` among them.
    fn ramps(&self, set: &[usize], w: usize, z: usize) -> f64 {
        if set.iter().any(|b| self.is_zero(*b)) {
            return 0.0;
        }
        let given = if set.len() == 3 { 0.5 } else { 1.0 };
        let rest = self.pairs(set, w, z, |_, _| given);
        (self.c(w, z) * self.orthant(set) + rest / TAU) * self.scales[w] * self.scales[z]
    }

    /// `sum_{b, c} C_wb (C_zc - C_zb C_bc/C_bb)/sqrt(Delta_bc) weight(b, c)` over ordered pairs of
    /// the set; `b = z` gives nothing.
    fn pairs(
        &self,
        set: &[usize],
        w: usize,
        z: usize,
        weight: impl Fn(usize, usize) -> f64,
    ) -> f64 {
        let mut sum = 0.0;
        for &b in set {
            for &c in set {
                if c != b && b != z {
                    sum += self.c(w, b) * self.slope(b, c, z) * weight(b, c);
                }
            }
        }
        sum
    }

    /// `S_2 = E[s_p s_q] = (2/pi) asin rho_pq`, 1 for a field and itself.
    pub fn signs(&self, p: usize, q: usize) -> f64 {
        if p == q { 1.0 } else { FRAC_2_PI * self.arcsine(p, q) }
    }

    /// `E[x_a x_b s_p s_q]` for `p != q`, in scaled fields.
    fn products_with_signs(&self, a: usize, b: usize, p: usize, q: usize) -> f64 {
        let turned = self.c(a, p) * self.slope(p, q, b) + self.c(a, q) * self.slope(q, p, b);
        self.c(a, b) * self.signs(p, q) + FRAC_2_PI * turned
    }

    /// `E[s_i s_j |x_b| |x_c|]`, any of the indices equal.
    ///
    /// With signs for steps it is `I_4`'s double sum with four times the weights, `S_2` for `P_2`
    /// and `S_4 = 16 P_4 - 1 - sum of six S_2` for `P_4`; signs of equal fields cancel.
    ///
    /// # Panics
    /// If an index is not one of a field.
    pub fn signs_and_moduli(&self, i: usize, j: usize, b: usize, c: usize) -> f64 {
        let mut set = [i, j, b, c];
        set.sort_unstable();
        if set.windows(2).all(|pair| pair[0] != pair[1]) {
            return self.signs_and_moduli_of(&self.quadruple(set), b, c);
        }
        if set.iter().any(|f| self.is_zero(*f)) {
            return 0.0;
        }
        // Signs that stay: those of fields of odd multiplicity.
        let odd: Vec<usize> = {
            let count = |f: usize| set.iter().filter(|g| **g == f).count();
            let mut odd: Vec<usize> = set.iter().copied().filter(|f| count(*f) % 2 == 1).collect();
            odd.dedup();
            odd
        };
        let value = match odd[..] {
            [p, q] => self.products_with_signs(b, c, p, q),
            _ => self.c(b, c),
        };
        value * self.scales[b] * self.scales[c]
    }

    /// The same for four distinct fields, `b` and `c` the moduli.
    pub fn signs_and_moduli_of(&self, quadruple: &Quadruple, b: usize, c: usize) -> f64 {
        let set = quadruple.fields;
        if set.iter().any(|f| self.is_zero(*f)) {
            return 0.0;
        }
        let two: f64 = (0..4)
            .flat_map(|k| (k + 1..4).map(move |l| (k, l)))
            .map(|(k, l)| self.signs(set[k], set[l]))
            .sum();
        let four = 16.0 * quadruple.probability - 1.0 - two;
        let rest = self.pairs(&set, b, c, |k, l| FRAC_2_PI * quadruple.given(k, l));
        let value = self.c(b, c) * four + FRAC_2_PI * rest;
        value * self.scales[b] * self.scales[c]
    }

    /// `E[s_i s_j |x_b|] = sum_{p in {i, j, b}} C_bp sqrt(2/(pi C_pp)) (2/pi) asin rho_(other
    /// two|p)` for distinct fields, and its coincident cases.
    ///
    /// # Panics
    /// If an index is not one of a field.
    pub fn signs_and_modulus(&self, i: usize, j: usize, b: usize) -> f64 {
        if [i, j, b].iter().any(|f| self.is_zero(*f)) {
            return 0.0;
        }
        let one = |b: usize, p: usize| self.c(b, p) * (FRAC_2_PI / self.c(p, p)).sqrt();
        let value = if i == j {
            one(b, b)
        } else if b == i {
            one(b, j)
        } else if b == j {
            one(b, i)
        } else {
            [(i, j, b), (j, i, b), (b, i, j)]
                .iter()
                .map(|&(p, k, l)| {
                    let cross = self.minor(p, k, p, l);
                    let rest = self.minor(p, k, p, k) * self.minor(p, l, p, l) - cross * cross;
                    one(b, p) * FRAC_2_PI * cross.value().atan2(root(rest.value()))
                })
                .sum()
        };
        value * self.scales[b]
    }
}

/// Positions of four other than two of them.
fn others(b: usize, c: usize) -> [usize; 2] {
    let mut rest = (0..4).filter(|i| *i != b && *i != c);
    [rest.next().unwrap_or(0), rest.next().unwrap_or(0)]
}

/// The fields with that at position `i` first.
fn rotated(fields: [usize; 4], i: usize) -> [usize; 4] {
    std::array::from_fn(|k| fields[(i + k) % 4])
}

/// The fields with the first and that at position `i` first.
fn partnered(fields: [usize; 4], i: usize) -> [usize; 4] {
    let [k, l] = others(0, i);
    [fields[0], fields[i], fields[k], fields[l]]
}

/// `sqrt(x)`, and 0 where rounding has made `x` negative.
fn root(x: f64) -> f64 {
    if x < 0.0 { 0.0 } else { x.sqrt() }
}

/// The power of two `s` with `x/s^2` in `[1/2, 4)`; 1 for zero.
fn root_scale(x: f64) -> f64 {
    if !(x > 0.0) {
        return 1.0;
    }
    let exponent = i32::try_from((x.to_bits() >> 52) & 0x7ff).unwrap_or(1023) - 1023;
    f64::powi(2.0, exponent.div_euclid(2))
}

/// A covariance of four fields, exactly.
type Matrix = [[Double; 4]; 4];

/// The determinant of a semidefinite matrix by elimination, the largest pivot first; zero if one is
/// not positive.
///
/// Its relative error is that of the pivots: `2^-100` over the smallest of them, where a sum of
/// products would have it over their product.
fn determinant(mut matrix: Matrix) -> Double {
    let mut product = Double::from(1.0);
    for step in 0..4 {
        let mut pivot = step;
        for i in step + 1..4 {
            if matrix[i][i].value() > matrix[pivot][pivot].value() {
                pivot = i;
            }
        }
        matrix.swap(step, pivot);
        for row in &mut matrix {
            row.swap(step, pivot);
        }
        let top = matrix[step];
        if !(top[step].value() > 0.0) {
            return Double::default();
        }
        product = product * top[step];
        for row in matrix.iter_mut().skip(step + 1) {
            let share = row[step] / top[step];
            for j in step + 1..4 {
                row[j] = row[j] - share * top[j];
            }
        }
    }
    product
}

/// The covariance of the fields `k` and `l` given `b` and `c`, `D_kl/Delta_bc`.
fn partial(matrix: &Matrix, [b, c, k, l]: [usize; 4]) -> Double {
    let given = |x: usize, y: usize| matrix[x][y] - matrix[x][b] * matrix[b][y] / matrix[b][b];
    let variance = given(c, c);
    if !(variance.value() > 0.0) {
        return given(k, l);
    }
    given(k, l) - given(k, c) * given(l, c) / variance
}

/// One term of Plackett's derivative: the covariance `C_ij` across the split, and `D_kl` of the
/// other two.
#[derive(Clone, Copy, Debug)]
struct Crossing {
    covariance: f64,
    /// `C_ii C_jj` and `C_ij^2`.
    variances: Double,
    square: Double,
    /// `D_kl(t) = (constant + t^2 quadratic)`, times `t` if `odd`.
    constant: Double,
    quadratic: Double,
    odd: bool,
    /// Where `i`, `j`, `k`, `l` stand in the split's order.
    places: [usize; 4],
}

/// Four fields in two blocks, covariances between them multiplied by `t`.
#[derive(Clone, Debug)]
struct Split {
    /// `1 - kappa^2`, `kappa` the largest canonical correlation of the blocks.
    gap: f64,
    /// The probability for independent blocks.
    independent: f64,
    /// `det C(t) = determinant[0] - t^2 determinant[1] + t^4 determinant[2]`.
    determinant: [Double; 3],
    crossings: Vec<Crossing>,
    /// The covariance in the split's order, if it is so near to singular that its polynomials in
    /// `t` lose its digits, and the size of the first block.
    exact: Option<(Matrix, usize)>,
}

impl Split {
    /// The first field against the other three; none if these are dependent.
    fn single(fields: &Fields<'_>, [i, j, k, l]: [usize; 4], whole: Double) -> Option<Self> {
        let three = fields.minor3(j, k, l);
        let blocks = three * fields.c(i, i);
        if !(blocks.value() > 0.0) {
            return None;
        }
        let exact = fields.nearly_singular([i, j, k, l], whole).map(|matrix| (matrix, 1));
        let places = [(j, k, l, [0, 1, 2, 3]), (k, j, l, [0, 2, 1, 3]), (l, j, k, [0, 3, 1, 2])];
        let crossings = places.map(|(j, k, l, places)| Crossing {
            covariance: fields.c(i, j),
            variances: fields.two(i, i, j, j),
            square: fields.two(i, j, i, j),
            constant: fields.minor(k, j, l, j) * fields.c(i, i),
            quadratic: (fields.two(i, k, l, j) + fields.two(k, j, i, l)) * fields.c(i, j)
                - fields.two(i, j, i, j) * fields.c(k, l)
                - fields.two(i, k, i, l) * fields.c(j, j),
            odd: false,
            places,
        });
        Some(Self {
            gap: clamped(whole.value() / blocks.value()),
            independent: 0.5 * fields.three_positive(j, k, l),
            determinant: [blocks, blocks - whole, Double::default()],
            crossings: crossings.to_vec(),
            exact,
        })
    }

    /// The first two fields against the other two; none if two are parallel.
    fn pair(fields: &Fields<'_>, [a, b, c, d]: [usize; 4], whole: Double) -> Option<Self> {
        let blocks = fields.minor(a, b, a, b) * fields.minor(c, d, c, d);
        if !(blocks.value() > 0.0) {
            return None;
        }
        let across = fields.minor(a, b, c, d);
        let across = across * across;
        // (1 - l_1)(1 - l_2) and (1 - l_1) + (1 - l_2) of the squared canonical correlations.
        let product = whole.value() / blocks.value();
        let sum = (blocks - across + whole).value() / blocks.value();
        let larger = sum + root(sum * sum - 4.0 * product);
        let gap = if larger > 0.0 { 2.0 * product / larger } else { 0.0 };
        let exact = fields.nearly_singular([a, b, c, d], whole).map(|matrix| (matrix, 2));
        let set = [a, b, c, d];
        let places = [[0, 2, 1, 3], [0, 3, 1, 2], [1, 2, 0, 3], [1, 3, 0, 2]];
        let crossings = places.map(|places| (places.map(|place| set[place]), places));
        let crossings = crossings.map(|([i, j, k, l], places)| Crossing {
            covariance: fields.c(i, j),
            variances: fields.two(i, i, j, j),
            square: fields.two(i, j, i, j),
            constant: fields.two(i, i, j, j) * fields.c(k, l)
                - fields.two(k, i, l, i) * fields.c(j, j)
                - fields.two(k, j, l, j) * fields.c(i, i)
                + fields.two(k, i, l, j) * fields.c(i, j),
            quadratic: fields.minor(k, i, j, l) * fields.c(i, j),
            odd: true,
            places,
        });
        Some(Self {
            gap: clamped(gap),
            independent: fields.both_positive(a, b) * fields.both_positive(c, d),
            determinant: [blocks, blocks + across - whole, across],
            crossings: crossings.to_vec(),
            exact,
        })
    }

    /// The orthant probability at `t = 1`: that of independent blocks and the integral of its
    /// derivative, with `t = sin(x)/kappa`.
    fn probability(&self, rule: &OrthantRule) -> f64 {
        let kappa = (1.0 - self.gap).sqrt();
        if !(kappa > 0.0) {
            return self.independent;
        }
        let end = kappa.atan2(self.gap.sqrt());
        // The nearest singularity is no closer to the end than pi/2 is.
        let beyond = self.gap.sqrt().atan2(kappa);
        let (mut integral, mut start) = (0.0, 0.0);
        for panel in 1..=MOST_PANELS {
            let rest = end - start;
            let last = kappa <= SINGLE_PANEL || rest <= beyond || panel == MOST_PANELS;
            let length = if last { rest } else { 0.5 * rest };
            for (node, weight) in &rule.nodes {
                let (sine, cosine) = (start + length * node).sin_cos();
                integral += length * weight * cosine / kappa * self.derivative(sine / kappa);
            }
            if last {
                break;
            }
            start += length;
        }
        self.independent + integral
    }

    /// `dP_4/dt = sum_ij C_ij/(2 pi sqrt(C_ii C_jj - t^2 C_ij^2)) P_2(rho_kl|ij(t))`.
    fn derivative(&self, t: f64) -> f64 {
        let square = Double::product(t, t);
        if let Some((matrix, first)) = self.exact {
            let matrix = crossed(matrix, first, t);
            let determinant = root(determinant(matrix).value());
            let terms = self.crossings.iter().map(|crossing| {
                let minor = (crossing.variances - crossing.square * square).value();
                if !(minor > 0.0) {
                    return 0.0;
                }
                let partial = partial(&matrix, crossing.places).value();
                let arcsine = partial.atan2(determinant / minor.sqrt());
                crossing.covariance / minor.sqrt() * (0.25 + arcsine / TAU)
            });
            return terms.sum::<f64>() / TAU;
        }
        let [one, two, three] = self.determinant;
        let determinant = root((one - square * (two - square * three)).value());
        let terms = self.crossings.iter().map(|crossing| {
            let minor = (crossing.variances - crossing.square * square).value();
            let partial = (crossing.constant + crossing.quadratic * square).value();
            let partial = if crossing.odd { t * partial } else { partial };
            if !(minor > 0.0) {
                return 0.0;
            }
            let arcsine = partial.atan2(minor.sqrt() * determinant);
            crossing.covariance / minor.sqrt() * (0.25 + arcsine / TAU)
        });
        terms.sum::<f64>() / TAU
    }
}

/// The covariance with `t` times what is between the blocks.
fn crossed(mut matrix: Matrix, first: usize, t: f64) -> Matrix {
    for (i, row) in matrix.iter_mut().enumerate() {
        for (j, entry) in row.iter_mut().enumerate() {
            if (i < first) != (j < first) {
                *entry = *entry * t;
            }
        }
    }
    matrix
}

/// A number that should be in `[0, 1]`.
const fn clamped(x: f64) -> f64 {
    x.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests;
