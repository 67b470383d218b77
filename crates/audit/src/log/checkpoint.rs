use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use buttress_core::Checks;
use parking_lot::Mutex;

use super::anchor::{Anchor, AnchorStatus, Worker};
use super::chain::{ChainId, Head};
use super::key::SigningKey;
use super::merkle::{Tree, leaf};
use super::note::{Checkpoint, Note};

mod anew;
mod error;
mod file;
mod resume;

pub(crate) use anew::MADE_ANEW;
pub use anew::{MadeAnew, Proof};
pub use error::ResumeError;
pub(crate) use file::{KEYS, NOTES, NoteLine};

use file::NoteFile;

/// That and where a log is signed.
///
/// ```no_run
/// use buttress_audit::log::{Checkpoints, FileAnchor, SigningKey};
///
/// let key = SigningKey::load_or_create("/etc/buttress/audit.key")?;
/// let checkpoints = Checkpoints::signed_by(key).anchor(FileAnchor::new("/mnt/elsewhere/audit.anchor"));
/// # let _ = checkpoints;
/// # Ok::<(), buttress_audit::log::KeyError>(())
/// ```
#[must_use]
pub struct Checkpoints {
    key: SigningKey,
    anchors: Vec<Box<dyn Anchor>>,
    every_records: NonZeroU64,
    every: Duration,
}

impl Checkpoints {
    /// One after every so many records, unless set otherwise.
    pub const EVERY_RECORDS: NonZeroU64 = NonZeroU64::new(1000).unwrap();

    /// One after so long since a record that none covers, unless set otherwise.
    pub const EVERY: Duration = Duration::from_secs(10);

    /// Signs with this key, which must not be in the directory of the log.
    pub fn signed_by(key: SigningKey) -> Self {
        Self { key, anchors: Vec::new(), every_records: Self::EVERY_RECORDS, every: Self::EVERY }
    }

    /// Gives every checkpoint to this anchor too. Several are several chances to find out.
    pub fn anchor(mut self, anchor: impl Anchor) -> Self {
        self.anchors.push(Box::new(anchor));
        self
    }

    /// One after every so many records. 1 or more. Default: 1,000.
    pub fn every_records(self, every_records: NonZeroU64) -> Self {
        Self { every_records, ..self }
    }

    /// One after so long since a record that none covers. 1 ms to 366 days. Default: 10 s.
    pub fn every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        let allowed = Duration::from_millis(1)..=Duration::from_secs(366 * 24 * 60 * 60);
        let every = self.every;
        checks.require(
            allowed.contains(&every),
            "checkpoints every",
            format_args!("{every:?}"),
            "1 ms to 366 days",
        );
    }
}

impl std::fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let anchors: Vec<_> = self.anchors.iter().map(|anchor| anchor.name()).collect();
        f.debug_struct("Checkpoints")
            .field("key", &self.key)
            .field("anchors", &anchors)
            .field("every_records", &self.every_records)
            .field("every", &self.every)
            .finish()
    }
}

/// How signing is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckpointStatus {
    /// How many records the latest checkpoint in the directory covers; 0 before the first.
    pub signed: u64,
    /// How often one could not be written there.
    pub failures: u64,
    /// Why not; none since it has succeeded again.
    pub last_error: Option<Arc<str>>,
    /// What knew nothing of the records that were there when the log was opened. Empty for a log that was begun then,
    /// and for one that goes on as it was.
    pub made_anew: Vec<MadeAnew>,
    /// How the anchors are doing, in the order they were given in.
    pub anchors: Vec<AnchorStatus>,
}

/// Signs a log while it grows. Belongs to the thread that writes the log, and never stops it: what fails is counted.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    chain: ChainId,
    key: SigningKey,
    every_records: NonZeroU64,
    every: Duration,
    tree: Tree,
    head: Head,
    file: NoteFile,
    /// When the first record came that no checkpoint covers.
    waiting_since: Option<Instant>,
    /// After a failure: not before this.
    not_before: Option<Instant>,
    monitor: CheckpointMonitor,
}

/// Looks at a [`Checkpointer`] from elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct CheckpointMonitor {
    own: Arc<Mutex<CheckpointStatus>>,
    workers: Arc<[Worker]>,
}

impl CheckpointMonitor {
    pub(crate) fn status(&self) -> CheckpointStatus {
        let anchors = self.workers.iter().map(Worker::status).collect();
        CheckpointStatus { anchors, ..self.own.lock().clone() }
    }
}

impl Checkpointer {
    /// Goes on where the signatures in the directory end, after reading what has been recorded since then.
    ///
    /// `head` is the last record of the log, which has been recovered and is whole.
    ///
    /// # Errors
    ///
    /// [`ResumeError`] if a signature or an anchor knows of records that are not there, or of others than are there:
    /// going on would cover it up.
    pub(crate) fn resume(
        settings: Checkpoints,
        dir: &Path,
        chain: ChainId,
        head: Head,
        now: Instant,
    ) -> Result<Self, ResumeError> {
        resume::resume(settings, dir, chain, head, now)
    }

    pub(crate) fn monitor(&self) -> CheckpointMonitor {
        self.monitor.clone()
    }

    /// How many records the latest checkpoint in the directory covers: older segments may go.
    pub(crate) fn signed(&self) -> u64 {
        self.monitor.own.lock().signed
    }

    /// Takes in one record, once its line will not be taken back. The line may have its line feed or not.
    pub(crate) fn record(&mut self, line: &[u8], head: Head, now: Instant) {
        self.tree.push(leaf(line.strip_suffix(b"\n").unwrap_or(line)));
        self.head = head;
        self.waiting_since.get_or_insert(now);
    }

    /// When the next checkpoint is to be written; none if the last one covers everything.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        let since = self.waiting_since?;
        let waiting = self.tree.size() - self.signed();
        let due = if waiting >= self.every_records.get() { since } else { since + self.every };
        Some(self.not_before.map_or(due, |not_before| due.max(not_before)))
    }

    pub(crate) fn due(&self, now: Instant) -> bool {
        self.due_at().is_some_and(|due| due <= now)
    }

    /// Signs what was recorded and hands it to the anchors. All of it must be synced: a checkpoint that outlives its
    /// records looks like a cut log. Returns at once where there is nothing new; what fails is told in the status.
    pub(crate) fn write(&mut self, now: Instant) {
        if self.waiting_since.is_none() {
            return;
        }
        let note = Note::sign(Checkpoint::new(self.chain, self.head, self.tree.clone()), &self.key);
        let written = self.file.append(&note);
        for worker in self.monitor.workers.iter() {
            worker.put(note.clone());
        }
        let mut status = self.monitor.own.lock();
        match written {
            Ok(()) => {
                (self.waiting_since, self.not_before) = (None, None);
                status.signed = self.head.seq;
                status.last_error = None;
            }
            Err(error) => {
                tracing::warn!(%error, "an audit checkpoint was not written");
                self.not_before = Some(now + self.every);
                status.failures += 1;
                status.last_error = Some(error.to_string().into());
            }
        }
    }

    /// Drops what is of no use where the log begins with this record, the older ones having been deleted.
    pub(crate) fn forget_before(&mut self, first: u64) -> std::io::Result<()> {
        self.file.forget_before(first)
    }

    /// A last checkpoint; waits for each anchor to have tried to take it, but no longer than this in all.
    pub(crate) fn close(mut self, now: Instant, longest: Duration) {
        self.write(now);
        let each = longest / u32::try_from(self.monitor.workers.len().max(1)).unwrap_or(u32::MAX);
        for worker in self.monitor.workers.iter() {
            worker.settle(each);
        }
    }
}

#[cfg(test)]
mod tests;
