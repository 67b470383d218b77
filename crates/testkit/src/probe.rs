use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Counts;
use crate::gate::Gate;
use crate::ledger::Ledger;

/// The hand and the eye of a test at a [`Strict`](crate::Strict) service and all its clones. Clones share.
pub struct Probe<E> {
    pub(crate) ledger: Ledger,
    pub(crate) gate: Gate,
    failures: Arc<Mutex<VecDeque<E>>>,
}

impl<E> Probe<E> {
    pub(crate) fn new(ledger: Ledger, gate: Gate) -> Self {
        Self { ledger, gate, failures: Arc::default() }
    }

    /// Everything that was counted so far.
    pub fn counts(&self) -> Counts {
        self.ledger.counts()
    }

    /// Calls so far.
    pub fn calls(&self) -> usize {
        self.counts().calls
    }

    /// Calls that have neither answered nor been dropped.
    pub fn in_flight(&self) -> usize {
        self.counts().in_flight
    }

    /// Instances alive now.
    pub fn instances(&self) -> usize {
        self.counts().instances
    }

    /// How often readiness was asked for.
    pub fn ready_polls(&self) -> usize {
        self.counts().ready_polls
    }

    /// Calls that answered.
    pub fn completed(&self) -> usize {
        self.counts().completed
    }

    /// Calls whose future was dropped before it answered.
    pub fn dropped(&self) -> usize {
        self.counts().dropped
    }

    /// From now on no instance becomes ready; one that is ready already stays so.
    pub fn hold_ready(&self) {
        self.ledger.hold_ready(true);
    }

    /// Lets instances become ready again and wakes those that wait.
    pub fn release_ready(&self) {
        self.ledger.hold_ready(false);
        self.ledger.wake_all();
    }

    /// The next instance that asks for readiness gets this error; those that wait are woken.
    pub fn fail_ready(&self, error: E) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push_back(error);
        self.ledger.wake_all();
    }

    pub(crate) fn next_failure(&self) -> Option<E> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Lets that many calls of [`Reply::Gate`](crate::Reply::Gate) answer, oldest first, future ones included.
    pub fn open_gate(&self, calls: usize) {
        self.gate.open(calls);
    }

    /// What was done to the service that must not be done. Each one panicked too, where the layer let it.
    pub fn violations(&self) -> Vec<String> {
        self.ledger.violations()
    }

    /// Checks that there was no violation.
    ///
    /// # Panics
    ///
    /// If there was one.
    #[track_caller]
    pub fn assert_kept(&self) {
        let violations = self.violations();
        assert!(violations.is_empty(), "{}", violations.join("; "));
    }
}

impl<E> Clone for Probe<E> {
    fn clone(&self) -> Self {
        Self { ledger: self.ledger.clone(), gate: self.gate.clone(), failures: Arc::clone(&self.failures) }
    }
}

impl<E> fmt::Debug for Probe<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
