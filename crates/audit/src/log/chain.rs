use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::hex;

/// What every hash begins with, so that no hash made for another purpose passes for one of ours.
const DOMAIN: &[u8] = b"buttress-audit-v1\n";

/// Which log a record belongs to: 16 bytes, drawn when its directory is begun, written as 32 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChainId([u8; 16]);

impl ChainId {
    /// A chain with these bytes for a name; draw them at random.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The name as digits, for lines and hashes.
    pub(super) fn digits(self) -> [u8; 32] {
        hex::encoded(&self.0)
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::fmt(&self.0, f)
    }
}

/// That a text is not the name of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAChainId;

impl fmt::Display for NotAChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a chain is named by 32 lower-case hex digits")
    }
}

impl std::error::Error for NotAChainId {}

impl FromStr for ChainId {
    type Err = NotAChainId;

    fn from_str(text: &str) -> Result<Self, NotAChainId> {
        hex::decode(text.as_bytes()).map(Self).ok_or(NotAChainId)
    }
}

/// Where a chain has come to: its last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the last record; 0 before the first.
    pub seq: u64,
    /// The hash of the last record; zeros before the first.
    pub hash: [u8; 32],
}

impl Head {
    /// A chain without records.
    pub const START: Self = Self { seq: 0, hash: [0; 32] };

    /// The number of the next record.
    pub const fn next_seq(&self) -> u64 {
        self.seq.saturating_add(1)
    }

    /// The hash as lower-case hex digits.
    pub(crate) fn hash_text(&self) -> String {
        hex::encoded::<64>(&self.hash).into_iter().map(char::from).collect()
    }

    /// The head after one more record with this event.
    pub(super) fn extended(&self, chain: ChainId, event: &[u8]) -> Self {
        let seq = self.next_seq();
        Self { seq, hash: digest(chain, seq, &self.hash, event) }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.seq)?;
        hex::fmt(&self.hash, f)
    }
}

/// Why a record does not continue a chain; of several reasons the first in this order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It is of another log.
    ChainId,
    /// It has another number than the one that is due.
    SeqOrder,
    /// It names another predecessor than the record before it.
    PrevMismatch,
    /// Its own hash is not that of its content.
    HashMismatch,
}

impl Fault {
    /// The reason as one word, as the verifier prints it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChainId => "chain_id",
            Self::SeqOrder => "seq_order",
            Self::PrevMismatch => "prev_mismatch",
            Self::HashMismatch => "hash_mismatch",
        }
    }
}

/// The hash of one record.
pub(super) fn digest(chain: ChainId, seq: u64, prev: &[u8; 32], event: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(DOMAIN)
        .chain_update(chain.digits())
        .chain_update([0])
        .chain_update(seq.to_be_bytes())
        .chain_update(prev)
        .chain_update(event)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_id_is_read_only_in_the_form_it_is_written() {
        let id = ChainId::from_bytes(*b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\xfe\xff");
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0dfeff");
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "00", "000102030405060708090A0B0C0DFEFF", "000102030405060708090a0b0c0dfeff0", "g0"]
        {
            assert_eq!(wrong.parse::<ChainId>(), Err(NotAChainId), "{wrong}");
        }
    }
}
