//! What 64 bytes of a text are, as a bit for each, so that a string is read in a few steps.

/// How many bytes are looked at together.
pub(super) const LEN: usize = 64;

/// A bit for each byte of a block, the first byte in the lowest bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits {
    /// Quotes and backslashes.
    pub(super) stops: u64,
    /// The signs `:`, `=`, `>` and `@`.
    pub(super) signs: u64,
    pub(super) digits: u64,
}

impl Bits {
    /// What the bytes of a block are.
    #[inline]
    pub(super) fn of(block: &[u8; LEN]) -> Self {
        Self {
            stops: bits(block, |byte| matches!(byte, b'"' | b'\\')),
            signs: bits(block, |byte| matches!(byte, b':' | b'=' | b'>' | b'@')),
            digits: bits(block, |byte| byte.wrapping_sub(b'0') < 10),
        }
    }

    /// The last of four digits in a row, or more, where some may stand at the end of the block before.
    pub(super) fn runs(self, digits_before: u64) -> u64 {
        let back = |bytes: u32| self.digits << bytes | digits_before >> (64 - bytes);
        self.digits & back(1) & back(2) & back(3)
    }
}

/// A bit for each byte that fits. The compiler makes vector instructions of the first loop.
#[inline]
fn bits(block: &[u8; LEN], fits: impl Fn(u8) -> bool) -> u64 {
    let mut ones = [0; LEN];
    for (one, byte) in ones.iter_mut().zip(block) {
        *one = u8::from(fits(*byte));
    }
    let words = ones.as_chunks().0.iter().rev();
    words.fold(0, |bits, eight| bits << 8 | gathered(u64::from_le_bytes(*eight)))
}

/// The lowest bits of eight bytes, side by side.
fn gathered(ones: u64) -> u64 {
    ones.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(block: &[u8; LEN]) -> Bits {
        let bits = |fits: fn(u8) -> bool| {
            block.iter().enumerate().fold(0, |bits, (place, byte)| bits | u64::from(fits(*byte)) << place)
        };
        Bits {
            stops: bits(|byte| matches!(byte, b'"' | b'\\')),
            signs: bits(|byte| matches!(byte, b':' | b'=' | b'>' | b'@')),
            digits: bits(|byte| byte.is_ascii_digit()),
        }
    }

    #[test]
    fn every_byte_is_known_in_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..LEN {
                for around in [b'a', b'"', b'0', b':', 0, 0xff] {
                    let mut block = [around; LEN];
                    block[place] = byte;
                    assert_eq!(Bits::of(&block), naive(&block), "{byte:#x} at {place}");
                }
            }
        }
    }

    #[test]
    fn four_digits_in_a_row_are_seen_over_the_edge_of_a_block() {
        for (before, now, runs) in [
            (0, 0b1111, 0b1000),
            (0, 0b111, 0),
            (1 << 63, 0b111, 0b100),
            (0b111 << 61, 0b1, 0b1),
            (0b111 << 60, 0b1, 0),
            (0b111 << 61, 0b11, 0b11),
        ] {
            let bits = Bits { digits: now, ..Bits::default() };
            assert_eq!(bits.runs(before), runs, "{before:#b} {now:#b}");
        }
    }
}
