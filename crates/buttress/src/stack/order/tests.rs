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
        Step::IdempotencyKey,
        Step::Events,
        TOTAL,
        Step::BodyTimeout,
        RETRY,
        Step::Throttle,
        Step::RateLimit,
        Step::Bulkhead,
        BREAKER,
        ATTEMPT,
        FORWARD,
        Step::Other,
    ];
    assert_eq!(rules(Direction::Outbound, &outbound), []);
    let inbound = [
        Step::CorrelationId,
        Step::Audit,
        TOTAL,
        Step::RateLimit,
        Step::Other,
        Step::Idempotency,
        Step::Bulkhead,
        Step::BodyTimeout,
    ];
    assert_eq!(rules(Direction::Inbound, &inbound), []);
    assert_eq!(rules(Direction::Outbound, &[]), []);
}

#[test]
fn every_neighbour_of_the_blessed_order_that_is_swapped_is_found() {
    let outbound = [CORRELATION, Step::Events, TOTAL, Step::BodyTimeout, RETRY, BREAKER, ATTEMPT, FORWARD];
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
        (vec![Step::Throttle, TOTAL], "throttle_outside_total"),
        (vec![RETRY, CORRELATION, TOTAL], "correlation_id_inside_retry"),
        (vec![TOTAL, RETRY, Step::IdempotencyKey], "idempotency_key_inside_retry"),
        (vec![TOTAL, long], "attempt_not_shorter_than_total"),
        (vec![TOTAL, ATTEMPT, long], "attempt_not_shorter_than_total"),
        (vec![TOTAL, Step::Deadline(Duration::from_secs(10)), ATTEMPT], "attempt_not_shorter_than_total"),
        (vec![Step::CorrelationId, TOTAL], "wrong_direction"),
        (vec![TOTAL, Step::Idempotency], "wrong_direction"),
    ] {
        assert!(rules(Direction::Outbound, &steps).contains(&(Mistake, rule)), "{steps:?}");
    }
    for step in [CORRELATION, FORWARD, Step::Events, Step::Throttle, Step::IdempotencyKey] {
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
        (Direction::Outbound, vec![short, BREAKER, ATTEMPT], "window_too_short"),
        (Direction::Outbound, vec![TOTAL, many, ATTEMPT], "attempts_do_not_fit"),
        (Direction::Outbound, vec![TOTAL, CORRELATION], "correlation_id_not_outermost"),
        (Direction::Outbound, vec![Step::BodyTimeout, TOTAL], "body_timeout_outside_deadline"),
        (Direction::Inbound, vec![TOTAL, Step::CorrelationId], "correlation_id_not_outermost"),
        (Direction::Inbound, vec![Step::BodyTimeout, TOTAL], "body_timeout_outside_deadline"),
        (Direction::Outbound, vec![TOTAL, Step::Throttle, RETRY], "limit_outside_retry"),
        (Direction::Outbound, vec![TOTAL, Step::RateLimit, RETRY], "limit_outside_retry"),
        (Direction::Outbound, vec![TOTAL, Step::Bulkhead, RETRY], "bulkhead_outside_retry"),
        (Direction::Outbound, vec![TOTAL, Step::Bulkhead, Step::Throttle], "bulkhead_outside_limit"),
        (Direction::Outbound, vec![TOTAL, Step::Bulkhead, Step::RateLimit], "bulkhead_outside_limit"),
        (Direction::Outbound, vec![Step::Bulkhead, TOTAL], "bulkhead_outside_deadline"),
        (Direction::Inbound, vec![Step::Bulkhead, TOTAL], "bulkhead_outside_deadline"),
        (Direction::Outbound, vec![BREAKER, Step::Bulkhead], "limit_inside_breaker"),
        (Direction::Outbound, vec![ATTEMPT, Step::Throttle], "limit_inside_breaker"),
        (Direction::Inbound, vec![Step::RateLimit, TOTAL], "rate_limit_outside_deadline"),
        (Direction::Inbound, vec![Step::Bulkhead, Step::RateLimit], "bulkhead_outside_rate_limit"),
        (Direction::Inbound, vec![Step::Idempotency, TOTAL], "deadline_inside_idempotency"),
        (Direction::Inbound, vec![Step::Idempotency, Step::RateLimit], "rate_limit_inside_idempotency"),
        (Direction::Inbound, vec![Step::Bulkhead, Step::Idempotency], "bulkhead_outside_idempotency"),
        (Direction::Inbound, vec![TOTAL, Step::Audit], "audit_inside_deadline"),
        (Direction::Inbound, vec![Step::RateLimit, Step::Audit], "audit_inside_limit"),
        (Direction::Inbound, vec![Step::Bulkhead, Step::Audit], "audit_inside_limit"),
        (Direction::Inbound, vec![Step::Idempotency, Step::Audit], "audit_inside_idempotency"),
        (Direction::Inbound, vec![Step::Audit, Step::CorrelationId], "correlation_id_not_outermost"),
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
