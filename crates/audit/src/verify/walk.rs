use std::path::{Path, PathBuf};

use super::covered::keys;
use super::finding::{Finding, Stop, Torn};
use super::notes::Notes;
use super::{Evidence, Keys, Kind, Progress, Report, VerifyError, end};
use crate::log::{
    ChainId, FailedAt as _, Head, Line, Lines, MadeAnew, Next, ReadError, Segment, Tree, VerifyingKey,
    check_format, leaf, segments,
};

/// How many records pass between two words about the progress.
const STEP: u64 = 4096;

/// A log, as far as it was checked.
pub(super) struct Walk {
    pub(super) dir: PathBuf,
    segments: Vec<Opened>,
    pub(super) notes: Notes,
    pub(super) keys: Vec<VerifyingKey>,
    pub(super) keys_from: Keys,
    pub(super) chain: Option<ChainId>,
    /// How many records come before the oldest there is.
    pub(super) before: u64,
    pub(super) head: Head,
    /// Over all lines up to the head; none where older ones are gone and no checkpoint was met yet.
    pub(super) tree: Option<Tree>,
    pub(super) checkpoints: u64,
    pub(super) signed_to: u64,
    pub(super) anchored_to: u64,
    /// Up to which record the log itself says that it was deleted.
    pub(super) retired: u64,
    made_anew: Vec<MadeAnew>,
    bytes: u64,
    of_bytes: u64,
}

/// A file and how much of it is checked.
struct Opened {
    segment: Segment,
    len: u64,
}

impl Walk {
    pub(super) fn begin(dir: &Path, evidence: &Evidence) -> Result<Self, VerifyError> {
        let is_ours = check_format(dir).map_err(VerifyError::Directory)?;
        let (keys, keys_from) = keys(dir, evidence)?;
        // Checkpoints are looked at before the records that they cover: while the log is in use, both grow.
        let notes = Notes::open(dir, evidence)?;
        let segments = segments(dir)?.into_iter().map(Opened::new).collect::<Result<Vec<_>, _>>()?;
        if !is_ours && segments.is_empty() && notes.is_empty() {
            return Err(VerifyError::NoLog { dir: dir.to_owned() });
        }
        let before = segments.first().map_or(0, |oldest| oldest.segment.first - 1);
        Ok(Self {
            dir: dir.to_owned(),
            chain: notes.chain(),
            notes,
            keys,
            keys_from,
            before,
            head: Head { seq: before, ..Head::START },
            tree: (before == 0).then_some(Tree::EMPTY),
            checkpoints: 0,
            signed_to: 0,
            anchored_to: 0,
            retired: 0,
            made_anew: Vec::new(),
            bytes: 0,
            of_bytes: segments.iter().map(|file| file.len).sum(),
            segments,
        })
    }

    pub(super) fn run(mut self, mut progress: impl FnMut(Progress)) -> Result<Report, VerifyError> {
        let walked = self.walk(&mut progress);
        progress(self.progress());
        let (verdict, in_use) = match walked.and_then(|torn| end::verdict(&mut self, torn)) {
            Ok(found) => found,
            Err(Stop::Found(finding)) => (finding.verdict(), false),
            Err(Stop::Failed(error)) => return Err(error),
        };
        Ok(Report {
            verdict,
            chain: self.chain,
            first_seq: self.before + 1,
            records: self.head.seq - self.before,
            head: self.head,
            checkpoints: self.checkpoints,
            signed_to: self.signed_to,
            anchored_to: self.anchored_to,
            keys: self.keys_from,
            made_anew: self.made_anew,
            in_use,
        })
    }

    /// Reads all files; says how many bytes of half a line are behind the last record, and in which file.
    fn walk(&mut self, progress: &mut impl FnMut(Progress)) -> Result<Option<Torn>, Stop> {
        let segments = std::mem::take(&mut self.segments);
        let mut torn = None;
        for file in &segments {
            if let Some(Torn { name, line, .. }) = torn.take() {
                return Err(Finding::new(Kind::BadLine, self.head.next_seq(), Some((name, line))).into());
            }
            torn = self.segment(file, progress)?;
        }
        Ok(torn)
    }

    fn segment(&mut self, file: &Opened, progress: &mut impl FnMut(Progress)) -> Result<Option<Torn>, Stop> {
        let name = file.segment.name();
        let due = self.head.next_seq();
        if file.segment.first != due {
            let kind = if file.segment.first > due { Kind::MissingSegment } else { Kind::SeqOrder };
            return Err(Finding::new(kind, due, Some((name, 1))).into());
        }
        let path = &file.segment.path;
        let mut lines = Lines::open(path, 0).at(path)?.until(file.len);
        for number in 1.. {
            let found = |kind| Finding::new(kind, self.head.next_seq(), Some((name.clone(), number)));
            let bytes = match lines.next().at(path)? {
                Next::Line(bytes) => bytes,
                Next::TooLong => return Err(found(Kind::BadLine).into()),
                Next::End { partial } => {
                    self.bytes += partial;
                    return Ok((partial > 0).then_some(Torn { name, line: number, bytes: partial }));
                }
            };
            let line = Line::parse(bytes).map_err(|_| found(Kind::BadLine))?;
            self.record(&line, bytes).map_err(|stop| match stop {
                Stop::Found(Finding { kind, seq, place: None }) if kind < Kind::CheckpointSignature => {
                    Finding::new(kind, seq, Some((name.clone(), number))).into()
                }
                other => other,
            })?;
            if self.head.seq.is_multiple_of(STEP) {
                progress(self.progress());
            }
        }
        Ok(None)
    }

    fn record(&mut self, line: &Line<'_>, bytes: &[u8]) -> Result<(), Stop> {
        if self.head.seq == self.before {
            self.first(line)?;
        }
        let chain = *self.chain.get_or_insert(line.chain);
        let due = self.head.next_seq();
        self.head = line.follows(&self.head, chain).map_err(|fault| Finding::new(fault.into(), due, None))?;
        self.bytes += bytes.len() as u64 + 1;
        if let Some(tree) = &mut self.tree {
            tree.push(leaf(bytes));
        }
        if self.before > 0 {
            self.retired = self.retired.max(end::retired(line.event));
        }
        if let Some(made) = MadeAnew::told_by(line.event) {
            if self.made_anew.len() == Report::MOST_MADE_ANEW {
                self.made_anew.remove(0);
            }
            self.made_anew.push(made);
        }
        self.check_notes()
    }

    /// The oldest record there is: what came before it is known by what it says of it, and by checkpoints.
    fn first(&mut self, line: &Line<'_>) -> Result<(), Stop> {
        if self.before > 0 {
            self.head.hash = line.prev;
            self.chain.get_or_insert(line.chain);
            self.check_notes()?;
        }
        Ok(())
    }

    /// Whether the log does not begin with its first record.
    pub(super) fn before(&self) -> u64 {
        self.before
    }

    pub(super) fn unanchored(&self) -> u64 {
        self.head.seq - self.anchored_to
    }

    fn progress(&self) -> Progress {
        Progress { records: self.head.seq - self.before, bytes: self.bytes, of_bytes: self.of_bytes }
    }
}

impl Opened {
    fn new(segment: Segment) -> Result<Self, ReadError> {
        let len = segment.path.metadata().at(&segment.path)?.len();
        Ok(Self { segment, len })
    }
}
