use std::fs::{File, TryLockError};
use std::path::Path;

use serde::Deserialize;

use super::finding::{Finding, Stop, Torn};
use super::walk::Walk;
use super::{Kind, Verdict};
use crate::log::open_regular;

/// What it comes to when every line has been checked, and whether half a line was passed over because the log is in
/// use.
pub(super) fn verdict(walk: &mut Walk, torn: Option<Torn>) -> Result<(Verdict, bool), Stop> {
    let found = walk.head.seq;
    if walk.before() > walk.retired {
        return Err(Finding::new(Kind::MissingSegment, 1, None).into());
    }
    let expected = expected(walk)?;
    let in_use = torn.is_some() && is_in_use(&walk.dir);
    let verdict = if expected > found {
        Verdict::Truncated { expected, found }
    } else if let Some(torn) = torn.filter(|_| !in_use) {
        Verdict::TornTail { bytes: torn.bytes }
    } else if walk.before() > 0 {
        Verdict::Pruned { first_seq: walk.before() + 1, unanchored: walk.unanchored() }
    } else if walk.unanchored() > 0 {
        Verdict::IntactUnanchoredTail { records: walk.unanchored() }
    } else {
        Verdict::Intact
    };
    Ok((verdict, in_use))
}

/// How many records the log has had, as checkpoints say that cover more than there are.
fn expected(walk: &mut Walk) -> Result<u64, Stop> {
    let mut expected = 0;
    while let Some(known) = walk.notes.up_to(u64::MAX)? {
        let known = known?;
        walk.check_origin(&known)?;
        expected = expected.max(known.note.checkpoint().size());
    }
    Ok(expected)
}

/// Whether somebody is writing the log: then half a line at the end is one that is on its way.
fn is_in_use(dir: &Path) -> bool {
    let is_locked = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    [File::open(dir), open_regular(&dir.join("lock"))].into_iter().flatten().any(is_locked)
}

/// Up to which record an event says that the log was deleted; 0 if it is about something else.
pub(super) fn retired(event: &[u8]) -> u64 {
    if memchr::memmem::find(event, b"AUDIT_RETENTION").is_none() {
        return 0;
    }
    match serde_json::from_slice::<Retention<'_>>(event) {
        Ok(Retention { action: "AUDIT_RETENTION", details }) => details.last,
        _ => 0,
    }
}

#[derive(Deserialize)]
struct Retention<'a> {
    action: &'a str,
    details: Deleted,
}

#[derive(Deserialize)]
struct Deleted {
    last: u64,
}
