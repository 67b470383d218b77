use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use buttress_core::{Deadline, Kind, Rejection};

use crate::plan::Plan;
use crate::rejection::LAYER;
use crate::{Phase, TimedOut};

/// How much time requests get.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grant {
    /// The most that a request may be granted.
    pub(super) max: Duration,
    /// With less than this, nothing is begun.
    pub(super) min_useful: Duration,
}

/// What is known of the time of a request that has just come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// The layer's own limit, or the request's.
    pub(super) limit: Duration,
    /// What the caller's header says is left.
    pub(super) header: Option<Duration>,
    /// The deadline that is in force already.
    pub(super) inherited: Option<Deadline>,
}

impl Grant {
    /// The time of a request that came at `now` after it waited for readiness.
    pub(super) fn decide(&self, now: Instant, waited: Duration, asked: Asked) -> Result<Plan, TimedOut> {
        let came = now.checked_sub(waited).unwrap_or(now);
        let limit = asked.limit.min(self.max);
        let said = asked.header.map(|header| Deadline::after(came, header));
        let plan = Plan::new(came, limit, crate::watch::earlier_of(said, asked.inherited));
        if !plan.is_over(now) && plan.leaves(self.min_useful, now) {
            return Ok(plan);
        }
        // It was the queue that used the time up only if there had been enough to begin with.
        let in_queue = !waited.is_zero() && plan.allows(self.min_useful);
        Err(plan.late(if in_queue { Phase::Ready } else { Phase::Arrival }, now))
    }
}

/// A timeout header that cannot be understood. What it held is neither kept nor repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MalformedTimeout;

impl MalformedTimeout {
    /// The stable word for it, in refusals and signals.
    pub(super) const CODE: &str = "malformed_timeout";
}

impl fmt::Display for MalformedTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a timeout header holds no time")
    }
}

impl Error for MalformedTimeout {}

impl Rejection for MalformedTimeout {
    fn kind(&self) -> Kind {
        Kind::Malformed
    }

    fn code(&self) -> &'static str {
        Self::CODE
    }

    fn layer(&self) -> &'static str {
        LAYER
    }

    fn reached_inner(&self) -> bool {
        false
    }

    fn public(&self) -> Cow<'static, str> {
        "the header that tells the time allowed cannot be understood".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bound;

    const GRANT: Grant = Grant { max: Duration::from_secs(60), min_useful: Duration::from_millis(5) };

    /// What is left of a request's time and what cut it, or how it was refused; all in milliseconds.
    fn decide(
        waited: u64,
        limit: Option<u64>,
        header: Option<u64>,
        inherited: Option<u64>,
    ) -> Result<(u64, Bound), Phase> {
        let now = crate::timer::now() + Duration::from_secs(3600);
        let asked = Asked {
            limit: Duration::from_millis(limit.unwrap_or(30_000)),
            header: header.map(Duration::from_millis),
            inherited: inherited.map(|left| Deadline::after(now, Duration::from_millis(left))),
        };
        let decided = GRANT.decide(now, Duration::from_millis(waited), asked);
        let millis = |left: Duration| u64::try_from(left.as_millis()).expect("small");
        decided
            .map(|plan| (millis(plan.until() - now), plan.late(Phase::Response, now).bound()))
            .map_err(|late| late.phase())
    }

    #[test]
    fn a_deadline_is_shortened_and_never_lengthened() {
        use Bound::{Deadline as Cut, Limit};
        let table = [
            // waited, TimeLimit, header, inherited => left, cut by
            (0, None, None, None, Ok((30_000, Limit))),
            (0, None, Some(1_000), None, Ok((1_000, Cut))),
            (0, None, Some(45_000), None, Ok((30_000, Limit))),
            (0, None, Some(u64::MAX), None, Ok((30_000, Limit))),
            (0, None, None, Some(1_000), Ok((1_000, Cut))),
            (0, None, None, Some(90_000), Ok((30_000, Limit))),
            (0, None, Some(2_000), Some(1_000), Ok((1_000, Cut))),
            (0, None, Some(1_000), Some(2_000), Ok((1_000, Cut))),
            (0, Some(50_000), None, None, Ok((50_000, Limit))),
            (0, Some(90_000), None, None, Ok((60_000, Limit))),
            (0, Some(90_000), Some(70_000), None, Ok((60_000, Limit))),
            (0, Some(10), None, None, Ok((10, Limit))),
            // What the queue took is gone, of the limit and of what the header said.
            (400, None, None, None, Ok((29_600, Limit))),
            (400, None, Some(1_000), None, Ok((600, Cut))),
            (400, None, None, Some(1_000), Ok((1_000, Cut))),
        ];
        for (waited, limit, header, inherited, expected) in table {
            let decided = decide(waited, limit, header, inherited);
            assert_eq!(
                decided, expected,
                "waited {waited}, limit {limit:?}, header {header:?}, inherited {inherited:?}"
            );
        }
    }

    #[test]
    fn with_too_little_left_nothing_is_begun() {
        let table = [
            (0, Some(5), None, Ok((5, Bound::Deadline))),
            (0, Some(4), None, Err(Phase::Arrival)),
            (0, Some(0), None, Err(Phase::Arrival)),
            (0, None, Some(4), Err(Phase::Arrival)),
            (0, None, Some(0), Err(Phase::Arrival)),
            // The queue is to blame only for time that there was.
            (96, Some(100), None, Err(Phase::Ready)),
            (100, Some(100), None, Err(Phase::Ready)),
            (100, Some(4), None, Err(Phase::Arrival)),
            (30_000, None, None, Err(Phase::Ready)),
        ];
        for (waited, header, inherited, expected) in table {
            let decided = decide(waited, None, header, inherited);
            assert_eq!(decided, expected, "waited {waited}, header {header:?}, inherited {inherited:?}");
        }
    }

    #[test]
    fn nothing_left_is_too_little_even_if_any_time_is_useful() {
        let now = crate::timer::now();
        let grant = Grant { min_useful: Duration::ZERO, ..GRANT };
        let asked = Asked { limit: GRANT.max, header: None, inherited: Some(Deadline::at(now)) };
        let refused = grant.decide(now, Duration::ZERO, asked).expect_err("it is over");
        assert_eq!(refused.phase(), Phase::Arrival);
    }
}
