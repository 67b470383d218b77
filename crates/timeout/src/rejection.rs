use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use buttress_core::{Fact, Kind, Outcome, Rejection};

use crate::Bound;

/// The name under which this crate's layers refuse and report.
pub(crate) const LAYER: &str = "timeout";

/// What was going on when the time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The request had just come; too little was left to begin.
    Arrival,
    /// The request waited for the inner service to become ready.
    Ready,
    /// The inner service worked on the answer.
    Response,
    /// No part of a body came for too long.
    BodyIdle,
    /// A body was still under way at the deadline.
    BodyTotal,
}

impl Phase {
    /// The phase as one word for logs and problem documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arrival => "arrival",
            Self::Ready => "ready",
            Self::Response => "response",
            Self::BodyIdle => "body_idle",
            Self::BodyTotal => "body_total",
        }
    }
}

/// The time allowed ran out.
///
/// What it means depends on the phase. A request that never left the queue was refused for lack of room, so it is
/// [`Kind::Overloaded`] and may be sent again; any other is [`Kind::TimedOut`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut {
    phase: Phase,
    bound: Bound,
    limit: Duration,
    elapsed: Duration,
}

impl TimedOut {
    /// When a request that found no room should be sent again.
    const RETRY_AFTER: Duration = Duration::from_secs(1);
    /// The least time that a deadline must leave for a call whose failure counts against the service.
    const FAIR_CHANCE: Duration = Duration::from_secs(1);

    pub(crate) fn new(phase: Phase, bound: Bound, limit: Duration, elapsed: Duration) -> Self {
        Self { phase, bound, limit, elapsed }
    }

    /// What was going on when the time ran out.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether it was the layer's own limit that ended the call, or a deadline.
    pub fn bound(&self) -> Bound {
        self.bound
    }

    /// The time that was allowed, of limit and deadline the shorter; on arrival, what was left.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// The time that had gone by when the layer noticed.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { phase, bound, limit, elapsed } = self;
        let cut = match bound {
            Bound::Limit => "limit",
            Bound::Deadline => "deadline after",
        };
        match phase {
            Phase::Arrival => write!(f, "only {limit:?} left on arrival, too little to begin"),
            Phase::Ready => write!(f, "not ready in {elapsed:?} ({cut} {limit:?})"),
            Phase::Response => write!(f, "no answer in {elapsed:?} ({cut} {limit:?})"),
            Phase::BodyIdle => write!(f, "no data in {elapsed:?} ({cut} {limit:?})"),
            Phase::BodyTotal => write!(f, "no end in {elapsed:?} ({cut} {limit:?})"),
        }
    }
}

impl Error for TimedOut {}

impl Rejection for TimedOut {
    fn kind(&self) -> Kind {
        match self.phase {
            Phase::Ready => Kind::Overloaded,
            _ => Kind::TimedOut,
        }
    }

    fn code(&self) -> &'static str {
        match self.phase {
            Phase::Arrival => "deadline_expired",
            Phase::Ready => "timed_out_in_queue",
            Phase::Response => "timed_out",
            Phase::BodyIdle => "body_idle",
            Phase::BodyTotal => "body_timed_out",
        }
    }

    fn layer(&self) -> &'static str {
        LAYER
    }

    fn retry_after(&self) -> Option<Duration> {
        (self.phase == Phase::Ready).then_some(Self::RETRY_AFTER)
    }

    fn reached_inner(&self) -> bool {
        !matches!(self.phase, Phase::Arrival | Phase::Ready)
    }

    /// A call that had next to no time to begin with says nothing about the service: the time was spent elsewhere. One
    /// that had a second, and was not answered, does.
    fn outcome(&self) -> Outcome {
        let was_hurried = self.bound == Bound::Deadline && self.limit < Self::FAIR_CHANCE;
        if self.reached_inner() && !was_hurried { Outcome::Failure } else { Outcome::Ignored }
    }

    fn public(&self) -> Cow<'static, str> {
        let text = match self.phase {
            Phase::Arrival => "the time allowed was over before the work could begin",
            Phase::Ready => "the service is busy and could not begin in time",
            Phase::Response => "the answer was not ready in time",
            Phase::BodyIdle => "the transfer stood still for too long",
            Phase::BodyTotal => "the transfer was not complete in time",
        };
        text.into()
    }

    fn facts(&self, tell: &mut dyn FnMut(&'static str, Fact<'_>)) {
        tell("phase", Fact::Text(self.phase.as_str()));
        tell("limit_ms", Fact::Number(u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn late(phase: Phase, bound: Bound) -> TimedOut {
        TimedOut::new(phase, bound, Duration::from_secs(2), Duration::from_millis(2001))
    }

    #[test]
    fn each_phase_means_what_the_table_says() {
        let table = [
            (Phase::Arrival, Kind::TimedOut, "deadline_expired", None, false),
            (Phase::Ready, Kind::Overloaded, "timed_out_in_queue", Some(Duration::from_secs(1)), false),
            (Phase::Response, Kind::TimedOut, "timed_out", None, true),
            (Phase::BodyIdle, Kind::TimedOut, "body_idle", None, true),
            (Phase::BodyTotal, Kind::TimedOut, "body_timed_out", None, true),
        ];
        for (phase, kind, code, retry_after, reached) in table {
            let late = late(phase, Bound::Limit);
            assert_eq!((late.kind(), late.code(), late.retry_after()), (kind, code, retry_after));
            assert_eq!(late.reached_inner(), reached, "{phase:?}");
        }
    }

    #[test]
    fn only_a_call_that_had_a_fair_chance_is_held_against_the_service() {
        let outcome = |phase, bound, millis| {
            TimedOut::new(phase, bound, Duration::from_millis(millis), Duration::from_millis(millis))
                .outcome()
        };
        assert_eq!(
            outcome(Phase::Response, Bound::Limit, 40),
            Outcome::Failure,
            "the layer's own limit is meant"
        );
        assert_eq!(outcome(Phase::Response, Bound::Deadline, 999), Outcome::Ignored);
        assert_eq!(outcome(Phase::Response, Bound::Deadline, 1000), Outcome::Failure);
        assert_eq!(outcome(Phase::BodyIdle, Bound::Limit, 40), Outcome::Failure);
        assert_eq!(outcome(Phase::Ready, Bound::Limit, 1000), Outcome::Ignored);
    }

    #[test]
    fn the_text_for_logs_has_the_numbers_and_names_the_cause() {
        assert_eq!(late(Phase::Response, Bound::Limit).to_string(), "no answer in 2.001s (limit 2s)");
        assert_eq!(
            late(Phase::Ready, Bound::Deadline).to_string(),
            "not ready in 2.001s (deadline after 2s)"
        );
        assert_eq!(
            late(Phase::Arrival, Bound::Limit).to_string(),
            "only 2s left on arrival, too little to begin"
        );
    }
}
