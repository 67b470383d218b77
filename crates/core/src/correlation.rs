use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use self::text::Text;

mod text;

/// The name of one flow of work, the same in every service and log line that it touches.
///
/// 1 to 128 bytes; the first is an ASCII letter or digit, the rest are letters, digits, `-`, `_`, `.` or `:`. So an
/// ID cannot break a log line, a header or a file name, whoever chose it. One of up to 38 bytes, such as a UUID,
/// holds its text itself and allocates nothing; the clones of a longer one share it.
#[derive(Clone)]
pub struct CorrelationId(Text);

impl CorrelationId {
    /// The longest ID, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Checks an offered ID.
    pub fn new(offered: &str) -> Result<Self, InvalidCorrelationId> {
        Self::from_bytes(offered.as_bytes())
    }

    /// Checks an ID that was offered as bytes, as headers and messages offer theirs.
    #[inline]
    pub fn from_bytes(offered: &[u8]) -> Result<Self, InvalidCorrelationId> {
        let first = offered.first().ok_or(InvalidCorrelationId::Empty)?;
        if offered.len() > Self::MAX_BYTES {
            return Err(InvalidCorrelationId::TooLong);
        }
        if !first.is_ascii_alphanumeric() {
            return Err(InvalidCorrelationId::FirstByte);
        }
        Text::checked(offered).map(Self).ok_or(InvalidCorrelationId::Charset)
    }

    /// The ID that spells the 16 bytes of a UUID, in lower case and with dashes.
    pub fn from_uuid(uuid: [u8; 16]) -> Self {
        Self(Text::of_uuid(uuid))
    }

    /// The ID as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The bytes of the text, which are all ASCII.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl PartialEq for CorrelationId {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for CorrelationId {}

impl PartialOrd for CorrelationId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CorrelationId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for CorrelationId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
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
        self.as_str()
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CorrelationId({self})")
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
    use std::collections::HashSet;

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
    fn bytes_that_are_no_text_are_no_id() {
        let table: [(&[u8], _); 4] = [
            (b"\xff", InvalidCorrelationId::FirstByte),
            (b"a\xff", InvalidCorrelationId::Charset),
            (&[b'a', 0xff].repeat(64), InvalidCorrelationId::Charset),
            (&[0xff; 4096], InvalidCorrelationId::TooLong),
        ];
        for (bad, reason) in table {
            assert_eq!(CorrelationId::from_bytes(bad), Err(reason), "{bad:?}");
        }
    }

    #[test]
    fn a_uuid_is_spelled_as_rfc_9562_spells_it() {
        let table = [
            (0xf81d_4fae_7dec_11d0_a765_00a0_c91e_6bf6_u128, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
            (0, "00000000-0000-0000-0000-000000000000"),
            (u128::MAX, "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        ];
        for (uuid, text) in table {
            let id = CorrelationId::from_uuid(uuid.to_be_bytes());
            assert_eq!((id.as_str(), CorrelationId::new(text)), (text, Ok(id.clone())));
        }
    }

    #[test]
    fn ids_are_equal_and_sorted_by_their_text_whether_short_or_long() {
        let texts = ["b", "a", "B", "0", "a-", &"a".repeat(38), &"a".repeat(39), &"b".repeat(128), "a0"];
        let ids = || texts.iter().map(|text| CorrelationId::new(text).expect("a valid ID"));
        let mut sorted: Vec<_> = ids().collect();
        sorted.sort();
        let mut sorted_texts = texts.to_vec();
        sorted_texts.sort_unstable();
        assert_eq!(sorted.iter().map(CorrelationId::as_str).collect::<Vec<_>>(), sorted_texts);

        let unique: HashSet<_> = ids().chain(ids()).collect();
        assert_eq!(unique.len(), texts.len());
        assert!(ids().all(|id| unique.contains(&id.clone())));
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn an_id_takes_forty_bytes_also_where_it_may_be_absent() {
        assert_eq!((size_of::<CorrelationId>(), size_of::<Option<CorrelationId>>()), (40, 40));
    }

    #[test]
    fn the_complaint_does_not_repeat_the_offered_text() {
        let complaint = CorrelationId::new("<script>").map_err(|why| why.to_string());
        assert!(complaint.is_err_and(|text| !text.contains("script")));
    }
}
