//! What stands where a secret stood.

use std::ops::Range;

use memchr::{memchr, memmem};

/// Stands for a whole value.
pub(crate) const HIDDEN: &str = "***REDACTED***";

const OPENING: &[u8] = b"***REDACTED";
const CLOSING: &[u8] = b"***";
const CARD: &[u8] = b"****-****-****-";
const SSN: &[u8] = b"***-**-";

/// The longest name of a kind in a mask, in bytes.
pub(crate) const MAX_KIND: usize = 32;

/// What replaces a span of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mask<'r> {
    /// `***REDACTED***`
    Hidden,
    /// `***REDACTED:jwt***`
    Kind(&'r str),
    /// `***`, behind the letters of an e-mail address that stay.
    Stars,
    /// `****-****-****-1234`
    Card([u8; 4]),
    /// `***-**-6789`
    Ssn([u8; 4]),
}

impl Mask<'_> {
    /// Stands for an input that is longer than the limit.
    pub(crate) const TOO_LONG: Self = Self::Kind("too_long");
    /// Stands for what is nested deeper than the limit.
    pub(crate) const TOO_DEEP: Self = Self::Kind("too_deep");

    pub(crate) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Hidden => out.extend_from_slice(HIDDEN.as_bytes()),
            Self::Kind(kind) => {
                for part in [OPENING, b":", kind.as_bytes(), CLOSING] {
                    out.extend_from_slice(part);
                }
            }
            Self::Stars => out.extend_from_slice(b"***"),
            Self::Card(last) => {
                out.extend_from_slice(CARD);
                out.extend_from_slice(&last);
            }
            Self::Ssn(last) => {
                out.extend_from_slice(SSN);
                out.extend_from_slice(&last);
            }
        }
    }

    /// The same as a JSON string. No mask has a character that JSON would escape.
    pub(crate) fn write_quoted(self, out: &mut Vec<u8>) {
        out.push(b'"');
        self.write(out);
        out.push(b'"');
    }
}

/// Whether a value is nothing but masks, so that it needs none.
pub(crate) fn is_mask(value: &[u8]) -> bool {
    value.first() == Some(&b'*')
        && (unmasked(value).all(|part| part.iter().all(|byte| *byte == b'*'))
            || [CARD, SSN].iter().any(|front| is_tail_of_four(value, front)))
}

/// The parts of a text between masks of whole values.
pub(crate) fn unmasked(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mask = if memchr(b'*', text).is_some() { find_mask(text) } else { None };
        rest = mask.as_ref().map(|mask| &text[mask.end..]);
        Some(&text[..mask.map_or(text.len(), |mask| mask.start)])
    })
}

/// The part of a value that is judged: what stands before the first mask, or else what stands behind a mask without a
/// kind.
///
/// More would be too much. A number in groups becomes one mask, and then stands in one value with what stood behind its
/// last blank; the next pass would hide what the first has let pass.
pub(crate) fn judged(value: &[u8]) -> &[u8] {
    let behind = value.strip_prefix(HIDDEN.as_bytes());
    let part = unmasked(behind.unwrap_or(value)).next().unwrap_or_default();
    let in_part = [CARD, SSN].iter().filter_map(|front| memmem::find(part, front));
    &part[..in_part.min().unwrap_or(part.len())]
}

/// Whether a text begins like a mask of any kind, and not like asterisks for emphasis.
pub(crate) fn begins_mask(text: &[u8]) -> bool {
    matches!(text, [b'*', b'*', b'*', b'R' | b'*' | b'-' | b'@', ..])
}

/// Whether a text ends like a mask of a whole value, and not like asterisks for emphasis.
pub(crate) fn ends_mask(text: &[u8]) -> bool {
    matches!(text, [.., last, b'*', b'*', b'*'] if last.is_ascii_alphanumeric() || *last == b'_')
}

fn is_hidden(value: &[u8]) -> bool {
    let inner = value.strip_prefix(OPENING).and_then(|rest| rest.strip_suffix(CLOSING));
    match inner {
        Some([]) => true,
        Some([b':', kind @ ..]) => is_kind(kind),
        _ => false,
    }
}

/// Where the first mask of a whole value stands in a text.
pub(crate) fn find_mask(text: &[u8]) -> Option<Range<usize>> {
    memmem::find_iter(text, OPENING).find_map(|start| {
        let behind = start + OPENING.len();
        let end =
            behind + memmem::find(&text[behind..text.len().min(behind + 1 + MAX_KIND + 3)], CLOSING)? + 3;
        is_hidden(&text[start..end]).then_some(start..end)
    })
}

/// Whether a name may stand in a mask: 1 to 32 lower-case letters, digits and `_`.
pub(crate) fn is_kind(kind: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
    (1..=MAX_KIND).contains(&kind.len()) && kind.iter().all(fits)
}

fn is_tail_of_four(value: &[u8], front: &[u8]) -> bool {
    value.strip_prefix(front).is_some_and(|tail| tail.len() == 4 && tail.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(mask: Mask<'_>) -> String {
        let mut out = Vec::new();
        mask.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_mask_of_a_whole_value_is_known_again() {
        for mask in [
            Mask::Hidden,
            Mask::Kind("jwt"),
            Mask::Kind("private_key"),
            Mask::Card(*b"1234"),
            Mask::Ssn(*b"6789"),
            Mask::Stars,
        ] {
            assert!(is_mask(written(mask).as_bytes()), "{mask:?}");
        }
    }

    #[test]
    fn masks_side_by_side_are_nothing_but_masks() {
        assert!(is_mask(b"***REDACTED******REDACTED:jwt***"));
        assert!(!is_mask(b"***REDACTED***x***REDACTED***"));
    }

    #[test]
    fn what_stands_beside_a_mask_is_judged() {
        for (value, part) in [
            ("abc", "abc"),
            ("abc***REDACTED***def", "abc"),
            ("***REDACTED***def", "def"),
            ("***REDACTED***def***REDACTED***ghi", "def"),
            ("***REDACTED:phone***def", ""),
            ("abc****-****-****-1111def", "abc"),
            ("***-**-9999def", ""),
        ] {
            assert_eq!(judged(value.as_bytes()), part.as_bytes(), "{value}");
        }
    }

    #[test]
    fn what_only_begins_like_a_mask_is_none() {
        for value in [
            "***REDACTED***x",
            "***REDACTED:***",
            "***REDACTED:a secret***",
            "***hunter2",
            "****-****-****-12345",
            "***-**-678",
        ] {
            assert!(!is_mask(value.as_bytes()), "{value}");
        }
    }
}
