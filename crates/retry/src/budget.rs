mod builder;
mod gauge;
mod terms;

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use buttress_window::{Sample, ShardedTimeCounter, Ticks, TimeWindow};

use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering};
use gauge::Gauge;
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
/// A call counts for the ratio from its first wait. One that is answered without ever waiting reads no clock and
/// counts as made at the time of the latest wait of any call, so it may be forgotten too early and is never
/// remembered too long; for the same reason it is never in flight. The time to live passes in ten steps. Calls
/// that begin or end at the very moment of a decision may be missed by it.
#[derive(Clone)]
pub struct Budget(Option<Arc<Pool>>);

struct Pool {
    terms: Terms,
    ticks: Ticks,
    /// The latest tick that anybody saw.
    tick: AtomicU64,
    calls: ShardedTimeCounter,
    in_flight: Gauge,
    rare: Rare,
}

/// What only retries touch, on cache lines of its own.
#[repr(align(128))]
struct Rare {
    /// Retries begun, each a sample.
    spent: Mutex<TimeWindow>,
    retrying: AtomicU64,
}

/// What one call has to give back to its budget.
#[derive(Debug)]
pub(crate) struct Ticket {
    in_flight: bool,
    retrying: bool,
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
    pub const fn none() -> Self {
        Self(None)
    }

    /// A budget on the same terms, shared with nobody yet.
    #[must_use]
    pub fn fresh(&self, now: Instant) -> Self {
        Self(self.0.as_ref().map(|pool| Arc::new(Pool::new(pool.terms, restarted(pool.ticks, now)))))
    }

    /// Counts a call, for code that retries without this crate's layer.
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
    pub fn begin(&self, now: Instant) -> BudgetedCall<'_> {
        BudgetedCall { budget: self, ticket: self.enter(now) }
    }

    /// What is in use now.
    pub fn usage(&self, now: Instant) -> BudgetUsage {
        let Some(pool) = &self.0 else { return BudgetUsage::default() };
        let Usage { calls, spent, in_flight, retrying } = pool.usage(&mut pool.spent(), now);
        BudgetUsage { calls, spent, in_flight, retrying, left: Some(pool.terms.left(calls, spent)) }
    }

    /// Counts a call that was answered without a wait.
    #[inline]
    pub(crate) fn answered(&self) {
        if let Some(pool) = &self.0 {
            pool.calls.add(pool.tick.load(Ordering::Relaxed));
        }
    }

    /// Counts a call that waits, and takes it as in flight until [`leave`](Self::leave).
    pub(crate) fn enter(&self, now: Instant) -> Ticket {
        if let Some(pool) = &self.0 {
            pool.calls.add(pool.see(now));
            pool.in_flight.enter();
        }
        Ticket { in_flight: true, retrying: false }
    }

    /// Takes one retry out, if both gates allow it.
    pub(crate) fn withdraw(&self, ticket: &mut Ticket, now: Instant) -> bool {
        let Some(pool) = &self.0 else { return true };
        self.attempt_ended(ticket);
        let mut spent = pool.spent();
        let allowed = pool.terms.allow(pool.usage(&mut spent, now));
        if allowed {
            // Under the lock, so that two calls cannot both take the last retry.
            spent.record(now, Sample::Success);
            pool.rare.retrying.fetch_add(1, Ordering::Relaxed);
            ticket.retrying = true;
        }
        allowed
    }

    /// Whether [`withdraw`](Self::withdraw) would succeed.
    pub(crate) fn would_allow(&self, now: Instant) -> bool {
        self.0.as_ref().is_none_or(|pool| pool.terms.allow(pool.usage(&mut pool.spent(), now)))
    }

    /// Notes that the retry of a call has its outcome.
    pub(crate) fn attempt_ended(&self, ticket: &mut Ticket) {
        if let Some(pool) = &self.0
            && std::mem::take(&mut ticket.retrying)
        {
            pool.rare.retrying.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Gives back all that a call holds; asked twice, it has nothing left to do.
    pub(crate) fn leave(&self, ticket: &mut Ticket) {
        self.attempt_ended(ticket);
        if let Some(pool) = &self.0
            && std::mem::take(&mut ticket.in_flight)
        {
            pool.in_flight.leave();
        }
    }
}

impl Pool {
    fn new(terms: Terms, ticks: Ticks) -> Self {
        Self {
            terms,
            ticks,
            tick: AtomicU64::new(0),
            calls: ShardedTimeCounter::new(ticks),
            in_flight: Gauge::new(),
            rare: Rare { spent: Mutex::new(TimeWindow::new(ticks)), retrying: AtomicU64::new(0) },
        }
    }

    /// The tick of `now`, which those who read no clock then use as well.
    fn see(&self, now: Instant) -> u64 {
        let tick = self.ticks.tick(now);
        // Written once per tick, so that the line stays with its readers in between.
        if tick > self.tick.load(Ordering::Relaxed) {
            self.tick.fetch_max(tick, Ordering::Relaxed);
        }
        tick
    }

    fn usage(&self, spent: &mut TimeWindow, now: Instant) -> Usage {
        Usage {
            calls: self.calls.sum(self.see(now)),
            spent: spent.totals(now).total(),
            in_flight: self.in_flight.read(),
            retrying: self.rare.retrying.load(Ordering::Relaxed),
        }
    }

    fn spent(&self) -> MutexGuard<'_, TimeWindow> {
        // Nothing panics while it is held, and its worst state is a count that is off by one.
        self.rare.spent.lock().unwrap_or_else(PoisonError::into_inner)
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
        match &self.0 {
            Some(pool) => f.debug_struct("Budget").field("terms", &pool.terms).finish_non_exhaustive(),
            None => f.write_str("Budget(none)"),
        }
    }
}

/// A call that counts for its budget until dropped.
#[derive(Debug)]
#[must_use = "dropped at once, the call was never in flight"]
pub struct BudgetedCall<'a> {
    budget: &'a Budget,
    ticket: Ticket,
}

impl BudgetedCall<'_> {
    /// Takes out one retry, which is under way until the next is asked for or the call is dropped.
    ///
    /// `false` means: keep the outcome you have.
    pub fn try_retry(&mut self, now: Instant) -> bool {
        self.budget.withdraw(&mut self.ticket, now)
    }
}

impl Drop for BudgetedCall<'_> {
    fn drop(&mut self) {
        self.budget.leave(&mut self.ticket);
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
    /// Retries that the ratio over time still grants; `None` without a budget.
    pub left: Option<u64>,
}

#[cfg(all(test, not(buttress_loom)))]
mod tests;
