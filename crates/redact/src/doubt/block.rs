//! What 64 bytes of a text are, as a bit for each.

use wide::u8x16;

/// How many bytes are looked at together.
pub(crate) const LEN: usize = 64;

/// What the bytes of a block are, the first byte in the lowest bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bits {
    /// Bytes that have to be looked at: signs of assignment, letters with which a telling word or a token begins, and
    /// what is rare and leaves a doubt by itself.
    pub(super) spots: u64,
    pub(super) digits: u64,
    /// Whether there is a byte that is not ASCII.
    pub(super) foreign: bool,
}

impl Bits {
    /// What the bytes of a block are; `first` is a letter in lower case, or zero.
    #[inline]
    pub(super) fn of(block: &[u8; LEN], first: u8) -> Self {
        let (mut spots, mut digits, mut all) = (0, 0, u8x16::splat(0));
        for (at, bytes) in vectors(block) {
            let is = |byte| bytes.simd_eq(u8x16::splat(byte));
            let first = (bytes | u8x16::splat(0x20)).simd_eq(u8x16::splat(first));
            // Behind the digits stand `:`, `;`, `<` and `=`.
            let digit = bytes - u8x16::splat(b'0');
            let up_to = |most| digit.min(u8x16::splat(most)).simd_eq(digit);
            let spot = up_to(b'=' - b'0') | is(b'@') | is(b'\\') | is(b'%') | is(b'K') | first;
            spots |= u64::from(spot.to_bitmask()) << at;
            digits |= u64::from(up_to(9).to_bitmask()) << at;
            all |= bytes;
        }
        Self { spots: spots & !digits, digits, foreign: all.to_bitmask() != 0 }
    }

    /// The fourth digit of each run of four or more, where some may stand at the end of the block before.
    #[inline]
    pub(super) fn fourth_digits(self, digits_before: u64) -> u64 {
        let back = |bytes: u32| self.digits << bytes | digits_before >> (64 - bytes);
        self.digits & back(1) & back(2) & back(3) & !back(4)
    }
}

/// A bit for each byte of a block that is one of two.
#[inline]
pub(crate) fn bits_of(block: &[u8; LEN], one: u8, other: u8) -> u64 {
    vectors(block).fold(0, |bits, (at, bytes)| {
        let fits = bytes.simd_eq(u8x16::splat(one)) | bytes.simd_eq(u8x16::splat(other));
        bits | u64::from(fits.to_bitmask()) << at
    })
}

/// Sixteen bytes at a time, and where they stand.
#[inline]
fn vectors(block: &[u8; LEN]) -> impl Iterator<Item = (usize, u8x16)> {
    block.as_chunks().0.iter().enumerate().map(|(number, bytes)| (16 * number, u8x16::new(*bytes)))
}

/// The last bytes of a text, with zeros behind them.
pub(crate) fn padded(rest: &[u8]) -> [u8; LEN] {
    let mut block = [0; LEN];
    block[..rest.len()].copy_from_slice(rest);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(block: &[u8; LEN], fits: impl Fn(u8) -> bool) -> u64 {
        block.iter().enumerate().fold(0, |bits, (place, byte)| bits | u64::from(fits(*byte)) << place)
    }

    #[test]
    fn every_byte_is_known_in_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..LEN {
                for around in [b'a', b'"', b'0', b':', 0, 0xff] {
                    let mut block = [around; LEN];
                    block[place] = byte;
                    let bits = Bits {
                        spots: naive(&block, |byte| b":;<=@\\%KpP".contains(&byte)),
                        digits: naive(&block, |byte| byte.is_ascii_digit()),
                        foreign: !block.is_ascii(),
                    };
                    assert_eq!(Bits::of(&block, b'p'), bits, "{byte:#x} at {place}");
                    let stops = naive(&block, |byte| matches!(byte, b'"' | b'\\'));
                    assert_eq!(bits_of(&block, b'"', b'\\'), stops, "{byte:#x} at {place}");
                }
            }
        }
    }

    #[test]
    fn the_fourth_of_some_digits_is_seen_over_the_edge_of_a_block() {
        for (before, now, fourth) in [
            (0, 0b1111, 0b1000),
            (0, 0b1_1111, 0b1000),
            (0, 0b111, 0),
            (1 << 63, 0b111, 0b100),
            (0b111 << 61, 0b1, 0b1),
            (0b111 << 60, 0b1, 0),
            (0b111 << 61, 0b11, 0b1),
            (0b1111 << 60, 0b11, 0),
        ] {
            let bits = Bits { spots: 0, digits: now, foreign: false };
            assert_eq!(bits.fourth_digits(before), fourth, "{before:#b} {now:#b}");
        }
    }
}
