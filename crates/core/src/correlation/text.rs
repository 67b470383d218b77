use std::sync::Arc;

/// The text of an ID: bytes that [`is_allowed`] allows.
///
/// A short one stands in the value itself, filled up with [`PADDING`]; the clones of a longer one share it.
#[derive(Clone)]
pub(super) enum Text {
    Inline { len: u8, padded: [u8; INLINE_BYTES] },
    Shared(Arc<str>),
}

/// What fits into 40 bytes beside the length; a UUID has 36.
const INLINE_BYTES: usize = 38;

/// What is looked at of a short text and its padding: three registers full, without a rest to look at one by one.
const CHECKED_BYTES: usize = 48;

/// Allowed in an ID, so that it can be looked at along with the text.
const PADDING: u8 = b'0';

impl Text {
    /// Takes bytes that are all allowed.
    #[inline]
    pub(super) fn checked(bytes: &[u8]) -> Option<Self> {
        let mut padded = [PADDING; CHECKED_BYTES];
        let Some(room) = padded[..INLINE_BYTES].get_mut(..bytes.len()) else {
            return Self::shared(bytes);
        };
        room.copy_from_slice(bytes);
        let (len, inline) = (u8::try_from(bytes.len()).ok()?, padded.first_chunk()?);
        are_allowed(&padded).then_some(Self::Inline { len, padded: *inline })
    }

    #[cold]
    fn shared(bytes: &[u8]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok()?;
        are_allowed(bytes).then(|| Self::Shared(text.into()))
    }

    /// Spells a UUID: 32 digits, and a dash after the 8th, 12th, 16th and 20th.
    pub(super) fn of_uuid(uuid: [u8; 16]) -> Self {
        let digits = hex(uuid);
        let mut padded = [PADDING; INLINE_BYTES];
        for (place, group) in [(0, 0..8), (9, 8..12), (14, 12..16), (19, 16..20), (24, 20..32)] {
            padded[place..][..group.len()].copy_from_slice(&digits[group]);
        }
        for place in [8, 13, 18, 23] {
            padded[place] = b'-';
        }
        Self::Inline { len: 36, padded }
    }

    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline { len, padded } => &padded[..usize::from(*len)],
            Self::Shared(text) => text.as_bytes(),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            // It is ASCII, so this does not fail; but only `unsafe` could do without asking.
            Self::Inline { .. } => str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Self::Shared(text) => text,
        }
    }
}

/// Looks at every byte and never leaves early, so that the compiler can look at many at once.
#[inline]
fn are_allowed(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |so_far, byte| so_far & is_allowed(*byte))
}

/// A letter, a digit, `-`, `_`, `.` or `:`. From `-` to `:` the bytes are `-./0123456789:`.
#[inline]
fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || (matches!(byte, b'-'..=b':') && byte != b'/') || byte == b'_'
}

/// Each byte as two lower-case hex digits.
#[inline]
fn hex(bytes: [u8; 16]) -> [u8; 32] {
    let mut digits = [0; 32];
    let (fours, eights) = (bytes.as_chunks().0, digits.as_chunks_mut().0);
    for (eight, four) in eights.iter_mut().zip(fours) {
        *eight = hex_of_four(*four);
    }
    digits
}

/// Works out eight digits at once, each in its own byte of one number; the first is the lowest.
#[inline]
fn hex_of_four(bytes: [u8; 4]) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let bytes = u64::from(u32::from_le_bytes(bytes));
    let bytes = (bytes | bytes << 16) & 0x0000_ffff_0000_ffff;
    let bytes = (bytes | bytes << 8) & 0x00ff_00ff_00ff_00ff;
    let halves = (bytes >> 4 | bytes << 8) & (EACH * 0x0f);
    let letters = ((halves + EACH * 6) >> 4) & EACH; // 1 in each byte that is above 9
    (halves + EACH * u64::from(b'0') + letters * u64::from(b'a' - b'0' - 10)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Around the ends of registers, of the inline text, and of all that an ID may have.
    const LENGTHS: [usize; 14] = [1, 2, 15, 16, 17, 31, 32, 33, 36, 37, 38, 39, 48, 128];

    #[test]
    fn text_of_any_length_is_kept_as_it_is() {
        for len in LENGTHS {
            let text: String = ('a'..='z').cycle().take(len).collect();
            let kept = Text::checked(text.as_bytes()).expect("letters");
            assert_eq!((kept.as_str(), kept.as_bytes()), (text.as_str(), text.as_bytes()));
            assert_eq!(matches!(kept, Text::Inline { .. }), len <= 38, "{len}");
        }
    }

    #[test]
    fn a_byte_that_is_not_allowed_is_found_wherever_it_stands() {
        for len in LENGTHS {
            for (place, byte) in (0..len).flat_map(|place| (0..=u8::MAX).map(move |byte| (place, byte))) {
                let mut bytes = vec![b'x'; len];
                bytes[place] = byte;
                let naive =
                    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:".contains(&byte);
                assert_eq!(Text::checked(&bytes).is_some(), naive, "{byte:#x} at {place} of {len}");
            }
        }
    }

    #[test]
    fn hex_agrees_with_the_standard_library() {
        let mut number = 1_u128;
        for _ in 0..1000 {
            number = number.wrapping_mul(0x0da9_42e4_2f5d_3c8b_9d7b_4c55_8a10_2f3b).rotate_left(17);
            assert_eq!(hex(number.to_be_bytes()).as_slice(), format!("{number:032x}").as_bytes());
        }
    }
}
