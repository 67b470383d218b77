use std::time::{Duration, Instant};

use super::counts::{ClassCounts, Counts};
use super::room::Rank;
use super::shared::{Health, Phase, Shared, State};
use super::{ChainId, CheckpointStatus, Damage, DiskLevel, Head, Space, WhenFull};
use crate::{Category, Class, Reason};

/// How a log is at one moment. All figures are of the same moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The chain it writes.
    pub chain: ChainId,
    /// The last record that is written.
    pub head: Head,
    /// The last record that is on disk for sure.
    pub synced: Head,
    /// Events that wait, and places that are taken for events to come.
    pub queued: usize,
    /// The bytes they take.
    pub queued_bytes: usize,
    /// How many of those that wait, and of the places, are of classes that may be lost.
    pub queued_sheddable: usize,
    /// How often a class asked for a place in vain at first although there was one: it is kept for those that must not
    /// be lost, or cannot wait.
    pub held_back: u64,
    /// Callers that wait for a place.
    pub waiting: usize,
    /// Receipts that wait for sinks.
    pub replicating: usize,
    /// How often the disk was asked to keep what was written.
    pub syncs: u64,
    /// How long that took the last time.
    pub last_sync: Duration,
    /// How long it took at most.
    pub longest_sync: Duration,
    /// Room on the disk, where that can be told.
    pub space: Option<Space>,
    /// What that means.
    pub level: DiskLevel,
    /// Whether there is room kept back for the record that says that the disk is full.
    pub has_ballast: bool,
    /// Why nothing is recorded at present, if that is so.
    pub refusing: Option<Reason>,
    /// How long the disk has been at work on what it was given last; more than [`Status::HANGS_AFTER`] means that it
    /// hangs.
    pub busy_for: Duration,
    /// The last thing that went wrong, also if it has been overcome.
    pub last_error: Option<String>,
    /// What was found to be wrong in an older file when the log was opened, where it was chosen to go on all the same.
    pub damage: Option<Damage>,
    /// Files.
    pub segments: usize,
    /// What they take, in bytes.
    pub bytes: u64,
    /// How signing is doing; none where nothing is signed.
    pub checkpoints: Option<CheckpointStatus>,
    /// Sinks and how far they have confirmed.
    pub sinks: Vec<(String, u64)>,
    /// Whether it was closed.
    pub is_closed: bool,
    counts: Counts,
    not_ready: Vec<Category>,
}

impl Status {
    /// How long a disk may be at work before it counts as one that hangs.
    pub const HANGS_AFTER: Duration = Duration::from_secs(5);

    pub(super) fn of(shared: &Shared) -> Self {
        Self::at(shared, real_now())
    }

    pub(super) fn at(shared: &Shared, now: Instant) -> Self {
        let state = shared.lock();
        let busy_for = state.busy_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let (facts, used) = (state.facts.clone(), state.room.used_in_all());
        Self {
            chain: facts.chain,
            head: *shared.head.borrow(),
            synced: facts.synced,
            queued: used.events,
            queued_bytes: used.bytes,
            queued_sheddable: state.room.used(Rank::Sheddable).events,
            held_back: state.room.held_back(),
            waiting: state.room.waiting(),
            replicating: state.replicas.held(),
            syncs: facts.syncs,
            last_sync: facts.last_sync,
            longest_sync: facts.longest_sync,
            space: facts.space,
            level: facts.level,
            has_ballast: facts.has_ballast,
            refusing: state.refusing(),
            busy_for,
            last_error: facts.last_error,
            damage: facts.damage,
            segments: facts.segments,
            bytes: facts.bytes,
            checkpoints: facts.signatures.map(|signatures| signatures.status()),
            sinks: state.replicas.sinks().map(|(name, seq)| (name.to_owned(), seq)).collect(),
            is_closed: state.phase != Phase::Open,
            counts: state.counts,
            not_ready: not_ready(shared, &state, busy_for),
        }
    }

    /// What became of the events of a family.
    pub const fn counts(&self, category: Category) -> ClassCounts {
        self.counts.of(category)
    }

    /// What became of all events.
    pub fn totals(&self) -> ClassCounts {
        let rows = Category::ALL.map(|category| self.counts(category));
        rows.into_iter().fold(ClassCounts::default(), |sum, row| ClassCounts {
            emitted: sum.emitted + row.emitted,
            acknowledged: sum.acknowledged + row.acknowledged,
            summarised: sum.summarised + row.summarised,
            shed: sum.shed + row.shed,
            failed: sum.failed + row.failed,
        })
    }

    /// Whether every family can be recorded whose requests are refused otherwise; what a readiness probe asks.
    pub const fn is_ready(&self) -> bool {
        self.not_ready.is_empty()
    }

    /// Whether the disk hangs: it neither does what it was told nor fails.
    pub fn hangs(&self) -> bool {
        self.busy_for > Self::HANGS_AFTER
    }

    /// The families whose requests are refused at present because they cannot be recorded, or wait for a disk that
    /// hangs.
    pub fn not_ready(&self) -> &[Category] {
        &self.not_ready
    }
}

/// The time of the thread that writes: the disk knows of no paused clock.
#[expect(clippy::disallowed_methods, reason = "a paused clock says nothing of a disk")]
pub(super) fn real_now() -> Instant {
    Instant::now()
}

fn not_ready(shared: &Shared, state: &State, busy_for: Duration) -> Vec<Category> {
    if state.refusing().is_none() && busy_for <= Status::HANGS_AFTER {
        return Vec::new();
    }
    let fails =
        |category: &Category| shared.policy(Class::write(*category)).when_full == WhenFull::FailRequest;
    Category::ALL.into_iter().filter(fails).collect()
}

impl State {
    /// Why nothing is recorded at present.
    pub(super) const fn refusing(&self) -> Option<Reason> {
        match (self.phase, self.health) {
            (Phase::Closing | Phase::Closed, _) => Some(Reason::Closed),
            (Phase::Open, Health::Refusing(reason)) => Some(reason),
            (Phase::Open, Health::Good | Health::Scarce) => None,
        }
    }
}
