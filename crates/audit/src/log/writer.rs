use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::json;
use tokio::time::Instant;

use super::DiskLevel;
use super::ballast::Ballast;
use super::batch::{self, Written};
use super::directory::Directory;
use super::disk::Disk;
use super::gap::Losses;
use super::health::Illness;
use super::journal::{Journal, Trouble};
use super::ladder::{LOOK_AGAIN, Ladder};
use super::retention::Retention;
use super::shared::{Entry, Phase, Shared};
use super::status::real_now;
use super::system::{Clerk, WhyNext};
use super::tail::Mark;
use crate::{Durability, Reason, Severity};

/// So many bytes are written at once, so that nobody waits behind more.
const MOST_BATCH_BYTES: usize = 1 << 20;

/// So many bytes wait at most to be synced, because a next file would have to begin with them.
const MOST_UNSYNCED_BYTES: usize = 4 << 20;

/// How often files are looked for that need not be kept any more.
const PRUNE_AGAIN: Duration = Duration::from_secs(60);

/// Writes a log, on a thread of its own: takes all that waits, writes it at once, syncs it if anybody asked for that,
/// and tells everybody.
pub(super) struct Writer<D: Disk> {
    pub(super) shared: Arc<Shared>,
    pub(super) journal: Journal<D>,
    pub(super) clerk: Clerk,
    pub(super) pace: Pace,
    pub(super) ladder: Ladder,
    pub(super) retention: Retention,
    pub(super) ballast: Ballast,
    pub(super) level: DiskLevel,
    pub(super) illness: Option<Illness>,
    /// Since when something is written and not synced.
    unsynced: Option<Instant>,
    pub(super) look_at: Instant,
    rotate_at: Instant,
    prune_at: Instant,
    gap_at: Instant,
    /// When something is to be signed.
    sign_at: Option<Instant>,
    pub(super) directory: Directory,
}

/// When files are synced and sealed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) sync_within: Duration,
    pub(super) segment_bytes: u64,
    pub(super) segment_age: Duration,
}

/// What was decided before a log is written.
pub(super) struct Plan<D: Disk> {
    pub(super) shared: Arc<Shared>,
    pub(super) journal: Journal<D>,
    pub(super) clerk: Clerk,
    pub(super) pace: Pace,
    pub(super) ladder: Ladder,
    pub(super) retention: Retention,
    pub(super) directory: Directory,
}

/// What there is to do.
struct Work {
    entries: VecDeque<Entry>,
    losses: Losses,
    rotate: bool,
    phase: Phase,
}

impl<D: Disk> Writer<D> {
    pub(super) fn new(plan: Plan<D>) -> Self {
        let Plan { shared, journal, clerk, pace, ladder, retention, directory } = plan;
        let ballast = Ballast::of(directory.path());
        let now = Instant::now();
        let level = DiskLevel::Plenty;
        let mut writer = Self {
            shared,
            journal,
            clerk,
            pace,
            ladder,
            retention,
            ballast,
            level,
            illness: None,
            unsynced: None,
            look_at: now,
            rotate_at: now,
            prune_at: now,
            gap_at: now,
            sign_at: None,
            directory,
        };
        writer.look(now);
        writer.tell();
        writer
    }

    /// Writes until the log is closed and nothing is left.
    pub(super) fn run(mut self) {
        loop {
            let work = self.wait();
            let is_over = work.phase != Phase::Open && work.entries.is_empty();
            self.turn(work);
            if is_over {
                return self.end();
            }
        }
    }

    fn wait(&self) -> Work {
        let mut state = self.shared.lock();
        while state.queue.is_empty() && !state.rotate && state.phase == Phase::Open {
            let left = self.next_look().saturating_duration_since(Instant::now());
            if left.is_zero() || self.shared.work().wait_for(&mut state, left).timed_out() {
                break;
            }
        }
        let entries = batch::take(&mut state.queue, MOST_BATCH_BYTES);
        // One record tells of many losses: a storm of them must not fill the log.
        let may_tell = Instant::now() >= self.gap_at;
        let losses = if may_tell { std::mem::take(&mut state.losses) } else { Losses::default() };
        let rotate = std::mem::take(&mut state.rotate);
        state.busy_since = Some(real_now());
        Work { entries, losses, rotate, phase: state.phase }
    }

    /// Until when there is nothing to do unless somebody asks.
    fn next_look(&self) -> Instant {
        let sync = self.unsynced.map(|since| since + self.pace.sync_within);
        next_turn(self.look_at, [sync, self.sign_at], self.illness.is_some())
    }

    fn turn(&mut self, work: Work) {
        let Work { entries, losses, rotate, .. } = work;
        let now = Instant::now();
        if now >= self.look_at {
            self.look(now);
        }
        if let Some(illness) = &self.illness {
            let reason = illness.reason();
            self.shared.lock().losses.put_back(&losses);
            batch::fail(&self.shared, entries, reason, self.now());
        } else {
            self.commit(entries, &losses, now);
        }
        if self.illness.is_none() {
            self.seal_segment(rotate, now);
            self.prune(now);
            self.sign_at = self.journal.sign(now);
        }
        self.tell();
        self.shared.lock().busy_since = None;
    }

    /// Writes what is to be written, syncs if anybody asked for it, and gives the receipts.
    fn commit(&mut self, entries: VecDeque<Entry>, losses: &Losses, now: Instant) {
        let gap = (!losses.is_empty()).then(|| self.journal.seal(&self.clerk.gap(losses)));
        if gap.is_some() {
            self.gap_at = now + LOOK_AGAIN;
        }
        let mut batch = Written::seal(&mut self.journal, entries);
        let result = self.write_and_sync(&mut batch, now);
        if let Err(trouble) = result {
            if gap.is_some_and(|mark| mark.head.seq > self.journal.tail().kept_head().seq) {
                self.shared.lock().losses.put_back(losses);
            }
            self.suffer(&trouble);
            batch.fail(&self.shared, trouble.reason(), self.now());
        }
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

    pub(super) fn sync(&mut self) -> Result<(), Trouble> {
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
    pub(super) fn record(&mut self, event: &[u8]) -> Result<(), Trouble> {
        self.journal.seal(event);
        self.journal.write()?;
        self.sync()
    }

    fn seal_segment(&mut self, asked: bool, now: Instant) {
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

    fn prune(&mut self, now: Instant) {
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
    fn tell(&self) {
        let facts = &mut self.shared.lock().facts;
        facts.synced = self.journal.tail().synced_head();
        facts.level = self.level;
        facts.has_ballast = self.ballast.is_there();
        facts.segments = self.journal.sealed().len() + usize::from(!self.journal.is_broken());
        let sealed = self.journal.sealed().iter().map(|file| file.bytes).sum::<u64>();
        facts.bytes = sealed + self.journal.current().map_or(0, |(bytes, ..)| bytes);
    }

    /// What waits is written; what is left over is told.
    fn end(mut self) {
        let losses = std::mem::take(&mut self.shared.lock().losses);
        if !losses.is_empty() {
            self.journal.seal(&self.clerk.gap(&losses));
        }
        if let Err(trouble) = self.journal.write().and_then(|()| self.sync()) {
            self.note_error(trouble.error());
        }
        batch::release_replicas(&self.shared);
        self.tell();
        self.journal.close(Instant::now());
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clerk.now()
    }
}

/// When the next turn is. While nothing can be written, nothing is synced or signed, however long it has been due.
pub(super) fn next_turn(look_at: Instant, due: [Option<Instant>; 2], is_ill: bool) -> Instant {
    if is_ill { look_at } else { due.into_iter().flatten().fold(look_at, Instant::min) }
}

impl Trouble {
    pub(super) const fn reason(&self) -> Reason {
        match self {
            Self::Full(_) => Reason::DiskFull,
            Self::Broken(_) => Reason::Failed,
        }
    }
}
