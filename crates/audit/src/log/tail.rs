use super::{ChainId, Head, seal};

/// The records that are not on disk for sure, as lines: should their file fail, they are written to the next one as
/// they are here, with the numbers that were told.
///
/// ```text
/// synced          kept          written          sealed
///   |--------------|---------------|---------------|
///    acknowledged    in the file     in memory only
///    as written
/// ```
#[derive(Debug)]
pub(super) struct Tail {
    lines: Vec<u8>,
    synced: Mark,
    kept: Mark,
    written: Mark,
    sealed: Mark,
}

/// A place between two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The record before it.
    pub(super) head: Head,
    /// Where it is among the lines.
    end: usize,
}

impl Tail {
    pub(super) fn after(head: Head) -> Self {
        let mark = Mark { head, end: 0 };
        Self { lines: Vec::new(), synced: mark, kept: mark, written: mark, sealed: mark }
    }

    /// Adds a record.
    pub(super) fn seal(&mut self, chain: ChainId, event: &[u8]) -> Mark {
        let head = seal(chain, self.sealed.head, event, &mut self.lines);
        self.sealed = Mark { head, end: self.lines.len() };
        self.sealed
    }

    /// What must still be written to the file.
    pub(super) fn unwritten(&self) -> &[u8] {
        self.lines.get(self.written.end..).unwrap_or_default()
    }

    /// All that a next file must begin with.
    pub(super) fn lines(&self) -> &[u8] {
        &self.lines
    }

    pub(super) const fn wrote(&mut self) {
        self.written = self.sealed;
    }

    /// These records have been promised or shown to somebody: they will not be taken back.
    pub(super) fn keep(&mut self, mark: Mark) {
        if mark.head.seq > self.kept.head.seq {
            self.kept = mark;
        }
    }

    /// Everything is on disk.
    pub(super) fn synced(&mut self) {
        // What one long batch took is not held for ever.
        self.lines.clear();
        self.lines.shrink_to(MOST_SPARE);
        let mark = Mark { head: self.sealed.head, end: 0 };
        (self.synced, self.kept, self.written, self.sealed) = (mark, mark, mark, mark);
    }

    /// Takes back what was not promised to anybody.
    pub(super) fn forget(&mut self) {
        self.lines.truncate(self.kept.end);
        (self.written, self.sealed) = (self.kept, self.kept);
    }

    pub(super) const fn synced_head(&self) -> Head {
        self.synced.head
    }

    pub(super) const fn kept_head(&self) -> Head {
        self.kept.head
    }

    pub(super) const fn sealed(&self) -> Mark {
        self.sealed
    }

    pub(super) const fn is_synced(&self) -> bool {
        self.lines.is_empty()
    }
}

const MOST_SPARE: usize = 2 << 20;
