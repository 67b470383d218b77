use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of one flow of work, the same in every service and log line that it touches.
///
/// 1 to 128 bytes; the first is an ASCII letter or digit, the rest are letters, digits, `-`, `_`, `.` or `:`. So an
/// ID cannot break a log line, a header or a file name, whoever chose it. Cloning is one reference count.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CorrelationId(Arc<str>);

impl CorrelationId {
    /// The longest ID, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Checks an offered ID.
    pub fn new(offered: &str) -> Result<Self, InvalidCorrelationId> {
        InvalidCorrelationId::check(offered.as_bytes())?;
        Ok(Self(offered.into()))
    }

    /// The ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CorrelationId {
    type Err = InvalidCorrelationId;

    fn from_str(offered: &str) -> Result<Self, Self::Err> {
        Self::new(offered)
    }
}

impl AsRef<str> for CorrelationId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CorrelationId({})", self.0)
    }
}

/// Why an offered correlation ID was not taken. Never holds the offered text, which may be hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidCorrelationId {
    /// It has no bytes.
    Empty,
    /// It is longer than [`CorrelationId::MAX_BYTES`].
    TooLong,
    /// Its first byte is not an ASCII letter or digit.
    FirstByte,
    /// A later byte is not an ASCII letter, digit, `-`, `_`, `.` or `:`.
    Charset,
}

impl InvalidCorrelationId {
    /// The reason as one word for logs and metrics.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::FirstByte => "first_char",
            Self::Charset => "charset",
        }
    }

    fn check(offered: &[u8]) -> Result<(), Self> {
        let (first, rest) = offered.split_first().ok_or(Self::Empty)?;
        if offered.len() > CorrelationId::MAX_BYTES {
            return Err(Self::TooLong);
        }
        if !first.is_ascii_alphanumeric() {
            return Err(Self::FirstByte);
        }
        // Looks at every byte and never leaves early, so that the compiler can look at many at once.
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
        let all_allowed = rest.iter().fold(true, |so_far, byte| so_far & allowed(byte));
        if all_allowed { Ok(()) } else { Err(Self::Charset) }
    }
}

impl fmt::Display for InvalidCorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "correlation ID is empty, allowed: 1 to 128 bytes",
            Self::TooLong => "correlation ID is too long, allowed: 1 to 128 bytes",
            Self::FirstByte => "correlation ID must start with an ASCII letter or digit",
            Self::Charset => "correlation ID may hold only ASCII letters, digits, `-`, `_`, `.` and `:`",
        })
    }
}

impl std::error::Error for InvalidCorrelationId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_that_cannot_break_a_line_is_taken() {
        let longest = "a".repeat(128);
        for good in ["a", "7", "DEPLOY-123", "a:b.c_d-e", longest.as_str()] {
            assert_eq!(CorrelationId::new(good).map(|id| id.to_string()), Ok(good.to_owned()));
        }
        let too_long = "a".repeat(129);
        let table = [
            ("", InvalidCorrelationId::Empty),
            (too_long.as_str(), InvalidCorrelationId::TooLong),
            ("-a", InvalidCorrelationId::FirstByte),
            (" a", InvalidCorrelationId::FirstByte),
            ("é", InvalidCorrelationId::FirstByte),
            ("a b", InvalidCorrelationId::Charset),
            ("a\nlevel=ERROR", InvalidCorrelationId::Charset),
            ("a\u{202e}b", InvalidCorrelationId::Charset),
            ("a\"b", InvalidCorrelationId::Charset),
            ("a\0", InvalidCorrelationId::Charset),
            ("a%0a", InvalidCorrelationId::Charset),
        ];
        for (bad, reason) in table {
            assert_eq!(CorrelationId::new(bad), Err(reason), "{bad:?}");
        }
    }

    #[test]
    fn the_complaint_does_not_repeat_the_offered_text() {
        let complaint = CorrelationId::new("<script>").map_err(|why| why.to_string());
        assert!(complaint.is_err_and(|text| !text.contains("script")));
    }
}
