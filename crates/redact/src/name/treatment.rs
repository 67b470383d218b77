use crate::detect::{card, ssn};
use crate::mask::{Mask, is_mask, judged};

/// What a name says about its value. If it says two things, the first of them here is what counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Treatment {
    /// A secret, whatever it looks like.
    Hide,
    /// An `Authorization` field: in a header line its scheme stays.
    Credentials,
    /// A `Cookie` field.
    Cookie,
    /// A secret of a few digits.
    Code,
    /// A social security number, with or without its dashes.
    Ssn,
    /// A card number.
    Card,
    /// Several secrets, or how many there are: numbers stay.
    Plural,
    /// A password, or the directory one is in.
    Directory,
    /// A secret if it is long and has a digit; otherwise a word such as `started`.
    Weak,
    /// The same for the parameters of a URL, where words are longer.
    Long,
    /// A card number, or something else of that name, which stays.
    MaybeCard,
}

const WEAK_LEN: usize = 12;
const LONG_LEN: usize = 16;

impl Treatment {
    /// What to write instead of a text, unless it may stay.
    pub(crate) fn of_text(self, value: &[u8]) -> Option<Mask<'static>> {
        if value.is_empty() || is_mask(value) {
            return None;
        }
        match self {
            Self::Hide | Self::Code | Self::Credentials | Self::Cookie => Some(Mask::Hidden),
            Self::Plural => hidden_unless(value.iter().all(u8::is_ascii_digit)),
            Self::Weak => hidden_unless(!is_long(value, WEAK_LEN)),
            Self::Long => hidden_unless(!is_long(value, LONG_LEN)),
            Self::Directory => hidden_unless(is_directory(value)),
            Self::Ssn => Some(ssn::alone(value).map_or(Mask::Hidden, Mask::Ssn)),
            Self::Card => Some(card::alone(value).map_or(Mask::Hidden, Mask::Card)),
            Self::MaybeCard => card::alone(value).map(Mask::Card),
        }
    }

    /// What to write instead of a number, unless it may stay.
    pub(crate) fn of_number(self, digits: &[u8]) -> Option<Mask<'static>> {
        if self == Self::Plural { None } else { self.of_text(digits) }
    }

    /// Whether a whole list or map of the name is hidden, and not only what inside it has a telling name itself.
    pub(crate) fn hides_containers(self) -> bool {
        !matches!(self, Self::Weak | Self::Long | Self::MaybeCard | Self::Directory)
    }
}

fn hidden_unless(harmless: bool) -> Option<Mask<'static>> {
    (!harmless).then_some(Mask::Hidden)
}

/// Whether a value is long and has a digit, and not by the masks in it.
fn is_long(value: &[u8], len: usize) -> bool {
    value.len() >= len && {
        let value = judged(value);
        value.iter().filter(|byte| **byte != b'*').count() >= len && has_digit(value)
    }
}

/// Whether there is a digit among the first bytes, of which there are enough to tell.
pub(crate) fn has_digit(value: &[u8]) -> bool {
    value.iter().take(256).any(u8::is_ascii_digit)
}

fn is_directory(value: &[u8]) -> bool {
    matches!(value, [b'/' | b'~' | b'.', ..] | [_, b':', b'\\' | b'/', ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_treatment_hides_what_it_is_for_and_nothing_else() {
        use Treatment::{Card, Code, Directory, Hide, Long, MaybeCard, Plural, Ssn, Weak};
        let hidden = Some(Mask::Hidden);
        for (treatment, value, mask) in [
            (Hide, "x", hidden),
            (Hide, "", None),
            (Hide, "***REDACTED***", None),
            (Code, "123", hidden),
            (Plural, "a,b", hidden),
            (Plural, "4096", None),
            (Weak, "started", None),
            (Weak, "sess-12345678", hidden),
            (Weak, "abcdefghijklmnop", None),
            (Long, "sess-12345678", None),
            (Long, "sess-12345678901", hidden),
            (Directory, "/home/ann", None),
            (Directory, "C:\\Users\\ann", None),
            (Directory, "hunter2", hidden),
            (Ssn, "219099999", Some(Mask::Ssn(*b"9999"))),
            (Ssn, "unknown", hidden),
            (Card, "4111 1111 1111 1111", Some(Mask::Card(*b"1111"))),
            (Card, "4111 1111 1111 1112", hidden),
            (MaybeCard, "4111111111111111", Some(Mask::Card(*b"1111"))),
            (MaybeCard, "30", None),
        ] {
            assert_eq!(treatment.of_text(value.as_bytes()), mask, "{treatment:?} {value}");
        }
    }
}
