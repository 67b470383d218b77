use std::borrow::Cow;

use crate::detect::armour::{ends_key, is_of_a_key, opens_key};
use crate::mask::Mask;
use crate::redactor::Redactor;

/// Redacts lines one after another, as text, and remembers whether one is inside a private key.
///
/// A line in is a line out.
///
/// ```
/// use buttress_redact::Redactor;
///
/// let mut lines = Redactor::default().lines();
/// assert_eq!(*lines.line(b"-----BEGIN PRIVATE KEY-----"), *b"***REDACTED:private_key***");
/// assert_eq!(*lines.line(b"made+up"), *b"***REDACTED:private_key***");
/// assert_eq!(*lines.line(b"-----END PRIVATE KEY-----"), *b"***REDACTED:private_key***");
/// assert_eq!(*lines.line(b"made+up"), *b"made+up");
/// ```
#[derive(Clone, Debug)]
pub struct Lines {
    redactor: Redactor,
    in_key: bool,
}

impl Lines {
    pub(crate) fn new(redactor: Redactor) -> Self {
        Self { redactor, in_key: false }
    }

    /// Redacts the next line, given without its end.
    pub fn line<'a>(&mut self, line: &'a [u8]) -> Cow<'a, [u8]> {
        if self.in_key {
            self.in_key = !ends_key(line) && is_of_a_key(line);
            if self.in_key || ends_key(line) {
                return Cow::Owned(mask());
            }
        }
        self.in_key = opens_key(line);
        self.redactor.bytes(line)
    }
}

fn mask() -> Vec<u8> {
    let mut out = Vec::new();
    Mask::Kind("private_key").write(&mut out);
    out
}
