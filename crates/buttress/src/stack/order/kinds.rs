use super::Step;

pub(super) fn comes_in(step: &Step) -> bool {
    matches!(step, Step::CorrelationId | Step::Idempotency)
}

pub(super) fn goes_out(step: &Step) -> bool {
    matches!(
        step,
        Step::PropagateCorrelationId
            | Step::ForwardDeadline
            | Step::Events
            | Step::Throttle
            | Step::IdempotencyKey
    )
}

/// What refuses or logs with the correlation ID, if it has one. A retry around the ID is judged on its own.
pub(super) fn bears_the_id(step: &Step) -> bool {
    *step != Step::Other && !is_correlation(step) && !is_retry(step)
}

pub(super) fn is_correlation(step: &Step) -> bool {
    matches!(step, Step::CorrelationId | Step::PropagateCorrelationId)
}

pub(super) fn is_audit(step: &Step) -> bool {
    matches!(step, Step::Audit)
}

pub(super) fn is_deadline(step: &Step) -> bool {
    matches!(step, Step::Deadline(_))
}

pub(super) fn is_forward(step: &Step) -> bool {
    matches!(step, Step::ForwardDeadline)
}

pub(super) fn is_body_timeout(step: &Step) -> bool {
    matches!(step, Step::BodyTimeout)
}

pub(super) fn is_retry(step: &Step) -> bool {
    matches!(step, Step::Retry { .. })
}

pub(super) fn is_breaker(step: &Step) -> bool {
    matches!(step, Step::CircuitBreaker { .. })
}

pub(super) fn is_attempt_timeout(step: &Step) -> bool {
    matches!(step, Step::AttemptTimeout(_))
}

pub(super) fn is_idempotency(step: &Step) -> bool {
    matches!(step, Step::Idempotency)
}

pub(super) fn is_key(step: &Step) -> bool {
    matches!(step, Step::IdempotencyKey)
}

pub(super) fn is_throttle(step: &Step) -> bool {
    matches!(step, Step::Throttle)
}

pub(super) fn is_bulkhead(step: &Step) -> bool {
    matches!(step, Step::Bulkhead)
}

pub(super) fn is_rate_limit(step: &Step) -> bool {
    matches!(step, Step::RateLimit)
}

pub(super) fn limits_rate(step: &Step) -> bool {
    is_rate_limit(step) || is_throttle(step)
}

pub(super) fn is_limit(step: &Step) -> bool {
    limits_rate(step) || is_bulkhead(step)
}
