use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Checks, ConfigError, ModeSwitch, Observer, WallClock};

use super::book::Limits;
use super::layer::{Core, ThrottleLayer};
use super::rejection::LAYER;
use super::state::{Settings, ThrottleHandle};
use crate::{Quota, Rate};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MOST: usize = 1_000_000;
const WAITING_IN_ALL: usize = 10_000;

/// Builds a [`ThrottleLayer`]; begun by `outbound` or [`ThrottleLayer::plain`].
#[must_use = "a builder does nothing until `build`"]
pub struct ThrottleBuilder<K, L, J> {
    name: Arc<str>,
    quota: Option<Quota>,
    max_wait: Duration,
    max_waiting: usize,
    max_waiting_in_all: Option<usize>,
    max_keys: usize,
    mode: ModeSwitch,
    observer: Option<Arc<dyn Observer>>,
    wall: WallClock,
    key: K,
    feedback: L,
    reject: J,
}

impl<K, L, J> ThrottleBuilder<K, L, J> {
    pub(super) fn new(name: Arc<str>, key: K, feedback: L, reject: J) -> Self {
        Self {
            name,
            quota: None,
            max_wait: Duration::from_secs(30),
            max_waiting: 1_000,
            max_waiting_in_all: None,
            max_keys: 10_000,
            mode: ModeSwitch::default(),
            observer: None,
            wall: WallClock::system(),
            key,
            feedback,
            reject,
        }
    }

    /// What each key may be sent. There is no default.
    ///
    /// A burst goes at once, what follows at even distances. `Quota::per_second(10).burst(1)` is one every 100 ms.
    pub fn quota(self, quota: Quota) -> Self {
        Self { quota: Some(quota), ..self }
    }

    /// The longest that a call waits for its slot; default 30 s, at most 1 day. Zero refuses instead of waiting.
    pub fn max_wait(self, wait: Duration) -> Self {
        Self { max_wait: wait, ..self }
    }

    /// How many calls may wait for one key; default 1,000, 1 to 1,000,000.
    pub fn max_waiting(self, calls: usize) -> Self {
        Self { max_waiting: calls, ..self }
    }

    /// How many calls may wait for all keys together; default 10,000, or [`max_waiting`](Self::max_waiting) if that is
    /// more; 1 to 1,000,000.
    ///
    /// Each holds its request and the service that was ready for it.
    pub fn max_waiting_in_all(self, calls: usize) -> Self {
        Self { max_waiting_in_all: Some(calls), ..self }
    }

    /// How many keys have a timetable of their own; default 10,000, 1 to 1,000,000. Each takes about 120 bytes.
    pub fn max_keys(self, keys: usize) -> Self {
        Self { max_keys: keys, ..self }
    }

    /// A mode, or a switch that something else turns. Default: enforce.
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        Self { mode: mode.into(), ..self }
    }

    /// Who hears its signals. Default: nobody.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// The calendar by which dates in answers are read. Default: the system's.
    pub fn wall_clock(self, wall: WallClock) -> Self {
        Self { wall, ..self }
    }

    /// Which timetable a request belongs to.
    pub fn key<N>(self, key: N) -> ThrottleBuilder<N, L, J> {
        self.with(|_, feedback, reject| (key, feedback, reject))
    }

    /// What is learned from answers.
    pub fn feedback<N>(self, feedback: N) -> ThrottleBuilder<K, N, J> {
        self.with(|key, _, reject| (key, feedback, reject))
    }

    /// What a caller sees of a refusal.
    pub fn reject_with<N>(self, reject: N) -> ThrottleBuilder<K, L, N> {
        self.with(|key, feedback, _| (key, feedback, reject))
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range, with its value and the range.
    pub fn build(self) -> Result<ThrottleLayer<K, L, J>, ConfigError> {
        let mut checks = Checks::of(LAYER);
        let rate = self.check(&mut checks);
        let rate = checks.finish_with(rate)?;
        let Self { name, max_wait, max_waiting, max_keys, mode, observer, wall, .. } = self;
        let max_waiting_in_all = self.max_waiting_in_all.unwrap_or(WAITING_IN_ALL.max(max_waiting));
        let limits = Limits { rate, max_waiting, max_waiting_in_all, max_keys };
        let throttle = ThrottleHandle::new(Settings { name, limits, max_wait, mode, observer, wall });
        let Self { key, feedback, reject, .. } = self;
        Ok(ThrottleLayer::new(Core { throttle, key, feedback, reject }))
    }

    fn check(&self, checks: &mut Checks) -> Option<Rate> {
        let wait = self.max_wait;
        checks.require(wait <= DAY, "max_wait", format_args!("{wait:?}"), "at most 1 day");
        let counts = 1..=MOST;
        checks.require(counts.contains(&self.max_waiting), "max_waiting", self.max_waiting, "1 to 1,000,000");
        if let Some(calls) = self.max_waiting_in_all {
            checks.require(counts.contains(&calls), "max_waiting_in_all", calls, "1 to 1,000,000");
        }
        checks.require(counts.contains(&self.max_keys), "max_keys", self.max_keys, "1 to 1,000,000");
        checks.require(self.quota.is_some(), "quota", "not set", "a quota, such as 10 per second");
        let quota = self.quota?;
        quota.check("quota", checks);
        quota.rate().ok()
    }

    fn with<K2, L2, J2>(self, parts: impl FnOnce(K, L, J) -> (K2, L2, J2)) -> ThrottleBuilder<K2, L2, J2> {
        let (key, feedback, reject) = parts(self.key, self.feedback, self.reject);
        ThrottleBuilder {
            name: self.name,
            quota: self.quota,
            max_wait: self.max_wait,
            max_waiting: self.max_waiting,
            max_waiting_in_all: self.max_waiting_in_all,
            max_keys: self.max_keys,
            mode: self.mode,
            observer: self.observer,
            wall: self.wall,
            key,
            feedback,
            reject,
        }
    }
}

impl<K, L, J> fmt::Debug for ThrottleBuilder<K, L, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThrottleBuilder")
            .field("name", &self.name)
            .field("quota", &self.quota)
            .field("max_wait", &self.max_wait)
            .field("max_waiting", &self.max_waiting)
            .field("max_waiting_in_all", &self.max_waiting_in_all)
            .field("max_keys", &self.max_keys)
            .finish_non_exhaustive()
    }
}
