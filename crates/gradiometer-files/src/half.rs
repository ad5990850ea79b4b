//! Sixteen-bit floats, widened exactly.

/// An IEEE 754 binary16 number.
pub(crate) fn from_binary16(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let fraction = f64::from(bits & 0x3ff);
    match (bits >> 10) & 0x1f {
        0 => sign * fraction * f64::powi(2.0, -24),
        31 if fraction > 0.0 => f64::NAN,
        31 => sign * f64::INFINITY,
        exponent => sign * (1024.0 + fraction) * f64::powi(2.0, i32::from(exponent) - 25),
    }
}

/// A bfloat16 number: the upper half of a binary32.
pub(crate) fn from_bfloat16(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "widening is exact")]
    fn known_values() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333251953125),
            (0x0001, f64::powi(2.0, -24)),
            (0x7bff, 65504.0),
            (0x7c00, f64::INFINITY),
        ] {
            assert_eq!(from_binary16(bits), value, "{bits:x}");
        }
        assert!(from_binary16(0x7e00).is_nan());
        assert_eq!(from_bfloat16(0x3f80), 1.0);
        assert_eq!(from_bfloat16(0xc049), -3.140625);
    }
}
