use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use super::{Evidence, Kind, VerifyError};
use crate::log::{ChainId, FailedAt as _, Lines, NOTES, Next, Note, ReadError};

/// All checkpoints that are known, those of fewer records first.
pub(super) struct Notes {
    anchors: VecDeque<Note>,
    own: Option<OwnNotes>,
}

/// One checkpoint and where it stands.
pub(super) struct Known {
    pub(super) note: Note,
    /// The line in the file of the directory; none for an anchor.
    pub(super) line: Option<u64>,
}

impl Known {
    pub(super) fn finding(&self, kind: Kind) -> Finding {
        Finding::new(kind, self.note.checkpoint().size(), self.line.map(|line| (NOTES.to_owned(), line)))
    }
}

/// The checkpoints in the directory, read as they are needed.
struct OwnNotes {
    path: PathBuf,
    lines: Lines,
    line: u64,
    next: Option<Result<Known, Finding>>,
    /// How many records the one before covered.
    size: u64,
    is_at_end: bool,
}

impl Notes {
    pub(super) fn open(dir: &Path, evidence: &Evidence) -> Result<Self, VerifyError> {
        let mut anchors: Vec<_> = evidence.anchors.clone();
        anchors.sort_by_key(|note| note.checkpoint().size());
        let mut chains = anchors.iter().map(|note| note.checkpoint().chain());
        if let Some(first) = chains.next()
            && chains.any(|chain| chain != first)
        {
            return Err(VerifyError::AnchorsDiffer);
        }
        Ok(Self { anchors: anchors.into(), own: OwnNotes::open(dir.join(NOTES))? })
    }

    /// Which log the anchors are of.
    pub(super) fn chain(&self) -> Option<ChainId> {
        self.anchors.front().map(|note| note.checkpoint().chain())
    }

    /// Whether there are none at all.
    pub(super) fn is_empty(&self) -> bool {
        self.anchors.is_empty() && self.own.is_none()
    }

    /// The next checkpoint that covers no more records than this, or the trouble with it.
    pub(super) fn up_to(&mut self, size: u64) -> Result<Option<Result<Known, Finding>>, ReadError> {
        let fits = |note: &Note| note.checkpoint().size() <= size;
        if self.anchors.front().is_some_and(fits) {
            return Ok(self.anchors.pop_front().map(|note| Ok(Known { note, line: None })));
        }
        let Some(own) = &mut self.own else { return Ok(None) };
        own.fill()?;
        Ok(own.next.take_if(|next| next.as_ref().map_or(true, |known| fits(&known.note))))
    }
}

impl OwnNotes {
    fn open(path: PathBuf) -> Result<Option<Self>, ReadError> {
        let len = match fs::metadata(&path) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).at(&path),
        };
        let lines = Lines::open(&path, 0).at(&path)?.until(len);
        Ok(Some(Self { path, lines, line: 0, next: None, size: 0, is_at_end: false }))
    }

    /// Reads on if nothing waits. Half a line at the end is what a stopped machine leaves, and proves nothing.
    fn fill(&mut self) -> Result<(), ReadError> {
        if self.next.is_some() || self.is_at_end {
            return Ok(());
        }
        let note = match self.lines.next().at(&self.path)? {
            Next::End { .. } => {
                self.is_at_end = true;
                return Ok(());
            }
            Next::Line(line) => crate::log::NoteLine::parse(line),
            Next::TooLong => None,
        };
        self.line += 1;
        let place = (NOTES.to_owned(), self.line);
        self.next = Some(match note {
            None => Err(Finding::new(Kind::CheckpointSignature, self.size, Some(place))),
            Some(note) => {
                self.size = note.checkpoint().size();
                Ok(Known { note, line: Some(self.line) })
            }
        });
        Ok(())
    }
}
