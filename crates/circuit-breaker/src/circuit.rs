use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use buttress_core::{Left, Mode, Outcome, Rejection, Signal, Verdict};
use tokio::sync::broadcast;

use crate::builder::Parts;
use crate::event::{Change, State, StateChange};
use crate::moment::Moment;
use crate::quick::QuickCount;
use crate::rejection::CircuitOpen;
use crate::rules::{LAYER, Rules};
use crate::state::{Ending, Entry, Machine, Shut, View};
use crate::sync::{AtomicU64, Mutex, Ordering};
use crate::word::{Gate, Word};

/// Changes that a subscriber may be late by before it misses some.
const CHANGES_KEPT: usize = 64;

/// The current time, as tokio's clock tells it, so that a test can hold it still.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The part of a breaker that calls share: the machine under a short lock, and before it the word that spares
/// calls the lock while all is well.
pub(crate) struct Circuit {
    word: Line<AtomicU64>,
    parts: Parts,
    origin: Instant,
    /// When an open breaker half-opens, in nanoseconds from the origin; written before the word that says so.
    open_until: AtomicU64,
    opened: AtomicU64,
    successes: Option<Arc<QuickCount>>,
    machine: Line<Mutex<Machine>>,
    rejected: Line<AtomicU64>,
    would_reject: AtomicU64,
    changes: OnceLock<broadcast::Sender<StateChange>>,
}

/// Keeps what is written often off the cache line of what is read by every call.
#[repr(align(64))]
struct Line<T>(T);

impl Circuit {
    pub(crate) fn new(rules: Rules, parts: Parts) -> Self {
        let origin = now();
        let machine = Machine::new(rules, origin, parts.shards, parts.entropy.clone());
        Self {
            word: Line(AtomicU64::new(machine.word().bits())),
            parts,
            origin,
            open_until: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            successes: machine.home(),
            machine: Line(Mutex::new(machine)),
            rejected: Line(AtomicU64::new(0)),
            would_reject: AtomicU64::new(0),
            changes: OnceLock::new(),
        }
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Admits a call while the breaker is closed and watches no ages, which takes neither a lock nor the time.
    #[inline]
    pub(crate) fn admit_freely(&self) -> Option<Entry> {
        let word = self.word();
        word.is_free().then(|| Entry { epoch: word.epoch(), started: None })
    }

    /// Whether a call passes, and what it remembers if its outcome counts.
    pub(crate) fn admit(&self, clock: impl FnOnce() -> Instant) -> Result<Option<Entry>, CircuitOpen> {
        match self.admit_freely() {
            Some(entry) => Ok(Some(entry)),
            None => self.admit_with_care(self.word(), clock),
        }
    }

    /// Whether a call that arrived now would be refused, as far as can be told without a lock.
    pub(crate) fn would_refuse(&self) -> bool {
        let word = self.word();
        if word.is_free() || self.parts.mode.get() != Mode::Enforce {
            return false;
        }
        match word.gate() {
            Gate::Open => self.still_open_for(now()).is_some(),
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
        clock: impl FnOnce() -> Instant,
    ) {
        if outcome == Outcome::Success && self.word() == Word::new(Gate::Quick, entry.epoch) {
            if let Some(successes) = &self.successes {
                successes.add(entry.epoch, clock());
            }
            return;
        }
        let hint = if outcome == Outcome::Success { None } else { hint() };
        self.settle_with_care(*entry, Ending { outcome, hint }, clock());
    }

    /// Takes note of a call whose caller left, having waited in vain since `since` or since it began.
    pub(crate) fn abandon(&self, entry: Entry, since: Option<Moment>, now: Instant) {
        let outcome = self.decide(|machine| machine.abandon(entry, since, self.parts.mode.get(), now));
        let code = if outcome == Outcome::Failure { "abandoned_as_failure" } else { "abandoned" };
        self.report(Verdict::Abandoned, code, None);
    }

    /// Works on the machine under the lock, and tells what changed after it.
    #[inline(never)]
    pub(crate) fn decide<T>(&self, work: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = self.machine.0.lock();
        let answer = work(&mut machine);
        self.publish(&machine);
        if !machine.has_changed() {
            return answer;
        }
        let change = machine.take_change();
        drop(machine);
        if let Some(change) = change {
            self.tell(change);
        }
        answer
    }

    /// The time, as far as the machine distinguishes it.
    pub(crate) fn moment(&self, now: Instant) -> Moment {
        Moment::of(now, self.origin)
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
        (self.rejected.0.load(Ordering::Relaxed), self.would_reject.load(Ordering::Relaxed))
    }

    /// The calendar time of a moment that lies in the past.
    pub(crate) fn calendar(&self, moment: Instant, now: Instant) -> Option<SystemTime> {
        self.parts.wall.now().checked_sub(now.saturating_duration_since(moment))
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<StateChange> {
        self.changes.get_or_init(|| broadcast::Sender::new(CHANGES_KEPT)).subscribe()
    }

    /// The refusal for a call that may pass, but whose service is not ready to take it.
    pub(crate) fn not_ready(&self) -> CircuitOpen {
        self.refusal(Shut { state: State::Open, wait: Some(Duration::ZERO) })
    }

    pub(crate) fn report(&self, verdict: Verdict, code: &'static str, left: Option<Left>) {
        let signal = Signal { left, ..Signal::new(LAYER, &self.parts.instance, verdict, code) };
        signal.report(self.parts.observer.as_deref());
    }

    #[inline]
    fn word(&self) -> Word {
        Word::from_bits(self.word.0.load(Ordering::Acquire))
    }

    #[inline(never)]
    fn admit_with_care(
        &self,
        word: Word,
        clock: impl FnOnce() -> Instant,
    ) -> Result<Option<Entry>, CircuitOpen> {
        let mode = self.parts.mode.get();
        let now = clock();
        let admitted = match word.gate() {
            Gate::Disabled => Ok(None),
            Gate::Open | Gate::ForcedOpen if mode == Mode::Off => Ok(None),
            Gate::ForcedOpen => Err(Shut { state: State::ForcedOpen, wait: None }),
            Gate::Open => match self.still_open_for(now) {
                Some(wait) => Err(Shut { state: State::Open, wait: Some(wait) }),
                None => self.decide(|machine| machine.admit(mode, now)),
            },
            _ => self.decide(|machine| machine.admit(mode, now)),
        };
        admitted.or_else(|shut| self.refuse(shut, mode))
    }

    #[inline(never)]
    fn settle_with_care(&self, entry: Entry, ending: Ending, now: Instant) {
        let mode = self.parts.mode.get();
        self.decide(|machine| machine.settle(entry, ending, mode, now));
    }

    fn refuse(&self, shut: Shut, mode: Mode) -> Result<Option<Entry>, CircuitOpen> {
        let refusal = self.refusal(shut);
        let observed = mode == Mode::Observe;
        let (count, verdict) = if observed {
            (&self.would_reject, Verdict::WouldRefuse)
        } else {
            (&self.rejected.0, Verdict::Refused)
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.report(verdict, refusal.code(), refusal.wait.map(Left::Time));
        if observed { Ok(None) } else { Err(refusal) }
    }

    fn refusal(&self, Shut { state, wait }: Shut) -> CircuitOpen {
        let opened = self.opened.load(Ordering::Relaxed);
        CircuitOpen { name: Arc::clone(&self.parts.name), state, wait, opened }
    }

    /// The rest of the open time; `None` once it has passed.
    fn still_open_for(&self, now: Instant) -> Option<Duration> {
        let until = Moment::from_nanos(self.open_until.load(Ordering::Relaxed));
        let now = self.moment(now);
        (now < until).then(|| until.since(now))
    }

    /// Shows the machine's state to those who do not take the lock; called under it.
    fn publish(&self, machine: &Machine) {
        let word = machine.word();
        if word == self.word() {
            return;
        }
        if let Some(until) = machine.open_until() {
            self.open_until.store(self.moment(until).nanos(), Ordering::Relaxed);
            self.opened.store(machine.opened(), Ordering::Relaxed);
        }
        self.word.0.store(word.bits(), Ordering::Release);
    }

    #[cold]
    fn tell(&self, change: Change) {
        log(&self.parts.name, change);
        self.report(Verdict::Changed, change.to.as_str(), change.open_for.map(Left::Time));
        let listeners = self.changes.get().filter(|changes| changes.receiver_count() > 0);
        if let Some(changes) = listeners {
            // Fails only if the last listener left just now.
            let _ = changes.send(StateChange { breaker: Arc::clone(&self.parts.name), change });
        }
    }
}

fn log(name: &str, change: Change) {
    let Change { from, to, reason, epoch, counts, .. } = change;
    let (old_state, new_state, reason) = (from.as_str(), to.as_str(), reason.as_str());
    let open_ms = change.open_for.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    macro_rules! changed {
        ($level:ident) => {
            tracing::$level!(
                circuit_breaker = name,
                old_state,
                new_state,
                reason,
                epoch,
                open_ms,
                calls = counts.calls,
                failed = counts.failed,
                slow = counts.slow,
                consecutive_failures = counts.consecutive_failures,
                hung = counts.hung,
                "circuit breaker changed"
            )
        };
    }
    if to.is_healthy() || to == State::HalfOpen {
        changed!(info);
    } else {
        changed!(warn);
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
