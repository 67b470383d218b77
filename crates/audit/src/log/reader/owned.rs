use std::ops::Range;

use bytes::Bytes;

use super::super::chain::{ChainId, Head};
use super::super::line::{Line, OPEN};

/// One record, cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedLine {
    bytes: Bytes,
    event: Range<usize>,
    chain: ChainId,
    head: Head,
}

impl OwnedLine {
    pub(crate) fn new(line: &Line<'_>, bytes: Bytes) -> Self {
        let event = OPEN.len()..OPEN.len() + line.event.len();
        Self { bytes, event, chain: line.chain, head: line.head() }
    }

    /// The line as it stands in the file, without its line feed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, to keep.
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The event: one JSON object, byte by byte as it was recorded.
    pub fn event(&self) -> &[u8] {
        &self.bytes[self.event.clone()]
    }

    /// Which log it belongs to.
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// Its number, from 1.
    pub fn seq(&self) -> u64 {
        self.head.seq
    }

    /// The head that it makes.
    pub fn head(&self) -> Head {
        self.head
    }
}
