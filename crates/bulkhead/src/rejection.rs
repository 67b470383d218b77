use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Kind, Rejection};

use crate::rules::LAYER;

/// A call that found no room.
///
/// Over HTTP it is a 503 with `Retry-After`; the inner service was never called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saturated {
    pub(crate) name: Arc<str>,
    pub(crate) cause: Cause,
    pub(crate) in_flight: u32,
    pub(crate) limit: u32,
    pub(crate) waiting: u32,
    pub(crate) retry_after: Duration,
}

/// Why a call was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// Every permit was taken, and the queue was full or there is none: the call was refused at once.
    Full,
    /// The call waited for so long, which was as long as it may or until its deadline; zero if the deadline had
    /// passed before.
    WaitExceeded(Duration),
}

impl Cause {
    /// The cause as one stable word, as it stands in refusals and signals.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Full => "bulkhead_full",
            Self::WaitExceeded(_) => "bulkhead_wait_exceeded",
        }
    }
}

impl Saturated {
    /// The name of the bulkhead.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why the call was turned away.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// How many calls were running at that moment.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// How many may.
    pub fn max_concurrent(&self) -> u32 {
        self.limit
    }

    /// How many were waiting.
    pub fn waiting(&self) -> u32 {
        self.waiting
    }
}

/// Prints the text for logs, which names the bulkhead and its limit.
impl fmt::Display for Saturated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, in_flight, limit, waiting, .. } = self;
        match self.cause {
            Cause::Full => {
                write!(
                    f,
                    "bulkhead {name} is full: {in_flight} of {limit} calls in flight, {waiting} waiting"
                )
            }
            Cause::WaitExceeded(waited) => write!(
                f,
                "no room in bulkhead {name} after a wait of {waited:.1?}: {in_flight} of {limit} calls in flight"
            ),
        }
    }
}

impl Error for Saturated {}

impl Rejection for Saturated {
    fn kind(&self) -> Kind {
        Kind::Overloaded
    }

    fn code(&self) -> &'static str {
        self.cause.code()
    }

    fn layer(&self) -> &'static str {
        LAYER
    }

    fn retry_after(&self) -> Option<Duration> {
        Some(self.retry_after)
    }

    fn reached_inner(&self) -> bool {
        false
    }

    fn public(&self) -> Cow<'static, str> {
        "too much is being done at the moment".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_refuse_has_its_code_and_its_text_and_both_mean_overloaded() {
        for (cause, code, text) in [
            (Cause::Full, "bulkhead_full", "bulkhead reports is full: 8 of 8 calls in flight, 2 waiting"),
            (
                Cause::WaitExceeded(Duration::from_millis(1_520)),
                "bulkhead_wait_exceeded",
                "no room in bulkhead reports after a wait of 1.5s: 8 of 8 calls in flight",
            ),
        ] {
            let (name, retry_after) = ("reports".into(), Duration::from_secs(1));
            let refusal = Saturated { name, cause, in_flight: 8, limit: 8, waiting: 2, retry_after };
            assert_eq!((refusal.code(), refusal.to_string().as_str()), (code, text));
            assert_eq!((refusal.kind(), refusal.retry_after()), (Kind::Overloaded, Some(retry_after)));
            assert!(!refusal.reached_inner() && !refusal.public().contains("reports"));
        }
    }
}
