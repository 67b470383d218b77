use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::cache::{Cache, Seen, Terms};
use super::flight::Fault;
use super::health::{Health, Turn};
use crate::{KeyHash, Quota};

/// What a flight brings home: nothing yet, or the quota that applies.
pub(super) type Landed = Option<Option<Quota>>;

/// Who asks the source for which key, and what it has said; the part under the lock.
#[derive(Debug)]
pub(super) struct Book {
    cache: Cache,
    ttl: Duration,
    flights: HashMap<KeyHash, Asked>,
    max_fetches: usize,
    time_limit: Duration,
    health: Health,
    counts: OverrideCounts,
}

/// A question that is on its way.
#[derive(Debug)]
struct Asked {
    answer: watch::Receiver<Landed>,
    /// By then it has come back, unless its runtime stands still.
    lost_after: Instant,
}

/// What to do about a lookup.
#[derive(Debug)]
pub(super) enum Step {
    Use(Option<Quota>),
    /// Use this, and ask the source behind it.
    Refresh(Option<Quota>, watch::Sender<Landed>),
    /// Wait for the answer that another lookup has asked for.
    Join(watch::Receiver<Landed>),
    /// Ask the source, and wait.
    Begin(watch::Receiver<Landed>, watch::Sender<Landed>),
}

/// What has become of lookups; made by [`Overrides::counts`](crate::Overrides::counts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OverrideCounts {
    /// How often the source was asked.
    pub asked: u64,
    /// How often it failed, or panicked, or was cut off.
    pub failed: u64,
    /// How often its time ran out.
    pub timed_out: u64,
    /// How often it named a quota that could not be enforced.
    pub invalid: u64,
    /// Lookups that should have asked the source and found too many asking already.
    pub crowded: u64,
    /// Answers for which another one had to be forgotten, or which found no place.
    pub displaced: u64,
    /// Keys that are remembered now.
    pub kept: usize,
    /// Keys that the source is being asked for now.
    pub asking: usize,
    /// Whether the source fails at present.
    pub is_failing: bool,
}

impl Book {
    pub(super) fn new(terms: Terms, max_fetches: usize, time_limit: Duration) -> Self {
        Self {
            cache: Cache::new(terms),
            ttl: terms.ttl,
            flights: HashMap::new(),
            max_fetches,
            time_limit,
            health: Health::default(),
            counts: OverrideCounts::default(),
        }
    }

    pub(super) fn step(&mut self, hash: KeyHash, now: Instant) -> Step {
        match self.cache.look(hash, now) {
            Seen::Fresh(quota) => Step::Use(quota),
            Seen::Stale(quota) => match self.take_off(hash, quota.is_some(), now) {
                Some((_, takeoff)) => Step::Refresh(quota, takeoff),
                None => Step::Use(quota),
            },
            Seen::Nothing => match self.asked(hash, now) {
                Some(answer) => Step::Join(answer),
                None => match self.take_off(hash, false, now) {
                    Some((answer, takeoff)) => Step::Begin(answer, takeoff),
                    None => Step::Use(None),
                },
            },
        }
    }

    /// The answer to come, if somebody has asked for a key.
    fn asked(&self, hash: KeyHash, now: Instant) -> Option<watch::Receiver<Landed>> {
        let asked = self.flights.get(&hash).filter(|asked| now < asked.lost_after);
        asked.map(|asked| asked.answer.clone())
    }

    /// Begins to ask for a key, if nobody does and there is room.
    fn take_off(
        &mut self,
        hash: KeyHash,
        has_quota: bool,
        now: Instant,
    ) -> Option<(watch::Receiver<Landed>, watch::Sender<Landed>)> {
        if self.asked(hash, now).is_some() || !self.has_room(has_quota, now) {
            return None;
        }
        let (takeoff, answer) = watch::channel(None);
        let lost_after = now + 2 * self.time_limit;
        self.flights.insert(hash, Asked { answer: answer.clone(), lost_after });
        self.counts.asked += 1;
        Some((answer, takeoff))
    }

    fn has_room(&mut self, has_quota: bool, now: Instant) -> bool {
        // A flood of made-up keys must not keep known ones from being refreshed.
        let kept_free = if has_quota { 0 } else { self.max_fetches / 4 };
        let most = self.max_fetches - kept_free;
        if self.flights.len() >= most {
            self.flights.retain(|_, asked| now < asked.lost_after);
        }
        let has_room = self.flights.len() < most;
        self.counts.crowded += u64::from(!has_room);
        has_room
    }

    /// Notes how a flight ended: which quota applies, and whether the source's health has changed.
    pub(super) fn land(
        &mut self,
        hash: KeyHash,
        answer: Result<Option<Quota>, Fault>,
        now: Instant,
    ) -> (Option<Quota>, Option<Turn>) {
        self.flights.remove(&hash);
        let (quota, displaced, turn) = match answer {
            Ok(quota) => (quota, self.cache.tell(hash, quota, now), self.health.worked(now, self.ttl)),
            Err(Fault::Invalid) => {
                self.counts.invalid += 1;
                (None, self.cache.tell(hash, None, now), self.health.failed(now))
            }
            Err(fault) => {
                let counter = match fault {
                    Fault::TimedOut => &mut self.counts.timed_out,
                    _ => &mut self.counts.failed,
                };
                *counter += 1;
                let (quota, displaced) = self.cache.fail(hash, now);
                (quota, displaced, self.health.failed(now))
            }
        };
        self.counts.displaced += u64::from(displaced);
        (quota, turn)
    }

    pub(super) fn counts(&self) -> OverrideCounts {
        OverrideCounts {
            kept: self.cache.len(),
            asking: self.flights.len(),
            is_failing: self.health.is_failing(),
            ..self.counts
        }
    }
}
