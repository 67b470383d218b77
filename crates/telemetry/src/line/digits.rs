//! Numbers in digits, written to where they are needed.

use std::fmt::Display;
use std::io::Write as _;

/// A whole number.
pub(crate) fn whole(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    while number >= 10 {
        start -= 2;
        digits[start..start + 2].copy_from_slice(&pair(number));
        number /= 100;
    }
    if number > 0 || start == digits.len() {
        start -= 1;
        digits[start] = pair(number)[1];
    }
    out.extend_from_slice(&digits[start..]);
}

/// The last two digits of a number.
#[inline]
pub(crate) fn pair(number: u64) -> [u8; 2] {
    PAIRS[(number % 100) as usize]
}

/// The numbers below a hundred in two digits each.
static PAIRS: [[u8; 2]; 100] = pairs();

#[expect(clippy::cast_possible_truncation, reason = "a pair counts to 99")]
const fn pairs() -> [[u8; 2]; 100] {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < pairs.len() {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
}

/// So many of a number's last hexadecimal digits.
pub(crate) fn hexadecimal<const DIGITS: usize>(mut number: u128) -> [u8; DIGITS] {
    let mut digits = [0; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
    digits
}

/// A whole number that may be below zero.
pub(crate) fn signed(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    whole(number.unsigned_abs(), out);
}

/// A number as it prints itself, such as one that is rarely as wide as it may be.
pub(crate) fn printed(number: impl Display, out: &mut Vec<u8>) {
    // A vector takes everything.
    let _ = write!(out, "{number}");
}

/// A finite number that may have a fraction, in the fewest digits that lead back to it.
pub(crate) fn fraction(number: f64, out: &mut Vec<u8>) {
    match thousandths(number) {
        Some(number) => few(number, out),
        None => printed(format_args!("{number:?}"), out),
    }
}

/// The number in thousandths, if that is all there is to it: durations in milliseconds are told to the microsecond.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the way back tells")]
fn thousandths(number: f64) -> Option<i64> {
    let nearest = (number * 1_000.0 + 0.5_f64.copysign(number)) as i64;
    let exact = nearest.unsigned_abs() < 1_000_000_000_000_000
        && (nearest as f64 / 1_000.0).to_bits() == number.to_bits();
    exact.then_some(nearest)
}

fn few(thousandths: i64, out: &mut Vec<u8>) {
    if thousandths < 0 {
        out.push(b'-');
    }
    let number = thousandths.unsigned_abs();
    whole(number / 1_000, out);
    let ([_, first], [second, third]) = (pair(number / 100), pair(number));
    let len = match (second, third) {
        (b'0', b'0') => 2,
        (_, b'0') => 3,
        _ => 4,
    };
    out.extend_from_slice(&[b'.', first, second, third][..len]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written<T>(number: T, write: impl FnOnce(T, &mut Vec<u8>)) -> String {
        let mut out = b"so ".to_vec();
        write(number, &mut out);
        String::from_utf8(out).expect("digits").split_off(3)
    }

    #[test]
    fn the_longest_numbers_keep_all_their_digits() {
        assert_eq!(written(i128::MIN, printed), i128::MIN.to_string());
        for number in [0, 7, 10, 1_234_567_890, i64::MAX, i64::MIN, -1] {
            assert_eq!(written(number, signed), number.to_string());
        }
        assert_eq!(written(u64::MAX, whole), u64::MAX.to_string());
    }

    proptest! {
        #[test]
        fn every_fraction_is_written_as_the_standard_library_does(
            number in prop_oneof![any::<f64>(), (-2_000_000_i32..2_000_000).prop_map(|n| f64::from(n) / 1_000.0)],
        ) {
            prop_assert_eq!(written(number, fraction), format!("{number:?}"));
        }
    }

    #[test]
    fn the_ends_are_written_so_too() {
        for number in [0.0, -0.0, 0.001, -0.001, 0.01, 0.1, 1.0, 1e15, 1e16, 1e300, 5e-324, f64::MAX, 0.3] {
            assert_eq!(written(number, fraction), format!("{number:?}"));
        }
    }
}
