use std::hash::{BuildHasher, Hasher, RandomState};

/// A hash for what is a hash already: one multiplication with a secret number, so that whoever can choose IDs cannot
/// choose which of them meet in a map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rehash {
    mask: u64,
    factor: u64,
}

impl Default for Rehash {
    fn default() -> Self {
        // The system's randomness as the standard library hands it out: seeds for its maps, behind their function.
        let state = RandomState::new();
        Self { mask: state.hash_one(0_u8), factor: state.hash_one(1_u8) | 1 }
    }
}

impl BuildHasher for Rehash {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded { seed: *self, hash: 0 }
    }
}

#[derive(Debug)]
pub(crate) struct Folded {
    seed: Rehash,
    hash: u64,
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        let word = word ^ self.seed.mask ^ self.hash;
        let high = (u128::from(word) * u128::from(self.seed.factor)) >> 64;
        self.hash = word.wrapping_mul(self.seed.factor) ^ high as u64;
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.hash
    }
}
