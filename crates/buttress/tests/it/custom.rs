use std::time::Duration;

use buttress::circuit_breaker::CircuitBreakerLayer;
use buttress::correlation_id::PropagateCorrelationIdLayer;
use buttress::retry::RetryLayer;
use buttress::stack;
use buttress::timeout::{DeadlineLayer, ForwardDeadlineLayer, TimeoutLayer};

const TOTAL: Duration = Duration::from_secs(30);
const ATTEMPT: Duration = Duration::from_secs(10);

#[test]
fn the_blessed_order_is_built_without_a_doubt() {
    let stack = stack::outbound()
        .then(PropagateCorrelationIdLayer::default())
        .then(DeadlineLayer::outbound(TOTAL).build().unwrap())
        .then(RetryLayer::builder().build().unwrap())
        .then(CircuitBreakerLayer::outbound("intune").build().unwrap())
        .then(TimeoutLayer::attempt(ATTEMPT).build().unwrap())
        .then(ForwardDeadlineLayer::builder().build().unwrap())
        .then_other(tower::layer::util::Identity::new())
        .build()
        .unwrap();
    assert_eq!(stack.doubts(), []);
}

#[test]
fn a_wrong_order_is_not_built_and_every_mistake_is_named() {
    let error = stack::outbound()
        .then(CircuitBreakerLayer::outbound("intune").build().unwrap())
        .then(TimeoutLayer::attempt(TOTAL).build().unwrap())
        .then(RetryLayer::builder().build().unwrap())
        .then(DeadlineLayer::outbound(TOTAL).build().unwrap())
        .build()
        .unwrap_err();
    let rules: Vec<_> = error.mistakes().iter().map(stack::Finding::rule).collect();
    assert_eq!(
        rules,
        [
            "breaker_outside_retry",
            "total_inside_retry",
            "attempt_timeout_outside_retry",
            "attempt_not_shorter_than_total"
        ]
    );
}

#[test]
fn a_doubtful_order_is_built_and_says_so() {
    let stack = stack::outbound()
        .then(TimeoutLayer::attempt(ATTEMPT).build().unwrap())
        .then(CircuitBreakerLayer::outbound("intune").build().unwrap())
        .build()
        .unwrap();
    let rules: Vec<_> = stack.doubts().iter().map(stack::Finding::rule).collect();
    assert_eq!(rules, ["attempt_timeout_outside_breaker"]);
}
