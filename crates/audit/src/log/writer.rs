use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::DiskLevel;
use super::ballast::Ballast;
use super::batch;
use super::directory::Directory;
use super::disk::Disk;
use super::gap::Losses;
use super::health::Illness;
use super::journal::Journal;
use super::ladder::Ladder;
use super::refusals::Summary;
use super::retention::Retention;
use super::shared::{Entry, Phase, Shared};
use super::status::real_now;
use super::system::Clerk;

mod commit;
mod upkeep;

/// So many bytes are written at once, so that nobody waits behind more.
const MOST_BATCH_BYTES: usize = 1 << 20;

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
    /// What windows counted that have ended.
    refusals: Vec<Summary>,
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
        while self.goes_on() {}
        self.end();
    }

    /// Waits for something to do and does it; says whether there may be more.
    pub(super) fn goes_on(&mut self) -> bool {
        let work = self.wait();
        let is_over = work.phase != Phase::Open && work.entries.is_empty();
        self.turn(work);
        !is_over
    }

    fn wait(&self) -> Work {
        let mut state = self.shared.lock();
        while state.queue.is_empty() && !state.rotate && state.phase == Phase::Open {
            let left = self.next_look(state.refusals.next_end()).saturating_duration_since(Instant::now());
            if left.is_zero() || self.shared.work().wait_for(&mut state, left).timed_out() {
                break;
            }
        }
        let entries = batch::take(&mut state.queue, MOST_BATCH_BYTES);
        // One record tells of many losses: a storm of them must not fill the log.
        let may_tell = Instant::now() >= self.gap_at;
        let losses = if may_tell { std::mem::take(&mut state.losses) } else { Losses::default() };
        let is_well = self.illness.is_none();
        let refusals =
            if is_well { state.refusals.take_ended(Instant::now().into_std()) } else { Vec::new() };
        let rotate = std::mem::take(&mut state.rotate);
        state.busy_since = Some(real_now());
        Work { entries, losses, refusals, rotate, phase: state.phase }
    }

    /// Until when there is nothing to do unless somebody asks.
    fn next_look(&self, window: Option<std::time::Instant>) -> Instant {
        let sync = self.unsynced.map(|since| since + self.pace.sync_within);
        let window = window.map(Instant::from_std);
        next_turn(self.look_at, [sync, self.sign_at, window], self.illness.is_some())
    }

    fn turn(&mut self, work: Work) {
        let Work { entries, losses, refusals, rotate, .. } = work;
        let now = Instant::now();
        if now >= self.look_at {
            self.look(now);
        }
        if let Some(illness) = &self.illness {
            let reason = illness.reason();
            let mut state = self.shared.lock();
            state.losses.put_back(&losses);
            state.refusals.put_back(refusals);
            drop(state);
            self.commit_while_ill(entries, reason);
        } else {
            self.commit(entries, &losses, refusals, now);
        }
        if self.illness.is_none() {
            self.seal_segment(rotate, now);
            self.prune(now);
            self.sign_at = self.journal.sign(now);
        }
        self.tell();
        self.shared.lock().busy_since = None;
    }

    /// What waits is written; what is left over is told.
    pub(super) fn end(mut self) {
        let mut state = self.shared.lock();
        let (losses, refusals) = (std::mem::take(&mut state.losses), state.refusals.take_all());
        drop(state);
        if !losses.is_empty() {
            self.journal.seal(&self.clerk.gap(&losses));
        }
        for summary in &refusals {
            self.journal.seal(&self.clerk.refusals(summary));
        }
        if let Err(trouble) = self.journal.write() {
            self.note_error(trouble.error());
        }
        self.sync_what_is_written();
        batch::release_replicas(&self.shared);
        self.tell();
        self.journal.close(Instant::now());
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clerk.now()
    }
}

/// When the next turn is. While nothing can be written, nothing is synced or signed, however long it has been due.
pub(super) fn next_turn(look_at: Instant, due: [Option<Instant>; 3], is_ill: bool) -> Instant {
    if is_ill { look_at } else { due.into_iter().flatten().fold(look_at, Instant::min) }
}
