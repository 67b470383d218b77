/// SipHash-1-3 with a hash of 128 bits (Aumasson and Bernstein, 2012), of messages of whole words and seven bytes.
///
/// A message that comes word by word needs no buffer for what is left over, which is most of what a general
/// implementation does when the message is as short as an address.
#[derive(Clone, Copy)]
pub(super) struct Sip {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
    words: u64,
}

impl Sip {
    pub(super) const fn keyed(low: u64, high: u64) -> Self {
        Self {
            v0: low ^ 0x736f_6d65_7073_6575,
            v1: high ^ 0x646f_7261_6e64_6f83,
            v2: low ^ 0x6c79_6765_6e65_7261,
            v3: high ^ 0x7465_6462_7974_6573,
            words: 0,
        }
    }

    #[inline]
    pub(super) const fn word(&mut self, word: u64) {
        self.mix(word);
        self.words = self.words.wrapping_add(1);
    }

    /// The hash, once the last seven bytes are there; the eighth of `tail` is not used.
    #[inline]
    pub(super) const fn finish(mut self, tail: u64) -> u128 {
        // The eighth is the length of the message in bytes, as far as a byte holds it.
        let length = self.words.wrapping_mul(8).wrapping_add(7);
        self.mix(length << 56 | tail & (u64::MAX >> 8));
        self.v2 ^= 0xee;
        let low = self.drain();
        self.v1 ^= 0xdd;
        (self.drain() as u128) << 64 | low as u128
    }

    #[inline]
    const fn mix(&mut self, word: u64) {
        self.v3 ^= word;
        self.round();
        self.v0 ^= word;
    }

    #[inline]
    const fn drain(&mut self) -> u64 {
        self.round();
        self.round();
        self.round();
        self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }

    #[inline]
    const fn round(&mut self) {
        let Self { mut v0, mut v1, mut v2, mut v3, words } = *self;
        v0 = v0.wrapping_add(v1);
        v2 = v2.wrapping_add(v3);
        v1 = v1.rotate_left(13) ^ v0;
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.rotate_left(32).wrapping_add(v3);
        v2 = v2.wrapping_add(v1);
        v1 = v1.rotate_left(17) ^ v2;
        v3 = v3.rotate_left(21) ^ v0;
        v2 = v2.rotate_left(32);
        *self = Self { v0, v1, v2, v3, words };
    }
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher;

    use proptest::prelude::*;
    use siphasher::sip128::{Hasher128, SipHasher13};

    use super::*;

    proptest! {
        /// More than 32 words, where the length no longer fits into its byte.
        #[test]
        fn it_is_the_hash_that_others_compute(
            low: u64, high: u64, words in prop::collection::vec(any::<u64>(), 0..80), tail: u64,
        ) {
            let mut key = [0; 16];
            key[..8].copy_from_slice(&low.to_le_bytes());
            key[8..].copy_from_slice(&high.to_le_bytes());
            let (mut ours, mut theirs) = (Sip::keyed(low, high), SipHasher13::new_with_key(&key));
            for word in words {
                ours.word(word);
                theirs.write(&word.to_le_bytes());
            }
            theirs.write(&tail.to_le_bytes()[..7]);
            prop_assert_eq!(ours.finish(tail), theirs.finish128().as_u128());
        }
    }
}
