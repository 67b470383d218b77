//! Whether the last file can be gone on with.

use super::super::borders::Link;
use super::super::damage::MISSING;
use super::super::scan::{End, Scan, last_head, scan};
use super::super::{Damage, Head, OpenError};
use super::aside::{Repair, cut};
use super::{Candidate, Misfit};

/// What is to be done with the last file.
pub(super) enum Verdict {
    /// What it holds; where that does not continue the file before it, what is wrong.
    GoOn(Scan, Option<Misfit>),
    PutAway,
    Damaged(Misfit),
}

/// Looks at the last file and the one before it.
pub(super) fn last_file(
    before: Option<&Candidate>,
    last: &Candidate,
    repairs: &mut Vec<Repair>,
) -> Result<Verdict, OpenError> {
    let Some(before) = before else { return Ok(oldest(last, read(last, None, u64::MAX)?)) };
    match follow(before, last, repairs)? {
        Verdict::Damaged(misfit) => apart(last, misfit),
        other => Ok(other),
    }
}

/// Where only the files before the last one are wrong, their end or their absence, there is something to go on from.
fn apart(last: &Candidate, misfit: Misfit) -> Result<Verdict, OpenError> {
    Ok(match judge(last, read(last, None, u64::MAX)?) {
        Verdict::GoOn(scan, _) => Verdict::GoOn(scan, Some(misfit.in_an_older_file())),
        _ => Verdict::Damaged(misfit),
    })
}

fn judge(last: &Candidate, scan: Scan) -> Verdict {
    match scan.end {
        End::Bad { line, kind } => Verdict::Damaged(damage(last, line, kind, &scan)),
        End::Whole | End::Torn if scan.good_bytes == 0 => Verdict::PutAway,
        End::Whole | End::Torn => Verdict::GoOn(scan, None),
    }
}

/// Only of a log that was being begun may nothing be there; every later file came after records that were on disk.
fn oldest(last: &Candidate, scan: Scan) -> Verdict {
    if last.first > 1 && scan.good_bytes == 0 && matches!(scan.end, End::Whole | End::Torn) {
        return Verdict::Damaged(damage(last, 1, MISSING, &scan));
    }
    judge(last, scan)
}

fn damage(file: &Candidate, line: u64, kind: &'static str, scan: &Scan) -> Misfit {
    let good = scan.chain.map(|chain| (chain, scan.head)).filter(|(_, head)| head.hash != Head::START.hash);
    Misfit { damage: Damage::new(&file.path, line, scan.head.next_seq(), kind), good }
}

fn read(of: &Candidate, after: Option<Link>, until: u64) -> Result<Scan, OpenError> {
    scan(&of.path, of.first, after, until).map_err(OpenError::at(&of.path))
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
            End::Whole | End::Torn => missing(before, last, &upto),
        }));
    };
    let whole = read(before, None, u64::MAX)?;
    let next = read(last, Some((chain, upto.head)), u64::MAX)?;
    if next.head.seq < whole.head.seq {
        return Ok(Verdict::PutAway);
    }
    let verdict = judge(last, next);
    if let Verdict::GoOn(..) = verdict {
        repairs.push(cut(&before.path, upto.good_bytes)?);
    }
    Ok(verdict)
}

fn missing(before: &Candidate, last: &Candidate, upto: &Scan) -> Misfit {
    let Misfit { damage, good } = damage(last, 1, MISSING, upto);
    let (after, found) = (Some(before.path.clone()), Some(last.first));
    Misfit { damage: Damage { after, found, ..damage }, good }
}
