//! An open breaker under Tower: who decides, when, and what the caller sees.

use std::future::poll_fn;
use std::task::{Context, Poll};

use buttress_circuit_breaker::{BreakerConfig, CircuitBreakerLayer, CircuitOpen, State};
use buttress_core::{BoxError, Mode, Outcome, Refused};
use buttress_http::refused_in;
use buttress_testkit::{Reply, Strict, message};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt};

use crate::{SECOND, open, two_failures};

fn answering() -> Strict<u32, u32, BoxError> {
    Strict::with(|_, mark| Reply::Ok(*mark))
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_found_in_the_error_and_says_how_long_it_lasts() {
    let layer = CircuitBreakerLayer::plain("intune").config(two_failures()).build().unwrap();
    open(layer.breaker());
    tokio::time::advance(SECOND).await;
    let error = layer.layer(answering()).oneshot(1).await.unwrap_err();
    let refused = Refused::in_error(&error).expect("a refusal");
    assert_eq!((refused.code(), refused.layer()), ("circuit_open", "circuit-breaker"));
    assert_eq!((refused.retry_after(), refused.reached_inner()), (Some(4 * SECOND), false));
    assert_eq!(refused.downcast_ref::<CircuitOpen>().map(CircuitOpen::name), Some("intune"));
}

#[tokio::test(start_paused = true)]
async fn over_http_it_is_a_problem_with_retry_after_that_hides_the_name() {
    let layer = CircuitBreakerLayer::inbound("intune").config(two_failures()).build().unwrap();
    let inner = Strict::<_, _, BoxError>::with(|_, _: &Request<Full<Bytes>>| {
        Reply::Ok(message::response(StatusCode::OK, "fine"))
    });
    let service = layer.layer(inner);
    open(layer.breaker());
    let response = service.clone().oneshot(message::get("/devices")).await.unwrap();
    assert_eq!(refused_in(&response).map(Refused::code), Some("circuit_open"));
    let answer = message::send(&service, message::get("/devices")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("5")));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(answer.text().contains(r#""code":"circuit_open""#) && !answer.text().contains("intune"));
}

#[tokio::test(start_paused = true)]
async fn http_failures_are_failures_without_any_setting() {
    for (status, opens) in [(500, true), (503, true), (504, true), (404, false), (200, false)] {
        let layer = CircuitBreakerLayer::inbound("intune").build().unwrap();
        let service = layer.layer(Strict::<_, _, std::convert::Infallible>::with(
            move |_, _: &Request<Full<Bytes>>| {
                Reply::Ok(message::response(StatusCode::from_u16(status).unwrap(), ""))
            },
        ));
        for _ in 0..5 {
            message::send(&service, message::get("/")).await;
        }
        assert_eq!(layer.breaker().state() == State::Open, opens, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_retry_after_of_a_failing_answer_extends_the_open_time() {
    let layer = CircuitBreakerLayer::inbound("intune").config(two_failures()).build().unwrap();
    let service = layer.layer(Strict::<_, _, BoxError>::with(|_, _: &Request<Full<Bytes>>| {
        let mut response = message::response(StatusCode::SERVICE_UNAVAILABLE, "");
        response.headers_mut().insert(header::RETRY_AFTER, http::HeaderValue::from_static("42"));
        Reply::Ok(response)
    }));
    for _ in 0..2 {
        message::send(&service, message::get("/")).await;
    }
    assert_eq!(layer.breaker().snapshot().retry_in(), Some(42 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_handle_that_became_ready_while_open_is_let_through_once_the_breaker_has_closed() {
    let layer = CircuitBreakerLayer::plain("inner").config(two_failures()).build().unwrap();
    let inner = answering();
    let probe = inner.probe();
    let mut service = layer.layer(inner);
    open(layer.breaker());
    service.ready().await.unwrap();
    assert_eq!(probe.ready_polls(), 0, "an open breaker leaves the inner service alone");
    layer.breaker().reset();
    assert_eq!(service.call(7).await.unwrap(), 7);
    probe.assert_kept();
}

#[tokio::test(start_paused = true)]
async fn such_a_handle_is_refused_if_the_inner_service_is_not_ready_at_once() {
    let layer = CircuitBreakerLayer::plain("inner").config(two_failures()).build().unwrap();
    let inner = answering();
    let probe = inner.probe();
    let mut service = layer.layer(inner);
    open(layer.breaker());
    service.ready().await.unwrap();
    probe.hold_ready();
    layer.breaker().reset();
    let error = service.call(7).await.unwrap_err();
    assert_eq!(Refused::in_error(&error).map(Refused::code), Some("circuit_open"));
    assert_eq!(layer.breaker().snapshot().counts().calls(), 0, "it never began");
    probe.release_ready();
    assert_eq!(service.ready().await.unwrap().call(8).await.unwrap(), 8);
    probe.assert_kept();
}

/// Is ready for nobody: it has failed, or waits for ever.
struct Unready {
    has_failed: bool,
}

impl Service<u32> for Unready {
    type Response = u32;
    type Error = BoxError;
    type Future = std::future::Pending<Result<u32, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.has_failed { Poll::Ready(Err("gone".into())) } else { Poll::Pending }
    }

    fn call(&mut self, _: u32) -> Self::Future {
        panic!("it was not ready")
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_for_which_the_inner_service_is_not_ready_returns_its_permit() {
    for has_failed in [false, true] {
        let layer = CircuitBreakerLayer::plain("inner").config(two_failures()).build().unwrap();
        let breaker = layer.breaker();
        let mut service = layer.layer(Unready { has_failed });
        open(breaker);
        service.ready().await.unwrap();
        tokio::time::advance(5 * SECOND).await;
        for _ in 0..3 {
            let error = service.call(1).await.unwrap_err();
            assert_eq!(
                Refused::in_error(&error).is_some(),
                !has_failed,
                "refused, or the service's own error"
            );
            assert_eq!((breaker.state(), breaker.in_flight()), (State::HalfOpen, 0), "failed: {has_failed}");
        }
        breaker.try_admit().unwrap().settle(Outcome::Success);
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handle_that_became_ready_while_closed_is_refused_once_the_breaker_is_open() {
    let layer = CircuitBreakerLayer::plain("inner").config(two_failures()).build().unwrap();
    let inner = answering();
    let probe = inner.probe();
    let mut service = layer.layer(inner);
    service.ready().await.unwrap();
    open(layer.breaker());
    assert!(service.call(1).await.is_err());
    tokio::time::advance(5 * SECOND).await;
    assert_eq!(
        service.ready().await.unwrap().call(2).await.unwrap(),
        2,
        "the readiness it holds is still good"
    );
    probe.assert_kept();
}

#[tokio::test(start_paused = true)]
async fn a_refusal_comes_at_once_and_arms_no_timer() {
    let layer = CircuitBreakerLayer::plain("inner").config(two_failures()).build().unwrap();
    open(layer.breaker());
    let began = tokio::time::Instant::now();
    let refused = tokio::task::unconstrained(poll_fn(|context| {
        let mut service = layer.layer(answering());
        assert!(service.poll_ready(context).is_ready());
        Poll::Ready(service.call(1))
    }));
    assert!(refused.await.await.is_err());
    assert_eq!(began.elapsed(), std::time::Duration::ZERO, "no timer was armed");
}

#[tokio::test(start_paused = true)]
async fn of_a_thousand_arrivals_after_the_open_time_only_the_probes_pass() {
    let config = two_failures()
        .half_open_permits(3)
        .probe_rule(buttress_circuit_breaker::ProbeRule::Rate(buttress_core::Ratio::percent(50)));
    let layer = CircuitBreakerLayer::plain("inner").config(config).build().unwrap();
    open(layer.breaker());
    tokio::time::advance(5 * SECOND).await;
    let inner = Strict::<u32, u32, BoxError>::with(|_, _| Reply::Hang).permits(1_000);
    let probe = inner.probe();
    let service = layer.layer(inner);
    let mut calls = Vec::new();
    for mark in 0..1_000 {
        let mut call = tokio_test::task::spawn(service.clone().oneshot(mark));
        let _ = call.poll();
        calls.push(call);
    }
    assert_eq!(probe.in_flight(), 3);
    assert_eq!(layer.breaker().snapshot().rejected(), 997);
}

#[tokio::test(start_paused = true)]
async fn a_local_refusal_of_an_inner_layer_is_no_failure_and_costs_no_permit() {
    let outer = CircuitBreakerLayer::plain("outer").config(two_failures()).build().unwrap();
    let inner = CircuitBreakerLayer::plain("inner").build().unwrap();
    inner.breaker().force_open();
    let service = outer.layer(inner.layer(answering()));
    for _ in 0..10 {
        assert!(service.clone().oneshot(1).await.is_err());
    }
    assert_eq!((outer.breaker().state(), outer.breaker().snapshot().counts().calls()), (State::Closed, 0));
    open(outer.breaker());
    tokio::time::advance(5 * SECOND).await;
    assert!(service.clone().oneshot(1).await.is_err());
    assert_eq!(outer.breaker().state(), State::HalfOpen);
    inner.breaker().release();
    assert!(service.clone().oneshot(1).await.is_ok());
    assert_eq!(outer.breaker().state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_mode_that_changes_between_readiness_and_call_is_obeyed() {
    let layer = CircuitBreakerLayer::plain("inner").config(BreakerConfig::new()).build().unwrap();
    let inner = answering();
    let probe = inner.probe();
    let mut service = layer.layer(inner);
    layer.breaker().force_open();
    service.ready().await.unwrap();
    layer.breaker().mode().set(Mode::Off);
    assert_eq!(service.call(3).await.unwrap(), 3);
    layer.breaker().release();
    layer.breaker().try_admit().unwrap().settle(Outcome::Ignored);
    probe.assert_kept();
}
