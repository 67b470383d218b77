use std::path::PathBuf;
use std::time::SystemTime;

use super::Head;

/// The file that is being written.
#[derive(Debug)]
pub(super) struct OpenSegment<F> {
    pub(super) file: F,
    pub(super) path: PathBuf,
    /// The number of its first record.
    pub(super) first: u64,
    /// What was written to it, of which it holds `synced` for sure.
    pub(super) bytes: u64,
    pub(super) synced: u64,
    pub(super) began: SystemTime,
}

impl<F> OpenSegment<F> {
    pub(super) const fn sealed(&self, last: Head, at: SystemTime) -> Sealed {
        Sealed { first: self.first, last: last.seq, bytes: self.bytes, at }
    }
}

/// A file that is not written any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) bytes: u64,
    pub(super) at: SystemTime,
}
