use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Kind, Rejection};

/// The name under which the layer refuses and reports.
pub(super) const LAYER: &str = "throttle";

/// A call that would have had to wait for too long, or that found too many waiting.
///
/// It was never sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throttled {
    name: Arc<str>,
    why: WhyThrottled,
    wait: Duration,
}

/// Which bound a throttled call has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhyThrottled {
    /// Its slot was further away than the throttle lets anybody wait.
    TooLong(Duration),
    /// Its slot came after its deadline, which left it so much time.
    Deadline(Duration),
    /// So many were waiting for the same key already.
    QueueFull(usize),
}

impl Throttled {
    pub(super) fn new(name: Arc<str>, why: WhyThrottled, wait: Duration) -> Self {
        Self { name, why, wait }
    }

    /// The name of the throttle.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bound.
    pub fn why(&self) -> WhyThrottled {
        self.why
    }

    /// How long it would have had to wait, counted from the refusal.
    pub fn wait(&self) -> Duration {
        self.wait
    }
}

/// Prints the text for logs, which names the throttle.
impl fmt::Display for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, why, wait } = self;
        match why {
            WhyThrottled::TooLong(limit) => {
                write!(f, "throttle {name}: the next slot is in {wait:.1?} (limit {limit:?})")
            }
            WhyThrottled::Deadline(left) => {
                write!(f, "throttle {name}: the next slot is in {wait:.1?}, the deadline in {left:.1?}")
            }
            WhyThrottled::QueueFull(limit) => {
                write!(f, "throttle {name}: {limit} calls wait already, the next slot is in {wait:.1?}")
            }
        }
    }
}

impl Error for Throttled {}

impl Rejection for Throttled {
    fn kind(&self) -> Kind {
        match self.why {
            WhyThrottled::QueueFull(_) => Kind::Overloaded,
            WhyThrottled::TooLong(_) | WhyThrottled::Deadline(_) => Kind::RateLimited,
        }
    }

    fn code(&self) -> &'static str {
        match self.why {
            WhyThrottled::QueueFull(_) => "throttle_queue_full",
            WhyThrottled::TooLong(_) | WhyThrottled::Deadline(_) => "throttled",
        }
    }

    fn layer(&self) -> &'static str {
        LAYER
    }

    fn retry_after(&self) -> Option<Duration> {
        Some(self.wait)
    }

    fn reached_inner(&self) -> bool {
        false
    }

    fn public(&self) -> Cow<'static, str> {
        "too many requests are on their way to a service that this request needs".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_has_its_kind_its_code_and_its_text() {
        let second = Duration::from_secs(1);
        for (why, kind, code, text) in [
            (
                WhyThrottled::TooLong(30 * second),
                Kind::RateLimited,
                "throttled",
                "throttle graph: the next slot is in 42.0s (limit 30s)",
            ),
            (
                WhyThrottled::Deadline(2 * second),
                Kind::RateLimited,
                "throttled",
                "throttle graph: the next slot is in 42.0s, the deadline in 2.0s",
            ),
            (
                WhyThrottled::QueueFull(1_000),
                Kind::Overloaded,
                "throttle_queue_full",
                "throttle graph: 1000 calls wait already, the next slot is in 42.0s",
            ),
        ] {
            let throttled = Throttled::new("graph".into(), why, 42 * second);
            assert_eq!((throttled.kind(), throttled.code(), &*throttled.to_string()), (kind, code, text));
            assert_eq!((throttled.retry_after(), throttled.reached_inner()), (Some(42 * second), false));
            assert!(!throttled.public().contains("graph"));
        }
    }
}
