//! Counts for people who look.

mod counted;
mod sketch;
mod snapshot;

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use buttress_redact::Redactor;
use parking_lot::Mutex;

pub use self::counted::{Counted, CountedRecording, CountedReservation, CountedReserving};
pub use self::snapshot::{StatisticsSnapshot, Tally};

use self::sketch::Sketch;
use self::snapshot::tally;
use crate::event::{Action, Category, Event, Outcome, Stage, bound};
use crate::record::{NotRecorded, Receipt, Recorder};

/// How many users, resources and actions are told apart.
pub(crate) const CAPACITY: usize = 1000;

/// Who does what how often, and how often it succeeds: counted as events are recorded, in bounded memory.
///
/// Of users, resources and actions the 1,000 most frequent are kept, by the space-saving algorithm: none that makes up
/// more than a thousandth of all is missing, and each says by how much it may be counted too high. Clones count
/// together.
///
/// ```
/// use buttress_audit::{Action, Event, MemoryRecorder, Recorder, Statistics};
/// use buttress_core::Principal;
/// use buttress_redact::Redactor;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), buttress_audit::NotRecorded> {
/// let statistics = Statistics::new();
/// let log = statistics.count_in(MemoryRecorder::new()); // a recorder like the one that it wraps
/// log.record(Event::builder(Action::LOGIN).actor(Principal::user("ann")).build()).await?;
///
/// let seen = statistics.snapshot(&Redactor::default());
/// assert_eq!((seen.recorded, seen.success_rate()), (1, Some(1.0)));
/// assert_eq!((seen.users[0].name.as_str(), seen.users[0].count), ("user:ann", 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Statistics(Arc<Mutex<Counts>>);

struct Counts {
    recorded: u64,
    succeeded: u64,
    unrecorded: u64,
    outcomes: [u64; Outcome::ALL.len()],
    categories: [u64; Category::ALL.len()],
    users: Sketch,
    resources: Sketch,
    actions: Sketch,
    /// Where names are put together.
    name: String,
}

impl Default for Statistics {
    fn default() -> Self {
        Self::new()
    }
}

impl Statistics {
    /// Nothing was counted yet.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Counts::new())))
    }

    /// A recorder that counts what is recorded through it.
    pub fn count_in<R: Recorder>(&self, recorder: R) -> Counted<R> {
        Counted::new(recorder, self.clone())
    }

    /// Counts an event. Requests count once, when they are over, and not when they are received.
    pub fn count(&self, event: &Event) {
        if !matches!(event.stage(), Stage::Received | Stage::Started) {
            self.0.lock().count(event);
        }
    }

    /// Counts an event that could not be recorded.
    pub(crate) fn count_unrecorded(&self) {
        self.0.lock().unrecorded += 1;
    }

    /// What was counted, most frequent first; names are redacted.
    pub fn snapshot(&self, redactor: &Redactor) -> StatisticsSnapshot {
        let counts = self.0.lock();
        let (users, resources, actions) = (counts.users.all(), counts.resources.all(), counts.actions.all());
        let (recorded, succeeded, unrecorded) = (counts.recorded, counts.succeeded, counts.unrecorded);
        let outcomes = Outcome::ALL.map(|outcome| (outcome, counts.outcomes[outcome as usize]));
        let categories = Category::ALL.map(|category| (category, counts.categories[category as usize]));
        // Others count on while the names are redacted.
        drop(counts);
        let [users, resources, actions] =
            [users, resources, actions].map(|dimension| tally(dimension, redactor));
        StatisticsSnapshot {
            recorded,
            succeeded,
            unrecorded,
            outcomes,
            categories,
            users,
            resources,
            actions,
        }
    }

    /// Begins anew, once it is recorded that somebody wanted it.
    ///
    /// # Errors
    ///
    /// If that could not be recorded; then nothing is changed.
    pub async fn reset<R: Recorder>(&self, recorder: &R) -> Result<Receipt, NotRecorded> {
        let receipt = recorder.record(Event::builder(Action::AUDIT_STATISTICS_RESET).build()).await?;
        *self.0.lock() = Counts::new();
        Ok(receipt)
    }
}

impl Counts {
    fn new() -> Self {
        Self {
            recorded: 0,
            succeeded: 0,
            unrecorded: 0,
            outcomes: [0; Outcome::ALL.len()],
            categories: [0; Category::ALL.len()],
            users: Sketch::new(CAPACITY),
            resources: Sketch::new(CAPACITY),
            actions: Sketch::new(CAPACITY),
            name: String::new(),
        }
    }

    fn count(&mut self, event: &Event) {
        let is_success = event.outcome() == Outcome::Success;
        self.recorded += 1;
        self.succeeded += u64::from(is_success);
        self.outcomes[event.outcome() as usize] += 1;
        self.categories[event.category() as usize] += 1;
        self.actions.count(event.action().as_str(), is_success);
        if let Some(actor) = event.actor() {
            let name = join(&mut self.name, actor.kind().as_str(), actor.id());
            self.users.count(name, is_success);
        }
        if let Some(resource) = event.resource() {
            let name = join(&mut self.name, resource.kind(), resource.id());
            self.resources.count(name, is_success);
        }
    }
}

fn join<'a>(name: &'a mut String, kind: &str, id: &str) -> &'a str {
    name.clear();
    // Writing to a string cannot fail.
    let _ = write!(name, "{}:{}", bound::cut(kind, bound::ID), bound::cut(id, bound::ID));
    name
}

impl fmt::Debug for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { recorded, unrecorded, .. } = &*self.0.lock();
        f.debug_struct("Statistics")
            .field("recorded", recorded)
            .field("unrecorded", unrecorded)
            .finish_non_exhaustive()
    }
}
