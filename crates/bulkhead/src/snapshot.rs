use std::sync::Arc;

use buttress_core::Mode;

use crate::gate::Gate;

/// What could be known of a bulkhead at one moment, for status pages and alarms.
///
/// The calls in flight, the waiting ones and the limit are read together, so they always fit each other.
///
/// ```
/// use buttress_bulkhead::Bulkhead;
///
/// let bulkhead = Bulkhead::builder("reports").max_concurrent(1).build()?;
/// let permit = bulkhead.try_acquire()?;
/// assert!(bulkhead.try_acquire().is_err());
///
/// let seen = bulkhead.snapshot();
/// assert_eq!((seen.in_flight(), seen.max_concurrent(), seen.full()), (1, 1, 1));
/// drop(permit);
/// assert_eq!(bulkhead.in_flight(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot {
    name: Arc<str>,
    mode: Mode,
    in_flight: u32,
    waiting: u32,
    max_concurrent: u32,
    max_waiting: u32,
    full: u64,
    wait_exceeded: u64,
    would_refuse: u64,
    abandoned: u64,
}

impl Snapshot {
    pub(crate) fn of(gate: &Gate) -> Self {
        let word = gate.word();
        Self {
            name: Arc::clone(&gate.name),
            mode: gate.rules.mode.get(),
            in_flight: word.in_flight(),
            waiting: word.waiting(),
            max_concurrent: word.limit(),
            max_waiting: gate.rules.max_waiting,
            full: gate.tally.full.get(),
            wait_exceeded: gate.tally.wait_exceeded.get(),
            would_refuse: gate.tally.would_refuse.get(),
            abandoned: gate.tally.abandoned.get(),
        }
    }

    /// The name of the bulkhead.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it enforces, observes or is off.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// How many calls run; more than the limit after it was lowered, or while it is not enforced.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// How many wait for a permit.
    pub fn waiting(&self) -> u32 {
        self.waiting
    }

    /// How many may run.
    pub fn max_concurrent(&self) -> u32 {
        self.max_concurrent
    }

    /// How many may wait.
    pub fn max_waiting(&self) -> u32 {
        self.max_waiting
    }

    /// How many calls were refused at once.
    pub fn full(&self) -> u64 {
        self.full
    }

    /// How many were refused after they had waited.
    pub fn wait_exceeded(&self) -> u64 {
        self.wait_exceeded
    }

    /// How many an enforcing bulkhead would have refused, and were let through.
    pub fn would_have_refused(&self) -> u64 {
        self.would_refuse
    }

    /// How many left the queue, because their callers did.
    pub fn abandoned(&self) -> u64 {
        self.abandoned
    }
}
