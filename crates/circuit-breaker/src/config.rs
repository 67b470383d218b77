use std::fmt;
use std::time::Duration;

use buttress_backoff::Backoff;
use buttress_core::{ConfigError, Ratio};
use buttress_window::Ticks;

use crate::rules::Rules;

/// What a breaker remembers of the calls that have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The calls of the last `span`, in `buckets` parts that are forgotten one at a time.
    Time {
        /// How far back, from 100 ms to 1 day.
        span: Duration,
        /// 1 to 15.
        buckets: u32,
    },
    /// The last calls, exactly so many, from 1 to 1,000,000.
    Calls(u32),
    /// Nothing: only failures in a row count.
    None,
}

impl Window {
    /// The calls of the last `span`, in ten buckets.
    pub const fn time(span: Duration) -> Self {
        Self::Time { span, buckets: Ticks::DEFAULT_BUCKETS.get() }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time { span, buckets } => write!(f, "{span:?} in {buckets} buckets"),
            Self::Calls(calls) => write!(f, "{calls} calls"),
            Self::None => f.write_str("none"),
        }
    }
}

/// How the probes of a half-open breaker are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeRule {
    /// All permitted probes together: at least this share of failures opens the breaker again, less closes it.
    ///
    /// The verdict falls as soon as the outstanding probes cannot change it.
    Rate(Ratio),
    /// One failure opens the breaker again; so many successes close it.
    FirstFailure {
        /// 1 to 1,000.
        successes: u32,
    },
}

/// What a call counts as that its caller dropped before it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abandoned {
    /// Nothing, whenever it happens.
    Ignore,
    /// A failure, whenever it happens.
    Failure,
    /// A failure if the call had taken longer than a slow call may, or than 1 s where slow calls are not watched;
    /// nothing before. The default.
    FailureIfSlow,
    /// A failure if the call had taken at least so long; nothing before.
    FailureAfter(Duration),
}

/// The settings of a breaker: plain values, checked when a breaker is built from them or given them.
///
/// The [options table](crate#options) lists each with its default, range and effect.
///
/// ```
/// use std::time::Duration;
/// use buttress_circuit_breaker::{BreakerConfig, Window};
///
/// let error = BreakerConfig::new()
///     .window(Window::Calls(10))
///     .min_calls(50)
///     .half_open_permits(0)
///     .check()
///     .expect_err("two settings are wrong");
/// assert_eq!(
///     error.to_string(),
///     "circuit-breaker: min_calls is 50, allowed: 1 to the window's 10 calls; \
///      circuit-breaker: half_open_permits is 0, allowed: 1 to 1,000",
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "settings do nothing until a breaker is built from them"]
pub struct BreakerConfig {
    pub(crate) window: Window,
    pub(crate) min_calls: Option<u32>,
    pub(crate) failure_ratio: Option<Ratio>,
    pub(crate) consecutive_failures: Option<u32>,
    pub(crate) slow_call_after: Option<Duration>,
    pub(crate) slow_call_ratio: Option<Ratio>,
    pub(crate) hung_after: Option<Duration>,
    pub(crate) half_open_permits: u32,
    pub(crate) probe_rule: ProbeRule,
    pub(crate) half_open_max: Duration,
    pub(crate) open_time: OpenTime,
    pub(crate) retry_after_cap: Duration,
    pub(crate) abandoned: Abandoned,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum OpenTime {
    Growing(Duration),
    Exactly(Duration),
    By(Backoff),
}

impl BreakerConfig {
    /// The calls that must have ended before a ratio is looked at.
    pub const DEFAULT_MIN_CALLS: u32 = 20;
    /// How long a call may take before its abandonment counts as failure, where slow calls are not watched.
    pub const DEFAULT_ABANDONED_AFTER: Duration = Duration::from_secs(1);
    /// What the open time grows to.
    pub const DEFAULT_OPEN_CAP: Duration = Duration::from_secs(60);

    /// The defaults.
    pub const fn new() -> Self {
        Self {
            window: Window::time(Duration::from_secs(30)),
            min_calls: None,
            failure_ratio: Some(Ratio::percent(50)),
            consecutive_failures: Some(5),
            slow_call_after: None,
            slow_call_ratio: None,
            hung_after: None,
            half_open_permits: 3,
            probe_rule: ProbeRule::Rate(Ratio::percent(50)),
            half_open_max: Duration::from_secs(30),
            open_time: OpenTime::Growing(Duration::from_secs(5)),
            retry_after_cap: Duration::from_secs(60),
            abandoned: Abandoned::FailureIfSlow,
        }
    }

    /// Settings that watch nothing but failures in a row: after `failures` of them the breaker opens.
    ///
    /// One probe at a time follows, and one success closes it again.
    pub const fn only_consecutive_failures(failures: u32) -> Self {
        Self {
            window: Window::None,
            consecutive_failures: Some(failures),
            half_open_permits: 1,
            probe_rule: ProbeRule::FirstFailure { successes: 1 },
            ..Self::new()
        }
    }

    /// What the breaker remembers of the calls that have ended.
    pub const fn window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// How many calls must have ended before a ratio is looked at.
    pub const fn min_calls(mut self, calls: u32) -> Self {
        self.min_calls = Some(calls);
        self
    }

    /// The share of failures in the window at which the breaker opens.
    pub const fn failure_ratio(mut self, ratio: Ratio) -> Self {
        self.failure_ratio = Some(ratio);
        self
    }

    /// Lets no share of failures open the breaker.
    pub const fn without_failure_ratio(mut self) -> Self {
        self.failure_ratio = None;
        self
    }

    /// The number of failures in a row at which the breaker opens, whatever the window holds.
    pub const fn consecutive_failures(mut self, failures: u32) -> Self {
        self.consecutive_failures = Some(failures);
        self
    }

    /// Lets no number of failures in a row open the breaker.
    pub const fn without_consecutive_failures(mut self) -> Self {
        self.consecutive_failures = None;
        self
    }

    /// The time after which a call is slow, whether it has returned or not.
    pub const fn slow_call_after(mut self, limit: Duration) -> Self {
        self.slow_call_after = Some(limit);
        self
    }

    /// The share of slow calls at which the breaker opens; needs [`slow_call_after`](Self::slow_call_after).
    pub const fn slow_call_ratio(mut self, ratio: Ratio) -> Self {
        self.slow_call_ratio = Some(ratio);
        self
    }

    /// The time after which a call that has not returned counts as failed until it does.
    pub const fn hung_after(mut self, limit: Duration) -> Self {
        self.hung_after = Some(limit);
        self
    }

    /// How many probes a half-open breaker admits: in all if they are judged by rate, at once otherwise.
    pub const fn half_open_permits(mut self, permits: u32) -> Self {
        self.half_open_permits = permits;
        self
    }

    /// How the probes are judged.
    pub const fn probe_rule(mut self, rule: ProbeRule) -> Self {
        self.probe_rule = rule;
        self
    }

    /// The number of successes that close a half-open breaker, while any failure opens it.
    ///
    /// Short for [`ProbeRule::FirstFailure`].
    pub const fn success_threshold(self, successes: u32) -> Self {
        self.probe_rule(ProbeRule::FirstFailure { successes })
    }

    /// How long a half-open breaker waits for a verdict before it opens again.
    pub const fn half_open_max(mut self, limit: Duration) -> Self {
        self.half_open_max = limit;
        self
    }

    /// How long the breaker stays open at first; doubles up to 60 s (or to this time, if longer) as long as the
    /// probes fail, with each wait drawn from its upper half.
    pub const fn open_for(mut self, base: Duration) -> Self {
        self.open_time = OpenTime::Growing(base);
        self
    }

    /// How long the breaker stays open, every time the same.
    pub const fn open_for_exactly(mut self, time: Duration) -> Self {
        self.open_time = OpenTime::Exactly(time);
        self
    }

    /// How long the breaker stays open the first time, the second time in a row, and so on.
    pub const fn open_by(mut self, backoff: Backoff) -> Self {
        self.open_time = OpenTime::By(backoff);
        self
    }

    /// The most that a failed call's own wish (`Retry-After`) may extend the open time to; zero ignores the wish.
    pub const fn retry_after_cap(mut self, cap: Duration) -> Self {
        self.retry_after_cap = cap;
        self
    }

    /// What a call counts as that its caller dropped before it ended.
    pub const fn abandoned(mut self, abandoned: Abandoned) -> Self {
        self.abandoned = abandoned;
        self
    }

    /// Whether a breaker could be built from these settings.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range, with its value and the range.
    pub fn check(&self) -> Result<(), ConfigError> {
        Rules::of(self).map(|_| ())
    }
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self::new()
    }
}
