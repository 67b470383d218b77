mod builder;
mod ledger;
mod tally;
mod terms;

use std::sync::{Arc, PoisonError};
use std::time::Instant;
use std::{fmt, mem};

use buttress_window::Ticks;

use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering};
use ledger::Ledger;
use tally::Tally;
use terms::{Terms, Usage};

pub use builder::BudgetBuilder;

/// How many retries one destination gets: shared by everything that calls it, so that retries cannot multiply an
/// outage.
///
/// A retry must pass two gates. The first counts over time: within the time to live, calls earn retries at a ratio
/// (20 %), on top of a reserve (3 per second), and each retry spends a whole one. The second counts what is under
/// way: at most a share (20 %) of the calls in flight may be retries, or 3 if that is more. Whoever is denied keeps
/// the outcome it has; a denial waits for nothing, cancels nothing and costs later retries nothing.
///
/// Clones share. Every [`RetryLayer`](crate::RetryLayer) has its own unless it is given one; give the same to all
/// layers that call the same destination.
///
/// # What is approximate
///
/// A call is dated by its first wait. One that is answered without ever waiting reads no clock and is dated by the
/// latest wait of any call, so it may be forgotten too early and is never remembered too long; for the same reason
/// it is never in flight. The time to live passes in ten steps. Calls that begin or end at the very moment of a
/// decision may be missed by it.
#[derive(Clone)]
pub struct Budget(Arc<Pool>);

struct Pool {
    terms: Terms,
    ticks: Ticks,
    /// The latest tick that the ledger has seen.
    tick: AtomicU64,
    /// All calls since the beginning.
    calls: Tally,
    in_flight: Tally,
    rare: Rare,
}

/// What is touched once per tick and by retries, on cache lines of its own.
#[repr(align(128))]
struct Rare {
    ledger: Mutex<Ledger>,
    retrying: AtomicU64,
}

impl Budget {
    /// Settings for a budget.
    pub fn builder() -> BudgetBuilder {
        BudgetBuilder::new()
    }

    /// No budget: every retry is granted.
    ///
    /// Right for a caller that runs once, such as a job at start; in a service, retries without a budget multiply
    /// the load on whatever is failing.
    pub fn none() -> Self {
        Self(Arc::new(Pool::new(Terms::UNLIMITED, BudgetBuilder::new().ticks())))
    }

    /// A budget on the same terms, shared with nobody yet.
    #[must_use]
    pub fn fresh(&self, now: Instant) -> Self {
        Self(Arc::new(Pool::new(self.0.terms, restarted(self.0.ticks, now))))
    }

    /// Counts a call that waits for an answer, and takes it as in flight until the guard is dropped.
    ///
    /// The layer does this by itself; it is here for code that retries in its own way.
    ///
    /// ```
    /// use buttress_retry::Budget;
    ///
    /// let now = tokio::time::Instant::now().into_std();
    /// let budget = Budget::default();
    /// let mut call = budget.begin(now);
    /// assert!(call.try_retry(now));
    /// assert_eq!(budget.usage(now).retrying, 1);
    /// drop(call);
    /// assert_eq!(budget.usage(now).retrying, 0);
    /// ```
    pub fn begin(&self, now: Instant) -> BudgetedCall {
        self.count();
        self.enter(now)
    }

    /// Counts a call.
    #[inline]
    pub(crate) fn count(&self) {
        self.0.calls.add();
    }

    /// Takes a call that was counted just now as in flight.
    pub(crate) fn enter(&self, now: Instant) -> BudgetedCall {
        self.0.see(now);
        self.0.in_flight.add();
        BudgetedCall { pool: Arc::clone(&self.0), retrying: false }
    }

    /// Whether a retry would be granted.
    pub(crate) fn would_allow(&self, now: Instant) -> bool {
        self.0.terms.allow(self.0.usage(&mut self.0.ledger(), now))
    }

    /// What is in use now.
    pub fn usage(&self, now: Instant) -> BudgetUsage {
        let pool = &self.0;
        let Usage { calls, spent, in_flight, retrying } = pool.usage(&mut pool.ledger(), now);
        BudgetUsage { calls, spent, in_flight, retrying, left: pool.terms.left(calls, spent) }
    }
}

impl Pool {
    fn new(terms: Terms, ticks: Ticks) -> Self {
        Self {
            terms,
            ticks,
            tick: AtomicU64::new(0),
            calls: Tally::new(),
            in_flight: Tally::new(),
            rare: Rare {
                ledger: Mutex::new(Ledger::new(ticks.buckets().get())),
                retrying: AtomicU64::new(0),
            },
        }
    }

    /// Tells the ledger of a new tick, of which the caller's own call is the first.
    fn see(&self, now: Instant) {
        let tick = self.ticks.tick(now);
        if tick > self.tick.load(Ordering::Relaxed) {
            self.look(&mut self.ledger(), tick, self.all_calls().saturating_sub(1));
        }
    }

    fn look(&self, ledger: &mut Ledger, tick: u64, calls: u64) {
        ledger.look(tick, calls);
        self.tick.fetch_max(tick, Ordering::Relaxed);
    }

    fn all_calls(&self) -> u64 {
        self.calls.read().cast_unsigned()
    }

    fn usage(&self, ledger: &mut Ledger, now: Instant) -> Usage {
        self.look(ledger, self.ticks.tick(now), self.all_calls());
        let (calls, spent) = ledger.totals();
        let in_flight = u64::try_from(self.in_flight.read()).unwrap_or(0);
        Usage { calls, spent, in_flight, retrying: self.rare.retrying.load(Ordering::Relaxed) }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Nothing panics while it is held, and its worst state is a count that is off by one.
        self.rare.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same steps of time, counted from `now`.
fn restarted(ticks: Ticks, now: Instant) -> Ticks {
    Ticks::new(now, ticks.width() * ticks.buckets().get(), ticks.buckets())
}

impl Default for Budget {
    fn default() -> Self {
        BudgetBuilder::new().build_at_once()
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("terms", &self.0.terms).finish_non_exhaustive()
    }
}

/// A call that counts for its budget until dropped.
#[must_use = "dropped at once, the call was never in flight"]
pub struct BudgetedCall {
    pool: Arc<Pool>,
    retrying: bool,
}

impl BudgetedCall {
    /// Takes out one retry, which is under way until [`retry_ended`](Self::retry_ended), until the next is asked
    /// for, or until the call is dropped.
    ///
    /// `false` means: keep the outcome you have.
    pub fn try_retry(&mut self, now: Instant) -> bool {
        self.retry_ended();
        let pool = &self.pool;
        let mut ledger = pool.ledger();
        self.retrying = pool.terms.allow(pool.usage(&mut ledger, now));
        if self.retrying {
            // Under the lock, so that two calls cannot both take the last retry.
            ledger.spend();
            pool.rare.retrying.fetch_add(1, Ordering::Relaxed);
        }
        self.retrying
    }

    /// Notes that the retry has its outcome.
    pub fn retry_ended(&mut self) {
        if mem::take(&mut self.retrying) {
            self.pool.rare.retrying.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for BudgetedCall {
    fn drop(&mut self) {
        self.retry_ended();
        self.pool.in_flight.take_back();
    }
}

impl fmt::Debug for BudgetedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BudgetedCall").field("retrying", &self.retrying).finish_non_exhaustive()
    }
}

/// What is in use of a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetUsage {
    /// Calls within the time to live.
    pub calls: u64,
    /// Retries begun within the time to live.
    pub spent: u64,
    /// Calls that wait for an answer now, with or without a retry.
    pub in_flight: u64,
    /// Retries waited for or under way now.
    pub retrying: u64,
    /// Retries that the ratio over time still grants.
    pub left: u64,
}

#[cfg(test)]
mod tests;
