use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::num::NonZeroU128;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use buttress_core::Entropy;

/// Which record: a cryptographic hash over namespace, caller and key, so that nothing a client chose reaches a store.
///
/// Debug output shows the first eight hexadecimal digits, as logs should.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordId([u8; 32]);

/// What was asked for: a cryptographic hash over everything that makes two requests the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// Who asks, as a hash, for stores that bound what one caller may fill.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(u64);

/// Who owns a record: drawn anew for each claim.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OwnerToken(NonZeroU128);

impl RecordId {
    /// The record with that hash.
    pub const fn from_bytes(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The whole hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Hash for RecordId {
    /// A part is enough: it is a hash already, and whoever wants many equal parts must find them first.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(prefix(&self.0));
    }
}

impl Hash for Fingerprint {
    /// A part is enough, as for a [`RecordId`].
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(prefix(&self.0));
    }
}

impl Fingerprint {
    /// The fingerprint with that hash.
    pub const fn from_bytes(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The whole hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Scope {
    /// The caller with that hash.
    pub const fn from_bits(hash: u64) -> Self {
        Self(hash)
    }

    /// The hash.
    pub const fn to_bits(self) -> u64 {
        self.0
    }
}

impl OwnerToken {
    /// A new owner, another one in each process even where the entropy is seeded alike.
    pub fn draw(entropy: &Entropy) -> Self {
        Self(NonZeroU128::new(unforeseen(entropy)).unwrap_or(NonZeroU128::MIN))
    }

    /// The owner with that number; `None` for 0, which stores write where nobody owns a record.
    pub const fn from_bits(bits: u128) -> Option<Self> {
        match NonZeroU128::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }

    /// The number, never 0.
    pub const fn to_bits(self) -> u128 {
        self.0.get()
    }
}

/// What nobody can foresee who sees others of its kind: draws alone follow from the moment at which a thread began.
/// One and a count go through a hash whose keys the system has drawn for this process.
pub(crate) fn unforeseen(entropy: &Entropy) -> u128 {
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let drawn = (COUNT.fetch_add(1, Ordering::Relaxed), entropy.draw());
    let [high, low] = &*KEYS;
    u128::from(high.hash_one(drawn)) << 64 | u128::from(low.hash_one(drawn))
}

fn prefix(hash: &[u8; 32]) -> u64 {
    hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", prefix(&self.0) >> 32)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordId({self}..)")
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({:08x}..)", prefix(&self.0) >> 32)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({:08x}..)", self.0 >> 32)
    }
}

impl fmt::Debug for OwnerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnerToken({:08x}..)", self.0.get() >> 96)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_differ_where_the_entropy_is_the_same() {
        let draw = || OwnerToken::draw(&Entropy::seeded(7));
        assert_ne!(draw(), draw());
        let (token, plain) = (draw().to_bits(), Entropy::seeded(7));
        let halves = [token >> 64, token & u128::from(u64::MAX)];
        let drawn = [plain.draw(), plain.draw()].map(u128::from);
        assert!(halves.iter().all(|half| !drawn.contains(half)), "no draw is handed out as it is");
    }
}
