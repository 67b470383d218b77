//! One file after the other: the next one after a failure, when one is large enough or old, and those that go.

use std::io;

use super::super::disk::{Disk, DiskFile as _, is_full, write_all};
use super::super::segment::{OpenSegment, Sealed};
use super::super::system::WhyNext;
use super::super::{Head, layout};
use super::{Failed, Journal, Trouble};

impl<D: Disk> Journal<D> {
    /// Begins the first file.
    pub(in super::super) fn start(&mut self) -> io::Result<()> {
        self.current = Some(self.begin(self.tail.synced_head(), WhyNext::Begun)?);
        self.settle();
        Ok(())
    }

    /// Whether the file that is written is still where readers look for it, with all that was written to it.
    pub(in super::super) fn is_in_place(&self) -> bool {
        self.current.as_ref().is_none_or(|current| current.file.is_in_place(&current.path, current.bytes))
    }

    /// Begins the next file, for a reason that no write or sync would tell of.
    pub(in super::super) fn leave(&mut self, why: &io::Error) -> Result<(), Trouble> {
        self.fail(why)
    }

    pub(super) fn fail(&mut self, error: &io::Error) -> Result<(), Trouble> {
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
    pub(super) fn move_on(&mut self) -> Result<(), Trouble> {
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
    pub(in super::super) fn rotate(&mut self, why: WhyNext) -> Result<(), Trouble> {
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
                if self.take_back(before).is_err() {
                    // Two files would go on from one record, now or after a loss of power.
                    self.give_up_current();
                    return Err(Trouble::Broken(error));
                }
                Err(if is_full(&error) { Trouble::Full(error) } else { Trouble::Broken(error) })
            }
        }
    }

    /// Removes a file that could not be begun, for good.
    fn take_back(&self, before: Head) -> io::Result<()> {
        match self.disk.remove(&layout::segment(&self.directory, before.next_seq())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| self.disk.sync_directory(&self.directory)),
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

    /// Deletes the oldest files, of which a record says that they go.
    pub(in super::super) fn delete(&mut self, count: usize) -> io::Result<()> {
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
