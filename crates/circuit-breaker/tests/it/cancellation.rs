//! Callers that leave, and calls that panic.

use std::pin::pin;
use std::time::Duration;

use buttress_circuit_breaker::{Abandoned, Breaker, BreakerConfig, CircuitBreakerLayer, State};
use buttress_core::{BoxError, ErrorsFail, Outcome};
use buttress_testkit::{Reply, Strict};
use tower::{Layer, ServiceBuilder, ServiceExt};

use crate::{SECOND, fail, open, two_failures};

fn hanging() -> Strict<u32, u32, BoxError> {
    Strict::with(|_, _| Reply::Hang)
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_hangs_opens_the_breaker_whichever_side_the_timeout_is_on() {
    let layer = CircuitBreakerLayer::plain("inner").build().unwrap();
    for (place, timeout_outside) in [("outside", true), ("inside", false)] {
        let layer = layer.fresh();
        let timeout = tower::timeout::TimeoutLayer::new(2 * SECOND);
        for _ in 0..5 {
            assert_eq!(layer.breaker().state(), State::Closed, "timeout {place}");
            let timed_out = if timeout_outside {
                ServiceBuilder::new().layer(timeout.clone()).layer(&layer).service(hanging()).oneshot(1).await
            } else {
                ServiceBuilder::new().layer(&layer).layer(timeout.clone()).service(hanging()).oneshot(1).await
            };
            assert!(timed_out.unwrap_err().is::<tower::timeout::error::Elapsed>());
        }
        assert_eq!(layer.breaker().state(), State::Open, "timeout {place}");
    }
}

#[tokio::test(start_paused = true)]
async fn callers_that_leave_early_open_nothing() {
    let layer = CircuitBreakerLayer::plain("inner").build().unwrap();
    for _ in 0..100 {
        let call = layer.layer(hanging()).oneshot(1);
        assert!(tokio::time::timeout(Duration::from_millis(500), call).await.is_err());
    }
    let seen = layer.breaker().snapshot();
    assert_eq!((seen.state(), seen.counts().calls(), seen.in_flight()), (State::Closed, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_polled_is_no_failure() {
    let breaker = Breaker::new("inner", &BreakerConfig::new()).unwrap();
    let never = breaker.call(std::future::pending::<Result<(), ()>>(), ErrorsFail).unwrap();
    tokio::time::advance(60 * SECOND).await;
    drop(never);
    assert_eq!(breaker.snapshot().counts().failed(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_cancelled_frees_its_permit_at_once() {
    let layer = CircuitBreakerLayer::plain("inner").config(two_failures()).build().unwrap();
    open(layer.breaker());
    tokio::time::advance(5 * SECOND).await;
    for _ in 0..50 {
        let call = layer.layer(hanging()).oneshot(1);
        assert!(tokio::time::timeout(Duration::from_millis(10), call).await.is_err());
        assert_eq!(layer.breaker().state(), State::HalfOpen);
    }
    layer.breaker().try_admit().unwrap().settle(Outcome::Success);
    assert_eq!(layer.breaker().state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_cannot_keep_the_breaker_half_open_for_ever() {
    let layer = CircuitBreakerLayer::plain("inner").config(two_failures()).build().unwrap();
    open(layer.breaker());
    tokio::time::advance(5 * SECOND).await;
    let mut probe = pin!(layer.layer(hanging()).oneshot(1));
    assert!(tokio::time::timeout(SECOND, &mut probe).await.is_err(), "the probe hangs");
    assert_eq!(layer.breaker().try_admit().unwrap_err().state(), State::HalfOpen);
    tokio::time::advance(30 * SECOND).await;
    assert_eq!(layer.breaker().try_admit().unwrap_err().state(), State::Open);
    tokio::time::advance(5 * SECOND).await;
    layer.breaker().try_admit().unwrap().settle(Outcome::Success);
    assert_eq!(layer.breaker().state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_call_is_a_failure_even_if_the_future_is_dropped_later() {
    let config = two_failures().abandoned(Abandoned::Ignore);
    let layer = CircuitBreakerLayer::plain("inner").config(config).build().unwrap();
    for _ in 0..2 {
        let panicking = Strict::<u32, u32, BoxError>::with(|_, _| Reply::Panic);
        let mut call = boxed(layer.layer(panicking).oneshot(1));
        let poll = std::panic::AssertUnwindSafe(|| {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            call.as_mut().poll(&mut context).is_pending()
        });
        assert!(std::panic::catch_unwind(poll).is_err());
        // Not unwinding any more, and still told from a caller who leaves.
        drop(call);
    }
    assert_eq!(layer.breaker().state(), State::Open);
}

#[test]
fn an_abandoned_call_is_recorded_without_a_runtime_and_before_the_drop_returns() {
    let breaker = Breaker::new("inner", &two_failures().abandoned(Abandoned::Failure)).unwrap();
    drop(breaker.try_admit().unwrap());
    assert_eq!(breaker.snapshot().counts().consecutive_failures(), 1);
    drop(breaker.try_admit().unwrap());
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn hung_calls_open_the_breaker_while_they_hang() {
    let config = BreakerConfig::new().min_calls(10).hung_after(2 * SECOND);
    let layer = CircuitBreakerLayer::plain("inner").config(config).build().unwrap();
    let mut hung = Vec::new();
    for _ in 0..10 {
        let mut call = tokio_test::task::spawn(layer.layer(hanging()).oneshot(1));
        assert!(call.poll().is_pending());
        hung.push(call);
    }
    tokio::time::advance(3 * SECOND).await;
    assert!(layer.layer(hanging()).oneshot(1).await.is_err(), "the next call finds ten that hang");
    assert_eq!(layer.breaker().state(), State::Open);
    drop(hung);
    assert_eq!(layer.breaker().snapshot().stale(), 10, "old news");
    fail_nothing(layer.breaker());
}

fn fail_nothing(breaker: &Breaker) {
    assert_eq!(breaker.in_flight(), 0);
    breaker.reset();
    fail(breaker, 1);
    assert_eq!(breaker.snapshot().counts().calls(), 1);
}

#[expect(clippy::disallowed_methods, reason = "the test must own a future that it drops after a panic")]
fn boxed<F: Future + 'static>(future: F) -> std::pin::Pin<Box<F>> {
    Box::pin(future)
}
