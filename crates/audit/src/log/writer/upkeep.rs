//! What there is to do beside writing: the next file, old files, and what others see.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::super::disk::Disk;
use super::super::ladder::LOOK_AGAIN;
use super::super::system::WhyNext;
use super::Writer;
use crate::Severity;

/// How often files are looked for that need not be kept any more.
const PRUNE_AGAIN: Duration = Duration::from_secs(60);

impl<D: Disk> Writer<D> {
    pub(super) fn seal_segment(&mut self, asked: bool, now: Instant) {
        let Some((bytes, began, records)) = self.journal.current() else { return };
        let is_old = || self.clerk.now().duration_since(began).is_ok_and(|age| age >= self.pace.segment_age);
        let why = if asked {
            WhyNext::Demand
        } else if bytes >= self.pace.segment_bytes {
            WhyNext::Size
        } else if is_old() {
            WhyNext::Age
        } else {
            return;
        };
        // The record that opens a file is none that a next one would be needed for.
        if records <= 1 || (now < self.rotate_at && !asked) {
            return;
        }
        match self.journal.rotate(why) {
            Ok(()) => {
                self.unsynced = None;
                self.publish(self.journal.tail().sealed());
                self.prune_at = now;
            }
            Err(trouble) => {
                self.rotate_at = now + LOOK_AGAIN;
                if self.journal.is_broken() {
                    self.suffer(&trouble);
                } else {
                    self.note_error(trouble.error());
                }
            }
        }
    }

    pub(super) fn prune(&mut self, now: Instant) {
        if self.retention.keeps_all() || now < self.prune_at {
            return;
        }
        self.prune_at = now + PRUNE_AGAIN;
        let current = self.journal.current().map_or(0, |(bytes, ..)| bytes);
        let sinks = self.shared.lock().replicas.slowest().unwrap_or(u64::MAX);
        let released = sinks.min(self.journal.checkpointed());
        let count = self.retention.expired(self.journal.sealed(), current, released, self.clerk.now());
        let Some(gone) = self.journal.sealed().get(..count).filter(|gone| !gone.is_empty()) else { return };
        let (first, last) = (gone.first().map(|file| file.first), gone.last().map(|file| file.last));
        let bytes = gone.iter().map(|file| file.bytes).sum::<u64>();
        let details = json!({ "segments": count, "first": first, "last": last, "bytes": bytes });
        // Told first: a deletion that nobody told of would look like one by somebody else.
        if let Err(trouble) = self.record(&self.clerk.event("AUDIT_RETENTION", Severity::Info, &details)) {
            return self.suffer(&trouble);
        }
        if let Err(error) = self.journal.delete(count) {
            self.note_error(&error);
        }
    }

    /// Lets others see what is known.
    pub(super) fn tell(&self) {
        let facts = &mut self.shared.lock().facts;
        facts.synced = self.journal.tail().synced_head();
        facts.level = self.level;
        facts.has_ballast = self.ballast.is_there();
        facts.segments = self.journal.sealed().len() + usize::from(!self.journal.is_broken());
        let sealed = self.journal.sealed().iter().map(|file| file.bytes).sum::<u64>();
        facts.bytes = sealed + self.journal.current().map_or(0, |(bytes, ..)| bytes);
    }
}
