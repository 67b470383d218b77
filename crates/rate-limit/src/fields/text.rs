use std::time::Duration;

use arrayvec::ArrayVec;
use http::HeaderValue;

use crate::MAX_POLICIES;

/// The longest member of a list: a name of 64 characters in quotes, and three parameters of 15 digits.
const LONGEST_MEMBER: usize = 66 + 3 * 18 + ";buttress-burst=".len() + 2;

/// A list as it is written, on the stack.
pub(super) struct Text(ArrayVec<u8, { LONGEST_MEMBER * MAX_POLICIES }>);

/// The largest integer of structured fields (RFC 9651, section 3.3.1).
const MOST: u64 = 999_999_999_999_999;

impl Text {
    pub(super) fn new() -> Self {
        Self(ArrayVec::new())
    }

    /// Begins a member, a string; names have no character that must be escaped.
    pub(super) fn member(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.push(b", ");
        }
        self.push(b"\"");
        self.push(name.as_bytes());
        self.push(b"\"");
    }

    /// Adds a parameter to the last member, whose name comes with its punctuation: `;q=`.
    #[inline]
    pub(super) fn parameter(&mut self, name: &'static str, value: u64) {
        self.push(name.as_bytes());
        self.number(value.min(MOST));
    }

    /// The list as the value of a field; nothing if it is empty.
    pub(super) fn value(&self) -> Option<HeaderValue> {
        if self.0.is_empty() { None } else { HeaderValue::from_bytes(&self.0).ok() }
    }

    fn number(&mut self, mut value: u64) {
        let mut digits = [0; 20];
        let mut start = digits.len();
        while value >= 10 {
            start -= 2;
            digits[start..start + 2].copy_from_slice(&PAIRS[(value % 100) as usize]);
            value /= 100;
        }
        // What is left is the first digit of an odd number of them; nothing, unless it is all there was.
        if value > 0 || start == digits.len() {
            start -= 1;
            digits[start] = digit(value);
        }
        self.push(&digits[start..]);
    }

    fn push(&mut self, bytes: &[u8]) {
        // There is room for as many members as there can be policies.
        let _ = self.0.try_extend_from_slice(bytes);
    }
}

/// The numbers below 100 in two digits.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < pairs.len() {
        pairs[number] = [digit(number as u64 / 10), digit(number as u64 % 10)];
        number += 1;
    }
    pairs
};

const fn digit(number: u64) -> u8 {
    let [lowest, ..] = number.to_le_bytes();
    b'0' + lowest
}

/// Whole seconds, rounded up, so that nobody comes back too early.
pub(super) fn whole_seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_length_are_written_in_decimal() {
        let around = |power| [power - 1, power, power + 1, 5 * power + 7];
        let powers = (0..=18).map(|exponent| 10_u64.pow(exponent));
        for number in powers.flat_map(around).chain(0..=1_100).chain([u64::MAX]) {
            let mut text = Text::new();
            text.number(number);
            assert_eq!(text.value().unwrap(), number.to_string());
        }
    }
}
