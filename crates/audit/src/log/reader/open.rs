use bytes::Bytes;

use super::super::chain::{ChainId, Fault, Head};
use super::super::line::Line;
use super::super::regular;
use super::lines::{Lines, Next};
use super::owned::OwnedLine;
use super::segments::Segment;
use super::{FailedAt, ReadError, seek};

/// A segment that is being read.
#[derive(Debug)]
pub(super) struct Open {
    segment: Segment,
    lines: Lines,
    /// The number of the record before the next line, once a line was read.
    seen: Option<u64>,
    /// Its end was reached when a later segment was there already.
    pub(super) asked_again: bool,
}

/// What the next line of a segment is.
pub(super) enum Step {
    Record(OwnedLine),
    /// A record before the one that is looked for.
    Earlier,
    End,
}

impl Open {
    /// Opens a segment somewhere before the record that is due.
    pub(super) fn near(segment: Segment, seq: u64) -> Result<Self, ReadError> {
        let lines = regular::open(&segment.path).and_then(|mut file| {
            let offset = seek::near(&mut file, seq)?;
            Lines::new(file, offset)
        });
        Ok(Self { lines: lines.at(&segment.path)?, segment, seen: None, asked_again: false })
    }

    pub(super) fn comes_before(&self, other: &Segment) -> bool {
        self.segment.first < other.first
    }

    pub(super) fn step(&mut self, due: u64, last: Option<&(ChainId, Head)>) -> Result<Step, ReadError> {
        let offset = self.lines.offset();
        let path = &self.segment.path;
        let bad = || ReadError::BadLine { path: path.clone(), offset, seq: due };
        let bytes = match self.lines.next().at(path)? {
            Next::Line(bytes) => bytes,
            Next::TooLong => return Err(bad()),
            Next::End { .. } => return Ok(Step::End),
        };
        self.asked_again = false;
        let line = Line::parse(bytes).map_err(|_| bad())?;
        let broken = |fault| ReadError::Broken { path: path.clone(), seq: due, fault };
        if self.seen.is_some_and(|seen| line.seq != seen.saturating_add(1)) {
            return Err(broken(Fault::SeqOrder));
        }
        self.seen = Some(line.seq);
        if line.seq < due {
            return Ok(Step::Earlier);
        }
        follow(&line, due, last).map_err(broken)?;
        Ok(Step::Record(OwnedLine::new(&line, Bytes::copy_from_slice(bytes))))
    }

    /// An error if the file ends before the place that was read to.
    pub(super) fn check_not_cut(&self, due: u64) -> Result<(), ReadError> {
        if self.lines.file_len().at(&self.segment.path)? < self.lines.offset() {
            return Err(ReadError::Cut { path: self.segment.path.clone(), seq: due });
        }
        Ok(())
    }
}

/// Whether a record is the one that is due; without its predecessor only what it says of itself can be checked.
fn follow(line: &Line<'_>, due: u64, last: Option<&(ChainId, Head)>) -> Result<(), Fault> {
    match last {
        Some((chain, head)) => line.follows(head, *chain).map(|_| ()),
        None if line.seq != due => Err(Fault::SeqOrder),
        None if line.is_whole() => Ok(()),
        None => Err(Fault::HashMismatch),
    }
}
