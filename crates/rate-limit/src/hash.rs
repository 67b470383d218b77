use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
#[cfg(feature = "http")]
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// What the hash takes at a time, in bytes.
const WORD: usize = 8;

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
        // Up to a whole word, so that the next part begins with one: it would be shifted into place otherwise.
        let beyond = bytes.len() % WORD;
        if beyond > 0 {
            self.0.write(&[0; WORD][beyond..]);
        }
    }

    /// Adds an address, whose length need not be told: with its mark it does not end where a word ends, as all other
    /// parts do, and the hash takes in how many bytes there were.
    #[cfg(feature = "http")]
    #[inline]
    pub(crate) fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.0.write(&ipv4(address)),
            IpAddr::V6(address) => self.0.write(&ipv6(address)),
        }
    }

    /// The key if an address is its last part, and nearly always the only one: it is hashed in one go.
    #[cfg(feature = "http")]
    #[inline]
    pub(crate) fn finish_with_address(&self, address: IpAddr) -> KeyHash {
        match address {
            IpAddr::V4(address) => KeyHash(self.0.hash(&ipv4(address)).as_u128()),
            IpAddr::V6(address) => self.finish_with_ipv6(address),
        }
    }

    /// Apart, so that the shorter addresses have short code.
    #[cfg(feature = "http")]
    #[inline(never)]
    fn finish_with_ipv6(&self, address: Ipv6Addr) -> KeyHash {
        KeyHash(self.0.hash(&ipv6(address)).as_u128())
    }

    /// The key that the parts make.
    #[inline]
    pub fn finish(self) -> KeyHash {
        KeyHash(self.0.finish128().as_u128())
    }
}

/// An address and a byte that tells it from other parts.
#[cfg(feature = "http")]
#[inline]
fn ipv4(address: Ipv4Addr) -> [u8; 5] {
    let [a, b, c, d] = address.octets();
    [a, b, c, d, 4]
}

/// The same for the longer addresses.
#[cfg(feature = "http")]
#[inline]
fn ipv6(address: Ipv6Addr) -> [u8; 2 * WORD + 1] {
    let mut marked = [6; 2 * WORD + 1];
    marked[..2 * WORD].copy_from_slice(&address.octets());
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

    const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const TWO: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    const LONG: IpAddr = IpAddr::V6(Ipv6Addr::new(0xc000, 0x0201, 0x0404, 0, 0, 0, 0, 1));

    fn hash(write: impl FnOnce(&mut KeyHasher)) -> KeyHash {
        let mut hasher = HashKey([7; 16]).scope("p");
        write(&mut hasher);
        hasher.finish()
    }

    fn hash_of(addresses: &[IpAddr]) -> KeyHash {
        hash(|hasher| addresses.iter().for_each(|address| hasher.address(*address)))
    }

    #[test]
    fn an_address_is_told_from_other_addresses_from_what_comes_with_it_and_from_any_part() {
        let parts: [&[u8]; 4] = [b"", &[192, 0, 2, 1], &[192, 0, 2, 1, 4], &[1; 16]];
        let addresses: [&[IpAddr]; 9] = [
            &[ONE],
            &[TWO],
            &[LONG],
            &[ONE, ONE],
            &[ONE, TWO],
            &[TWO, ONE],
            &[ONE, LONG],
            &[LONG, ONE],
            &[LONG, LONG],
        ];
        let mixed = [
            hash(|_| ()),
            hash(|hasher| {
                hasher.address(ONE);
                hasher.part(b"a");
            }),
            hash(|hasher| {
                hasher.part(b"a");
                hasher.address(ONE);
            }),
            hash(|hasher| {
                hasher.address(LONG);
                hasher.part(b"a");
            }),
        ];
        let parts = parts.map(|part| hash(|hasher| hasher.part(part)));
        let keys: Vec<_> = addresses.map(hash_of).into_iter().chain(parts).chain(mixed).collect();
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    }

    /// A length and eight bytes look like an address that begins with that length.
    #[test]
    fn no_part_can_be_chosen_that_is_taken_for_an_address() {
        for length in 0..=8_u8 {
            let part = vec![b'a'; length.into()];
            let mut long = [0; 16];
            long[0] = length;
            long[8..8 + usize::from(length)].fill(b'a');
            for address in [IpAddr::from(long), IpAddr::from([length, 0, 0, 0])] {
                assert_ne!(hash_of(&[address]), hash(|hasher| hasher.part(&part)), "{length}");
            }
        }
    }

    #[test]
    fn an_address_that_ends_a_key_is_hashed_as_if_it_were_written() {
        for address in [ONE, TWO, LONG] {
            for before in [&[][..], &[ONE], &[LONG]] {
                let mut start = HashKey([7; 16]).scope("p");
                for address in before {
                    start.address(*address);
                }
                let written = hash_of(&[before, &[address]].concat());
                assert_eq!(start.finish_with_address(address), written, "{before:?} {address}");
            }
        }
    }
}
