//! How a log is begun, or gone on with.

use std::fs;
use std::io;
use std::path::Path;

use buttress_core::Entropy;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::ballast::Ballast;
use super::checkpoint::{Checkpointer, MADE_ANEW};
use super::directory::Directory;
use super::disk::{Disk, DiskFile as _, RealDisk};
use super::journal::{Begin, Journal, Trouble};
use super::recovery::{Candidate, Found, Misfit, Repair, State, recover};
use super::segment::OpenSegment;
use super::system::{Clerk, hash};
use super::{ChainId, Checkpoints, Damage, Head, OpenError, WhenDamaged, layout};
use crate::Severity;

/// Opens what is in a directory. What had to be repaired is told in the log before anything else.
pub(super) fn open<D: Disk>(
    disk: D,
    directory: &Directory,
    clerk: Clerk,
    when_damaged: WhenDamaged,
    checkpoints: Option<Checkpoints>,
) -> Result<Journal<D>, OpenError> {
    let path = directory.path();
    match recover(path, when_damaged)? {
        State::Begun(found) => go_on(disk, path, &clerk, found, checkpoints),
        State::Empty => begin(disk, path, clerk, checkpoints),
        State::Damaged(misfit) if when_damaged == WhenDamaged::BeginNewChain => {
            let aside = move_aside(path).map_err(OpenError::at(path))?;
            let mut journal = begin(disk, path, clerk.clone(), checkpoints)?;
            let details =
                json!({ "damage": misfit.damage.details(), "old": misfit.old(), "moved_to": aside });
            let begun = clerk.event("AUDIT_CHAIN_BEGUN", Severity::Critical, &details);
            tell(&mut journal, path, &begun).map_err(Trouble::at(path))?;
            Ok(journal)
        }
        State::Damaged(misfit) => Err(OpenError::Tampered(misfit.damage)),
    }
}

fn begin<D: Disk>(
    disk: D,
    path: &Path,
    clerk: Clerk,
    checkpoints: Option<Checkpoints>,
) -> Result<Journal<D>, OpenError> {
    let entropy = Entropy::system();
    let id = u128::from(entropy.draw()) << 64 | u128::from(entropy.draw());
    let chain = ChainId::from_bytes(id.to_be_bytes());
    let checkpointer = signing(checkpoints, path, chain, Head::START)?;
    let start = Begin {
        chain,
        head: Head::START,
        current: None,
        sealed: Vec::new(),
        checkpointer,
        kept_from: Some(1),
        damage: None,
    };
    let mut journal = Journal::new(disk, path.to_owned(), clerk, start);
    journal.start().map_err(OpenError::at(layout::segment(path, 1)))?;
    journal.sign_now(Instant::now());
    Ok(journal)
}

impl Misfit {
    /// Up to where the old chain is good.
    fn old(&self) -> Value {
        let (chain, head) = self.good.unzip();
        json!({
            "chain": chain.map(|chain| chain.to_string()),
            "seq": head.map(|head| head.seq),
            "hash": head.map(hash),
        })
    }
}

/// Goes on signing, if anything is to be signed.
fn signing(
    checkpoints: Option<Checkpoints>,
    path: &Path,
    chain: ChainId,
    head: Head,
) -> Result<Option<Checkpointer>, OpenError> {
    let resume =
        |checkpoints| Checkpointer::resume(checkpoints, path, chain, head, Instant::now().into_std());
    checkpoints.map(resume).transpose().map_err(OpenError::Checkpoints)
}

fn go_on<D: Disk>(
    disk: D,
    path: &Path,
    clerk: &Clerk,
    found: Found,
    checkpoints: Option<Checkpoints>,
) -> Result<Journal<D>, OpenError> {
    let Found { chain, head, last, sealed, repairs, kept_from, damage } = found;
    let Candidate { path: segment, first, bytes, began, .. } = last;
    let mut file = disk.open(&segment).map_err(OpenError::at(&segment))?;
    // What a process that was killed had not synced is made sure of before anything is said about it.
    file.sync().map_err(OpenError::at(&segment))?;
    // Its name too: it may have been killed when it had just begun the file.
    disk.sync_directory(path).map_err(OpenError::at(path))?;
    let current = Some(OpenSegment { file, path: segment, first, bytes, synced: bytes, began });
    let checkpointer = signing(checkpoints, path, chain, head)?;
    let begin = Begin { chain, head, current, sealed, checkpointer, kept_from, damage };
    let mut journal = Journal::new(disk, path.to_owned(), clerk.clone(), begin);
    tell_repairs(&mut journal, path, clerk, repairs)?;
    tell_damage(&mut journal, path, clerk)?;
    tell_made_anew(&mut journal, path, clerk)?;
    Ok(journal)
}

fn tell_repairs<D: Disk>(
    journal: &mut Journal<D>,
    path: &Path,
    clerk: &Clerk,
    repairs: Vec<Repair>,
) -> Result<(), OpenError> {
    for Repair { segment, offset, bytes, moved_to } in repairs {
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let details = json!({
            "segment": name(&segment), "offset": offset, "bytes": bytes, "moved_to": moved_to.as_deref().map(name),
        });
        tracing::warn!(segment = %segment.display(), offset, bytes, "the end of the audit log was torn");
        match tell(journal, path, &clerk.event("AUDIT_TAIL_REPAIRED", Severity::High, &details)) {
            // It was nothing that anybody was promised, so it does not keep the log from being opened.
            Err(Trouble::Full(error)) => tracing::error!(%error, "there is no room to record that"),
            told => told.map_err(Trouble::at(path))?,
        }
    }
    Ok(())
}

fn tell_damage<D: Disk>(journal: &mut Journal<D>, path: &Path, clerk: &Clerk) -> Result<(), OpenError> {
    if let Some(details) = journal.damage().map(Damage::details) {
        tracing::error!(%details, "an older file of the audit log is not as it was written");
        let found = clerk.event("AUDIT_DAMAGE_FOUND", Severity::Critical, &details);
        tell(journal, path, &found).map_err(Trouble::at(path))?;
    }
    Ok(())
}

fn tell_made_anew<D: Disk>(journal: &mut Journal<D>, path: &Path, clerk: &Clerk) -> Result<(), OpenError> {
    let made_anew = journal.monitor().map(|monitor| monitor.status().made_anew).unwrap_or_default();
    for made in &made_anew {
        tracing::warn!(log = %path.display(), "{made}");
        let told = tell(journal, path, &clerk.event(MADE_ANEW, Severity::High, &made.details()));
        told.map_err(Trouble::at(path))?;
    }
    if !made_anew.is_empty() {
        journal.sign_now(Instant::now());
    }
    Ok(())
}

/// Where there is no room for it, it takes what was kept back.
fn tell<D: Disk>(journal: &mut Journal<D>, path: &Path, event: &[u8]) -> Result<(), Trouble> {
    match record(journal, event) {
        Err(Trouble::Full(_)) => {
            Ballast::of(path).release(journal.disk());
            record(journal, event)
        }
        told => told,
    }
}

fn record<D: Disk>(journal: &mut Journal<D>, event: &[u8]) -> Result<(), Trouble> {
    journal.seal(event);
    journal.write().and_then(|()| journal.sync())
}

impl Trouble {
    fn at(path: &Path) -> impl FnOnce(Self) -> OpenError {
        let at = OpenError::at(path);
        move |trouble| at(trouble.into_error())
    }
}

/// Moves a damaged log into a directory of its own, its beginning first: should it be interrupted, what is left still
/// does not pass for a log.
fn move_aside(path: &Path) -> io::Result<String> {
    let mut numbers = 1_u32..;
    let name = numbers.find_map(|number| {
        let name = format!("{}{number}", layout::DAMAGED);
        (!path.join(&name).exists()).then_some(name)
    });
    let name = name.unwrap_or_default();
    let aside = path.join(&name);
    fs::create_dir(&aside)?;
    // Without records it would say that there were some.
    RealDisk.remove(&path.join(layout::BALLAST)).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    let mut names: Vec<_> =
        fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
    names.retain(|name| name.to_str().is_some_and(layout::belongs_to_a_chain));
    names.sort();
    for name in names {
        fs::rename(path.join(&name), aside.join(&name))?;
    }
    fs::copy(path.join(layout::FORMAT), aside.join(layout::FORMAT))?;
    RealDisk.sync_directory(&aside)?;
    RealDisk.sync_directory(path)?;
    Ok(name)
}
