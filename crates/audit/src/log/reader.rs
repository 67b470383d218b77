use std::path::PathBuf;

use super::chain::{ChainId, Head};
use super::directory::check_format;

mod backwards;
mod error;
mod lines;
mod open;
mod owned;
mod seek;
mod segments;

pub(crate) use backwards::Backwards;
pub(crate) use error::FailedAt;
pub use error::ReadError;
pub(super) use lines::MAX_LINE;
pub(crate) use lines::{Lines, Next};
use open::{Open, Step};
pub use owned::OwnedLine;
pub(crate) use seek::place_of;
#[cfg(test)]
pub(crate) use segments::segment_name;
pub(crate) use segments::{Segment, segments};

/// Reads the records of a directory in their order, also while they are being written.
///
/// It gives whole records only, each one checked to continue the one before it, follows the log into its next segment,
/// and says so when what it wants is no longer kept. It reads what is on the disk; nothing is locked and nothing
/// written, so any number of readers may be at work in any process.
///
/// A line that was written and not yet acknowledged can still be taken back, after a failed sync. A reader in the
/// process that writes avoids such lines with [`set_limit`](Self::set_limit); any other gets [`ReadError::Cut`] or
/// [`ReadError::Broken`] in that rare case.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    /// The number that is due; none until the oldest record is known.
    next: Option<u64>,
    limit: u64,
    /// The record before the one that is due, once it was seen.
    last: Option<(ChainId, Head)>,
    open: Option<Open>,
}

impl Reader {
    /// Reads from the oldest record that is kept.
    ///
    /// # Errors
    ///
    /// [`ReadError::Io`] if the directory cannot be read, [`ReadError::Directory`] if it is of a later version or of
    /// somebody else. One without records is no error, they may come.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, ReadError> {
        let dir = dir.into();
        check_format(&dir)?;
        segments(&dir)?;
        Ok(Self { dir, next: None, limit: u64::MAX, last: None, open: None })
    }

    /// Reads from the record with this number on; 0 and 1 are the first ever.
    #[must_use]
    pub fn from_seq(self, seq: u64) -> Self {
        Self { next: Some(seq.max(1)), last: None, open: None, ..self }
    }

    /// Reads no record with a higher number, until told otherwise: what a writer has not acknowledged yet.
    pub fn set_limit(&mut self, seq: u64) {
        self.limit = seq;
    }

    /// The number of the next record; none while the directory has none and no number was asked for.
    pub fn next_seq(&self) -> Option<u64> {
        self.next
    }

    /// The next records: none if there are none yet, else at least one, and no more once these bounds are reached.
    ///
    /// # Errors
    ///
    /// What comes before an error is given first. Asked again after one, it tries again at the same record.
    pub fn next_batch(&mut self, max_lines: usize, max_bytes: usize) -> Result<Vec<OwnedLine>, ReadError> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < max_lines && bytes < max_bytes {
            match self.next_line() {
                Ok(Some(line)) => {
                    bytes += line.as_bytes().len();
                    batch.push(line);
                }
                Ok(None) => break,
                Err(error) => {
                    self.open = None;
                    return if batch.is_empty() { Err(error) } else { Ok(batch) };
                }
            }
        }
        Ok(batch)
    }

    fn next_line(&mut self) -> Result<Option<OwnedLine>, ReadError> {
        loop {
            let Some(next) = self.due()? else { return Ok(None) };
            let Some(open) = &mut self.open else { return Ok(None) };
            match open.step(next, self.last.as_ref())? {
                Step::Record(line) => {
                    self.last = Some((line.chain(), line.head()));
                    self.next = Some(line.head().next_seq());
                    return Ok(Some(line));
                }
                Step::Earlier => {}
                Step::End => {
                    if !self.moved_on(next)? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// The number of the record to be read now, if one is and its segment is open.
    fn due(&mut self) -> Result<Option<u64>, ReadError> {
        if self.open.is_none() {
            self.locate()?;
        }
        Ok(self.next.filter(|next| self.open.is_some() && *next <= self.limit))
    }

    /// Opens the segment with the record that is due, if there is any segment yet.
    fn locate(&mut self) -> Result<(), ReadError> {
        let segments = segments(&self.dir)?;
        let Some(oldest) = segments.first().map(|oldest| oldest.first) else { return Ok(()) };
        let next = *self.next.get_or_insert(oldest);
        let Some(segment) = segments.into_iter().rev().find(|segment| segment.first <= next) else {
            return Err(ReadError::Pruned { wanted: next, first: oldest });
        };
        self.open = Some(Open::near(segment, next)?);
        Ok(())
    }

    /// At the end of a segment: whether there is more to read, here or in the next one.
    fn moved_on(&mut self, next: u64) -> Result<bool, ReadError> {
        let Some(open) = &mut self.open else { return Ok(false) };
        let segments = segments(&self.dir)?;
        if let Some(segment) = segments.iter().rfind(|later| open.comes_before(later) && later.first <= next)
        {
            *open = Open::near(segment.clone(), next)?;
            return Ok(true);
        }
        open.check_not_cut(next)?;
        let Some(later) = segments.iter().find(|later| later.first > next) else { return Ok(false) };
        if open.asked_again {
            let oldest = segments.first().map_or(later.first, |oldest| oldest.first);
            return Err(if oldest > next {
                ReadError::Pruned { wanted: next, first: oldest }
            } else {
                ReadError::Missing { wanted: next, next: later.first }
            });
        }
        // The writer may have added to this segment after its end was seen and before the next was begun.
        open.asked_again = true;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
