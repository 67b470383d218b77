//! What a log is found to hold when it is opened.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::disk::{Disk, RealDisk};
use super::scan::{End, Scan, last_head, scan};
use super::segment::Sealed;
use super::{ChainId, Head, OpenError, layout};

/// A log that was begun before.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) chain: ChainId,
    pub(super) head: Head,
    /// The file to go on in.
    pub(super) last: Candidate,
    pub(super) sealed: Vec<Sealed>,
    pub(super) repairs: Vec<Repair>,
}

#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) first: u64,
    pub(super) bytes: u64,
    pub(super) began: SystemTime,
    changed: SystemTime,
}

/// An end of a file that could not be read and was moved away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repair {
    pub(super) segment: PathBuf,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) moved_to: PathBuf,
}

/// A record that is not what was written there, or one that is missing.
#[derive(Debug)]
pub(super) struct Damage {
    pub(super) file: PathBuf,
    pub(super) line: u64,
    pub(super) kind: &'static str,
    /// The last record before it that is right, in the same file or at the end of the one before.
    pub(super) good: Option<(ChainId, Head)>,
    pub(super) seq: u64,
}

/// What a directory holds.
#[derive(Debug)]
pub(super) enum State {
    Empty,
    Begun(Found),
    Damaged(Damage),
}

/// What is to be done with the last file.
enum Verdict {
    GoOn(Scan),
    PutAway,
    Damaged(Damage),
}

/// Reads the end of a log, and puts away what a crash has left half done.
///
/// A line at the very end that is not whole or not right was never acknowledged, or the power was lost before it was
/// synced: it is moved away. Anything earlier that is not right has been changed by somebody.
pub(super) fn recover(directory: &Path) -> Result<State, OpenError> {
    let mut candidates = list(directory)?;
    let mut repairs = Vec::new();
    while let Some(last) = candidates.pop() {
        let verdict = match candidates.last() {
            Some(before) => follow(before, &last, &mut repairs)?,
            None => oldest(&last, read(&last, None, u64::MAX)?),
        };
        match verdict {
            Verdict::Damaged(damage) => return Ok(State::Damaged(damage)),
            Verdict::PutAway => repairs.extend(put_away(&last.path)?),
            Verdict::GoOn(scan) => {
                if scan.end == End::Torn {
                    repairs.push(cut(&last.path, scan.good_bytes)?);
                }
                return Ok(found(&scan, last, &candidates, repairs).map_or(State::Empty, State::Begun));
            }
        }
    }
    Ok(State::Empty)
}

fn judge(last: &Candidate, scan: Scan) -> Verdict {
    match scan.end {
        End::Bad { line, kind } => Verdict::Damaged(damage(last, line, kind, &scan)),
        End::Whole | End::Torn if scan.good_bytes == 0 => Verdict::PutAway,
        End::Whole | End::Torn => Verdict::GoOn(scan),
    }
}

/// Only of a log that was being begun may nothing be there; every later file came after records that were on disk.
fn oldest(last: &Candidate, scan: Scan) -> Verdict {
    if last.first > 1 && scan.good_bytes == 0 && matches!(scan.end, End::Whole | End::Torn) {
        return Verdict::Damaged(damage(last, 1, "missing_segment", &scan));
    }
    judge(last, scan)
}

fn damage(file: &Candidate, line: u64, kind: &'static str, scan: &Scan) -> Damage {
    let good = scan.chain.map(|chain| (chain, scan.head)).filter(|(_, head)| head.hash != Head::START.hash);
    Damage { file: file.path.clone(), line, kind, good, seq: scan.head.next_seq() }
}

fn read(of: &Candidate, after: Option<(ChainId, Head)>, until: u64) -> Result<Scan, OpenError> {
    scan(&of.path, of.first, after, until).map_err(OpenError::at(&of.path))
}

fn found(scan: &Scan, last: Candidate, before: &[Candidate], repairs: Vec<Repair>) -> Option<Found> {
    let ends = before.iter().skip(1).map(|next| next.first).chain([last.first]);
    let sealed = before.iter().zip(ends).map(|(segment, next)| Sealed {
        first: segment.first,
        last: next.saturating_sub(1),
        bytes: segment.bytes,
        at: segment.changed,
    });
    let last = Candidate { bytes: scan.good_bytes, ..last };
    Some(Found { chain: scan.chain?, head: scan.head, sealed: sealed.collect(), last, repairs })
}

/// Checks that the last file goes on where the one before it ends.
///
/// Both may hold the same records: when a file fails, the next one takes over those that were not synced, and only
/// then the first one is cut. Until then nothing new is acknowledged, so the one that goes further holds everything.
fn follow(before: &Candidate, last: &Candidate, repairs: &mut Vec<Repair>) -> Result<Verdict, OpenError> {
    let border = last.first.saturating_sub(1);
    let link = last_head(&before.path).map_err(OpenError::at(&before.path))?;
    if let Some(link) = link.filter(|(_, head)| head.seq == border) {
        return Ok(judge(last, read(last, Some(link), u64::MAX)?));
    }
    let upto = read(before, None, border)?;
    let (Some(chain), true) = (upto.chain, upto.head.seq == border) else {
        return Ok(Verdict::Damaged(match upto.end {
            End::Bad { line, kind } => damage(before, line, kind, &upto),
            End::Whole | End::Torn => damage(last, 1, "missing_segment", &upto),
        }));
    };
    let whole = read(before, None, u64::MAX)?;
    let next = read(last, Some((chain, upto.head)), u64::MAX)?;
    if next.head.seq < whole.head.seq {
        return Ok(Verdict::PutAway);
    }
    let verdict = judge(last, next);
    if let Verdict::GoOn(_) = verdict {
        repairs.push(cut(&before.path, upto.good_bytes)?);
    }
    Ok(verdict)
}

fn list(directory: &Path) -> Result<Vec<Candidate>, OpenError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(OpenError::at(directory))? {
        let entry = entry.map_err(OpenError::at(directory))?;
        let path = entry.path();
        let Some(first) = entry.file_name().to_str().and_then(layout::segment_first) else { continue };
        let about = entry.metadata().map_err(OpenError::at(&path))?;
        let changed = about.modified().map_err(OpenError::at(&path))?;
        let began = about.created().unwrap_or(changed);
        found.push(Candidate { path, first, bytes: about.len(), began, changed });
    }
    found.sort_by_key(|candidate| candidate.first);
    Ok(found)
}

/// Moves a whole file away, or removes it if there is nothing in it.
fn put_away(path: &Path) -> Result<Option<Repair>, OpenError> {
    let bytes = fs::metadata(path).map_err(OpenError::at(path))?.len();
    if bytes > 0 {
        return cut(path, 0).and_then(|repair| put_away(path).map(|_| Some(repair)));
    }
    let removed = fs::remove_file(path).and_then(|()| sync_parent(path));
    removed.map(|()| None).map_err(OpenError::at(path))
}

/// Moves what follows `offset` into a file of its own.
fn cut(path: &Path, offset: u64) -> Result<Repair, OpenError> {
    let moved_to = free_name(path, offset);
    let moved = || -> io::Result<u64> {
        let mut from = File::options().read(true).write(true).open(path)?;
        from.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        let mut to = File::create(&moved_to)?;
        to.write_all(&bytes)?;
        to.sync_all()?;
        sync_parent(path)?;
        from.set_len(offset)?;
        from.sync_all()?;
        Ok(bytes.len() as u64)
    };
    let bytes = moved().map_err(OpenError::at(path))?;
    Ok(Repair { segment: path.to_owned(), offset, bytes, moved_to })
}

/// One file may be torn at the same place twice.
fn free_name(path: &Path, offset: u64) -> PathBuf {
    let name = layout::torn(path, offset);
    let numbered = (1_u32..).map(|number| {
        let mut name = name.clone().into_os_string();
        name.push(format!("-{number}"));
        PathBuf::from(name)
    });
    let mut names = std::iter::once(name.clone()).chain(numbered);
    names.find(|name| !name.exists()).unwrap_or(name)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| RealDisk.sync_directory(parent))
}
