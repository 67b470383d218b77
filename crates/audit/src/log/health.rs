use std::io;
use std::time::SystemTime;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::disk::Disk;
use super::journal::Trouble;
use super::ladder::{LOOK_AGAIN, Ladder};
use super::shared::Health;
use super::system::timestamp;
use super::writer::Writer;
use super::{DiskLevel, Space};
use crate::{Reason, Severity};

/// Why nothing is recorded at present.
#[derive(Debug)]
pub(super) struct Illness {
    reason: Reason,
    since: SystemTime,
    error: String,
}

impl Illness {
    pub(super) const fn reason(&self) -> Reason {
        self.reason
    }
}

impl<D: Disk> Writer<D> {
    /// What a failure means for those who want to record something.
    pub(super) fn suffer(&mut self, trouble: &Trouble) {
        let reason = trouble.reason();
        self.note_error(trouble.error());
        if self.illness.is_some() {
            return;
        }
        let (since, error) = (self.now(), trouble.error().to_string());
        tracing::error!(%error, "the audit log records nothing until this is over");
        self.illness = Some(Illness { reason, since, error });
        self.look_at = Instant::now() + LOOK_AGAIN;
        if reason == Reason::DiskFull {
            self.level = DiskLevel::Full;
            self.tell_that_it_is_full();
        }
        self.show_health();
    }

    fn tell_that_it_is_full(&mut self) {
        let details = self.space().map(details);
        self.ballast.release(self.journal.disk());
        let event = self.clerk.event("AUDIT_DISK_FULL", Severity::Critical, &json!({ "disk": details }));
        if let Err(trouble) = self.record(&event) {
            tracing::error!(error = %trouble.error(), "not even that the disk is full could be recorded");
            self.sync_what_is_written();
        }
    }

    /// It needs no room for that, and nothing more is synced before there is some.
    pub(super) fn sync_what_is_written(&mut self) {
        if let Err(trouble) = self.sync() {
            self.note_error(trouble.error());
        }
    }

    pub(super) fn note_error(&self, error: &io::Error) {
        self.shared.lock().facts.last_error = Some(error.to_string());
    }

    /// Looks how much room there is, and whether what was wrong is over.
    pub(super) fn look(&mut self, now: Instant) {
        self.look_at = now + LOOK_AGAIN;
        if self.illness.is_none() {
            self.look_for_files();
        }
        let space = self.space();
        match &self.illness {
            None => self.watch_room(space),
            Some(Illness { reason: Reason::DiskFull, .. }) if !Ladder::has_room_again(space) => {}
            Some(_) if !self.directory.is_in_place() => {}
            Some(_) => self.try_again(space),
        }
    }

    fn look_for_files(&mut self) {
        if !self.directory.is_in_place() {
            // What is there now may be somebody else's log.
            let error = "the directory was removed or replaced by somebody";
            self.suffer(&Trouble::Broken(io::Error::new(io::ErrorKind::NotFound, error)));
        } else if !self.journal.is_in_place() {
            self.leave_file();
        }
    }

    /// Goes on in a next file: nobody would find what comes to stand in this one.
    fn leave_file(&mut self) {
        let error =
            io::Error::new(io::ErrorKind::NotFound, "the file was removed, replaced or cut by somebody");
        self.note_error(&error);
        if let Err(trouble) = self.journal.leave(&error).and_then(|()| self.sync()) {
            self.suffer(&trouble);
        }
    }

    fn space(&self) -> Option<Space> {
        let space = self.journal.disk().space(self.directory.path());
        self.shared.lock().facts.space = space;
        space
    }

    /// Warns, and stops recording what may be lost, before there is no room left.
    fn watch_room(&mut self, space: Option<Space>) {
        let level = space.map_or(DiskLevel::Plenty, |space| self.ladder.level(space, self.level));
        if level < DiskLevel::Critical && !self.ballast.is_there() {
            // It is only a help: without it, one record less is written when the disk is full.
            let _retried_later = self.ballast.load(self.journal.disk());
        }
        let before = std::mem::replace(&mut self.level, level);
        if level == before {
            return;
        }
        self.show_health();
        let (action, severity) = match level {
            DiskLevel::Plenty => ("AUDIT_DISK_RECOVERED", Severity::Info),
            DiskLevel::Low => ("AUDIT_DISK_LOW", Severity::Medium),
            DiskLevel::Critical | DiskLevel::Full => ("AUDIT_DISK_LOW", Severity::High),
        };
        let (free_bytes, total_bytes) = space.map(|space| (space.free, space.total)).unzip();
        tracing::warn!(room = level.as_str(), free_bytes, total_bytes, "room for the audit log");
        let details = json!({ "level": level.as_str(), "disk": space.map(details) });
        let event = self.clerk.event(action, severity, &details);
        if let Err(trouble) = self.record(&event) {
            self.suffer(&trouble);
        }
    }

    /// Begins again if that is possible now.
    fn try_again(&mut self, space: Option<Space>) {
        let Some(illness) = &self.illness else { return };
        let action = match illness.reason {
            Reason::DiskFull => "AUDIT_DISK_RECOVERED",
            _ => "AUDIT_LOG_RECOVERED",
        };
        let details = json!({
            "since": timestamp(illness.since),
            "error": illness.error,
            "disk": space.map(details),
        });
        if illness.reason == Reason::DiskFull && self.ballast.load(self.journal.disk()).is_err() {
            return;
        }
        let event = self.clerk.event(action, Severity::High, &details);
        if let Err(trouble) = self.record(&event) {
            if trouble.reason() == Reason::DiskFull {
                // Whoever has a place still needs it more.
                self.ballast.release(self.journal.disk());
            }
            return self.note_error(trouble.error());
        }
        tracing::info!("the audit log records again");
        self.illness = None;
        self.level = space.map_or(DiskLevel::Plenty, |space| self.ladder.level(space, DiskLevel::Full));
        self.show_health();
    }

    fn show_health(&self) {
        let health = match (&self.illness, self.level) {
            (Some(illness), _) => Health::Refusing(illness.reason),
            (None, DiskLevel::Critical) => Health::Scarce,
            (None, _) => Health::Good,
        };
        let (level, has_ballast) = (self.level, self.ballast.is_there());
        self.shared.change(|state| {
            (state.health, state.facts.level, state.facts.has_ballast) = (health, level, has_ballast);
            if let Health::Refusing(_) = health {
                state.room.shut();
                return Vec::new();
            }
            state.room.reopen()
        });
    }
}

fn details(space: Space) -> Value {
    json!({ "free_bytes": space.free, "total_bytes": space.total })
}
