use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use buttress_core::{Checks, ConfigError};
use sha2::{Digest, Sha256};
use siphasher::sip128::{Hasher128, SipHasher13};

/// The secret under which keys are hashed, so that no stranger can choose which keys meet in a table.
///
/// Debug output shows nothing of it.
#[derive(Clone)]
pub struct HashKey([u8; 16]);

/// A key of a policy, hashed: what tables and servers see instead of an address or an API key.
///
/// Two different keys get the same hash with a probability of 2^-128. Debug output shows the first four hexadecimal
/// digits, enough to tell lines of a log apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(u128);

/// Takes the parts of a key, one by one; made by [`HashKey::scope`].
#[derive(Clone)]
pub struct KeyHasher {
    state: SipHasher13,
    /// An address that is not in the state yet.
    held: Option<[u8; ADDRESS]>,
}

/// What the hash takes at a time, in bytes.
const WORD: usize = 8;

/// An address and the byte that tells it from other parts.
const ADDRESS: usize = 2 * WORD + 1;

impl HashKey {
    /// The shortest secret that [`from_secret`](Self::from_secret) takes, in bytes.
    pub const SHORTEST_SECRET: usize = 16;

    /// A secret that no other process has: the choice for limits that one process keeps for itself.
    pub fn random() -> Self {
        // The system's randomness as the standard library hands it out: seeds for its maps, behind the same function.
        let state = RandomState::new();
        Self::from_halves(state.hash_one(0_u8), state.hash_one(1_u8))
    }

    /// The secret that every process derives from the same bytes, so that all of them mean the same key on a server.
    ///
    /// The bytes should come from a generator, not from a person: 32 random bytes in hexadecimal are right.
    ///
    /// # Errors
    ///
    /// If there are fewer than [`SHORTEST_SECRET`](Self::SHORTEST_SECRET) bytes.
    pub fn from_secret(secret: &[u8]) -> Result<Self, ConfigError> {
        let mut checks = Checks::of("rate limit");
        let length = format_args!("{} bytes", secret.len());
        checks.require(secret.len() >= Self::SHORTEST_SECRET, "hash_secret", length, "16 bytes or more");
        checks.finish()?;
        let digest = Sha256::new_with_prefix("buttress rate limit keys\0").chain_update(secret).finalize();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Ok(Self(key))
    }

    /// A hasher for the keys of one policy; the same key under another policy gets another hash.
    pub fn scope(&self, policy: &str) -> KeyHasher {
        let mut hasher = KeyHasher { state: SipHasher13::new_with_key(&self.0), held: None };
        hasher.part(policy.as_bytes());
        hasher
    }

    fn from_halves(low: u64, high: u64) -> Self {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&low.to_le_bytes());
        key[8..].copy_from_slice(&high.to_le_bytes());
        Self(key)
    }
}

impl KeyHasher {
    /// Adds a part. Each is told from the next: the parts `a`, `bc` are another key than `ab`, `c`.
    #[inline]
    pub fn part(&mut self, bytes: &[u8]) {
        if self.held.is_some() {
            self.write_held();
        }
        self.state.write_u64(bytes.len() as u64);
        self.state.write(bytes);
        // Up to a whole word, so that the next part begins with one: it would be shifted into place otherwise.
        let beyond = bytes.len() % WORD;
        if beyond > 0 {
            self.state.write(&[0; WORD][beyond..]);
        }
    }

    /// Adds an address, whose length need not be told: one byte more than two words is the length of no other part.
    ///
    /// Held back, because it is nearly always all there is to a key, and then hashed in one go.
    #[cfg(feature = "http")]
    #[inline]
    pub(crate) fn address(&mut self, address: [u8; 16]) {
        if self.held.is_some() {
            self.write_held();
        }
        self.held = Some(with_mark(address));
    }

    #[cold]
    #[inline(never)]
    fn write_held(&mut self) {
        if let Some(held) = self.held.take() {
            self.state.write(&held);
        }
    }

    /// The key that the parts make.
    #[inline]
    pub fn finish(self) -> KeyHash {
        let hash = match self.held {
            Some(held) => self.state.hash(&held),
            None => self.state.finish128(),
        };
        KeyHash(hash.as_u128())
    }
}

#[cfg(feature = "http")]
#[inline]
fn with_mark(address: [u8; 16]) -> [u8; ADDRESS] {
    let mut marked = [1; ADDRESS];
    marked[..16].copy_from_slice(&address);
    marked
}

impl KeyHash {
    /// The whole hash, for stores of one's own.
    #[inline]
    pub const fn to_bits(self) -> u128 {
        self.0
    }

    /// The key with that hash, for stores and tests of one's own.
    #[inline]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashKey").finish_non_exhaustive()
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({:04x}..)", self.0 >> 112)
    }
}

impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyHasher").finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "http"))]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const ONE: [u8; 16] = [1; 16];

    fn hash(write: impl FnOnce(&mut KeyHasher)) -> KeyHash {
        let mut hasher = HashKey([7; 16]).scope("p");
        write(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn an_address_is_told_from_other_addresses_from_what_comes_with_it_and_from_any_part() {
        let keys = [
            hash(|_| ()),
            hash(|hasher| hasher.address(ONE)),
            hash(|hasher| hasher.address([2; 16])),
            hash(|hasher| hasher.part(&ONE)),
            hash(|hasher| [ONE, ONE].into_iter().for_each(|address| hasher.address(address))),
            hash(|hasher| [ONE, [2; 16]].into_iter().for_each(|address| hasher.address(address))),
            hash(|hasher| [[2; 16], ONE].into_iter().for_each(|address| hasher.address(address))),
            hash(|hasher| {
                hasher.address(ONE);
                hasher.part(b"a");
            }),
            hash(|hasher| {
                hasher.part(b"a");
                hasher.address(ONE);
            }),
        ];
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    }

    /// A length and eight bytes look like an address that begins with that length.
    #[test]
    fn no_part_can_be_chosen_that_is_taken_for_an_address() {
        for length in 1..=8_u8 {
            let mut address = [0; 16];
            address[0] = length;
            address[8..8 + usize::from(length)].fill(b'a');
            let part = vec![b'a'; length.into()];
            assert_ne!(hash(|hasher| hasher.address(address)), hash(|hasher| hasher.part(&part)), "{length}");
        }
    }

    #[test]
    fn an_address_that_is_held_back_is_hashed_as_if_it_were_not() {
        let at_once = hash(|hasher| {
            hasher.address(ONE);
            hasher.write_held();
        });
        assert_eq!(hash(|hasher| hasher.address(ONE)), at_once);
    }
}
