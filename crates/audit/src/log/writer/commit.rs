//! How records come to stand on the disk, and who is told.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::super::batch::{self, Written};
use super::super::disk::Disk;
use super::super::gap::Losses;
use super::super::journal::Trouble;
use super::super::ladder::LOOK_AGAIN;
use super::super::refusals::Summary;
use super::super::room::Rank;
use super::super::shared::Entry;
use super::super::tail::Mark;
use super::Writer;
use crate::{Durability, Reason};

/// So many bytes wait at most to be synced, because a next file would have to begin with them.
const MOST_UNSYNCED_BYTES: usize = 4 << 20;

/// So many bytes are written at once where the room may end: all of them are lost with the first that finds none.
const MOST_SQUEEZED_BYTES: usize = 8 << 10;

impl<D: Disk> Writer<D> {
    /// Writes what is to be written, syncs if anybody asked for it, and gives the receipts.
    pub(super) fn commit(
        &mut self,
        entries: VecDeque<Entry>,
        losses: &Losses,
        refusals: Vec<Summary>,
        now: Instant,
    ) {
        let gap = (!losses.is_empty()).then(|| self.journal.seal(&self.clerk.gap(losses)));
        if gap.is_some() {
            self.gap_at = now + LOOK_AGAIN;
        }
        let seal = |summary| (self.journal.seal(&self.clerk.refusals(&summary)), summary);
        let told: Vec<_> = refusals.into_iter().map(seal).collect();
        let mut batch = Written::seal(&mut self.journal, entries);
        let result = self.write_and_sync(&mut batch, now);
        if let Err(trouble) = result {
            let kept = self.journal.tail().kept_head().seq;
            let mut state = self.shared.lock();
            if gap.is_some_and(|mark| mark.head.seq > kept) {
                state.losses.put_back(losses);
            }
            let untold = told.into_iter().filter(|(mark, _)| mark.head.seq > kept);
            state.refusals.put_back(untold.map(|(_, summary)| summary));
            drop(state);
            self.suffer(&trouble);
            self.commit_while_ill(batch.into_entries(), trouble.reason());
        }
    }

    /// Nothing new gets a place while the disk is full. What has one is what somebody has done already: it takes the
    /// room that the ballast has left, as far as it goes.
    pub(super) fn commit_while_ill(&mut self, entries: VecDeque<Entry>, reason: Reason) {
        let is_due = |entry: &Entry| reason == Reason::DiskFull && entry.rank < Rank::Sheddable;
        let (mut due, rest): (VecDeque<_>, VecDeque<_>) = entries.into_iter().partition(is_due);
        while !due.is_empty() {
            let mut batch = Written::seal(&mut self.journal, batch::take(&mut due, MOST_SQUEEZED_BYTES));
            if let Err(trouble) = self.journal.write().and_then(|()| self.sync()) {
                self.note_error(trouble.error());
                // Of these nobody knows if it was not only room that was missing.
                batch::fail(&self.shared, batch.into_entries(), trouble.reason(), self.now());
                break;
            }
            batch.acknowledge(&self.shared, |_| true);
        }
        batch::fail(&self.shared, due.into_iter().chain(rest), reason, self.now());
    }

    fn write_and_sync(&mut self, batch: &mut Written, now: Instant) -> Result<(), Trouble> {
        self.journal.write()?;
        let sync = batch.wants_sync() || self.is_sync_due(now);
        if let Some(mark) = if sync { batch.last_without_sync() } else { Some(self.journal.tail().sealed()) }
        {
            self.publish(mark);
            batch.acknowledge(&self.shared, |durability| durability <= Durability::Written);
        }
        if sync {
            self.sync()?;
            batch.acknowledge(&self.shared, |_| true);
        }
        let is_synced = self.journal.tail().is_synced();
        self.unsynced = if is_synced { None } else { self.unsynced.or(Some(now)) };
        Ok(())
    }

    fn is_sync_due(&self, now: Instant) -> bool {
        self.unsynced.is_some_and(|since| now >= since + self.pace.sync_within)
            || self.journal.tail().lines().len() >= MOST_UNSYNCED_BYTES
    }

    pub(in super::super) fn sync(&mut self) -> Result<(), Trouble> {
        if self.journal.tail().is_synced() && !self.journal.is_broken() {
            self.publish(self.journal.tail().sealed());
            return Ok(());
        }
        let began = Instant::now();
        self.journal.sync()?;
        let took = began.elapsed();
        self.unsynced = None;
        self.publish(self.journal.tail().sealed());
        let facts = &mut self.shared.lock().facts;
        facts.synced = self.journal.tail().synced_head();
        facts.syncs += 1;
        facts.last_sync = took;
        facts.longest_sync = facts.longest_sync.max(took);
        Ok(())
    }

    /// Shows everybody that the log has come so far; it will not be taken back.
    pub(super) fn publish(&mut self, mark: Mark) {
        self.journal.keep(mark);
        let head = mark.head;
        self.shared.head.send_if_modified(|known| {
            let is_later = head.seq > known.seq;
            if is_later {
                *known = head;
            }
            is_later
        });
    }

    /// Writes a record about the log itself, for good.
    pub(in super::super) fn record(&mut self, event: &[u8]) -> Result<(), Trouble> {
        self.journal.seal(event);
        self.journal.write()?;
        self.sync()
    }
}

impl Trouble {
    pub(in super::super) const fn reason(&self) -> Reason {
        match self {
            Self::Full(_) => Reason::DiskFull,
            Self::Broken(_) => Reason::Failed,
        }
    }
}
