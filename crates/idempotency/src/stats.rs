use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

/// What a layer has done with keyed requests since it was made, in all and for each endpoint.
///
/// Clones count together. Endpoints are routes of the application, as patterns and never as paths: there are at most
/// [`Stats::MAX_ENDPOINTS`], and what comes after them is counted as [`Stats::OTHERS`].
///
/// ```
/// use buttress_idempotency::{Event, Stats};
///
/// let stats = Stats::default();
/// let orders = stats.endpoint("POST /orders");
/// orders.count(Event::Started);
/// orders.count(Event::Completed);
/// orders.count(Event::Replayed);
/// let totals = stats.totals();
/// assert_eq!((totals[Event::Replayed], totals.in_flight()), (1, 0));
/// assert_eq!(totals.replay_rate(), 0.5);
/// ```
#[derive(Clone, Default)]
pub struct Stats(Arc<RwLock<BTreeMap<Arc<str>, EndpointStats>>>);

/// The counters of one endpoint; clones count together.
#[derive(Clone, Default)]
pub struct EndpointStats(Arc<[AtomicU64; Event::ALL.len()]>);

/// What can happen to a keyed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Event {
    /// The handler was started as the first attempt, or again after a release.
    Started,
    /// The handler was started after an attempt that nobody finished.
    Recovered,
    /// A run ended, and its response is kept.
    Completed,
    /// A run ended, and only its status and a few headers are kept.
    Tombstoned,
    /// A run ended so that it may be repeated.
    Released,
    /// A run ended, and nobody knows how far it came.
    Abandoned,
    /// A run ended as somebody else owned its record, or as the record was gone.
    Fenced,
    /// A kept response was given again.
    Replayed,
    /// A request waited because the same one was running; what came of it is counted too.
    Waited,
    /// A request was refused because the same one was running.
    InFlight,
    /// A request was refused because its key was used for another payload.
    Mismatch,
    /// A request was refused because the response had not been kept.
    NotRetained,
    /// A request was refused because nobody knows the outcome of an earlier one.
    Unknown,
    /// A request was refused because its key was missing or could not be used.
    BadKey,
    /// The store did not answer, or had no room.
    StoreFailed,
}

/// Counts of [`Event`]s, at one moment or as near to it as counting without a lock comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Event::ALL.len()]);

impl Event {
    /// All of them, in their order.
    pub const ALL: [Self; 15] = [
        Self::Started,
        Self::Recovered,
        Self::Completed,
        Self::Tombstoned,
        Self::Released,
        Self::Abandoned,
        Self::Fenced,
        Self::Replayed,
        Self::Waited,
        Self::InFlight,
        Self::Mismatch,
        Self::NotRetained,
        Self::Unknown,
        Self::BadKey,
        Self::StoreFailed,
    ];

    /// The name, for metrics and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Recovered => "recovered",
            Self::Completed => "completed",
            Self::Tombstoned => "tombstoned",
            Self::Released => "released",
            Self::Abandoned => "abandoned",
            Self::Fenced => "fenced",
            Self::Replayed => "replayed",
            Self::Waited => "waited",
            Self::InFlight => "in_flight",
            Self::Mismatch => "mismatch",
            Self::NotRetained => "not_retained",
            Self::Unknown => "unknown",
            Self::BadKey => "bad_key",
            Self::StoreFailed => "store_failed",
        }
    }
}

impl Stats {
    /// How many endpoints are counted apart.
    pub const MAX_ENDPOINTS: usize = 256;

    /// The name under which all further endpoints are counted.
    pub const OTHERS: &str = "others";

    /// The counters of an endpoint, to be asked for once and kept.
    pub fn endpoint(&self, name: &str) -> EndpointStats {
        if let Some(known) = self.0.read().get(name) {
            return known.clone();
        }
        let mut endpoints = self.0.write();
        let has_room = endpoints.contains_key(name) || endpoints.len() < Self::MAX_ENDPOINTS;
        let name = if has_room { name } else { Self::OTHERS };
        endpoints.entry(name.into()).or_default().clone()
    }

    /// All endpoints together.
    pub fn totals(&self) -> Counts {
        let endpoints = self.0.read();
        endpoints.values().fold(Counts::default(), |sum, endpoint| sum.plus(&endpoint.counts()))
    }

    /// Each endpoint, by name.
    pub fn endpoints(&self) -> Vec<(Arc<str>, Counts)> {
        let endpoints = self.0.read();
        endpoints.iter().map(|(name, endpoint)| (Arc::clone(name), endpoint.counts())).collect()
    }
}

impl EndpointStats {
    /// Counts one.
    pub fn count(&self, event: Event) {
        self.0[event as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn counts(&self) -> Counts {
        // Endings are read first: whatever ended had started, so that no run is missed as in flight.
        let mut counts = Event::ALL.map(|_| 0);
        for event in Event::ALL.into_iter().rev() {
            counts[event as usize] = self.0[event as usize].load(Ordering::Acquire);
        }
        Counts(counts)
    }
}

impl Counts {
    /// Runs that have begun and not ended.
    pub fn in_flight(&self) -> u64 {
        use Event::{Abandoned, Completed, Fenced, Released, Tombstoned};
        let ended: u64 =
            [Completed, Tombstoned, Released, Abandoned, Fenced].map(|event| self[event]).iter().sum();
        self.started().saturating_sub(ended)
    }

    /// Replays as a share of all that were started or replayed, 0 to 1.
    pub fn replay_rate(&self) -> f64 {
        let (replayed, started) = (self[Event::Replayed], self.started());
        if replayed == 0 { 0.0 } else { ratio(replayed, replayed + started) }
    }

    fn started(&self) -> u64 {
        self[Event::Started] + self[Event::Recovered]
    }

    fn plus(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
        self
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is for people, who read a few digits")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

impl std::ops::Index<Event> for Counts {
    type Output = u64;

    fn index(&self, event: Event) -> &u64 {
        &self.0[event as usize]
    }
}

impl fmt::Debug for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.endpoints()).finish()
    }
}

impl fmt::Debug for EndpointStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts().fmt(f)
    }
}
