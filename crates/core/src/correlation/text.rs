use std::sync::Arc;

/// The text of an ID: bytes that [`is_allowed`] allows.
///
/// A short one stands in the value itself, filled up with [`PADDING`]; the clones of a longer one share it.
pub(super) enum Text {
    Inline { len: u8, padded: [u8; INLINE_BYTES] },
    Shared(Arc<str>),
}

/// What fits into 40 bytes beside the length; a UUID has 36.
const INLINE_BYTES: usize = 38;

/// What most IDs have.
const UUID_BYTES: usize = 36;

/// The bytes that are looked at at once.
const LANES: usize = 16;

/// Allowed in an ID, so that it can be looked at along with the text.
const PADDING: u8 = b'0';

impl Text {
    /// Takes bytes that are all allowed.
    #[inline]
    pub(super) fn checked(bytes: &[u8]) -> Option<Self> {
        match <&[u8; UUID_BYTES]>::try_from(bytes) {
            // Where the compiler knows how many bytes there are, it moves them all at once.
            Ok(uuid) => Self::short(uuid),
            Err(_) => Self::of_any_length(bytes),
        }
    }

    #[inline(never)]
    fn of_any_length(bytes: &[u8]) -> Option<Self> {
        if bytes.len() <= INLINE_BYTES { Self::short(bytes) } else { Self::shared(bytes) }
    }

    #[inline]
    fn short(bytes: &[u8]) -> Option<Self> {
        let mut padded = [PADDING; INLINE_BYTES];
        padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let len = u8::try_from(bytes.len()).ok()?;
        is_allowed_throughout(&padded).then_some(Self::Inline { len, padded })
    }

    #[cold]
    fn shared(bytes: &[u8]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok()?;
        are_allowed(bytes).then(|| Self::Shared(text.into()))
    }

    /// Apart, so that the clone of a short text is a copy of 40 bytes and no more.
    #[cold]
    #[inline(never)]
    fn share(text: &Arc<str>) -> Self {
        Self::Shared(Arc::clone(text))
    }

    /// Spells a UUID: two digits for each byte, and a dash after the 4th, 6th, 8th and 10th.
    pub(super) fn of_uuid(uuid: [u8; 16]) -> Self {
        const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
        let mut padded = [PADDING; INLINE_BYTES];
        for (place, byte) in PLACES.into_iter().zip(uuid) {
            [padded[place], padded[place + 1]] = HEX[usize::from(byte)];
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

impl Clone for Text {
    #[inline]
    fn clone(&self) -> Self {
        match self {
            Self::Inline { len, padded } => Self::Inline { len: *len, padded: *padded },
            Self::Shared(text) => Self::share(text),
        }
    }
}

/// Whether a short text and its padding are allowed.
///
/// Looks at three registers full, the last of which begins within the second: nothing is left over to look at one by
/// one.
#[inline]
fn is_allowed_throughout(padded: &[u8; INLINE_BYTES]) -> bool {
    (0..LANES).fold(true, |so_far, at| {
        let [first, second, last] = [padded[at], padded[LANES + at], padded[INLINE_BYTES - LANES + at]];
        so_far & is_allowed(first) & is_allowed(second) & is_allowed(last)
    })
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

/// Every byte as two lower-case hex digits.
static HEX: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [[0; 2]; 256];
    let mut byte = 0;
    while byte < hex.len() {
        hex[byte] = [DIGITS[byte >> 4], DIGITS[byte & 0xf]];
        byte += 1;
    }
    hex
};

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
    fn every_byte_of_a_uuid_is_spelled_in_its_place() {
        for (place, byte) in (0..16).flat_map(|place| (0..=u8::MAX).map(move |byte| (place, byte))) {
            let mut uuid = [0; 16];
            uuid[place] = byte;
            let text = Text::of_uuid(uuid);
            let digits = text.as_str().replace('-', "");
            assert_eq!(digits, format!("{:032x}", u128::from_be_bytes(uuid)));
        }
    }
}
