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
pub struct KeyHasher(SipHasher13);

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
        let mut hasher = KeyHasher(SipHasher13::new_with_key(&self.0));
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
        self.0.write_u64(bytes.len() as u64);
        self.0.write(bytes);
    }

    /// The key that the parts make.
    #[inline]
    pub fn finish(self) -> KeyHash {
        KeyHash(self.0.finish128().as_u128())
    }
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
