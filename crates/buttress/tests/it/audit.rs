//! What the stack's place for audit sees of requests that the layers inside of it end in their own ways.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use buttress::audit::{Action, Event, MemoryRecorder, Outcome, Stage};
use buttress::core::{Mode, PrincipalKind};
use buttress::idempotency::{IdempotencyBuilder, MemoryStore};
use buttress::rate_limit::{Missing, Policy, Quota, key};
use buttress::{CorrelationId, Inbound, Principal};
use buttress_testkit::contract;
use tokio::task::JoinSet;
use tower::ServiceExt;

async fn authenticate(request: Request, next: Next) -> Response {
    Principal::user("u-17").with_tenant("acme").announce();
    next.run(request).await
}

/// An app whose handlers answer, fail, hang and panic, behind a limit of two requests for `/limited`.
fn app(records: &MemoryRecorder, mode: Mode) -> Router {
    let inbound = Inbound::builder()
        .audit(records.clone(), |audit| {
            audit.route_with(|head| head.extensions.get::<MatchedPath>().map(|route| route.as_str().into()))
        })
        .total(Duration::from_secs(2))
        .rate_limit(|limit| {
            let one = key::header(axum::http::HeaderName::from_static("x-caller"));
            limit.policy(Policy::named("caller").key(one).missing(Missing::Skip).quota(Quota::per_hour(1)))
        })
        .authentication(middleware::from_fn(authenticate))
        .idempotency(MemoryStore::default(), IdempotencyBuilder::one_scope_for_all)
        .mode(mode)
        .build()
        .unwrap();
    Router::new()
        .route("/items/{id}", get(|| async { "here" }).post(|_: String| async { StatusCode::CREATED }))
        .route("/broken", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .route("/hangs", get(pending::<&'static str>))
        .route("/panics", post(panics))
        .layer(DefaultBodyLimit::max(16))
        .layer(inbound)
}

async fn panics() -> StatusCode {
    panic!("on purpose")
}

fn request(method: &str, path: &str) -> Request {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

/// What was recorded of one request: its last event.
fn closing(records: &MemoryRecorder) -> Event {
    records.events().pop().expect("an event")
}

fn told(event: &Event) -> (Outcome, Stage, Option<u16>) {
    (event.outcome(), event.stage(), event.status())
}

#[test]
fn a_stack_with_audit_keeps_the_contract() {
    let inbound = || Inbound::builder().audit(MemoryRecorder::new(), |audit| audit).build().unwrap();
    contract::server(inbound).named("inbound").run();
}

#[tokio::test]
async fn who_asked_is_known_outside_of_the_authentication_that_found_out() {
    let records = MemoryRecorder::new();
    let answer = app(&records, Mode::Enforce).oneshot(request("GET", "/items/7")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let event = closing(&records);
    assert_eq!(told(&event), (Outcome::Success, Stage::Complete, Some(200)));
    assert_eq!(event.action(), &Action::READ);
    assert_eq!(event.route().map(AsRef::as_ref), Some("/items/{id}"));
    let actor = event.actor().expect("an actor");
    assert_eq!((actor.kind(), actor.id(), actor.tenant()), (PrincipalKind::User, "u-17", Some("acme")));
    let id = answer.headers()["x-correlation-id"].to_str().unwrap();
    assert_eq!(event.correlation_id().map(CorrelationId::as_str), Some(id));
}

#[tokio::test(start_paused = true)]
async fn what_timed_out_says_so() {
    let records = MemoryRecorder::new();
    let answer = app(&records, Mode::Enforce).oneshot(request("GET", "/hangs")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    let event = closing(&records);
    assert_eq!(told(&event), (Outcome::Failure, Stage::Complete, Some(504)));
    assert!(event.reason().is_some_and(|reason| reason.contains("time")), "{event:?}");
}

#[tokio::test]
async fn what_a_limit_refused_says_so() {
    let records = MemoryRecorder::new();
    let app = app(&records, Mode::Enforce);
    for status in [StatusCode::OK, StatusCode::TOO_MANY_REQUESTS] {
        let mut request = request("GET", "/items/7");
        request.headers_mut().insert("x-caller", "one".parse().unwrap());
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), status);
    }
    let event = closing(&records);
    assert_eq!(told(&event), (Outcome::Denied, Stage::Complete, Some(429)));
    assert_eq!(event.reason(), Some("rate_limited"));
}

#[tokio::test]
async fn what_was_too_large_says_so() {
    let records = MemoryRecorder::new();
    let request = Request::post("/items/7").body(Body::from("more than sixteen bytes")).unwrap();
    let answer = app(&records, Mode::Enforce).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let event = closing(&records);
    assert_eq!(told(&event), (Outcome::Denied, Stage::Complete, Some(413)));
}

#[tokio::test]
async fn what_failed_says_so() {
    let records = MemoryRecorder::new();
    app(&records, Mode::Enforce).oneshot(request("GET", "/broken")).await.unwrap();
    assert_eq!(told(&closing(&records)), (Outcome::Failure, Stage::Complete, Some(500)));
}

#[tokio::test]
async fn a_handler_that_panics_is_recorded_with_its_panic() {
    let records = MemoryRecorder::new();
    let mut task = JoinSet::new();
    task.spawn(app(&records, Mode::Enforce).oneshot(request("POST", "/panics")));
    let ended = task.join_next().await.expect("a task");
    assert!(ended.is_err_and(|error| error.is_panic()));
    let event = closing(&records);
    assert_eq!((event.outcome(), event.stage()), (Outcome::Failure, Stage::Panic));
}

#[tokio::test]
async fn a_caller_who_leaves_is_recorded_as_gone() {
    let records = MemoryRecorder::new();
    {
        let mut call = pin!(app(&records, Mode::Enforce).oneshot(request("GET", "/hangs")));
        assert!(poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await);
    }
    let event = closing(&records);
    assert_eq!((event.outcome(), event.stage()), (Outcome::Unknown, Stage::Cancelled));
}

#[tokio::test]
async fn one_switch_turns_audit_off_with_the_rest() {
    let records = MemoryRecorder::new();
    app(&records, Mode::Off).oneshot(request("GET", "/items/7")).await.unwrap();
    assert_eq!(records.events().len(), 0);
}
