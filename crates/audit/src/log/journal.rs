use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::checkpoint::{CheckpointMonitor, Checkpointer};
use super::disk::{Disk, DiskFile as _, is_full, write_all};
use super::layout;
use super::segment::{OpenSegment, Sealed};
use super::system::{Clerk, WhyNext};
use super::tail::{Mark, Tail};
use super::{ChainId, Damage, Head};

/// How long the end waits for anchors to take the last checkpoint.
const ANCHORS_AT_CLOSE: Duration = Duration::from_secs(5);

/// The chain on its disk: lines are sealed, written and synced, and where a file fails, the next one takes over.
///
/// A failed write or sync is final for its file. What it holds for sure is what was synced last; all that came after
/// is in memory too, and begins the next file, byte by byte the same. Only when that is on disk is the end of the old
/// file cut, and only then is the next record acknowledged. So whatever fails and whenever it is killed, there is one
/// chain with every record that was acknowledged.
pub(super) struct Journal<D: Disk> {
    disk: D,
    directory: PathBuf,
    chain: ChainId,
    clerk: Clerk,
    tail: Tail,
    current: Option<OpenSegment<D::File>>,
    /// The file that failed, and how much of it stays, until a next one has taken over.
    failed: Option<Failed>,
    sealed: Vec<Sealed>,
    checkpointer: Option<Checkpointer>,
    /// The oldest record that is kept, as far as the log says so: what is missing behind it was not deleted by it.
    kept_from: Option<u64>,
    damage: Option<Damage>,
}

#[derive(Debug)]
struct Failed {
    path: PathBuf,
    first: u64,
    bytes: u64,
}

/// Why records could not be written.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There is no room. The file is as it was before.
    Full(io::Error),
    /// Neither the file nor a next one can be written.
    Broken(io::Error),
}

impl Trouble {
    pub(super) const fn error(&self) -> &io::Error {
        match self {
            Self::Full(error) | Self::Broken(error) => error,
        }
    }

    pub(super) fn into_error(self) -> io::Error {
        match self {
            Self::Full(error) | Self::Broken(error) => error,
        }
    }
}

/// Where a journal goes on.
#[derive(Debug)]
pub(super) struct Begin<F> {
    pub(super) chain: ChainId,
    pub(super) head: Head,
    pub(super) current: Option<OpenSegment<F>>,
    pub(super) sealed: Vec<Sealed>,
    pub(super) checkpointer: Option<Checkpointer>,
    pub(super) kept_from: Option<u64>,
    /// What is wrong in an older file.
    pub(super) damage: Option<Damage>,
}

impl<D: Disk> Journal<D> {
    pub(super) fn new(disk: D, directory: PathBuf, clerk: Clerk, begin: Begin<D::File>) -> Self {
        let Begin { chain, head, current, sealed, checkpointer, kept_from, damage } = begin;
        Self {
            disk,
            directory,
            chain,
            clerk,
            tail: Tail::after(head),
            current,
            failed: None,
            sealed,
            checkpointer,
            kept_from,
            damage,
        }
    }

    /// Begins the first file.
    pub(super) fn start(&mut self) -> io::Result<()> {
        self.current = Some(self.begin(self.tail.synced_head(), WhyNext::Begun)?);
        self.settle();
        Ok(())
    }

    pub(super) const fn disk(&self) -> &D {
        &self.disk
    }

    pub(super) const fn chain(&self) -> ChainId {
        self.chain
    }

    pub(super) const fn tail(&self) -> &Tail {
        &self.tail
    }

    pub(super) const fn is_broken(&self) -> bool {
        self.current.is_none()
    }

    /// Adds a record, in memory.
    pub(super) fn seal(&mut self, event: &[u8]) -> Mark {
        self.tail.seal(self.chain, event)
    }

    pub(super) fn keep(&mut self, mark: Mark) {
        self.tail.keep(mark);
    }

    /// Hands what was sealed to the operating system.
    pub(super) fn write(&mut self) -> Result<(), Trouble> {
        let Some(current) = &mut self.current else { return self.move_on() };
        let lines = self.tail.unwritten();
        match write_all(&mut current.file, lines) {
            Ok(()) => {
                current.bytes += lines.len() as u64;
                self.tail.wrote();
                Ok(())
            }
            // The error tells of these bytes and no others: without them the file is as good as before.
            Err(error) if is_full(&error) && current.file.cut(current.bytes).is_ok() => {
                self.tail.forget();
                Err(Trouble::Full(error))
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Has the disk keep everything that was written.
    pub(super) fn sync(&mut self) -> Result<(), Trouble> {
        let Some(current) = &mut self.current else { return self.move_on() };
        if self.tail.is_synced() {
            return Ok(());
        }
        match current.file.sync() {
            Ok(()) => {
                current.synced = current.bytes;
                self.settle();
                Ok(())
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Whether the file that is written is still where readers look for it, with all that was written to it.
    pub(super) fn is_in_place(&self) -> bool {
        self.current.as_ref().is_none_or(|current| current.file.is_in_place(&current.path, current.bytes))
    }

    /// Begins the next file, for a reason that no write or sync would tell of.
    pub(super) fn leave(&mut self, why: &io::Error) -> Result<(), Trouble> {
        self.fail(why)
    }

    fn fail(&mut self, error: &io::Error) -> Result<(), Trouble> {
        tracing::error!(%error, "a file of the audit log failed; the next one takes over");
        self.give_up_current();
        self.move_on()
    }

    fn give_up_current(&mut self) {
        if let Some(OpenSegment { path, first, synced, .. }) = self.current.take() {
            self.failed = Some(Failed { path, first, bytes: synced });
        }
    }

    /// Begins the file that takes over from one that failed.
    fn move_on(&mut self) -> Result<(), Trouble> {
        let before = self.tail.synced_head();
        let taken_over = self.take_over(before);
        if let Err(error) = taken_over {
            // A file that is there all the same is emptied by the next attempt, which has the same name for it.
            let _maybe_not_there = self.disk.remove(&layout::segment(&self.directory, before.next_seq()));
            self.tail.forget();
            return Err(Trouble::Broken(error));
        }
        Ok(())
    }

    fn take_over(&mut self, before: Head) -> io::Result<()> {
        let next = self.begin(before, WhyNext::Failure)?;
        if let Some(Failed { path, first, bytes }) = &self.failed {
            self.disk.cut(path, *bytes)?;
            self.sealed.push(Sealed { first: *first, last: before.seq, bytes: *bytes, at: next.began });
        }
        self.failed = None;
        self.current = Some(next);
        self.settle();
        Ok(())
    }

    /// Seals the file, so that the next record is in another. Where that cannot be begun, this one goes on.
    pub(super) fn rotate(&mut self, why: WhyNext) -> Result<(), Trouble> {
        self.sync()?;
        let before = self.tail.synced_head();
        match self.begin(before, why) {
            Ok(next) => {
                if let Some(old) = self.current.replace(next) {
                    self.sealed.push(old.sealed(before, self.clerk.now()));
                }
                self.settle();
                Ok(())
            }
            Err(error) => {
                self.tail.forget();
                let path = layout::segment(&self.directory, before.next_seq());
                if self.disk.remove(&path).is_err_and(|error| error.kind() != io::ErrorKind::NotFound) {
                    // Two files would go on from one record.
                    self.give_up_current();
                    return Err(Trouble::Broken(error));
                }
                Err(if is_full(&error) { Trouble::Full(error) } else { Trouble::Broken(error) })
            }
        }
    }

    /// Makes a file whose records follow `before`: those that are not on disk, and one that says why it was begun.
    fn begin(&mut self, before: Head, why: WhyNext) -> io::Result<OpenSegment<D::File>> {
        let opened = self.clerk.segment_opened(before, why, self.kept_from);
        self.tail.seal(self.chain, &opened);
        let first = before.next_seq();
        let path = layout::segment(&self.directory, first);
        let mut file = self.disk.create(&path)?;
        let lines = self.tail.lines();
        write_all(&mut file, lines).and_then(|()| file.sync())?;
        self.disk.sync_directory(&self.directory)?;
        let bytes = lines.len() as u64;
        Ok(OpenSegment { file, path, first, bytes, synced: bytes, began: self.clerk.now() })
    }

    /// How large the file is that is being written, since when, and how many records it has.
    pub(super) fn current(&self) -> Option<(u64, SystemTime, u64)> {
        let records = |first| (self.tail.kept_head().seq + 1).saturating_sub(first);
        self.current.as_ref().map(|current| (current.bytes, current.began, records(current.first)))
    }

    /// Up to which record everything is signed.
    pub(super) fn checkpointed(&self) -> u64 {
        self.checkpointer.as_ref().map_or(u64::MAX, Checkpointer::signed)
    }

    pub(super) fn monitor(&self) -> Option<CheckpointMonitor> {
        self.checkpointer.as_ref().map(Checkpointer::monitor)
    }

    /// Signs what is synced, if it is time for that, and says when it will be next.
    pub(super) fn sign(&mut self, now: Instant) -> Option<Instant> {
        let checkpointer = self.checkpointer.as_mut()?;
        if checkpointer.due(now.into_std()) {
            checkpointer.write(now.into_std());
        }
        checkpointer.due_at().map(Instant::from_std)
    }

    /// Signs what is synced, due or not: from now on it is known that it was signed.
    pub(super) fn sign_now(&mut self, now: Instant) {
        if let Some(checkpointer) = &mut self.checkpointer {
            checkpointer.write(now.into_std());
        }
    }

    /// Signs what is left.
    pub(super) fn close(self, now: Instant) {
        if let Some(checkpointer) = self.checkpointer {
            checkpointer.close(now.into_std(), ANCHORS_AT_CLOSE);
        }
    }

    /// Everything is on disk.
    fn settle(&mut self) {
        if let Some(checkpointer) = &mut self.checkpointer {
            let (head, now) = (self.tail.sealed().head, Instant::now().into_std());
            let lines = self.tail.lines().split_inclusive(|byte| *byte == b'\n');
            lines.for_each(|line| checkpointer.record(line, head, now));
        }
        self.tail.synced();
    }

    pub(super) fn sealed(&self) -> &[Sealed] {
        &self.sealed
    }

    /// What is wrong in an older file.
    pub(super) const fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    /// Deletes the oldest files, of which a record says that they go.
    pub(super) fn delete(&mut self, count: usize) -> io::Result<()> {
        let last = self.sealed.get(..count).and_then(<[_]>::last).map(|file| file.last);
        self.kept_from = self.kept_from.max(last.map(|last| last + 1));
        for _ in 0..count.min(self.sealed.len()) {
            let Some(oldest) = self.sealed.first() else { break };
            match self.disk.remove(&layout::segment(&self.directory, oldest.first)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.sealed.remove(0),
            };
        }
        self.disk.sync_directory(&self.directory)?;
        let first = self
            .sealed
            .first()
            .map_or_else(|| self.current.as_ref().map(|file| file.first), |file| Some(file.first));
        match (&mut self.checkpointer, first) {
            (Some(checkpointer), Some(first)) => checkpointer.forget_before(first),
            _ => Ok(()),
        }
    }
}
