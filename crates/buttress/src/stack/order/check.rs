use std::time::Duration;

use super::{Direction, Finding, Severity, Step};

/// Looks for what is wrong with the order of some steps.
pub(super) struct Check<'a> {
    steps: &'a [Step],
    findings: Vec<Finding>,
}

impl<'a> Check<'a> {
    pub(super) fn new(steps: &'a [Step]) -> Self {
        Self { steps, findings: Vec::new() }
    }

    pub(super) fn run(mut self, direction: Direction) -> Vec<Finding> {
        match direction {
            Direction::Inbound => self.inbound(),
            Direction::Outbound => self.outbound(),
        }
        self.numbers();
        self.findings
    }

    fn inbound(&mut self) {
        self.correlation_first();
        self.bodies_inside_deadline();
        self.bulkhead_inside_deadline();
        if self.has(goes_out) {
            self.mistake("wrong_direction", "a layer for requests that go out", "put it around a client");
        }
        if self.is_outside(is_rate_limit, is_deadline) {
            self.doubt(
                "rate_limit_outside_deadline",
                "the rate limit outside the deadline",
                "put it inside, so that a limit shared with others is not waited for longer than the request may last",
            );
        }
        if self.is_outside(is_bulkhead, is_rate_limit) {
            self.doubt(
                "bulkhead_outside_rate_limit",
                "the bulkhead outside the rate limit",
                "put it inside, or callers over their limit take the places of others",
            );
        }
        self.idempotency();
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

    fn idempotency(&mut self) {
        if self.is_outside(is_idempotency, is_deadline) {
            self.doubt(
                "deadline_inside_idempotency",
                "the total timeout inside the idempotency",
                "put it outside, or it ends runs whose outcome nobody knows then",
            );
        }
        if self.is_outside(is_idempotency, is_rate_limit) {
            self.doubt(
                "rate_limit_inside_idempotency",
                "the rate limit inside the idempotency",
                "put it outside, or each refusal costs two calls of the store",
            );
        }
        if self.is_outside(is_bulkhead, is_idempotency) {
            self.doubt(
                "bulkhead_outside_idempotency",
                "the bulkhead outside the idempotency",
                "put it inside, or replays take places, and runs whose caller has left take none",
            );
        }
    }

    fn outbound(&mut self) {
        if self.has(|step| matches!(step, Step::CorrelationId | Step::Idempotency)) {
            self.mistake("wrong_direction", "a layer for requests that arrive", "put it around handlers");
        }
        self.correlation_first();
        self.bodies_inside_deadline();
        self.bulkhead_inside_deadline();
        self.retry();
        self.attempts();
        self.limits();
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
        if self.is_outside(is_retry, |step| matches!(step, Step::IdempotencyKey)) {
            self.mistake(
                "idempotency_key_inside_retry",
                "the idempotency key inside the retry",
                "put it outside, or each attempt is an operation of its own",
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

    fn limits(&mut self) {
        if self.is_outside(is_throttle, is_deadline) {
            self.mistake(
                "throttle_outside_total",
                "the throttle outside the total timeout",
                "put it inside, or its waits are not counted and nothing ends them",
            );
        }
        if self.is_outside(|step| is_throttle(step) || is_rate_limit(step), is_retry) {
            self.doubt(
                "limit_outside_retry",
                "a rate limit or throttle outside the retry",
                "put it inside, because the service that is called counts attempts",
            );
        }
        if self.is_outside(is_bulkhead, |step| is_throttle(step) || is_rate_limit(step)) {
            self.doubt(
                "bulkhead_outside_limit",
                "the bulkhead outside a rate limit or throttle",
                "put it inside, or a call keeps its place while it only waits for its turn",
            );
        }
        if self.is_outside(is_bulkhead, is_retry) {
            self.doubt(
                "bulkhead_outside_retry",
                "the bulkhead outside the retry",
                "put it inside, or a call keeps its place while it only waits for its next attempt",
            );
        }
        if self.is_outside(|step| is_breaker(step) || is_attempt_timeout(step), is_limit) {
            self.doubt(
                "limit_inside_breaker",
                "a rate limit, throttle or bulkhead inside the circuit breaker or the attempt timeout",
                "put it outside, or its waits use up the time of the attempt, and a probe may be refused here",
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

    fn bulkhead_inside_deadline(&mut self) {
        if self.is_outside(is_bulkhead, is_deadline) {
            self.doubt(
                "bulkhead_outside_deadline",
                "the bulkhead outside the deadline",
                "put it inside, or its queue is waited in for longer than the request may last",
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

fn is_rate_limit(step: &Step) -> bool {
    matches!(step, Step::RateLimit)
}

fn is_throttle(step: &Step) -> bool {
    matches!(step, Step::Throttle)
}

fn is_bulkhead(step: &Step) -> bool {
    matches!(step, Step::Bulkhead)
}

fn is_idempotency(step: &Step) -> bool {
    matches!(step, Step::Idempotency)
}

fn is_limit(step: &Step) -> bool {
    is_rate_limit(step) || is_throttle(step) || is_bulkhead(step)
}

fn goes_out(step: &Step) -> bool {
    matches!(
        step,
        Step::PropagateCorrelationId
            | Step::ForwardDeadline
            | Step::Events
            | Step::Throttle
            | Step::IdempotencyKey
    )
}
