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
        self.correlation_first();
        self.bodies_inside_deadline();
        if self
            .has(|step| matches!(step, Step::PropagateCorrelationId | Step::ForwardDeadline | Step::Events))
        {
            self.mistake("wrong_direction", "a layer for requests that go out", "put it around a client");
        }
        if self.has(is_breaker) {
            self.doubt(
                "breaker_around_handlers",
                "a circuit breaker around handlers",
                "put it around the client of the dependency that fails, or one bad route closes them all",
            );
        }
        if self.has(is_retry) {
            self.doubt(
                "retry_around_handlers",
                "a retry around handlers",
                "leave retries to the caller, who knows whether the request may be repeated",
            );
        }
    }

    fn outbound(&mut self) {
        if self.has(|step| matches!(step, Step::CorrelationId)) {
            self.mistake("wrong_direction", "a layer for requests that arrive", "put it around handlers");
        }
        self.correlation_first();
        self.bodies_inside_deadline();
        self.retry();
        self.attempts();
    }

    fn retry(&mut self) {
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
        if self.is_outside(is_retry, is_correlation) {
            self.mistake(
                "correlation_id_inside_retry",
                "the correlation ID inside the retry",
                "put it outside, so that all attempts at a call have one ID",
            );
        }
        if self.has(is_retry) && !self.has(is_deadline) {
            self.doubt(
                "retry_without_total",
                "a retry without a total timeout",
                "put one around it, or a caller waits for all attempts",
            );
        }
        if self.steps.iter().filter(|step| is_retry(step)).count() > 1 {
            self.doubt("two_retries", "more than one retry, whose attempts multiply", "keep one");
        }
    }

    fn attempts(&mut self) {
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
        if self.is_outside(is_forward, |step| is_retry(step) || is_attempt_timeout(step)) {
            self.doubt(
                "deadline_forwarded_too_early",
                "the deadline forwarded outside the retry or the attempt timeout",
                "put it innermost, so that each attempt tells what it has left",
            );
        }
    }

    /// What stands outside the correlation ID is refused and logged without it.
    fn correlation_first(&mut self) {
        // Inside a retry it is worse than that, and told there.
        if self.is_outside(
            |step| *step != Step::Other && !is_correlation(step) && !is_retry(step),
            is_correlation,
        ) {
            self.doubt(
                "correlation_id_not_outermost",
                "layers outside the correlation ID",
                "put it first, so that every refusal and log line bears the ID",
            );
        }
    }

    fn bodies_inside_deadline(&mut self) {
        if self.is_outside(|step| matches!(step, Step::BodyTimeout), is_deadline) {
            self.doubt(
                "body_timeout_outside_deadline",
                "the body clock outside the deadline",
                "put it inside, where it can see the deadline",
            );
        }
    }

    fn numbers(&mut self) {
        let of = |pick: fn(&Step) -> Option<Duration>| self.steps.iter().filter_map(pick);
        let total = of(|step| if let Step::Deadline(total) = step { Some(*total) } else { None }).min();
        let attempt =
            of(|step| if let Step::AttemptTimeout(limit) = step { Some(*limit) } else { None }).max();
        let window = of(|step| if let Step::CircuitBreaker { window } = step { *window } else { None }).min();
        let Some(attempt) = attempt else { return };
        if let Some(total) = total {
            self.compare_with_total(attempt, total);
        }
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
            attempts.filter(|most| attempt.saturating_mul(*most) > total.saturating_mul(2))
        {
            self.doubt(
                "attempts_do_not_fit",
                &format!("{attempts} attempts of {attempt:?} under a total of {total:?}"),
                "shorten the attempts, or allow fewer, or the later ones never run",
            );
        }
    }

    fn has(&self, is: impl Fn(&Step) -> bool) -> bool {
        self.steps.iter().any(is)
    }

    /// Whether any of one kind stands outside any of the other.
    fn is_outside(&self, one: impl Fn(&Step) -> bool, other: impl Fn(&Step) -> bool) -> bool {
        let outermost = self.steps.iter().position(one);
        let innermost = self.steps.iter().rposition(other);
        matches!((outermost, innermost), (Some(one), Some(other)) if one < other)
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
        let outbound = [
            CORRELATION,
            Step::Events,
            TOTAL,
            Step::BodyTimeout,
            RETRY,
            BREAKER,
            ATTEMPT,
            FORWARD,
            Step::Other,
        ];
        assert_eq!(rules(Direction::Outbound, &outbound), []);
        let inbound = [Step::CorrelationId, TOTAL, Step::BodyTimeout, Step::Other];
        assert_eq!(rules(Direction::Inbound, &inbound), []);
        assert_eq!(rules(Direction::Outbound, &[]), []);
    }

    #[test]
    fn every_neighbour_of_the_blessed_order_that_is_swapped_is_found() {
        let outbound =
            [CORRELATION, Step::Events, TOTAL, Step::BodyTimeout, RETRY, BREAKER, ATTEMPT, FORWARD];
        for place in 0..outbound.len() - 1 {
            let mut swapped = outbound;
            swapped.swap(place, place + 1);
            // Neither of these two pairs loses anything by being swapped.
            let harmless = matches!(swapped[place], TOTAL | RETRY)
                && matches!(swapped[place + 1], Step::Events | Step::BodyTimeout);
            assert_eq!(rules(Direction::Outbound, &swapped).is_empty(), harmless, "{swapped:?}");
        }
    }

    #[test]
    fn every_order_that_breaks_a_promise_is_a_mistake() {
        use Severity::Mistake;
        let long = Step::AttemptTimeout(Duration::from_secs(30));
        for (steps, rule) in [
            (vec![TOTAL, BREAKER, RETRY], "breaker_outside_retry"),
            (vec![TOTAL, RETRY, BREAKER, RETRY], "breaker_outside_retry"),
            (vec![RETRY, TOTAL], "total_inside_retry"),
            (vec![TOTAL, RETRY, TOTAL], "total_inside_retry"),
            (vec![TOTAL, ATTEMPT, RETRY], "attempt_timeout_outside_retry"),
            (vec![RETRY, CORRELATION, TOTAL], "correlation_id_inside_retry"),
            (vec![TOTAL, long], "attempt_not_shorter_than_total"),
            (vec![TOTAL, ATTEMPT, long], "attempt_not_shorter_than_total"),
            (vec![Step::CorrelationId, TOTAL], "wrong_direction"),
        ] {
            assert!(rules(Direction::Outbound, &steps).contains(&(Mistake, rule)), "{steps:?}");
        }
        for step in [CORRELATION, FORWARD, Step::Events] {
            assert!(rules(Direction::Inbound, &[step]).contains(&(Mistake, "wrong_direction")), "{step:?}");
        }
    }

    #[test]
    fn what_may_be_meant_is_only_doubted() {
        use Severity::Doubtful;
        let short = Step::CircuitBreaker { window: Some(Duration::from_secs(19)) };
        let many = Step::Retry { max_attempts: 7 };
        for (direction, steps, rule) in [
            (Direction::Outbound, vec![ATTEMPT, BREAKER], "attempt_timeout_outside_breaker"),
            (Direction::Outbound, vec![TOTAL, FORWARD, RETRY], "deadline_forwarded_too_early"),
            (Direction::Outbound, vec![FORWARD, ATTEMPT], "deadline_forwarded_too_early"),
            (Direction::Outbound, vec![TOTAL, RETRY, RETRY], "two_retries"),
            (Direction::Outbound, vec![RETRY], "retry_without_total"),
            (Direction::Outbound, vec![short, ATTEMPT], "window_too_short"),
            (Direction::Outbound, vec![TOTAL, many, ATTEMPT], "attempts_do_not_fit"),
            (Direction::Outbound, vec![TOTAL, CORRELATION], "correlation_id_not_outermost"),
            (Direction::Outbound, vec![Step::BodyTimeout, TOTAL], "body_timeout_outside_deadline"),
            (Direction::Inbound, vec![TOTAL, Step::CorrelationId], "correlation_id_not_outermost"),
            (Direction::Inbound, vec![Step::BodyTimeout, TOTAL], "body_timeout_outside_deadline"),
            (Direction::Inbound, vec![TOTAL, BREAKER], "breaker_around_handlers"),
            (Direction::Inbound, vec![TOTAL, RETRY], "retry_around_handlers"),
        ] {
            assert_eq!(rules(direction, &steps), [(Doubtful, rule)], "{steps:?}");
        }
    }

    #[test]
    fn a_layer_of_ones_own_may_stand_anywhere() {
        let steps = [Step::Other, Step::CorrelationId, Step::Other, TOTAL, Step::Other];
        assert_eq!(rules(Direction::Inbound, &steps), []);
    }
}
