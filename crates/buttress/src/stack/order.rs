mod check;
mod kinds;
mod rules;
mod steps;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use self::check::check;
use self::steps::Steps;

/// One layer of a stack, as far as its place matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Takes or mints the correlation ID of a request that arrives.
    CorrelationId,
    /// Sends the correlation ID along with a request that goes out.
    PropagateCorrelationId,
    /// Records what becomes of requests.
    Audit,
    /// Logs calls.
    Events,
    /// Stamps the deadline, and enforces this total.
    Deadline(Duration),
    /// Sends a request again, at most so many times in all.
    Retry {
        /// Attempts in all, the first included.
        max_attempts: u32,
    },
    /// Stops calling a service that fails.
    CircuitBreaker {
        /// How far back it looks, if it looks back in time.
        window: Option<Duration>,
    },
    /// Bounds one attempt.
    AttemptTimeout(Duration),
    /// Sends what is left of the deadline along.
    ForwardDeadline,
    /// Bounds the gaps in a body.
    BodyTimeout,
    /// Limits how often callers may ask, and refuses.
    RateLimit,
    /// Holds requests back until the service that is called takes them.
    Throttle,
    /// Limits how much runs at once.
    Bulkhead,
    /// Runs requests with a key once.
    Idempotency,
    /// Gives calls an idempotency key.
    IdempotencyKey,
    /// A layer that this check knows nothing of.
    Other,
}

/// Which way the requests of a stack go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From a caller to a handler.
    Inbound,
    /// From a client to another service.
    Outbound,
}

/// How sure the check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may be meant, and rarely is.
    Doubtful,
    /// It does not do what its layers are for; such a stack is not built.
    Mistake,
}

/// Something that is wrong with the order or the numbers of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    severity: Severity,
    rule: &'static str,
    seen: String,
    instead: &'static str,
}

impl Finding {
    /// How sure the check is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The rule, as a stable word such as `breaker_outside_retry`.
    pub fn rule(&self) -> &'static str {
        self.rule
    }

    /// What was seen.
    pub fn seen(&self) -> &str {
        &self.seen
    }

    /// What to do instead.
    pub fn instead(&self) -> &'static str {
        self.instead
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; instead: {}", self.rule, self.seen, self.instead)
    }
}

/// Checks the order of a stack, outermost layer first, and numbers that only make sense together.
///
/// ```
/// use std::time::Duration;
/// use buttress::stack::{Direction, Step, check_order};
///
/// let order = [
///     Step::CircuitBreaker { window: None },
///     Step::Retry { max_attempts: 3 },
///     Step::AttemptTimeout(Duration::from_secs(10)),
/// ];
/// let findings = check_order(Direction::Outbound, &order);
/// assert_eq!(findings[0].rule(), "breaker_outside_retry");
/// ```
pub fn check_order(direction: Direction, steps: &[Step]) -> Vec<Finding> {
    check(direction, Steps(steps))
}
