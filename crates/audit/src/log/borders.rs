//! Whether the files of a log fit together, as far as the first and the last record of each tell.
//!
//! What is between them is not read: that is for a verification.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use super::damage::MISSING;
use super::reader::{Backwards, MAX_LINE};
use super::recovery::{Candidate, Misfit};
use super::{ChainId, Damage, Fault, Head, Line, OpenError, regular};

/// What one record makes of a chain.
pub(super) type Link = (ChainId, Head);

/// What does not fit first in the files before the one that is written, of which it is known to fit.
///
/// `kept_from` is the oldest record that is kept, where the log says so: what is missing before it was deleted by
/// retention, or is about to be.
pub(super) fn misfit(
    files: &[Candidate],
    last: &Candidate,
    kept_from: Option<u64>,
) -> Result<Option<Misfit>, OpenError> {
    let kept_from = kept_from.unwrap_or(1);
    let mut before: Option<(&Candidate, Link)> = None;
    for (file, next) in files.iter().zip(files.iter().skip(1).chain([last])) {
        let found = Border { file, next }.follow(before, kept_from);
        match found.map_err(OpenError::at(&file.path))? {
            Ok(link) => before = Some((file, link)),
            Err(damage) => {
                let good = before.map(|(_, link)| link);
                return Ok(Some(Misfit { damage, good }.in_an_older_file()));
            }
        }
    }
    Ok(None)
}

/// Whether the log begins where it should, if it says where.
pub(super) fn beginning(oldest: &Candidate, kept_from: Option<u64>) -> Option<Damage> {
    let due = kept_from.filter(|due| oldest.first > *due)?;
    let missing = Damage::new(&oldest.path, 1, due, MISSING);
    Some(Damage { found: Some(oldest.first), can_go_on: true, ..missing })
}

/// A file and the one after it.
struct Border<'a> {
    file: &'a Candidate,
    next: &'a Candidate,
}

impl Border<'_> {
    /// The last record of the file, if its first one follows `before` and both are what they say.
    fn follow(&self, before: Option<(&Candidate, Link)>, kept_from: u64) -> io::Result<Result<Link, Damage>> {
        // A deletion that was interrupted has left it.
        let before = before.filter(|_| self.file.first > kept_from);
        if let Some(missing) = before.and_then(|before| self.missing(before)) {
            return Ok(Err(missing));
        }
        let (due, after) = (self.file.first, before.map(|(file, _)| file.path.clone()));
        let first = first_line(&self.file.path)?;
        if first.is_empty() {
            // As verification sees it, a file without records is none, and the next one comes too early.
            let missing = Damage::new(&self.next.path, 1, due, MISSING);
            return Ok(Err(Damage { found: Some(self.next.first), after, ..missing }));
        }
        let Ok(first) = Line::parse(&first) else {
            return Ok(Err(Damage::new(&self.file.path, 1, due, "bad_line")));
        };
        if let Err(fault) = follows(&first, due, before.map(|(_, link)| link)) {
            let wrong = Damage::new(&self.file.path, 1, due, fault.as_str());
            return Ok(Err(Damage { found: Some(first.seq).filter(|found| *found != due), after, ..wrong }));
        }
        self.end(first.chain)
    }

    fn missing(&self, (file, (_, head)): (&Candidate, Link)) -> Option<Damage> {
        let due = head.next_seq();
        let kind = if self.file.first > due { MISSING } else { Fault::SeqOrder.as_str() };
        let missing = || Damage::new(&self.file.path, 1, due, kind);
        (self.file.first != due).then(|| Damage {
            after: Some(file.path.clone()),
            found: Some(self.file.first),
            ..missing()
        })
    }

    /// The last record, if it is one of this chain.
    fn end(&self, chain: ChainId) -> io::Result<Result<Link, Damage>> {
        let due = self.next.first.saturating_sub(1);
        let wrong = |seq: u64, kind| Damage::new(&self.file.path, seq - self.file.first + 1, seq, kind);
        let Some(last) = last_line(&self.file.path)? else { return Ok(Err(wrong(due, "bad_line"))) };
        Ok(match Line::parse(&last) {
            Err(_) => Err(wrong(due, "bad_line")),
            Ok(last) if last.seq < self.file.first => Err(wrong(due, Fault::SeqOrder.as_str())),
            Ok(last) if last.chain != chain => Err(wrong(last.seq, Fault::ChainId.as_str())),
            Ok(last) if !last.is_whole() => Err(wrong(last.seq, Fault::HashMismatch.as_str())),
            Ok(last) => Ok((last.chain, last.head())),
        })
    }
}

fn follows(line: &Line<'_>, due: u64, before: Option<Link>) -> Result<(), Fault> {
    // What came before the oldest file is known from that file alone.
    let (chain, head) = before.unwrap_or((line.chain, Head { seq: due.saturating_sub(1), hash: line.prev }));
    line.follows(&head, chain).map(|_| ())
}

fn first_line(path: &Path) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(regular::open(path)?).take(MAX_LINE as u64).read_until(b'\n', &mut line)?;
    if line.ends_with(b"\n") {
        line.pop();
    }
    Ok(line)
}

/// The last line without its line feed; none where the file does not end with one.
pub(super) fn last_line(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = regular::open(path)?;
    let end = file.metadata()?.len();
    let mut lines = Backwards::new(file, end)?;
    if lines.left() == end { lines.next() } else { Ok(None) }
}
