use super::Finding;
use super::Severity::{self, Doubtful, Mistake};
use super::kinds::{
    bears_the_id, comes_in, goes_out, is_attempt_timeout, is_audit, is_body_timeout, is_breaker, is_bulkhead,
    is_correlation, is_deadline, is_forward, is_idempotency, is_key, is_limit, is_rate_limit, is_retry,
    is_throttle, limits_rate,
};
use super::steps::Steps;

/// An order that does not do what its layers are for.
pub(super) struct Rule {
    severity: Severity,
    name: &'static str,
    seen: &'static str,
    instead: &'static str,
    is_broken: fn(Steps<'_>) -> bool,
}

impl Rule {
    pub(super) fn check(&self, steps: Steps<'_>) -> Option<Finding> {
        let &Self { severity, name: rule, seen, instead, is_broken } = self;
        is_broken(steps).then(|| Finding { severity, rule, seen: seen.to_owned(), instead })
    }
}

/// For requests in both directions.
pub(super) const EVERYWHERE: &[Rule] = &[
    Rule {
        severity: Doubtful,
        name: "correlation_id_not_outermost",
        seen: "layers outside the correlation ID",
        instead: "put it first, so that every refusal and log line bears the ID",
        is_broken: |steps| steps.has_outside(bears_the_id, is_correlation),
    },
    Rule {
        severity: Doubtful,
        name: "body_timeout_outside_deadline",
        seen: "the body clock outside the deadline",
        instead: "put it inside, where it can see the deadline",
        is_broken: |steps| steps.has_outside(is_body_timeout, is_deadline),
    },
    Rule {
        severity: Doubtful,
        name: "bulkhead_outside_deadline",
        seen: "the bulkhead outside the deadline",
        instead: "put it inside, or its queue is waited in for longer than the request may last",
        is_broken: |steps| steps.has_outside(is_bulkhead, is_deadline),
    },
];

/// For requests that arrive.
pub(super) const INBOUND: &[Rule] = &[
    Rule {
        severity: Mistake,
        name: "wrong_direction",
        seen: "a layer for requests that go out",
        instead: "put it around a client",
        is_broken: |steps| steps.has(goes_out),
    },
    Rule {
        severity: Doubtful,
        name: "audit_inside_deadline",
        seen: "the audit inside the total timeout",
        instead: "put it outside, or what timed out is recorded as left by its caller",
        is_broken: |steps| steps.has_outside(is_deadline, is_audit),
    },
    Rule {
        severity: Doubtful,
        name: "audit_inside_limit",
        seen: "the audit inside a rate limit or bulkhead",
        instead: "put it outside, or nobody learns what was refused",
        is_broken: |steps| steps.has_outside(is_limit, is_audit),
    },
    Rule {
        severity: Doubtful,
        name: "audit_inside_idempotency",
        seen: "the audit inside the idempotency",
        instead: "put it outside, or replays are not recorded, and refusals of keys neither",
        is_broken: |steps| steps.has_outside(is_idempotency, is_audit),
    },
    Rule {
        severity: Doubtful,
        name: "rate_limit_outside_deadline",
        seen: "the rate limit outside the deadline",
        instead: "put it inside, so that a limit shared with others is not waited for longer than the request may last",
        is_broken: |steps| steps.has_outside(is_rate_limit, is_deadline),
    },
    Rule {
        severity: Doubtful,
        name: "bulkhead_outside_rate_limit",
        seen: "the bulkhead outside the rate limit",
        instead: "put it inside, or callers over their limit take the places of others",
        is_broken: |steps| steps.has_outside(is_bulkhead, is_rate_limit),
    },
    Rule {
        severity: Doubtful,
        name: "breaker_around_handlers",
        seen: "a circuit breaker around handlers",
        instead: "put it around the client of the dependency that fails, or one bad route closes them all",
        is_broken: |steps| steps.has(is_breaker),
    },
    Rule {
        severity: Doubtful,
        name: "retry_around_handlers",
        seen: "a retry around handlers",
        instead: "leave retries to the caller, who knows whether the request may be repeated",
        is_broken: |steps| steps.has(is_retry),
    },
    Rule {
        severity: Doubtful,
        name: "deadline_inside_idempotency",
        seen: "the total timeout inside the idempotency",
        instead: "put it outside, or it ends runs whose outcome nobody knows then",
        is_broken: |steps| steps.has_outside(is_idempotency, is_deadline),
    },
    Rule {
        severity: Doubtful,
        name: "rate_limit_inside_idempotency",
        seen: "the rate limit inside the idempotency",
        instead: "put it outside, or each refusal costs two calls of the store",
        is_broken: |steps| steps.has_outside(is_idempotency, is_rate_limit),
    },
    Rule {
        severity: Doubtful,
        name: "bulkhead_outside_idempotency",
        seen: "the bulkhead outside the idempotency",
        instead: "put it inside, or replays take places, and runs whose caller has left take none",
        is_broken: |steps| steps.has_outside(is_bulkhead, is_idempotency),
    },
];

/// For requests that go out.
pub(super) const OUTBOUND: &[Rule] = &[
    Rule {
        severity: Mistake,
        name: "wrong_direction",
        seen: "a layer for requests that arrive",
        instead: "put it around handlers",
        is_broken: |steps| steps.has(comes_in),
    },
    Rule {
        severity: Mistake,
        name: "breaker_outside_retry",
        seen: "the circuit breaker outside the retry",
        instead: "put it inside, so that it counts attempts, and stops a retry that cannot succeed",
        is_broken: |steps| steps.has_outside(is_breaker, is_retry),
    },
    Rule {
        severity: Mistake,
        name: "total_inside_retry",
        seen: "the total timeout inside the retry",
        instead: "put it outside, or it begins anew with every attempt",
        is_broken: |steps| steps.has_outside(is_retry, is_deadline),
    },
    Rule {
        severity: Mistake,
        name: "correlation_id_inside_retry",
        seen: "the correlation ID inside the retry",
        instead: "put it outside, so that all attempts at a call have one ID",
        is_broken: |steps| steps.has_outside(is_retry, is_correlation),
    },
    Rule {
        severity: Mistake,
        name: "idempotency_key_inside_retry",
        seen: "the idempotency key inside the retry",
        instead: "put it outside, or each attempt is an operation of its own",
        is_broken: |steps| steps.has_outside(is_retry, is_key),
    },
    Rule {
        severity: Doubtful,
        name: "retry_without_total",
        seen: "a retry without a total timeout",
        instead: "put one around it, or a caller waits for all attempts",
        is_broken: |steps| steps.has(is_retry) && !steps.has(is_deadline),
    },
    Rule {
        severity: Doubtful,
        name: "two_retries",
        seen: "more than one retry, whose attempts multiply",
        instead: "keep one",
        is_broken: |steps| steps.has_several(is_retry),
    },
    Rule {
        severity: Mistake,
        name: "attempt_timeout_outside_retry",
        seen: "the attempt timeout outside the retry",
        instead: "put it inside, or it bounds all attempts together",
        is_broken: |steps| steps.has_outside(is_attempt_timeout, is_retry),
    },
    Rule {
        severity: Doubtful,
        name: "attempt_timeout_outside_breaker",
        seen: "the attempt timeout outside the circuit breaker",
        instead: "put it inside, so that the breaker sees a timeout as a failure",
        is_broken: |steps| steps.has_outside(is_attempt_timeout, is_breaker),
    },
    Rule {
        severity: Doubtful,
        name: "deadline_forwarded_too_early",
        seen: "the deadline forwarded outside the retry or the attempt timeout",
        instead: "put it innermost, so that each attempt tells what it has left",
        is_broken: |steps| steps.has_outside(is_forward, |step| is_retry(step) || is_attempt_timeout(step)),
    },
    Rule {
        severity: Mistake,
        name: "throttle_outside_total",
        seen: "the throttle outside the total timeout",
        instead: "put it inside, or its waits are not counted and nothing ends them",
        is_broken: |steps| steps.has_outside(is_throttle, is_deadline),
    },
    Rule {
        severity: Doubtful,
        name: "limit_outside_retry",
        seen: "a rate limit or throttle outside the retry",
        instead: "put it inside, because the service that is called counts attempts",
        is_broken: |steps| steps.has_outside(limits_rate, is_retry),
    },
    Rule {
        severity: Doubtful,
        name: "bulkhead_outside_limit",
        seen: "the bulkhead outside a rate limit or throttle",
        instead: "put it inside, or a call keeps its place while it only waits for its turn",
        is_broken: |steps| steps.has_outside(is_bulkhead, limits_rate),
    },
    Rule {
        severity: Doubtful,
        name: "bulkhead_outside_retry",
        seen: "the bulkhead outside the retry",
        instead: "put it inside, or a call keeps its place while it only waits for its next attempt",
        is_broken: |steps| steps.has_outside(is_bulkhead, is_retry),
    },
    Rule {
        severity: Doubtful,
        name: "limit_inside_breaker",
        seen: "a rate limit, throttle or bulkhead inside the circuit breaker or the attempt timeout",
        instead: "put it outside, or its waits use up the time of the attempt, and a probe may be refused here",
        is_broken: |steps| steps.has_outside(|step| is_breaker(step) || is_attempt_timeout(step), is_limit),
    },
];
