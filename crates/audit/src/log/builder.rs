use std::path::PathBuf;
use std::time::Duration;

use buttress_core::{Ratio, WallClock};
use buttress_redact::Redactor;

use super::disk::{Disk, RealDisk};
use super::settings::Settings;
use super::{AuditLog, Checkpoints, OpenError, Policy};
use crate::Class;

/// The settings of an [`AuditLog`]; see the [options](super#options).
#[derive(Debug)]
#[must_use = "a builder does nothing until `open`"]
pub struct AuditLogBuilder {
    settings: Settings,
}

/// What to do with a log in which somebody has changed something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenDamaged {
    /// It is not opened: somebody should look at it first. The default.
    #[default]
    Refuse,
    /// Where the damage is in an older file, the log is opened and goes on: a record in it says what is wrong, and so
    /// does [`Status::damage`](super::Status::damage). Damage in the file that is written is refused as before, since
    /// there is nothing whole to go on from.
    GoOn,
    /// It is moved aside into a directory `damaged-` and a number, for somebody to look at, and a new chain is begun
    /// whose first records name the old one and where it is damaged.
    BeginNewChain,
}

impl AuditLogBuilder {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { settings: Settings::of(directory) }
    }

    /// How many events wait at most. 1 to 1,000,000. Default: 8,192.
    pub fn queue_events(mut self, events: usize) -> Self {
        self.settings.queue.events = events;
        self
    }

    /// How many bytes they take at most; a place counts for 2 KiB until its event is known. 64 KiB to 1 GiB.
    /// Default: 16 MiB.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.settings.queue.bytes = bytes;
        self
    }

    /// How much of the queue classes may take whose events may be lost, in places and in bytes; the rest is kept for
    /// those whose events must not be. 1 % to 100 %, one place at least. Default: 75 %. What can wait has a share too,
    /// [`wait_share`](Self::wait_share).
    pub fn shed_share(mut self, share: Ratio) -> Self {
        self.settings.shares.shed = share;
        self
    }

    /// How much of the queue classes may take together that can wait for a place or whose events may be lost; the rest
    /// is kept for those that are refused at once where there is none, such as logins. 1 % to 100 %, one place at least,
    /// and no less than [`shed_share`](Self::shed_share) in any case. Default: 90 %.
    pub fn wait_share(mut self, share: Ratio) -> Self {
        self.settings.shares.wait = share;
        self
    }

    /// What is promised for a class, and what happens when it cannot be kept. A family stands for those of its actions
    /// that change something; for others take [`Class::read`]. Default: [`Policy::default_for`].
    pub fn policy(mut self, class: impl Into<Class>, policy: Policy) -> Self {
        self.settings.policies.set(class.into(), policy);
        self
    }

    /// How many bytes an event has at most; a larger one is not recorded. 1 KiB to 1 MiB. Default: 256 KiB.
    pub fn max_event_bytes(mut self, bytes: usize) -> Self {
        self.settings.most_event_bytes = bytes;
        self
    }

    /// For how long something is written and not synced at most, when nobody asks for it. 1 ms to 60 s. Default: 1 s.
    pub fn sync_within(mut self, time: Duration) -> Self {
        self.settings.pace.sync_within = time;
        self
    }

    /// How large a file gets before the next one is begun. 64 KiB to 16 GiB. Default: 64 MiB.
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.settings.pace.segment_bytes = bytes;
        self
    }

    /// How old a file gets before the next one is begun. 1 s to 366 days. Default: 24 h.
    pub fn segment_age(mut self, age: Duration) -> Self {
        self.settings.pace.segment_age = age;
        self
    }

    /// For how long files are kept after they were sealed. 1 s or more. Default: for ever.
    pub fn keep_for(mut self, age: Duration) -> Self {
        self.settings.retention.age = Some(age);
        self
    }

    /// How many bytes all files take before the oldest go. 64 KiB or more. Default: no bound.
    pub fn keep_bytes(mut self, bytes: u64) -> Self {
        self.settings.retention.bytes = Some(bytes);
        self
    }

    /// How many files there are before the oldest go, the one that is written among them. 1 or more. Default: no bound.
    pub fn keep_segments(mut self, segments: usize) -> Self {
        self.settings.retention.segments = Some(segments);
        self
    }

    /// How many refused requests of one client are recorded each by itself in a window, of each kind of refusal; what is
    /// beyond is counted, and told in one record when the window ends. 1 to 1,000,000. Default: 300.
    ///
    /// Only requests that were turned away before anything was done for them, and of classes that do not fail closed.
    pub fn refusals_of_one(mut self, refusals: u32) -> Self {
        self.settings.refusals.of_one = refusals;
        self
    }

    /// How many refused requests of all clients together are recorded each by itself in a window, of each kind of
    /// refusal. 1 to 1,000,000. Default: 1,000.
    pub fn refusals_of_all(mut self, refusals: u32) -> Self {
        self.settings.refusals.of_all = refusals;
        self
    }

    /// How long such a window is, from the first refusal in it. 1 s to 1 h. Default: 60 s.
    ///
    /// Until it ends, what it counted is in memory: a killed process loses that number, and nothing else.
    pub fn refusal_window(mut self, window: Duration) -> Self {
        self.settings.refusals.window = window;
        self
    }

    /// Records each refused request by itself, however many there are. Default: only as many as the bounds above say,
    /// because a flood of requests that are refused would otherwise push out what [`keep_bytes`](Self::keep_bytes) keeps,
    /// or fill the disk.
    pub fn every_refusal(mut self) -> Self {
        self.settings.refusals.is_off = true;
        self
    }

    /// Sinks that must have confirmed what is deleted, also while they are not there. Default: those that have a
    /// cursor in the directory.
    pub fn sinks<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.settings.sinks.extend(names.into_iter().map(Into::into));
        self
    }

    /// Below how much room the log warns: a share of the disk or so many bytes, whichever is more. Default: 10 %, 1 GiB.
    pub fn disk_low(mut self, share: Ratio, bytes: u64) -> Self {
        (self.settings.ladder.low, self.settings.ladder.low_bytes) = (share, bytes);
        self
    }

    /// Below which share of the disk only that is recorded whose request fails otherwise. Up to what
    /// [`disk_low`](Self::disk_low) is. Default: 3 %.
    pub fn disk_critical(mut self, share: Ratio) -> Self {
        self.settings.ladder.critical = share;
        self
    }

    /// What takes secrets out of events before they are written. Default: [`Redactor::default`].
    pub fn redactor(mut self, redactor: Redactor) -> Self {
        self.settings.redactor = redactor;
        self
    }

    /// What time it is, for tests. Default: the clock of the machine.
    pub fn clock(mut self, clock: WallClock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Signs the log while it grows, and puts anchors outside of it, so that an end that was cut is noticed. Default:
    /// nothing is signed, and whoever may write to the directory may rewrite the log.
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.settings.checkpoints = Some(checkpoints);
        self
    }

    /// What to do with a log in which somebody has changed something, or of which files are missing. Default:
    /// [`WhenDamaged::Refuse`].
    pub fn when_damaged(mut self, choice: WhenDamaged) -> Self {
        self.settings.when_damaged = choice;
        self
    }

    /// Opens the directory, makes it if there is none, and goes on with the chain that is in it.
    ///
    /// Blocks while the last file is read and checked, about a second for each GiB, and the first and the last record of
    /// each older one, which takes less than half a millisecond for a file. Where that matters, call it before the
    /// program serves anybody.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range; or else why the directory cannot be used.
    pub fn open(self) -> Result<AuditLog, OpenError> {
        self.open_on(RealDisk)
    }

    pub(super) fn open_on(self, disk: impl Disk) -> Result<AuditLog, OpenError> {
        self.settings.check()?;
        AuditLog::start(self.settings, disk)
    }
}
