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

/// Reads the end of a log, and puts away what a crash has left half done. `None` if there is no record.
///
/// A line at the very end that is not whole or not right was never acknowledged, or the power was lost before it was
/// synced: it is moved away. Anything earlier that is not right has been changed by somebody.
pub(super) fn recover(directory: &Path) -> Result<Option<Found>, OpenError> {
    let mut candidates = list(directory)?;
    let mut repairs = Vec::new();
    while let Some(last) = candidates.last().cloned() {
        let before = candidates.len().checked_sub(2).and_then(|index| candidates.get(index));
        let whole = match before {
            Some(before) => follow(before, &last, &mut repairs)?,
            None => Some(scan(&last.path, last.first, None, u64::MAX).map_err(OpenError::at(&last.path))?),
        };
        let Some(scan) = whole.filter(|scan| scan.good_bytes > 0 || scan.is_tampered()) else {
            repairs.extend(put_away(&last.path)?);
            candidates.pop();
            continue;
        };
        if let End::Bad { line, kind } = scan.end {
            let file = last.path;
            return Err(OpenError::Tampered { file, line, seq: scan.head.next_seq(), kind });
        }
        if let End::Torn = scan.end {
            repairs.push(cut(&last.path, scan.good_bytes)?);
        }
        candidates.pop();
        return Ok(found(scan, last, &candidates, repairs));
    }
    Ok(None)
}

fn found(scan: Scan, last: Candidate, before: &[Candidate], repairs: Vec<Repair>) -> Option<Found> {
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

/// Checks that the last file goes on where the one before it ends. `None` if it is to be put away.
///
/// Both may hold the same records: when a file fails, the next one takes over those that were not synced, and only
/// then the first one is cut. Until then nothing new is acknowledged, so the one that goes further holds everything.
fn follow(
    before: &Candidate,
    last: &Candidate,
    repairs: &mut Vec<Repair>,
) -> Result<Option<Scan>, OpenError> {
    let read = |of: &Candidate, after, until| {
        scan(&of.path, of.first, after, until).map_err(OpenError::at(&of.path))
    };
    let border = last.first.saturating_sub(1);
    let linked =
        last_head(&before.path).map_err(OpenError::at(&before.path))?.filter(|(_, head)| head.seq == border);
    if let Some(link) = linked {
        return read(last, Some(link), u64::MAX).map(Some);
    }
    let upto = read(before, None, border)?;
    let (Some(chain), true) = (upto.chain, upto.head.seq == border) else {
        let (file, seq) = (last.path.clone(), upto.head.next_seq());
        let (file, line, kind) = match upto.end {
            End::Bad { line, kind } => (before.path.clone(), line, kind),
            _ => (file, 1, "missing_segment"),
        };
        return Err(OpenError::Tampered { file, line, seq, kind });
    };
    let whole = read(before, None, u64::MAX)?;
    let next = read(last, Some((chain, upto.head)), u64::MAX)?;
    if next.head.seq < whole.head.seq {
        return Ok(None);
    }
    if next.good_bytes > 0 {
        repairs.push(cut(&before.path, upto.good_bytes)?);
    }
    Ok(Some(next))
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
