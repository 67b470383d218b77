use std::fmt;
use std::io::Write as _;

use serde::de::IgnoredAny;

use super::chain::{self, ChainId, Fault, Head};
use super::hex;

/// The most bytes an event may have; a line is longer by no more than [`MAX_ENVELOPE`].
pub const MAX_EVENT: usize = 1024 * 1024;

/// The most bytes a line has around its event, its line feed among them.
pub const MAX_ENVELOPE: usize = 256;

pub(super) const OPEN: &[u8] = br#"{"event":"#;
const ID: &[u8] = br#","chain":{"id":""#;
const SEQ: &[u8] = br#"","seq":"#;
const PREV: &[u8] = br#","prev":""#;
const HASH: &[u8] = br#"","alg":"sha256","hash":""#;
const CLOSE: &[u8] = br#""}}"#;

/// Adds the line of the record that follows `after`, with its line feed, and returns the head it makes.
///
/// The event goes in as it is: where [`is_event`] does not hold for it, nobody can read the line back.
pub fn seal(chain: ChainId, after: Head, event: &[u8], out: &mut Vec<u8>) -> Head {
    let head = after.extended(chain, event);
    out.reserve(event.len() + MAX_ENVELOPE);
    out.extend_from_slice(OPEN);
    out.extend_from_slice(event);
    out.extend_from_slice(ID);
    out.extend_from_slice(&chain.digits());
    out.extend_from_slice(SEQ);
    let _infallible = write!(out, "{}", head.seq);
    out.extend_from_slice(PREV);
    out.extend_from_slice(&hex::encoded::<64>(&after.hash));
    out.extend_from_slice(HASH);
    out.extend_from_slice(&hex::encoded::<64>(&head.hash));
    out.extend_from_slice(CLOSE);
    out.push(b'\n');
    head
}

/// Whether these bytes may be sealed: one JSON object in UTF-8, nothing before or after it, no raw control character
/// (a line feed would end the line), and not more than [`MAX_EVENT`] bytes.
pub fn is_event(bytes: &[u8]) -> bool {
    bytes.len() <= MAX_EVENT
        && bytes.first() == Some(&b'{')
        && bytes.last() == Some(&b'}')
        && !bytes.iter().any(|byte| *byte < b' ')
        && std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// One record as it stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The event, byte by byte as it was written: one JSON object.
    pub event: &'a [u8],
    /// Which log it belongs to.
    pub chain: ChainId,
    /// Its number, from 1.
    pub seq: u64,
    /// The hash of the record before it.
    pub prev: [u8; 32],
    /// Its own hash, as it claims.
    pub hash: [u8; 32],
}

impl<'a> Line<'a> {
    /// Takes a line apart, given without its line feed.
    ///
    /// There is one way to write a record and this accepts no other, so two files that read alike are alike in every
    /// byte outside of their events. The chain is found from the end: its shape is fixed, and nothing in the event,
    /// however it looks, can pass for it.
    ///
    /// # Errors
    ///
    /// [`BadLine`] if it is not exactly that. Whether the hash is true is not asked here, see [`follows`](Self::follows).
    pub fn parse(line: &'a [u8]) -> Result<Self, BadLine> {
        Self::split(line).filter(|parts| is_event(parts.event)).ok_or(BadLine)
    }

    pub(super) fn split(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(OPEN)?.strip_suffix(CLOSE)?;
        let (rest, hash) = hex_suffix(rest)?;
        let (rest, prev) = hex_suffix(rest.strip_suffix(HASH)?)?;
        let (rest, seq) = number_suffix(rest.strip_suffix(PREV)?)?;
        let (rest, id) = hex_suffix(rest.strip_suffix(SEQ)?)?;
        let event = rest.strip_suffix(ID)?;
        Some(Self { event, chain: ChainId::from_bytes(id), seq, prev, hash })
    }

    /// Whether this record is the next one of a chain, and the head it makes if so.
    pub fn follows(&self, after: &Head, chain: ChainId) -> Result<Head, Fault> {
        if self.chain != chain {
            return Err(Fault::ChainId);
        }
        if self.seq != after.next_seq() {
            return Err(Fault::SeqOrder);
        }
        if self.prev != after.hash {
            return Err(Fault::PrevMismatch);
        }
        let head = after.extended(chain, self.event);
        if self.hash == head.hash { Ok(head) } else { Err(Fault::HashMismatch) }
    }

    /// The head that this record claims to make.
    pub const fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }

    /// Whether the hash is that of this record's own content, whatever came before it.
    pub fn is_whole(&self) -> bool {
        chain::digest(self.chain, self.seq, &self.prev, self.event) == self.hash
    }
}

/// Splits `N` bytes written as lower-case hex digits from the end.
fn hex_suffix<const N: usize>(text: &[u8]) -> Option<(&[u8], [u8; N])> {
    let (rest, digits) = text.split_at_checked(text.len().checked_sub(2 * N)?)?;
    Some((rest, hex::decode(digits)?))
}

/// Splits a decimal number from the end: from 1, no sign, no leading zero.
fn number_suffix(text: &[u8]) -> Option<(&[u8], u64)> {
    let count = text.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (rest, digits) = text.split_at(text.len() - count);
    if digits.first() == Some(&b'0') {
        return None;
    }
    Some((rest, std::str::from_utf8(digits).ok()?.parse().ok()?))
}

/// That a line is not a record in the one form there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLine;

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a record of an audit log")
    }
}

impl std::error::Error for BadLine {}

#[cfg(test)]
mod tests;
