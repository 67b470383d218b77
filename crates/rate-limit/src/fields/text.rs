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
        loop {
            start -= 1;
            let [digit, ..] = (value % 10).to_le_bytes();
            digits[start] = b'0' + digit;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.push(&digits[start..]);
    }

    fn push(&mut self, bytes: &[u8]) {
        // There is room for as many members as there can be policies.
        let _ = self.0.try_extend_from_slice(bytes);
    }
}

/// Whole seconds, rounded up, so that nobody comes back too early.
pub(super) fn whole_seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}
