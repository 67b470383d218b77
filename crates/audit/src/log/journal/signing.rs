//! What is signed, and when.

use std::time::Duration;

use tokio::time::Instant;

use super::super::checkpoint::{CheckpointMonitor, Checkpointer};
use super::super::disk::Disk;
use super::Journal;

/// How long the end waits for anchors to take the last checkpoint.
const ANCHORS_AT_CLOSE: Duration = Duration::from_secs(5);

impl<D: Disk> Journal<D> {
    /// Up to which record everything is signed.
    pub(in super::super) fn checkpointed(&self) -> u64 {
        self.checkpointer.as_ref().map_or(u64::MAX, Checkpointer::signed)
    }

    pub(in super::super) fn monitor(&self) -> Option<CheckpointMonitor> {
        self.checkpointer.as_ref().map(Checkpointer::monitor)
    }

    /// Signs what is synced, if it is time for that, and says when it will be next.
    pub(in super::super) fn sign(&mut self, now: Instant) -> Option<Instant> {
        let checkpointer = self.checkpointer.as_mut()?;
        if checkpointer.due(now.into_std()) {
            checkpointer.write(now.into_std());
        }
        checkpointer.due_at().map(Instant::from_std)
    }

    /// Signs what is synced, due or not: from now on it is known that it was signed.
    pub(in super::super) fn sign_now(&mut self, now: Instant) {
        if let Some(checkpointer) = &mut self.checkpointer {
            checkpointer.write(now.into_std());
        }
    }

    /// Signs what is left.
    pub(in super::super) fn close(self, now: Instant) {
        if let Some(checkpointer) = self.checkpointer {
            checkpointer.close(now.into_std(), ANCHORS_AT_CLOSE);
        }
    }
}
