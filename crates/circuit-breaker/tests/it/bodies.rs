//! Calls that last until their bodies end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use buttress_circuit_breaker::{Breaker, BreakerConfig, CircuitBreakerLayer, State};
use buttress_core::{BoxError, Mode, Outcome};
use buttress_testkit::{Reply, ScriptedBody, Step, Strict, message};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, Service, ServiceExt};

use crate::{SECOND, two_failures};

fn layer_watching(
    steps: impl Fn() -> Vec<Step> + Send + 'static,
) -> (Breaker, impl Service<Request<Body>, Response = Response<Body>, Error = BoxError, Future: Send> + Clone)
{
    let layer = CircuitBreakerLayer::inbound("reports").config(two_failures()).build().unwrap();
    let inner = Strict::<Request<Body>, Response<Body>, BoxError>::with(move |_, _| {
        Reply::Ok(Response::new(Body::new(ScriptedBody::new(steps()).0)))
    });
    (layer.breaker().clone(), layer.watching_bodies(Body::new).layer(inner))
}

fn request() -> Request<Body> {
    Request::new(Body::empty())
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_is_a_failure() {
    let (breaker, service) = layer_watching(|| vec![Step::Data("half".into()), Step::Fail("reset".into())]);
    for _ in 0..2 {
        let response = service.clone().oneshot(request()).await.unwrap();
        assert_eq!(breaker.state(), State::Closed, "the head was fine");
        assert!(response.into_body().collect().await.is_err());
    }
    assert_eq!((breaker.state(), breaker.in_flight()), (State::Open, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_well_is_a_success_and_the_call_lasts_as_long() {
    let (breaker, service) = layer_watching(|| vec![Step::Data("all".into()), Step::Wait(SECOND)]);
    breaker.reconfigure(&BreakerConfig::new()).unwrap();
    let response = service.clone().oneshot(request()).await.unwrap();
    assert_eq!((breaker.in_flight(), breaker.snapshot().counts().calls()), (1, 0));
    assert_eq!(message::read(response.into_body()).await, "all");
    assert_eq!((breaker.in_flight(), breaker.snapshot().counts().calls()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_gives_up_on_a_stalled_body_tells_of_a_failure() {
    let (breaker, service) = layer_watching(|| vec![Step::Data("half".into()), Step::Hold]);
    for _ in 0..2 {
        let body = service.clone().oneshot(request()).await.unwrap().into_body();
        assert!(tokio::time::timeout(5 * SECOND, body.collect()).await.is_err());
    }
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_only_let_through_is_not_recorded_however_its_body_ends() {
    let (breaker, service) = layer_watching(|| vec![Step::Wait(SECOND), Step::Fail("reset".into())]);
    breaker.force_open();
    breaker.mode().set(Mode::Observe);
    for _ in 0..2 {
        let response = service.clone().oneshot(request()).await.unwrap();
        assert_eq!(breaker.in_flight(), 1);
        assert!(response.into_body().collect().await.is_err());
    }
    let seen = breaker.snapshot();
    assert_eq!((seen.state(), seen.stale(), seen.would_have_rejected()), (State::ForcedOpen, 0, 2));
    assert_eq!(breaker.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_has_seen_enough_tells_of_none() {
    let (breaker, service) = layer_watching(|| vec![Step::Data("one".into()), Step::Data("two".into())]);
    breaker.reconfigure(&BreakerConfig::new()).unwrap();
    for polls in 0..2 {
        let mut body = service.clone().oneshot(request()).await.unwrap().into_body();
        tokio::time::advance(10 * SECOND).await;
        for _ in 0..polls {
            body.frame().await.unwrap().unwrap();
        }
        drop(body);
    }
    let counts = breaker.snapshot().counts();
    assert_eq!((counts.calls(), counts.failed(), breaker.in_flight()), (2, 0, 0));
}

/// Panics as soon as it is read.
struct Panics;

impl http_body::Body for Panics {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        panic!("as asked")
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_panics_is_a_failure() {
    let layer = CircuitBreakerLayer::inbound("reports").config(two_failures()).build().unwrap();
    let inner = Strict::<Request<Body>, Response<Body>, BoxError>::with(|_, _| {
        Reply::Ok(Response::new(Body::new(Panics)))
    });
    let service = layer.clone().watching_bodies(Body::new).layer(inner);
    for _ in 0..2 {
        let body = service.clone().oneshot(request()).await.unwrap().into_body();
        assert_eq!(layer.breaker().state(), State::Closed, "the head was fine");
        let mut read = task::spawn(body.collect());
        assert!(catch_unwind(AssertUnwindSafe(|| read.poll().is_ready())).is_err());
        drop(read);
    }
    assert_eq!((layer.breaker().state(), layer.breaker().in_flight()), (State::Open, 0));
}

#[tokio::test(start_paused = true)]
async fn a_watched_call_that_has_its_head_stays_pending() {
    let (_, mut service) = layer_watching(|| vec![Step::Data("all".into())]);
    let mut call = task::spawn(service.ready().await.unwrap().call(request()));
    let response = assert_ready!(call.poll()).unwrap();
    assert_pending!(call.poll());
    drop(response);
}

#[tokio::test(start_paused = true)]
async fn a_bad_head_is_the_outcome_whatever_the_body_does() {
    let layer = CircuitBreakerLayer::inbound("reports").config(two_failures()).build().unwrap();
    let service =
        layer.clone().watching_bodies(Body::new).layer(
            Strict::<Request<Body>, Response<Body>, BoxError>::with(|_, _| {
                Reply::Ok(Response::builder().status(500).body(Body::from("text")).unwrap())
            }),
        );
    for _ in 0..2 {
        let response = service.clone().oneshot(request()).await.unwrap();
        assert_eq!(layer.breaker().in_flight(), 0);
        drop(response);
    }
    assert_eq!(layer.breaker().state(), State::Open);
    assert_eq!(service.oneshot(request()).await.unwrap().status(), 503);
    layer.breaker().reset();
    layer.breaker().try_admit().unwrap().settle(Outcome::Success);
}
