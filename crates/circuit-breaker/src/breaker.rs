use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use buttress_core::{ConfigError, ModeSwitch};
use tokio::sync::broadcast;

use crate::builder::{BreakerBuilder, Parts};
use crate::call::Call;
use crate::circuit::{Circuit, now};
use crate::event::{State, StateChange};
use crate::guard::Guard;
use crate::rejection::CircuitOpen;
use crate::rules::Rules;
use crate::snapshot::Snapshot;
use crate::spread::Spread;
use crate::state::{Entry, Machine};
use crate::ticket::Ticket;
use crate::{BreakerConfig, Window};

/// One breaker: the handle to look at it and to steer it, and the way to use it without Tower.
///
/// Clones share. A layer made from it shares too, and so does every service of that layer.
///
/// ```
/// use buttress_circuit_breaker::{Breaker, BreakerConfig, State};
/// use buttress_core::{ErrorsFail, Outcome};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let breaker = Breaker::new("inventory", &BreakerConfig::only_consecutive_failures(2))?;
///
/// // Around any future that returns a `Result` ..
/// let reply = breaker.call(async { Err::<u8, _>("no answer") }, ErrorsFail)?.await;
/// assert_eq!(reply, Err("no answer"));
///
/// // .. or with a ticket, where there is no future to wrap.
/// breaker.try_admit()?.settle(Outcome::Failure);
/// assert_eq!(breaker.state(), State::Open);
/// assert!(breaker.try_admit().is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Breaker(Arc<Spread>);

impl Breaker {
    /// A breaker of its own.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range; see [`BreakerConfig::check`].
    pub fn new(name: impl Into<Arc<str>>, config: &BreakerConfig) -> Result<Self, ConfigError> {
        Self::builder(name).config(*config).build()
    }

    /// Begins to build a breaker that reports to an observer, or whose mode or chance is given.
    pub fn builder(name: impl Into<Arc<str>>) -> BreakerBuilder {
        BreakerBuilder::new(name.into())
    }

    pub(crate) fn assemble(rules: Arc<Rules>, parts: Parts) -> Self {
        let shards = parts.shards;
        Self(Arc::new(Spread::new(Circuit::new(rules, parts), shards)))
    }

    /// A breaker with the same name, settings, observer and mode that shares nothing with this one.
    #[must_use]
    pub fn fresh(&self) -> Self {
        let circuit = self.circuit();
        Self::assemble(circuit.view(now()).rules, circuit.parts().fresh())
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.circuit().parts().name
    }

    /// Admits a call, or refuses it. Settle the ticket when the call has ended.
    ///
    /// # Errors
    ///
    /// The refusal, if the breaker is open, was opened by hand, or is half-open and every permit is taken.
    #[inline]
    pub fn try_admit(&self) -> Result<Ticket, CircuitOpen> {
        self.try_admit_at(now())
    }

    /// Admits a call that begins at `now`, for a caller who has looked at the clock already.
    ///
    /// # Errors
    ///
    /// As [`try_admit`](Self::try_admit).
    #[inline]
    pub fn try_admit_at(&self, now: Instant) -> Result<Ticket, CircuitOpen> {
        let circuit = self.circuit();
        let word = circuit.word();
        if let Some(entry) = Circuit::admit_freely(word) {
            return Ok(self.ticket(entry, now));
        }
        if let Some(until) = circuit.refuses_silently_until(word, now) {
            return Err(circuit.refuse_silently(now, until));
        }
        self.try_admit_with_care(now)
    }

    /// Watches a call, or refuses it; a future that is refused is dropped without a poll.
    ///
    /// # Errors
    ///
    /// As [`try_admit`](Self::try_admit).
    #[inline]
    pub fn call<F, C>(&self, future: F, classify: C) -> Result<Call<F, C>, CircuitOpen> {
        let guard = match self.admit_closed() {
            Some(guard) => guard,
            None => self.admit()?,
        };
        Ok(Call::new(future, guard, classify))
    }

    /// Where the breaker stands. An open breaker stays open until a call arrives after its open time.
    pub fn state(&self) -> State {
        self.circuit().state()
    }

    /// What it remembers of the calls that have ended.
    pub fn window(&self) -> Window {
        self.circuit().view(now()).rules.window
    }

    /// Everything that can be known of it at one moment.
    pub fn snapshot(&self) -> Snapshot {
        let (circuit, now) = (self.circuit(), now());
        let view = circuit.view(now);
        Snapshot::new(circuit, self.0.in_flight(), view, now)
    }

    /// How many calls that it admitted are under way.
    pub fn in_flight(&self) -> usize {
        self.0.in_flight()
    }

    /// Refuses every call until somebody says otherwise.
    pub fn force_open(&self) {
        self.decide(Machine::force_open);
    }

    /// Lets every call pass and counts nothing until somebody says otherwise.
    pub fn disable(&self) {
        self.decide(Machine::disable);
    }

    /// Ends [`force_open`](Self::force_open) and [`disable`](Self::disable): the breaker closes and watches again.
    pub fn release(&self) {
        self.decide(Machine::release);
    }

    /// Closes the breaker and forgets everything it counted, whatever its state; also if it is closed already.
    ///
    /// Calls that are under way change nothing any more when they end.
    pub fn reset(&self) {
        self.decide(Machine::reset);
    }

    /// Puts other settings into force while it runs.
    ///
    /// The state stays, and so does a running open time; what was counted is forgotten, and calls under way change
    /// nothing any more. A time window of another length takes a short lock for every success from then on, where
    /// one of the length that the breaker was built with takes none.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range; the old ones stay in force then.
    pub fn reconfigure(&self, config: &BreakerConfig) -> Result<(), ConfigError> {
        let rules = Arc::new(Rules::of(config)?);
        self.decide(|machine, now| machine.reconfigure(rules, now));
        Ok(())
    }

    /// The switch between enforce, observe and off.
    pub fn mode(&self) -> &ModeSwitch {
        &self.circuit().parts().mode
    }

    /// Hears of every change from now on.
    ///
    /// A subscriber that is more than 64 changes late misses the oldest and is told how many.
    pub fn subscribe(&self) -> broadcast::Receiver<StateChange> {
        self.circuit().subscribe()
    }

    /// Whether it is closed, has nothing bad to remember, and is held by its keeper alone, with nobody listening.
    pub(crate) fn is_quiet(&self, now: Instant) -> bool {
        let view = || self.circuit().view(now);
        let is_alone = Arc::strong_count(&self.0) == 1 && self.0.in_flight() == 0;
        is_alone && !self.circuit().has_listeners() && view().is_quiet()
    }

    #[inline]
    pub(crate) fn circuit(&self) -> &Circuit {
        self.0.circuit()
    }

    /// Admits a call if the breaker is closed and watches no ages; if it does not, nothing has happened.
    #[inline]
    pub(crate) fn admit_closed(&self) -> Option<Guard> {
        let entry = Circuit::admit_freely(self.circuit().word())?;
        Some(Guard::new(self.0.anchor(), entry))
    }

    #[inline(never)]
    pub(crate) fn admit(&self) -> Result<Guard, CircuitOpen> {
        if let Some(entry) = self.circuit().admit_timed(now) {
            return Ok(Guard::new(self.0.anchor(), entry));
        }
        self.circuit().admit(now).map(|entry| self.guard(entry))
    }

    #[inline(never)]
    fn try_admit_with_care(&self, now: Instant) -> Result<Ticket, CircuitOpen> {
        let circuit = self.circuit();
        if let Some(entry) = circuit.admit_timed(|| now) {
            return Ok(self.ticket(entry, now));
        }
        Ok(match circuit.admit(|| now)? {
            Some(entry) => self.ticket(entry, now),
            None => Ticket::new(Guard::unrecorded(self.0.anchor())),
        })
    }

    #[inline]
    fn ticket(&self, entry: Entry, began: Instant) -> Ticket {
        let started = Some(began);
        Ticket::new(Guard::new(self.0.anchor(), Entry { started, ..entry }))
    }

    fn guard(&self, entry: Option<Entry>) -> Guard {
        let anchor = self.0.anchor();
        match entry {
            Some(entry) => Guard::new(anchor, entry),
            None => Guard::unrecorded(anchor),
        }
    }

    fn decide(&self, work: impl FnOnce(&mut Machine, Instant)) {
        let now = now();
        self.circuit().decide(|machine| work(machine, now));
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("name", &self.name())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
