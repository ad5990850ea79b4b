//! Numbers of other types as doubles, where that is exact.

use crate::half;

/// Whole numbers up to this modulus are doubles.
const LARGEST_WHOLE: u64 = 1 << 53;

/// The numbers of a kind (`f` floats, `i` and `u` whole numbers with and without sign) and a width in
/// bytes; `None` for one of another kind, or that is no double.
pub(crate) fn widen(data: &[u8], kind: &str, width: usize, little: bool) -> Option<Vec<f64>> {
    let one = |chunk: &[u8]| -> Option<f64> {
        let mut b = [0; 8];
        b[..width].copy_from_slice(chunk);
        if !little {
            b[..width].reverse();
        }
        let bits = u64::from_le_bytes(b);
        match (kind, width) {
            ("f", 8) => Some(f64::from_bits(bits)),
            ("f", 4) => Some(f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
            ("f", 2) => Some(half::from_binary16(u16::from_le_bytes([b[0], b[1]]))),
            ("u", 1 | 2 | 4 | 8) => whole(bits, false),
            ("i", 1 | 2 | 4 | 8) => {
                // Shifted up and back, the sign fills the upper bytes.
                let unused = 64 - 8 * u32::try_from(width).ok()?;
                let signed = bits.cast_signed().wrapping_shl(unused) >> unused;
                whole(signed.unsigned_abs(), signed < 0)
            }
            _ => None,
        }
    };
    if width == 0 || width > 8 {
        return None;
    }
    data.chunks_exact(width).map(one).collect()
}

fn whole(modulus: u64, negative: bool) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "exact up to that modulus")]
    let x = modulus as f64;
    (modulus <= LARGEST_WHOLE).then_some(if negative { -x } else { x })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_keep_their_sign_and_are_exact_or_refused() {
        let minus = (-3_i16).to_le_bytes();
        assert_eq!(widen(&minus, "i", 2, true), Some(vec![-3.0]));
        assert_eq!(widen(&(-3_i16).to_be_bytes(), "i", 2, false), Some(vec![-3.0]));
        assert_eq!(widen(&minus, "u", 2, true), Some(vec![65533.0]));
        assert_eq!(widen(&[255, 1], "i", 1, true), Some(vec![-1.0, 1.0]));
        let large = i64::MIN.to_le_bytes();
        assert_eq!(widen(&large, "i", 8, true), None);
        assert_eq!(
            widen(&LARGEST_WHOLE.to_le_bytes(), "u", 8, true),
            Some(vec![9007199254740992.0])
        );
        assert_eq!(widen(&(LARGEST_WHOLE + 1).to_le_bytes(), "u", 8, true), None);
        assert_eq!(widen(&minus, "c", 2, true), None);
    }
}
