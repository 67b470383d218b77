use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Checks, ConfigError, Observer};
use parking_lot::Mutex;

use super::Overrides;
use super::book::Book;
use super::cache::Terms;
use super::flight::{Source, State};

pub(super) const LAYER: &str = "rate-limit";

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MOST_KEYS: usize = 1_000_000;
const MOST_FETCHES: usize = 10_000;

/// Builds [`Overrides`]; begun by [`Overrides::builder`].
#[must_use = "a builder does nothing until `build`"]
pub struct OverridesBuilder {
    name: Box<str>,
    source: Arc<Source>,
    terms: Terms,
    max_fetches: usize,
    time_limit: Duration,
    observer: Option<Arc<dyn Observer>>,
}

impl OverridesBuilder {
    pub(super) fn new(source: Arc<Source>) -> Self {
        let terms =
            Terms { ttl: 60 * SECOND, stale_for: 600 * SECOND, pause_after_error: SECOND, capacity: 10_000 };
        Self {
            name: Box::default(),
            source,
            terms,
            max_fetches: 64,
            time_limit: Duration::from_millis(250),
            observer: None,
        }
    }

    /// The name in signals and logs, such as that of the policy; empty by default.
    pub fn name(self, name: impl Into<Box<str>>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// How long an answer is used before the source is asked again; default 60 s, 1 ms to 1 day.
    ///
    /// A quota that was lowered or raised at the source is in force after this time, at the first request but one of
    /// the key.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.terms.ttl = ttl;
        self
    }

    /// How much longer an answer serves while a newer one is asked for, or cannot be had; default 10 minutes, at most
    /// 30 days. Zero makes every request wait for the source once the answer is older than
    /// [`ttl`](Self::ttl).
    pub fn stale_for(mut self, time: Duration) -> Self {
        self.terms.stale_for = time;
        self
    }

    /// How long a key is left alone after the source has failed for it; default 1 s, at most 1 hour.
    pub fn pause_after_error(mut self, pause: Duration) -> Self {
        self.terms.pause_after_error = pause;
        self
    }

    /// How many keys are remembered; default 10,000, 1 to 1,000,000.
    pub fn capacity(mut self, keys: usize) -> Self {
        self.terms.capacity = keys;
        self
    }

    /// How many keys the source is asked for at once; default 64, 1 to 10,000. Of these a quarter is kept for keys
    /// that are known to have a quota of their own.
    pub fn max_fetches(self, fetches: usize) -> Self {
        Self { max_fetches: fetches, ..self }
    }

    /// How long the source may take, and so the longest that a request waits for it; default 250 ms, 1 ms to 10 s.
    pub fn time_limit(self, limit: Duration) -> Self {
        Self { time_limit: limit, ..self }
    }

    /// Who hears that the source has begun to fail, and that it works again. Default: nobody.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// Builds the overrides.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range, with its value and the range.
    pub fn build(self) -> Result<Overrides, ConfigError> {
        self.check()?;
        let Self { name, source, terms, max_fetches, time_limit, observer } = self;
        let book = Mutex::new(Book::new(terms, max_fetches, time_limit));
        Ok(Overrides::from_state(State { name, source, time_limit, observer, book }))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let mut checks = Checks::of(LAYER);
        let millisecond = Duration::from_millis(1);
        let mut time = |field, value: Duration, least: Duration, most: Duration, allowed| {
            let holds = (least..=most).contains(&value);
            checks.require(holds, field, format_args!("{value:?}"), allowed);
        };
        let Terms { ttl, stale_for, pause_after_error, capacity } = self.terms;
        time("overrides.ttl", ttl, millisecond, DAY, "1 ms to 1 day");
        time("overrides.stale_for", stale_for, Duration::ZERO, 30 * DAY, "at most 30 days");
        time("overrides.pause_after_error", pause_after_error, Duration::ZERO, DAY / 24, "at most 1 hour");
        time("overrides.time_limit", self.time_limit, millisecond, 10 * SECOND, "1 ms to 10 s");
        let mut count = |field, value: usize, most: usize, allowed| {
            checks.require((1..=most).contains(&value), field, value, allowed);
        };
        count("overrides.capacity", capacity, MOST_KEYS, "1 to 1,000,000");
        count("overrides.max_fetches", self.max_fetches, MOST_FETCHES, "1 to 10,000");
        checks.finish()
    }
}

impl fmt::Debug for OverridesBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OverridesBuilder")
            .field("name", &self.name)
            .field("terms", &self.terms)
            .field("max_fetches", &self.max_fetches)
            .field("time_limit", &self.time_limit)
            .finish_non_exhaustive()
    }
}
