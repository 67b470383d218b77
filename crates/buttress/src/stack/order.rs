use std::fmt;
use std::time::Duration;

/// One layer of a stack, as far as its place matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Takes or mints the correlation ID of a request that arrives.
    CorrelationId,
    /// Sends the correlation ID along with a request that goes out.
    PropagateCorrelationId,
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
    let mut check = Check { steps, findings: Vec::new() };
    match direction {
        Direction::Inbound => check.inbound(),
        Direction::Outbound => check.outbound(),
    }
    check.numbers();
    check.findings
}

struct Check<'a> {
    steps: &'a [Step],
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn inbound(&mut self) {
        if self
            .place(is_correlation)
            .is_some_and(|place| self.steps[..place].iter().any(|step| *step != Step::Other))
        {
            self.doubt(
                "correlation_id_not_outermost",
                "layers outside the correlation ID",
                "put it first, so that every refusal and log line bears the ID",
            );
        }
        if self.is_outside(is_body_timeout, is_deadline) {
            self.doubt(
                "body_timeout_outside_deadline",
                "the body clock outside the deadline",
                "put it inside, where it can see the deadline",
            );
        }
        if self.place(is_breaker).is_some() {
            self.doubt(
                "breaker_around_handlers",
                "a circuit breaker around handlers",
                "put it around the client of the one dependency that fails, or one bad route closes them all",
            );
        }
        if self.place(is_retry).is_some() {
            self.doubt(
                "retry_around_handlers",
                "a retry around handlers",
                "leave retries to the caller, who knows whether the request may be repeated",
            );
        }
    }

    fn outbound(&mut self) {
        if self.is_outside(is_breaker, is_retry) {
            self.mistake(
                "breaker_outside_retry",
                "the circuit breaker outside the retry",
                "put it inside, so that it counts attempts, and stops a retry that cannot succeed",
            );
        }
        if self.is_outside(is_retry, is_deadline) {
            self.mistake(
                "total_inside_retry",
                "the total timeout inside the retry",
                "put it outside, or it begins anew with every attempt",
            );
        }
        if self.is_outside(is_attempt_timeout, is_retry) {
            self.mistake(
                "attempt_timeout_outside_retry",
                "the attempt timeout outside the retry",
                "put it inside, or it bounds all attempts together",
            );
        }
        if self.is_outside(is_attempt_timeout, is_breaker) {
            self.doubt(
                "attempt_timeout_outside_breaker",
                "the attempt timeout outside the circuit breaker",
                "put it inside, so that the breaker sees a timeout as a failure",
            );
        }
        if self.is_outside(is_retry, is_correlation) {
            self.mistake(
                "correlation_id_inside_retry",
                "the correlation ID inside the retry",
                "put it outside, so that all attempts at a call have one ID",
            );
        }
        if self.is_outside(is_forward, is_retry) {
            self.doubt(
                "deadline_forwarded_outside_retry",
                "the deadline forwarded outside the retry",
                "put it innermost, so that each attempt tells what is left then",
            );
        }
        let retries = self.steps.iter().filter(|step| is_retry(step)).count();
        if retries > 1 {
            self.doubt("two_retries", &format!("{retries} retries, whose attempts multiply"), "keep one");
        }
    }

    fn numbers(&mut self) {
        let total = self
            .steps
            .iter()
            .find_map(|step| if let Step::Deadline(total) = step { Some(*total) } else { None });
        let attempt = self
            .steps
            .iter()
            .find_map(|step| if let Step::AttemptTimeout(limit) = step { Some(*limit) } else { None });
        let Some(attempt) = attempt else { return };
        if let Some(total) = total {
            self.compare_with_total(attempt, total);
        }
        let window = self
            .steps
            .iter()
            .find_map(|step| if let Step::CircuitBreaker { window } = step { *window } else { None });
        if let Some(window) = window.filter(|window| *window < attempt.saturating_mul(2)) {
            self.doubt(
                "window_too_short",
                &format!("a breaker window of {window:?} with attempts of up to {attempt:?}"),
                "look back at least twice as long as one attempt may last",
            );
        }
    }

    fn compare_with_total(&mut self, attempt: Duration, total: Duration) {
        if attempt >= total {
            self.mistake(
                "attempt_not_shorter_than_total",
                &format!("an attempt timeout of {attempt:?} under a total of {total:?}"),
                "make it shorter than the total, or leave it out",
            );
        }
        let attempts = self.steps.iter().find_map(|step| {
            if let Step::Retry { max_attempts } = step { Some(*max_attempts) } else { None }
        });
        if let Some(attempts) =
            attempts.filter(|attempts| attempt.saturating_mul(*attempts) > total.saturating_mul(2))
        {
            self.doubt(
                "attempts_do_not_fit",
                &format!("{attempts} attempts of {attempt:?} under a total of {total:?}"),
                "shorten the attempts, or allow fewer, or the later ones never run",
            );
        }
    }

    fn place(&self, is: fn(&Step) -> bool) -> Option<usize> {
        self.steps.iter().position(is)
    }

    /// Whether the first of one stands outside the first of the other.
    fn is_outside(&self, one: fn(&Step) -> bool, other: fn(&Step) -> bool) -> bool {
        matches!((self.place(one), self.place(other)), (Some(one), Some(other)) if one < other)
    }

    fn mistake(&mut self, rule: &'static str, seen: &str, instead: &'static str) {
        self.findings.push(Finding { severity: Severity::Mistake, rule, seen: seen.to_owned(), instead });
    }

    fn doubt(&mut self, rule: &'static str, seen: &str, instead: &'static str) {
        self.findings.push(Finding { severity: Severity::Doubtful, rule, seen: seen.to_owned(), instead });
    }
}

fn is_correlation(step: &Step) -> bool {
    matches!(step, Step::CorrelationId | Step::PropagateCorrelationId)
}

fn is_deadline(step: &Step) -> bool {
    matches!(step, Step::Deadline(_))
}

fn is_retry(step: &Step) -> bool {
    matches!(step, Step::Retry { .. })
}

fn is_breaker(step: &Step) -> bool {
    matches!(step, Step::CircuitBreaker { .. })
}

fn is_attempt_timeout(step: &Step) -> bool {
    matches!(step, Step::AttemptTimeout(_))
}

fn is_forward(step: &Step) -> bool {
    matches!(step, Step::ForwardDeadline)
}

fn is_body_timeout(step: &Step) -> bool {
    matches!(step, Step::BodyTimeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORRELATION: Step = Step::PropagateCorrelationId;
    const TOTAL: Step = Step::Deadline(Duration::from_secs(30));
    const RETRY: Step = Step::Retry { max_attempts: 3 };
    const BREAKER: Step = Step::CircuitBreaker { window: Some(Duration::from_secs(30)) };
    const ATTEMPT: Step = Step::AttemptTimeout(Duration::from_secs(10));
    const FORWARD: Step = Step::ForwardDeadline;

    fn rules(direction: Direction, steps: &[Step]) -> Vec<(Severity, &'static str)> {
        check_order(direction, steps).iter().map(|finding| (finding.severity(), finding.rule())).collect()
    }

    #[test]
    fn the_blessed_orders_are_without_findings() {
        let outbound = [Step::Events, CORRELATION, TOTAL, RETRY, BREAKER, ATTEMPT, FORWARD, Step::Other];
        assert_eq!(rules(Direction::Outbound, &outbound), []);
        let inbound = [Step::CorrelationId, TOTAL, Step::BodyTimeout, Step::Other];
        assert_eq!(rules(Direction::Inbound, &inbound), []);
        assert_eq!(rules(Direction::Outbound, &[]), []);
    }

    #[test]
    fn every_swap_that_breaks_a_promise_is_a_mistake() {
        use Severity::Mistake;
        for (steps, rule) in [
            ([BREAKER, RETRY], "breaker_outside_retry"),
            ([RETRY, TOTAL], "total_inside_retry"),
            ([ATTEMPT, RETRY], "attempt_timeout_outside_retry"),
            ([RETRY, CORRELATION], "correlation_id_inside_retry"),
            ([TOTAL, Step::AttemptTimeout(Duration::from_secs(30))], "attempt_not_shorter_than_total"),
        ] {
            assert_eq!(rules(Direction::Outbound, &steps), [(Mistake, rule)]);
        }
    }

    #[test]
    fn what_may_be_meant_is_only_doubted() {
        use Severity::Doubtful;
        let short = Step::CircuitBreaker { window: Some(Duration::from_secs(19)) };
        let many = Step::Retry { max_attempts: 7 };
        for (direction, steps, rule) in [
            (Direction::Outbound, [ATTEMPT, BREAKER], "attempt_timeout_outside_breaker"),
            (Direction::Outbound, [FORWARD, RETRY], "deadline_forwarded_outside_retry"),
            (Direction::Outbound, [RETRY, RETRY], "two_retries"),
            (Direction::Outbound, [short, ATTEMPT], "window_too_short"),
            (Direction::Inbound, [TOTAL, Step::CorrelationId], "correlation_id_not_outermost"),
            (Direction::Inbound, [Step::BodyTimeout, TOTAL], "body_timeout_outside_deadline"),
            (Direction::Inbound, [TOTAL, BREAKER], "breaker_around_handlers"),
            (Direction::Inbound, [TOTAL, RETRY], "retry_around_handlers"),
        ] {
            assert_eq!(rules(direction, &steps), [(Doubtful, rule)]);
        }
        assert_eq!(rules(Direction::Outbound, &[TOTAL, many, ATTEMPT]), [(Doubtful, "attempts_do_not_fit")]);
    }

    #[test]
    fn a_layer_of_ones_own_may_stand_anywhere() {
        let steps = [Step::Other, Step::CorrelationId, Step::Other, TOTAL, Step::Other];
        assert_eq!(rules(Direction::Inbound, &steps), []);
    }
}
