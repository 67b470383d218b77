use std::borrow::Cow;

use memchr::memmem;

use crate::detect::armour::begins_private_key;
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
            self.in_key = memmem::find(line, b"-----END ").is_none() && is_of_a_key(line);
            if self.in_key || memmem::find(line, b"-----END ").is_some() {
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

/// Whether a line begins a private key that it does not end.
fn opens_key(line: &[u8]) -> bool {
    let Some(begin) = memmem::rfind(line, b"-----BEGIN ") else { return false };
    let label = &line[begin + b"-----BEGIN ".len()..];
    begins_private_key(label).is_some_and(|body| memmem::find(&label[body..], b"-----END ").is_none())
}

/// Whether a line may stand inside a key: base64, or a header of old (RFC 1421). If not, the key was cut off.
fn is_of_a_key(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let base64 = line.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
    let header = [&b"Proc-Type:"[..], b"DEK-Info:", b"Comment:", b"Version:"]
        .iter()
        .any(|front| line.starts_with(front));
    base64 || header
}
