use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use tokio::time::Instant;

use super::checkpoint::Checkpointer;
use super::disk::{Disk, DiskFile as _, is_full, write_all};
use super::segment::{OpenSegment, Sealed};
use super::system::Clerk;
use super::tail::{Mark, Tail};
use super::{ChainId, Damage, Head};

mod files;
mod signing;

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

    /// How large the file is that is being written, since when, and how many records it has.
    pub(super) fn current(&self) -> Option<(u64, SystemTime, u64)> {
        let records = |first| (self.tail.kept_head().seq + 1).saturating_sub(first);
        self.current.as_ref().map(|current| (current.bytes, current.began, records(current.first)))
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
}
