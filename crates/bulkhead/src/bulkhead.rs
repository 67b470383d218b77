use std::fmt;
use std::future::Future;
use std::sync::Arc;

use buttress_core::{Checks, ConfigError, Deadline, Mode, ModeSwitch};

use crate::acquire::Acquire;
use crate::builder::BulkheadBuilder;
use crate::gate::{Entry, Gate};
use crate::limit::Limit;
use crate::permit::Permit;
use crate::place::{Place, Queued};
use crate::rejection::{Cause, Saturated};
use crate::rules::{LAYER, Rules};
use crate::run::Run;
use crate::snapshot::Snapshot;
use crate::wait::{Asked, ask_when_full};

/// One bulkhead: the handle to look at it and to steer it, and the way to use it without Tower.
///
/// Clones share. A layer made from it shares too, and so does every service of that layer.
///
/// ```
/// use buttress_bulkhead::Bulkhead;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bulkhead = Bulkhead::builder("reports").max_concurrent(1).queue(8).build()?;
///
/// // Around any future ..
/// assert_eq!(bulkhead.run(async { 7 }).await?, 7);
///
/// // .. or with a permit, where there is no future to wrap.
/// let permit = bulkhead.try_acquire()?;
/// assert!(bulkhead.try_acquire().is_err());
/// drop(permit);
/// assert!(bulkhead.acquire().await.is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Bulkhead(Arc<Gate>);

impl Bulkhead {
    /// Begins to build a bulkhead of its own.
    pub fn builder(name: impl Into<Arc<str>>) -> BulkheadBuilder {
        BulkheadBuilder::new(name.into())
    }

    /// A bulkhead with the default settings that is off: it counts and refuses nothing until its mode is changed.
    ///
    /// For a stack that has a place for a bulkhead and may not need one.
    pub fn off(name: impl Into<Arc<str>>) -> Self {
        // The defaults are in range.
        let (name, limit, rules) = Self::builder(name).mode(Mode::Off).checked(&mut Checks::of(LAYER));
        Self::assemble(name, limit, Arc::new(rules))
    }

    pub(crate) fn assemble(name: Arc<str>, limit: Limit, rules: Arc<Rules>) -> Self {
        Self(Arc::new(Gate::new(name, limit, rules)))
    }

    /// A bulkhead with the same name, settings, observer and mode, and the present limit, that shares nothing with
    /// this one.
    #[must_use]
    pub fn fresh(&self) -> Self {
        // A limit that was in force is in range.
        let limit = Limit::checked(self.max_concurrent(), &mut Checks::of(LAYER));
        Self::assemble(Arc::clone(&self.0.name), limit, Arc::new(self.0.rules.fresh()))
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// A permit, without a wait.
    ///
    /// # Errors
    ///
    /// The refusal, if every permit is taken, or waited for by others who came first.
    pub fn try_acquire(&self) -> Result<Permit, Saturated> {
        if let Some(permit) = Permit::free(&self.0) {
            return Ok(permit);
        }
        match self.0.rules.mode.get() {
            Mode::Enforce => Err(self.0.refuse(Cause::Full)),
            mode => Ok(self.0.let_pass(mode, Cause::Full)),
        }
    }

    /// A permit, after a wait if it takes one: in the queue, if the bulkhead has one, for no longer than its
    /// `max_wait`, and not beyond the deadline of the current [`Context`](buttress_core::Context).
    ///
    /// Polled within a tokio runtime, because a wait needs a timer.
    pub fn acquire(&self) -> Acquire {
        Acquire::new(self.clone())
    }

    /// Runs a future once it has a permit, which it asks for as [`acquire`](Self::acquire) does.
    ///
    /// A future that is refused is dropped without a poll.
    pub fn run<F: Future>(&self, future: F) -> Run<F> {
        Run::new(self.acquire(), future)
    }

    /// A place in the queue, to wait for as long as the caller likes; needs no runtime.
    ///
    /// # Errors
    ///
    /// The refusal, if every permit is taken and the queue is full, or there is none.
    pub fn enqueue(&self) -> Result<Place, Saturated> {
        match self.0.rules.mode.get() {
            Mode::Enforce => match self.0.join() {
                Some(Entry::Permit) => Ok(Place::granted(Permit::taken(Arc::clone(&self.0)))),
                Some(Entry::Place(ticket)) => Ok(Place::queued(Queued::new(Arc::clone(&self.0), ticket))),
                None => Err(self.0.refuse(Cause::Full)),
            },
            _ => self.try_acquire().map(Place::granted),
        }
    }

    /// How many calls run.
    pub fn in_flight(&self) -> u32 {
        self.0.word().in_flight()
    }

    /// How many calls wait for a permit.
    pub fn waiting(&self) -> u32 {
        self.0.word().waiting()
    }

    /// How many calls may run at once.
    pub fn max_concurrent(&self) -> u32 {
        self.0.word().limit()
    }

    /// Lets more or fewer calls run at once, from now on.
    ///
    /// With more, those that wait run, first come first. With fewer, those that run are let finish, and nobody is
    /// admitted until there is room under the new limit.
    ///
    /// This is where an adaptive limit would stand: the limit is one number that a controller may set as often as it
    /// likes. What it needs to know it measures in a layer inside this one, which sees the time and the outcome of
    /// every call that runs, and in the [`snapshot`](Self::snapshot); refusals come to the observer.
    ///
    /// # Errors
    ///
    /// If it is not from 1 to 1,000,000; the old limit stays in force then.
    pub fn set_max_concurrent(&self, calls: u32) -> Result<(), ConfigError> {
        let mut checks = Checks::of(LAYER);
        let limit = Limit::checked(calls, &mut checks);
        checks.finish()?;
        let before = self.set_limit(limit);
        if before != calls {
            self.0.rules.limit_changed(&self.0.name, before, calls);
        }
        Ok(())
    }

    /// Everything that can be known of it at one moment.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.0)
    }

    /// The switch between enforce, observe and off.
    pub fn mode(&self) -> &ModeSwitch {
        &self.0.rules.mode
    }

    /// Puts a limit into force without a word, and returns the one before.
    pub(crate) fn set_limit(&self, limit: Limit) -> u32 {
        self.0.set_limit(limit)
    }

    /// A permit, if there is one which nobody waits for; if not, nothing has happened.
    #[inline]
    pub(crate) fn free_permit(&self) -> Option<Permit> {
        Permit::free(&self.0)
    }

    /// Asks for a permit; `deadline` is looked up only if the call has to wait.
    pub(crate) fn ask(&self, deadline: impl FnOnce() -> Option<Deadline>) -> Asked {
        match self.free_permit() {
            Some(permit) => Asked::Runs(permit),
            None => self.ask_when_full(deadline),
        }
    }

    pub(crate) fn ask_when_full(&self, deadline: impl FnOnce() -> Option<Deadline>) -> Asked {
        ask_when_full(&self.0, deadline)
    }

    /// Whether its keeper holds it and nobody else: no handle, no permit, no waiter.
    pub(crate) fn is_idle(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl fmt::Debug for Bulkhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkhead")
            .field("name", &self.name())
            .field("state", &self.0.word())
            .finish_non_exhaustive()
    }
}
