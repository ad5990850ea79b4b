//! Sums of functions of one number each, coupled by a weighted sum of the squares.

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::{maximum, minimum};

/// Logarithms of the multipliers between which the best one is sought, and the steps.
const LOGARITHMS: (f64, f64) = (-18.0, 16.0);
const STEPS: usize = 14;

/// A function on an interval of `y`, bounded by the chord from `left` at `from` to `right` at `to`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) from: Enclosure,
    pub(super) to: Enclosure,
}

/// Functions in pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pieces: Vec<Piece>,
    /// The same in floats: `from`, `to`, `left`, `right`.
    floats: Vec<[f64; 4]>,
    /// Where each function's pieces end, and its weight in the sum of the squares.
    ends: Vec<(usize, f64)>,
}

impl Table {
    pub(super) fn push(&mut self, piece: Piece) {
        let Piece { left, right, from, to } = piece;
        self.floats.push([from.midpoint(), to.midpoint(), left, right]);
        self.pieces.push(piece);
    }

    /// Ends a function, whose `y^2` has a weight in the sum.
    pub(super) fn close(&mut self, weight: f64) {
        self.ends.push((self.pieces.len(), weight));
    }

    /// An upper bound of `sum_k F_k(y_k)` over all `y` in the pieces' ranges with `least <= sum_k weight_k y_k^2 <= most`.
    ///
    /// Any multiplier gives one; it is sought in floating point, and the bound is then evaluated in enclosures.
    pub(super) fn bound(&self, most: f64, least: f64) -> Enclosure {
        let free = self.squares(0.0);
        let mu = if free > most {
            self.root(1.0, most)
        } else if free < least {
            -self.root(-1.0, least)
        } else {
            0.0
        };
        let (with, without) = (self.evaluate(mu, most, least), self.evaluate(0.0, most, least));
        // Undefined compares as not smaller.
        if with.hi() < without.hi() { with } else { without }
    }

    /// The multiplier, of a sign, at which the maximisers' squares sum up to a number.
    fn root(&self, sign: f64, sum: f64) -> f64 {
        let (mut low, mut high) = LOGARITHMS;
        for _ in 0..STEPS {
            let middle = 0.5 * (low + high);
            let squares = self.squares(sign * middle.exp());
            // For mu > 0 the squares fall with mu, for mu < 0 they grow with -mu.
            if sign * (squares - sum) > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        high.exp()
    }

    /// `sum_k weight_k y_k^2` at the maximisers of `F_k(y) - mu weight_k y^2`.
    fn squares(&self, mu: f64) -> f64 {
        let mut sum = 0.0;
        let mut start = 0;
        for &(end, weight) in &self.ends {
            let mu = mu * weight;
            let (mut best, mut place) = (f64::NEG_INFINITY, 0.0);
            for &[from, to, left, right] in &self.floats[start..end] {
                let y = maximiser(from, to, left, right, mu);
                let share = if to > from { (y - from) / (to - from) } else { 0.0 };
                let value = left + (right - left) * share - mu * y * y;
                if value > best {
                    (best, place) = (value, y);
                }
            }
            sum += weight * place * place;
            start = end;
        }
        sum
    }

    /// The bound for a multiplier.
    fn evaluate(&self, mu: f64, most: f64, least: f64) -> Enclosure {
        // The products mu weight_k are rounded: their sum with the squares is within this factor of mu times the weighted sum.
        let rounded = Enclosure::around(1.0, 2.0 * f64::EPSILON);
        let mut sum = Enclosure::from(mu) * rounded * if mu >= 0.0 { most } else { least };
        let mut start = 0;
        for &(end, weight) in &self.ends {
            let mu = mu * weight;
            let mut best = f64::NEG_INFINITY;
            for (piece, floats) in self.pieces[start..end].iter().zip(&self.floats[start..end]) {
                best = maximum(best, piece.bound(floats, mu));
            }
            sum += Enclosure::from(best);
            start = end;
        }
        sum
    }
}

/// Where `chord - mu y^2` is largest.
fn maximiser(from: f64, to: f64, left: f64, right: f64, mu: f64) -> f64 {
    if mu > 0.0 && to > from {
        let slope = (right - left) / (to - from);
        return maximum(from, minimum(to, 0.5 * slope / mu));
    }
    if left - mu * from * from > right - mu * to * to { from } else { to }
}

impl Piece {
    /// An upper bound of `chord(y) - mu y^2`; NaN if something is undefined.
    fn bound(&self, &[from, to, left, right]: &[f64; 4], mu: f64) -> f64 {
        let (left_value, right_value) = (Enclosure::from(left), Enclosure::from(right));
        if mu > 0.0 {
            // y^2 >= 2 z y - z^2 for every z, so that what is left is linear; z is the maximiser, nearly.
            let z = Enclosure::from(maximiser(from, to, left, right, mu));
            let slope = z * (2.0 * mu);
            let ends = (left_value - slope * self.from).larger(right_value - slope * self.to);
            return (ends + z.square() * mu).hi();
        }
        // Convex: largest at an end.
        let end = |value: Enclosure, y: Enclosure| value - y.square() * mu;
        end(left_value, self.from).larger(end(right_value, self.to)).hi()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `sum_k a_k y_k - b_k y_k^2` on `[-1, 1]` each, in pieces.
    fn table(parabolas: &[(f64, f64)], pieces: u32) -> Table {
        let mut table = Table::default();
        for &(a, b) in parabolas {
            let width = 2.0 / f64::from(pieces);
            let value = |y: f64| a * y - b * y * y + width * width / 8.0 * maximum(2.0 * b, 0.0);
            for n in 0..pieces {
                let from = -1.0 + width * f64::from(n);
                let to = from + width;
                let (left, right) = (value(from), value(to));
                table.push(Piece { left, right, from: from.into(), to: to.into() });
            }
            table.close(1.0);
        }
        table
    }

    #[test]
    fn linear_functions_on_a_sphere_reach_their_length() {
        // max of a.y with |y|^2 <= R^2 is R |a|, as long as no |y_k| passes 1.
        let a = [(3.0, 0.0), (-4.0, 0.0), (12.0, 0.0)];
        for square in [0.25, 0.5, 1.0] {
            let bound = table(&a, 64).bound(square, 0.0);
            let exact = 13.0 * f64::sqrt(square);
            // The multiplier is within 34/2^14 of the best one, where the bound is flat.
            assert!(bound.hi() >= exact && bound.hi() <= 1.001 * exact, "{bound} {exact}");
        }
        // Without a coupling that matters, each at its end.
        assert!(table(&a, 64).bound(3.0, 0.0).contains(19.0));
    }

    #[test]
    fn weights_count_in_the_sum() {
        // max of 3 y_1 + 4 y_2 with y_1^2/4 + y_2^2 <= R^2 is R |(6, 4)|.
        let mut weighted = Table::default();
        let plain = table(&[(3.0, 0.0), (4.0, 0.0)], 64);
        for (k, weight) in [0.25, 1.0].into_iter().enumerate() {
            for &piece in &plain.pieces[64 * k..64 * (k + 1)] {
                weighted.push(piece);
            }
            weighted.close(weight);
        }
        for square in [0.01, 0.04, 0.09] {
            let (bound, exact) = (weighted.bound(square, 0.0), f64::sqrt(52.0 * square));
            assert!(bound.hi() >= exact && bound.hi() <= 1.001 * exact, "{bound} {exact}");
        }
    }

    #[test]
    fn a_least_sum_of_squares_holds_functions_down() {
        // -(y_1^2 + y_2^2) <= -least.
        let bowls = [(0.0, 1.0), (0.0, 1.0)];
        for least in [0.25, 1.0, 1.5] {
            let bound = table(&bowls, 256).bound(2.0, least);
            assert!(bound.hi() >= -least && bound.hi() <= -least + 0.01, "{bound} {least}");
        }
        // No y reaches the sum: as low as one likes.
        assert!(table(&bowls, 256).bound(3.0, 2.5).hi() < -1e3);
    }

    #[test]
    fn every_multiplier_bounds_every_point() {
        let parabolas = [(1.0, 0.5), (-2.0, -1.0), (0.5, 2.0)];
        let table = table(&parabolas, 16);
        for mu in [-2.0, -0.1, 0.0, 0.3, 1.0, 10.0] {
            for n in 0..1000_u32 {
                let y = [n % 10, n / 10 % 10, n / 100].map(|x| f64::from(x) / 4.5 - 1.0);
                let square: f64 = y.iter().map(|y| y * y).sum();
                let value: f64 = parabolas.iter().zip(y).map(|((a, b), y)| a * y - b * y * y).sum();
                let bound = table.evaluate(mu, square, square);
                assert!(bound.hi() >= value, "{mu} {y:?}: {bound} {value}");
            }
        }
    }

    #[test]
    fn what_is_undefined_has_no_bound() {
        let mut bad = table(&[(1.0, 0.0)], 2);
        bad.push(Piece { left: f64::NAN, right: 0.0, from: 0.0.into(), to: 1.0.into() });
        bad.close(1.0);
        assert!(!(bad.bound(1.0, 0.0).hi() < f64::INFINITY));
    }
}
