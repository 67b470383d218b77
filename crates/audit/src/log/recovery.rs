//! What a log is found to hold when it is opened.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::borders::{self, Link};
use super::checkpoint::NOTES;
use super::damage::MISSING;
use super::scan::{End, Scan};
use super::segment::Sealed;
use super::{ChainId, Damage, Head, OpenError, WhenDamaged, layout};

mod aside;
mod last;

pub(super) use aside::Repair;

use aside::{cut, put_away};
use last::{Verdict, last_file};

/// A log that was begun before.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) chain: ChainId,
    pub(super) head: Head,
    /// The file to go on in.
    pub(super) last: Candidate,
    pub(super) sealed: Vec<Sealed>,
    pub(super) repairs: Vec<Repair>,
    /// The oldest record that is kept, if the log says so.
    pub(super) kept_from: Option<u64>,
    /// What is wrong in an older file, where it was chosen to go on all the same.
    pub(super) damage: Option<Damage>,
}

#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) first: u64,
    pub(super) bytes: u64,
    pub(super) began: SystemTime,
    changed: SystemTime,
}

/// Where a log is damaged.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) damage: Damage,
    /// The last record before it that is right, in the same file or at the end of the one before.
    pub(super) good: Option<Link>,
}

impl Misfit {
    pub(super) fn in_an_older_file(self) -> Self {
        Self { damage: Damage { can_go_on: true, ..self.damage }, ..self }
    }
}

impl From<Damage> for Misfit {
    fn from(damage: Damage) -> Self {
        Self { damage, good: None }
    }
}

/// What a directory holds.
#[derive(Debug)]
pub(super) enum State {
    Empty,
    Begun(Found),
    Damaged(Misfit),
}

/// Reads the end of a log, and puts away what a crash has left half done.
///
/// A line at the very end that is not whole or not right was never acknowledged, or the power was lost before it was
/// synced: it is moved away. Anything earlier that is not right has been changed by somebody.
pub(super) fn recover(directory: &Path, when_damaged: WhenDamaged) -> Result<State, OpenError> {
    let mut candidates = list(directory)?;
    let mut repairs = Vec::new();
    while let Some(last) = candidates.pop() {
        match last_file(candidates.last(), &last, &mut repairs)? {
            Verdict::Damaged(misfit) => return Ok(State::Damaged(misfit)),
            Verdict::PutAway => repairs.extend(put_away(&last.path)?),
            Verdict::GoOn(scan, misfit) => {
                // What is missing before the oldest record that is kept was deleted by the log itself.
                let misfit = misfit.filter(|_| Some(last.first) > scan.kept_from);
                return match older(&candidates, &last, scan.kept_from)?.or(misfit) {
                    Some(misfit) if when_damaged != WhenDamaged::GoOn => Ok(State::Damaged(misfit)),
                    misfit => begun(&scan, last, &candidates, repairs, misfit),
                };
            }
        }
    }
    if was_written(directory) {
        return Ok(State::Damaged(Damage::new(&layout::segment(directory, 1), 1, 1, MISSING).into()));
    }
    Ok(State::Empty)
}

/// What is wrong in the files before the last one.
fn older(files: &[Candidate], last: &Candidate, kept_from: Option<u64>) -> Result<Option<Misfit>, OpenError> {
    let missing = borders::beginning(files.first().unwrap_or(last), kept_from);
    if let Some(missing) = missing {
        return Ok(Some(missing.into()));
    }
    borders::misfit(files, last, kept_from)
}

/// Whether there is something here that only comes to be once there are records.
fn was_written(directory: &Path) -> bool {
    [layout::BALLAST, NOTES].into_iter().any(|name| directory.join(name).exists())
}

fn begun(
    scan: &Scan,
    last: Candidate,
    before: &[Candidate],
    mut repairs: Vec<Repair>,
    misfit: Option<Misfit>,
) -> Result<State, OpenError> {
    let Some(chain) = scan.chain else { return Ok(State::Empty) };
    if scan.end == End::Torn {
        repairs.push(cut(&last.path, scan.good_bytes)?);
    }
    let first = before.first().map_or(last.first, |oldest| oldest.first);
    Ok(State::Begun(Found {
        chain,
        head: scan.head,
        sealed: sealed(before, &last),
        last: Candidate { bytes: scan.good_bytes, ..last },
        repairs,
        // Where it begins with its first record, nothing was deleted.
        kept_from: scan.kept_from.or((first == 1).then_some(1)),
        damage: misfit.map(|misfit| misfit.damage),
    }))
}

fn sealed(before: &[Candidate], last: &Candidate) -> Vec<Sealed> {
    let ends = before.iter().skip(1).chain([last]).map(|next| next.first.saturating_sub(1));
    let sealed = before.iter().zip(ends);
    let sealed =
        sealed.map(|(file, last)| Sealed { first: file.first, last, bytes: file.bytes, at: file.changed });
    sealed.collect()
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
