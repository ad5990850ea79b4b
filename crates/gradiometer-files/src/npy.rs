//! The `.npy` format of NumPy, versions 1 to 3: one array of numbers.

use crate::numbers;

/// Why an `.npy` array was refused.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NpyError {
    /// The magic bytes are missing.
    #[error("not an .npy array (it does not start with \\x93NUMPY); write it with numpy.save")]
    Magic,
    /// The version is unknown.
    #[error("version {major} of the .npy format is unknown; write it with version 1, 2 or 3")]
    Version {
        /// The first number of the version.
        major: u8,
    },
    /// The header ends early or is not the dictionary that it should be.
    #[error("the .npy header is damaged near its byte {offset}; write the file again")]
    Header {
        /// Position in the header.
        offset: usize,
    },
    /// The entries have a type that is not understood.
    #[error("the entries have type {descr}; save floats or whole numbers (astype(numpy.float64))")]
    Type {
        /// NumPy's name of the type.
        descr: String,
    },
    /// A whole number is no double.
    #[error("an entry of type {descr} is beyond 2^53 and no double; save floats")]
    TooLarge {
        /// NumPy's name of the type.
        descr: String,
    },
    /// The shape does not fit what is expected.
    #[error("the shape is {found:?}; expected {expected}")]
    Shape {
        /// The shape that would do.
        expected: &'static str,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// The data are shorter or longer than the shape says.
    #[error(
        "the shape {shape:?} does not fit {found} bytes of data; the file is cut off or has bytes appended"
    )]
    Length {
        /// The shape in the file.
        shape: Vec<usize>,
        /// Bytes after the header.
        found: usize,
    },
}

/// An array of floats in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Lengths of the axes, the slowest first; empty for a single number.
    pub shape: Vec<usize>,
    /// Entries, the last axis fastest.
    pub data: Vec<f64>,
}

const MAGIC: &[u8; 6] = b"\x93NUMPY";

impl Array {
    /// Reads an array of floats or whole numbers, of either byte order, in C or Fortran order.
    ///
    /// # Errors
    /// [`NpyError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, NpyError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(NpyError::Magic)?;
        let early = NpyError::Header { offset: 0 };
        let (&[major, _minor], rest) = rest.split_first_chunk().ok_or(early.clone())?;
        let (length, rest) = match major {
            1 => {
                let (length, rest) = rest.split_first_chunk().ok_or(early.clone())?;
                (usize::from(u16::from_le_bytes(*length)), rest)
            }
            2 | 3 => {
                let (length, rest) = rest.split_first_chunk().ok_or(early.clone())?;
                let length = u32::from_le_bytes(*length);
                (usize::try_from(length).map_err(|_too_large| early.clone())?, rest)
            }
            _ => return Err(NpyError::Version { major }),
        };
        let (header, data) = rest.split_at_checked(length).ok_or(early)?;
        let Header { descr, fortran_order, shape } = Parser { text: header, at: 0 }.header()?;
        let count = shape.iter().try_fold(1_usize, |product, n| product.checked_mul(*n));
        let wrong_length = || NpyError::Length { shape: shape.clone(), found: data.len() };
        let unknown = || NpyError::Type { descr: descr.clone() };
        // A mark of the byte order, a kind, a width: `<f8`, `|u1`.
        let (order, kind) = descr.split_at_checked(1).ok_or_else(unknown)?;
        let (kind, width) = kind.split_at_checked(1).ok_or_else(unknown)?;
        let width: usize = width.parse().map_err(|_no_number| unknown())?;
        let kind = if kind == "b" { "u" } else { kind };
        let is_known = matches!((kind, width), ("f", 2 | 4 | 8) | ("i" | "u", 1 | 2 | 4 | 8));
        if !is_known || !matches!(order, "<" | ">" | "|" | "=") {
            return Err(unknown());
        }
        let expected = count.and_then(|count| count.checked_mul(width));
        if expected != Some(data.len()) {
            return Err(wrong_length());
        }
        let values = numbers::widen(data, kind, width, order != ">");
        let values = values.ok_or_else(|| NpyError::TooLarge { descr: descr.clone() })?;
        let data = if fortran_order { from_fortran(&shape, &values) } else { values };
        Ok(Self { shape, data })
    }

    /// Writes the array as version 1, little-endian doubles in C order, as `numpy.save` does.
    pub fn encode(&self) -> Vec<u8> {
        let axes: Vec<String> = self.shape.iter().map(|n| format!("{n},")).collect();
        let mut shape = axes.join(" ");
        if self.shape.len() > 1 {
            shape.pop();
        }
        let mut header =
            format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape}), }}");
        // The data start at a multiple of 64 bytes, after magic, version, length and a final line break.
        let padding = 63 - (MAGIC.len() + 4 + header.len()) % 64;
        header.extend(std::iter::repeat_n(' ', padding));
        header.push('\n');
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        let length = u16::try_from(header.len()).unwrap_or(u16::MAX);
        bytes.extend(length.to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(self.data.iter().flat_map(|x| x.to_le_bytes()));
        bytes
    }

    /// The one number in an array of any shape.
    ///
    /// # Errors
    /// [`NpyError::Shape`] if there is not exactly one.
    pub fn into_number(self) -> Result<f64, NpyError> {
        match self.data.as_slice() {
            [x] => Ok(*x),
            _ => Err(NpyError::Shape { expected: "a single number", found: self.shape }),
        }
    }

    /// The entries of a vector, or of a matrix with one row or one column.
    ///
    /// # Errors
    /// [`NpyError::Shape`] otherwise.
    pub fn into_vector(self) -> Result<Vec<f64>, NpyError> {
        match self.shape.as_slice() {
            [_] | [1, _] | [_, 1] => Ok(self.data),
            _ => Err(NpyError::Shape { expected: "a vector", found: self.shape }),
        }
    }

    /// Rows, columns and entries of a matrix.
    ///
    /// # Errors
    /// [`NpyError::Shape`] otherwise.
    pub fn into_matrix(self) -> Result<(usize, usize, Vec<f64>), NpyError> {
        match self.shape.as_slice() {
            &[rows, columns] => Ok((rows, columns, self.data)),
            _ => Err(NpyError::Shape { expected: "a matrix, one vector a row", found: self.shape }),
        }
    }
}

/// The same entries with the last axis fastest instead of the first.
fn from_fortran(shape: &[usize], values: &[f64]) -> Vec<f64> {
    let mut index = vec![0; shape.len()];
    (0..values.len())
        .map(|_| {
            let mut position = 0;
            for (i, n) in index.iter().zip(shape).rev() {
                position = position * n + i;
            }
            for (i, n) in index.iter_mut().zip(shape).rev() {
                *i += 1;
                if *i < *n {
                    break;
                }
                *i = 0;
            }
            values[position]
        })
        .collect()
}

struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

/// The header is a Python dictionary with three known keys.
struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn header(mut self) -> Result<Header, NpyError> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while self.peek() != Some(b'}') {
            let key = self.string()?;
            self.expect(b':')?;
            match key.as_str() {
                "descr" => descr = Some(self.descr()?),
                "fortran_order" => fortran_order = Some(self.boolean()?),
                "shape" => shape = Some(self.shape()?),
                _ => return Err(self.damaged()),
            }
            if self.peek() == Some(b',') {
                self.at += 1;
            }
        }
        self.expect(b'}')?;
        if self.peek().is_some() {
            return Err(self.damaged());
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) => {
                Ok(Header { descr, fortran_order, shape })
            }
            _ => Err(self.damaged()),
        }
    }

    const fn damaged(&self) -> NpyError {
        NpyError::Header { offset: self.at }
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Result<(), NpyError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.damaged())
        }
    }

    fn string(&mut self) -> Result<String, NpyError> {
        let quote = self.peek().filter(|b| matches!(b, b'\'' | b'"')).ok_or(self.damaged())?;
        let rest = &self.text[self.at + 1..];
        let length = rest.iter().position(|b| *b == quote).ok_or(self.damaged())?;
        self.at += length + 2;
        Ok(String::from_utf8_lossy(&rest[..length]).into_owned())
    }

    /// A string; a structured type, which is a list, is refused as a type and not as damage.
    fn descr(&mut self) -> Result<String, NpyError> {
        if self.peek() == Some(b'[') {
            return Err(NpyError::Type { descr: "a structure of fields".to_owned() });
        }
        self.string()
    }

    fn boolean(&mut self) -> Result<bool, NpyError> {
        self.peek();
        for (word, value) in [("True", true), ("False", false)] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.damaged())
    }

    fn shape(&mut self) -> Result<Vec<usize>, NpyError> {
        let mut shape = Vec::new();
        self.expect(b'(')?;
        while self.peek() != Some(b')') {
            shape.push(self.number()?);
            if self.peek() == Some(b',') {
                self.at += 1;
            }
        }
        self.expect(b')')?;
        Ok(shape)
    }

    fn number(&mut self) -> Result<usize, NpyError> {
        self.peek();
        let digits = self.text[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let text = std::str::from_utf8(&self.text[self.at..self.at + digits]);
        let number = text.ok().and_then(|text| text.parse().ok()).ok_or(self.damaged())?;
        self.at += digits;
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(data);
        bytes
    }

    proptest! {
        #[test]
        fn arrays_come_back_bit_for_bit(
            bits in proptest::collection::vec(any::<u64>(), 0..40), columns in 1_usize..5,
        ) {
            let rows = bits.len() / columns;
            let data: Vec<f64> = bits[..rows * columns].iter().map(|b| f64::from_bits(*b)).collect();
            let array = Array { shape: vec![rows, columns], data };
            let bytes = array.encode();
            prop_assert_eq!((bytes.len() - array.data.len() * 8) % 64, 0);
            let again = Array::decode(&bytes).unwrap();
            prop_assert_eq!(&again.shape, &array.shape);
            for (x, y) in again.data.iter().zip(&array.data) {
                prop_assert_eq!(x.to_bits(), y.to_bits());
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut file = MAGIC.to_vec();
            file.extend(bytes);
            let _result = Array::decode(&file);
        }
    }

    #[test]
    fn fortran_order_and_byte_order() {
        // [[1, 2, 3], [4, 5, 6]] by columns, big-endian singles.
        let data: Vec<u8> =
            [1.0_f32, 4.0, 2.0, 5.0, 3.0, 6.0].iter().flat_map(|x| x.to_be_bytes()).collect();
        let header = "{'descr': '>f4', 'fortran_order': True, 'shape': (2, 3), }\n";
        let array = Array::decode(&file(header, &data)).unwrap();
        assert_eq!(array.shape, [2, 3]);
        assert_eq!(array.data, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n";
        let one = 1.0_f64.to_le_bytes();
        assert!(Array::decode(&file(good, &one)).is_ok());
        assert_eq!(Array::decode(b"PK").unwrap_err(), NpyError::Magic);
        assert_eq!(
            Array::decode(&file(good, &one[..7])).unwrap_err(),
            NpyError::Length { shape: vec![1], found: 7 }
        );
        let longer = [one, one].concat();
        assert!(matches!(
            Array::decode(&file(good, &longer)).unwrap_err(),
            NpyError::Length { found: 16, .. }
        ));
        let huge = good.replace("(1,)", "(9999999999999, 9999999999999)");
        assert!(matches!(Array::decode(&file(&huge, &one)).unwrap_err(), NpyError::Length { .. }));
        for (descr, error) in [
            ("<c8", NpyError::Type { descr: "<c8".to_owned() }),
            ("<i8", NpyError::TooLarge { descr: "<i8".to_owned() }),
            ("|S8", NpyError::Type { descr: "|S8".to_owned() }),
        ] {
            let other = good.replace("<f8", descr);
            assert_eq!(Array::decode(&file(&other, &one)).unwrap_err(), error);
        }
        let whole = file(&good.replace("<f8", "<i8"), &(-7_i64).to_le_bytes());
        assert_eq!(Array::decode(&whole).unwrap().data, [-7.0]);
        let fields = good.replace("'<f8'", "[('x', '<f8')]");
        assert!(matches!(Array::decode(&file(&fields, &one)).unwrap_err(), NpyError::Type { .. }));
        for damage in ["", "{", "{'descr': '<f8'}", "{'x': 1}", "{'shape': (1"] {
            assert!(matches!(
                Array::decode(&file(damage, &one)).unwrap_err(),
                NpyError::Header { .. }
            ));
        }
        let mut newer = file(good, &one);
        newer[6] = 9;
        assert_eq!(Array::decode(&newer).unwrap_err(), NpyError::Version { major: 9 });
    }

    #[test]
    fn a_single_number_has_no_axes() {
        let array = Array { shape: vec![], data: vec![2.5] };
        assert_eq!(Array::decode(&array.encode()).unwrap().into_number(), Ok(2.5));
    }
}
