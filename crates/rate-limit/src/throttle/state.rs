use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use buttress_core::{
    Deadline, Left, Mode, ModeSwitch, Observer, Refused, Rejection, Signal, Verdict, WallClock,
};
use parking_lot::Mutex;

use super::book::{Book, Denial, Limits, Turn};
use super::rejection::{LAYER, Throttled, WhyThrottled};
use super::ticket::Ticket;
use crate::{HashKey, KeyHash, KeyHasher};

/// Looks at a throttle and steers it; got from [`ThrottleLayer::throttle`](crate::ThrottleLayer::throttle). Clones
/// share.
#[derive(Clone)]
pub struct ThrottleHandle(Arc<State>);

struct State {
    settings: Settings,
    /// Begun with a secret, so that nobody can choose keys that collide.
    hasher: KeyHasher,
    /// When ticks begin.
    epoch: Instant,
    book: Mutex<Book>,
}

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) name: Arc<str>,
    pub(super) limits: Limits,
    pub(super) max_wait: Duration,
    pub(super) mode: ModeSwitch,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) wall: WallClock,
}

/// What can be known of a throttle at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThrottleSnapshot {
    /// Calls that wait for their slot.
    pub waiting: usize,
    /// Keys that are remembered: those used lately, and older ones nobody needed the place of.
    pub keys: usize,
    /// Keys that the upstream has blocked.
    pub blocked: usize,
    /// When the last of these blocks ends, counted from now.
    pub blocked_for: Duration,
    /// Calls that went at once, since the beginning.
    pub at_once: u64,
    /// Calls that had to wait.
    pub delayed: u64,
    /// Calls that were refused, or would have been if the throttle did more than observe.
    pub refused: u64,
    /// Waiting calls that were dropped, and whose slot went to another one.
    pub given_back: u64,
    /// Waiting calls that were dropped while others waited behind them, and whose slot nobody used.
    pub lapsed: u64,
    /// Calls whose key found no place and shared one with others.
    pub crowded: u64,
}

/// What becomes of a call.
pub(super) enum Admission {
    Now,
    Later(Ticket),
    Refused(Refused),
}

/// The longest that an upstream is obeyed at a time.
const LONGEST_BLOCK: Duration = Duration::from_secs(600);

impl ThrottleHandle {
    pub(super) fn new(settings: Settings) -> Self {
        Self(Arc::new(State {
            hasher: HashKey::random().scope(&settings.name),
            epoch: now(),
            book: Mutex::new(Book::new(settings.limits)),
            settings,
        }))
    }

    pub(super) fn fresh(&self) -> Self {
        let settings = self.0.settings.clone();
        Self::new(Settings { mode: ModeSwitch::new(settings.mode.get()), ..settings })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// The mode, to look at and to change. Calls that wait already see it when their slot comes.
    pub fn mode(&self) -> &ModeSwitch {
        &self.0.settings.mode
    }

    /// What can be known now; looks at every key.
    pub fn snapshot(&self) -> ThrottleSnapshot {
        let book = self.0.book.lock();
        let (blocked, longest) = book.blocked(self.ticks(now()));
        let tally = book.tally();
        ThrottleSnapshot {
            waiting: book.waiting(),
            keys: book.keys(),
            blocked,
            blocked_for: Duration::from_nanos(longest),
            at_once: tally.at_once,
            delayed: tally.delayed,
            refused: tally.denied,
            given_back: tally.given_back,
            lapsed: tally.lapsed,
            crowded: tally.crowded,
        }
    }

    pub(super) fn key(&self, write: impl FnOnce(&mut KeyHasher)) -> KeyHash {
        let mut hasher = self.0.hasher.clone();
        write(&mut hasher);
        hasher.finish()
    }

    pub(super) fn wall(&self) -> &WallClock {
        &self.0.settings.wall
    }

    pub(super) fn max_wait(&self) -> Duration {
        self.0.settings.max_wait
    }

    /// Admits a call; its deadline matters only if it cannot go at once.
    #[inline]
    pub(super) fn admit(&self, key: KeyHash, deadline: impl FnOnce() -> Option<Deadline>) -> Admission {
        let now = now();
        if self.with_book(|book| book.go(key, self.ticks(now))) {
            return Admission::Now;
        }
        self.admit_later(key, now, deadline())
    }

    #[cold]
    fn admit_later(&self, key: KeyHash, now: Instant, deadline: Option<Deadline>) -> Admission {
        // A slot at the deadline itself is too late.
        let left = deadline.map(|deadline| deadline.remaining(now));
        let before_deadline = left.map(|left| left.saturating_sub(Duration::from_nanos(1)));
        let max_wait = self.max_wait();
        let longest = before_deadline.map_or(max_wait, |left| left.min(max_wait));
        let turn = self.with_book(|book| book.reserve(key, self.ticks(now), ticks(longest)));
        match turn {
            Ok(Turn::Now) => Admission::Now,
            Ok(Turn::After(wait, reservation)) => {
                let wait = Duration::from_nanos(wait);
                self.delay(Ticket::new(self.clone(), reservation, (now, now + wait), deadline), wait)
            }
            Err(Denial::Full { wait, limit }) => self.deny(WhyThrottled::QueueFull(limit), wait),
            Err(Denial::TooLong(wait)) => self.deny(self.why_too_long(wait, left), wait),
        }
    }

    fn delay(&self, mut ticket: Ticket, wait: Duration) -> Admission {
        if self.mode().get() == Mode::Enforce {
            self.tell(Verdict::Passed, "throttle_delayed", Some(wait));
            return Admission::Later(ticket);
        }
        ticket.use_up();
        self.tell(Verdict::Passed, "throttle_would_delay", Some(wait));
        Admission::Now
    }

    fn deny(&self, why: WhyThrottled, wait: u64) -> Admission {
        match self.refuse(why, Duration::from_nanos(wait)) {
            Some(refused) => Admission::Refused(refused),
            None => Admission::Now,
        }
    }

    fn why_too_long(&self, wait: u64, left: Option<Duration>) -> WhyThrottled {
        match left {
            Some(left) if Duration::from_nanos(wait) <= self.max_wait() => WhyThrottled::Deadline(left),
            _ => WhyThrottled::TooLong(self.max_wait()),
        }
    }

    /// A refusal, counted and told; none if the throttle does no more than observe.
    pub(super) fn refuse(&self, why: WhyThrottled, wait: Duration) -> Option<Refused> {
        self.with_book(Book::deny);
        let throttled = Throttled::new(Arc::clone(&self.0.settings.name), why, wait);
        if self.mode().get() != Mode::Enforce {
            self.tell(Verdict::WouldRefuse, throttled.code(), Some(wait));
            return None;
        }
        let refused = Refused::new(throttled);
        Signal::refused(&refused, self.name()).report(self.0.settings.observer.as_deref());
        Some(refused)
    }

    /// Leaves the upstream alone for as long as it has asked for.
    #[cold]
    pub(super) fn block(&self, key: KeyHash, pause: Duration) {
        let pause = pause.min(LONGEST_BLOCK);
        let now = self.ticks(now());
        let begun = self.with_book(|book| book.block(key, now, now.saturating_add(ticks(pause))));
        if begun {
            let (throttle, blocked_ms) = (self.name(), pause.as_millis());
            tracing::info!(throttle, blocked_ms, "the upstream asks to be left alone");
            self.tell(Verdict::Changed, "throttle_blocked", Some(pause));
        }
    }

    pub(super) fn tell(&self, verdict: Verdict, code: &'static str, left: Option<Duration>) {
        let left = left.map(Left::Time);
        let signal = Signal { left, ..Signal::new(LAYER, self.name(), verdict, code) };
        signal.report(self.0.settings.observer.as_deref());
    }

    pub(super) fn with_book<T>(&self, act: impl FnOnce(&mut Book) -> T) -> T {
        act(&mut self.0.book.lock())
    }

    pub(super) fn ticks(&self, now: Instant) -> u64 {
        ticks(now.saturating_duration_since(self.0.epoch))
    }
}

impl fmt::Debug for ThrottleHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThrottleHandle").field("name", &self.name()).finish_non_exhaustive()
    }
}

pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Nanoseconds; five centuries fit.
fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
