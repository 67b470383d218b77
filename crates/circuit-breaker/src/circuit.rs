use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use buttress_core::{Mode, Outcome, Verdict};
use tokio::sync::broadcast;

use crate::builder::Parts;
use crate::desk::Desks;
use crate::event::{State, StateChange};
use crate::name::Name;
use crate::opening::Opening;
use crate::quick::QuickCount;
use crate::rejection::{CircuitOpen, Wait};
use crate::rules::Rules;
use crate::spread::number_this_thread;
use crate::state::{Ending, Entry, Machine, View};
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering};
use crate::word::{Gate, Word};

/// The current time, as tokio's clock tells it, so that a test can hold it still.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The part of a breaker that calls share: the machine under a short lock, and before it the word that spares
/// calls the lock while all is well.
pub(crate) struct Circuit {
    word: Line<AtomicU64>,
    parts: Parts,
    opening: Opening,
    successes: Option<Arc<QuickCount>>,
    machine: Line<Mutex<Machine>>,
    name: Name,
    desks: Desks,
    would_reject: AtomicU64,
    pub(crate) changes: OnceLock<broadcast::Sender<StateChange>>,
}

/// Keeps what is written often off the cache line of what is read by every call.
#[repr(align(64))]
struct Line<T>(T);

impl Circuit {
    pub(crate) fn new(rules: Arc<Rules>, parts: Parts) -> Self {
        let origin = now();
        let (name, desks) = (Name::from(&parts.name), Desks::new(parts.shards));
        let machine = Machine::new(rules, origin, parts.shards, parts.entropy.clone());
        Self {
            word: Line(AtomicU64::new(machine.word().bits())),
            parts,
            opening: Opening::new(origin),
            successes: machine.home(),
            machine: Line(Mutex::new(machine)),
            name,
            desks,
            would_reject: AtomicU64::new(0),
            changes: OnceLock::new(),
        }
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Admits a call while the breaker is closed and watches no ages, which takes neither a lock nor the time.
    #[inline]
    pub(crate) fn admit_freely(word: Word) -> Option<Entry> {
        word.is_free().then(|| Entry { epoch: word.epoch(), started: None })
    }

    /// Admits a call while the breaker is closed and watches ages; if it does not, nothing has happened.
    #[inline]
    pub(crate) fn admit_timed(&self, clock: impl Fn() -> Instant) -> Option<Entry> {
        if self.word().gate() != Gate::Timed {
            return None;
        }
        let (mode, now) = (self.parts.mode.get(), clock());
        let mut machine = self.machine.0.lock();
        let admitted = machine.admit(mode, now);
        if machine.has_changed() {
            self.conclude(machine);
        }
        admitted.ok().flatten()
    }

    /// Whether a call passes, and what it remembers if its outcome counts.
    pub(crate) fn admit(&self, clock: impl Fn() -> Instant) -> Result<Option<Entry>, CircuitOpen> {
        let word = self.word();
        match Self::admit_freely(word) {
            Some(entry) => Ok(Some(entry)),
            None => self.admit_with_care(word, clock),
        }
    }

    /// Until when the breaker refuses without a word: it is open and enforces, this thread has found that out before,
    /// and nobody listens. That is what an open breaker does nearly all the time.
    #[inline]
    pub(crate) fn refuses_silently_until(&self, word: Word, now: Instant) -> Option<Instant> {
        let until = self.opening.known_to_last_until(word, now)?;
        if self.parts.mode.get() == Mode::Enforce && !self.is_heard() { Some(until) } else { None }
    }

    /// Refuses a call that arrives before the breaker's time has come.
    #[inline]
    pub(crate) fn refuse_silently(&self, now: Instant, until: Instant) -> CircuitOpen {
        self.desks.count();
        self.refusal(State::Open, Wait::Until { at: now, until })
    }

    /// Whether a call that arrived now would be refused, as far as can be told without a lock.
    #[inline]
    pub(crate) fn would_refuse(&self) -> bool {
        self.word().may_refuse() && self.refuses_now()
    }

    #[inline(never)]
    fn refuses_now(&self) -> bool {
        let word = self.word();
        match word.gate() {
            _ if self.parts.mode.get() != Mode::Enforce => false,
            Gate::Open => self.opening.lasts_until(word, now()).is_some(),
            Gate::ForcedOpen => true,
            _ => false,
        }
    }

    /// Takes note of how an admitted call ended. `hint` is asked only about calls that did not succeed.
    #[inline]
    pub(crate) fn settle(
        &self,
        entry: &Entry,
        outcome: Outcome,
        hint: impl FnOnce() -> Option<Duration>,
        clock: impl Fn() -> Instant,
    ) {
        if outcome != Outcome::Success {
            self.settle_with_care(*entry, Ending { outcome, hint: hint() }, clock());
        } else if self.word() != Word::new(Gate::Quick, entry.epoch) {
            self.succeed_with_care(*entry, clock);
        } else if let Some(successes) = &self.successes {
            successes.add(entry.epoch, clock());
        } else {
            number_this_thread();
        }
    }

    /// Takes note of a call whose caller left, having waited in vain since `since` or since it began.
    pub(crate) fn abandon(&self, entry: Entry, since: Option<Instant>, now: Instant) {
        let outcome = self.decide(|machine| machine.abandon(entry, since, self.parts.mode.get(), now));
        let code = if outcome == Outcome::Failure { "abandoned_as_failure" } else { "abandoned" };
        self.report(Verdict::Abandoned, code, None);
    }

    /// Works on the machine under the lock, and tells what changed after it.
    #[inline]
    pub(crate) fn decide<T>(&self, work: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = self.machine.0.lock();
        let answer = work(&mut machine);
        self.conclude(machine);
        answer
    }

    /// Shows what the machine has become, lets go of the lock, and tells what changed.
    #[inline(never)]
    fn conclude(&self, mut machine: MutexGuard<'_, Machine>) {
        self.publish(&machine);
        let change = machine.take_change();
        drop(machine);
        if let Some(change) = change {
            self.tell(change);
        }
    }

    /// Where the breaker stands.
    pub(crate) fn state(&self) -> State {
        match self.word().gate() {
            Gate::Quick | Gate::Closed | Gate::Timed => State::Closed,
            Gate::Open => State::Open,
            Gate::HalfOpen => State::HalfOpen,
            Gate::ForcedOpen => State::ForcedOpen,
            Gate::Disabled => State::Disabled,
        }
    }

    pub(crate) fn view(&self, now: Instant) -> View {
        self.machine.0.lock().view(now)
    }

    pub(crate) fn rejected(&self) -> (u64, u64) {
        (self.desks.rejected(), self.would_reject.load(Ordering::Relaxed))
    }

    /// The calendar time of a moment that lies in the past.
    pub(crate) fn calendar(&self, moment: Instant, now: Instant) -> Option<SystemTime> {
        self.parts.wall.now().checked_sub(now.saturating_duration_since(moment))
    }

    /// The refusal for a call that may pass, but whose service is not ready to take it.
    pub(crate) fn not_ready(&self) -> CircuitOpen {
        self.refusal(State::Open, Wait::For(Duration::ZERO))
    }

    #[inline]
    pub(crate) fn word(&self) -> Word {
        Word::from_bits(self.word.0.load(Ordering::Acquire))
    }

    #[inline(never)]
    fn admit_with_care(&self, word: Word, clock: impl Fn() -> Instant) -> Result<Option<Entry>, CircuitOpen> {
        let mode = self.parts.mode.get();
        let now = clock();
        let ask =
            || self.decide(|machine| machine.admit(mode, now)).map_err(|shut| (shut.state, shut.wait.into()));
        let admitted = match word.gate() {
            Gate::Disabled => Ok(None),
            Gate::Open | Gate::ForcedOpen if mode == Mode::Off => Ok(None),
            Gate::ForcedOpen => Err((State::ForcedOpen, Wait::Unknown)),
            Gate::Open => match self.opening.lasts_until(word, now) {
                Some(until) => Err((State::Open, Wait::Until { at: now, until })),
                None => ask(),
            },
            _ => ask(),
        };
        admitted.or_else(|(state, wait)| self.refuse(state, wait, mode))
    }

    #[inline(never)]
    fn succeed_with_care(&self, entry: Entry, clock: impl Fn() -> Instant) {
        number_this_thread();
        let mut machine = self.machine.0.lock();
        let ends_a_row = machine.counts_a_row();
        if !machine.succeed(entry, &clock) {
            drop(machine);
            self.settle_with_care(entry, Ending { outcome: Outcome::Success, hint: None }, clock());
        } else if ends_a_row {
            self.publish(&machine);
        }
    }

    #[inline(never)]
    fn settle_with_care(&self, entry: Entry, ending: Ending, now: Instant) {
        let mode = self.parts.mode.get();
        self.decide(|machine| machine.settle(entry, ending, mode, now));
    }

    fn refuse(&self, state: State, wait: Wait, mode: Mode) -> Result<Option<Entry>, CircuitOpen> {
        if mode != Mode::Observe {
            return Err(self.turn_away(state, wait));
        }
        self.would_reject.fetch_add(1, Ordering::Relaxed);
        self.report_refusal(Verdict::WouldRefuse, state, wait);
        Ok(None)
    }

    fn turn_away(&self, state: State, wait: Wait) -> CircuitOpen {
        number_this_thread();
        self.desks.count();
        self.report_refusal(Verdict::Refused, state, wait);
        self.refusal(state, wait)
    }

    #[inline]
    fn refusal(&self, state: State, wait: Wait) -> CircuitOpen {
        let opened = self.opening.times();
        CircuitOpen { name: self.name.clone(), state, wait, opened }
    }

    /// Shows the machine's state to those who do not take the lock; called under it.
    fn publish(&self, machine: &Machine) {
        let word = machine.word();
        if word == self.word() {
            return;
        }
        if let Some(until) = machine.open_until() {
            self.opening.set(until, machine.opened());
        }
        self.word.0.store(word.bits(), Ordering::Release);
    }
}

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Circuit")
            .field("name", &self.parts.name)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
