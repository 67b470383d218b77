//! Rate limit, throttle and bulkhead in the blessed stacks.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::get;
use buttress::core::BoxError;
use buttress::http::{PeerAddr, ReplayBody};
use buttress::rate_limit::{Policy, Quota, key};
use buttress::{Inbound, Mode, Outbound, Refused};
use buttress_testkit::{Recorder, Reply, Strict, clock, contract, message};
use bytes::Bytes;
use http_body_util::Full;
use tower::{Layer, ServiceExt};

type Plain = http::Request<Full<Bytes>>;
type Sent = http::Request<ReplayBody<Full<Bytes>>>;
type Answer = http::Response<Full<Bytes>>;

fn per_address(quota: Quota) -> Inbound {
    let policy = Policy::named("address").key(key::client_addr()).quota(quota);
    Inbound::builder().rate_limit(|limit| limit.policy(policy)).build().expect("valid settings")
}

fn hello(layer: Inbound) -> Router {
    Router::new().route("/", get(|| async { "hello" })).layer(layer)
}

fn from_host(last: u8) -> Request {
    let peer = PeerAddr(SocketAddr::from((Ipv4Addr::new(192, 0, 2, last), 40_000)));
    Request::builder().uri("/").extension(peer).body(Body::empty()).unwrap()
}

async fn status(app: &Router, request: Request) -> StatusCode {
    app.clone().oneshot(request).await.unwrap().status()
}

#[test]
fn a_stack_with_every_limit_keeps_the_contract() {
    let everyone = || Policy::named("all").key(key::everyone()).quota(Quota::per_second(1_000_000));
    let inbound = move || {
        let limited = Inbound::builder().rate_limit(|limit| limit.policy(everyone()));
        limited.bulkhead(|bulkhead| bulkhead.max_concurrent(4)).build().unwrap()
    };
    contract::server(inbound).named("inbound").run();
    let outbound = || {
        let shaped = Outbound::named("intune").throttle(|throttle| throttle.quota(Quota::per_second(1_000)));
        shaped.bulkhead(|bulkhead| bulkhead.max_concurrent(4)).build().unwrap()
    };
    contract::Suite::<_, contract::Wiring<Plain, Sent, Answer, BoxError>>::new(outbound)
        .named("outbound")
        .run();
}

#[tokio::test(start_paused = true)]
async fn an_address_over_its_limit_is_refused_under_the_callers_id_and_others_are_not() {
    let app = hello(per_address(Quota::per_minute(2)));
    for _ in 0..2 {
        assert_eq!(status(&app, from_host(1)).await, StatusCode::OK);
    }
    let mut request = from_host(1);
    request.headers_mut().insert("x-correlation-id", "order-17".parse().unwrap());
    let response = app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["x-correlation-id"], "order-17");
    assert_eq!(response.headers()["retry-after"], "30");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(status(&app, from_host(2)).await, StatusCode::OK);
    clock::advance(Duration::from_secs(30)).await;
    assert_eq!(status(&app, from_host(1)).await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_a_stack_on_many_routers_is_one() {
    let limit = per_address(Quota::per_minute(2));
    let apps = [hello(limit.clone()), hello(limit)];
    assert_eq!(status(&apps[0], from_host(1)).await, StatusCode::OK);
    assert_eq!(status(&apps[1], from_host(1)).await, StatusCode::OK);
    assert_eq!(status(&apps[0], from_host(1)).await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(start_paused = true)]
async fn a_place_is_kept_until_the_body_is_gone_and_whoever_finds_none_is_told_to_come_back() {
    let inbound = Inbound::builder().bulkhead(|bulkhead| bulkhead.max_concurrent(1)).build().unwrap();
    let bulkhead = inbound.bulkhead().clone();
    let app = hello(inbound);
    let first = app.clone().oneshot(from_host(1)).await.unwrap();
    let second = app.clone().oneshot(from_host(1)).await.unwrap();
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(second.headers()["retry-after"], "1");
    assert_eq!(message::read(first.into_body()).await, "hello");
    assert_eq!(bulkhead.snapshot().in_flight(), 0);
    assert_eq!(status(&app, from_host(1)).await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_was_asked_for_no_limit_has_none() {
    let inbound = Inbound::default();
    assert!(inbound.rate_limit().is_none());
    assert_eq!(inbound.bulkhead().mode().get(), Mode::Off);
    let app = hello(inbound);
    let mut held = Vec::new();
    for _ in 0..200 {
        let response = app.clone().oneshot(from_host(1)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(!response.headers().contains_key("ratelimit"));
        held.push(response);
    }
}

#[tokio::test(start_paused = true)]
async fn one_switch_and_one_observer_are_for_the_limits_too_whenever_they_were_named() {
    let heard = Recorder::new();
    let policy = Policy::named("all").key(key::everyone()).quota(Quota::per_hour(1));
    let inbound = Inbound::builder()
        .mode(Mode::Observe)
        .observer(heard.clone())
        .rate_limit(|limit| limit.policy(policy))
        .bulkhead(|bulkhead| bulkhead.max_concurrent(1))
        .build()
        .unwrap();
    let app = hello(inbound);
    let held = app.clone().oneshot(from_host(1)).await.unwrap();
    assert_eq!(status(&app, from_host(1)).await, StatusCode::OK);
    drop(held);
    assert_eq!(heard.codes(), ["rate_limited", "bulkhead_full"]);
}

#[test]
fn what_is_wrong_with_a_limit_is_told_with_the_rest() {
    let error = Inbound::builder()
        .total(Duration::ZERO)
        .rate_limit(|limit| limit)
        .bulkhead(|bulkhead| bulkhead.max_concurrent(0))
        .build()
        .unwrap_err();
    let told: Vec<_> = error.problems().iter().map(|problem| (problem.layer(), problem.field())).collect();
    for expected in
        [("timeout", "deadline.total"), ("rate-limit", "policies"), ("bulkhead", "max_concurrent")]
    {
        assert!(told.contains(&expected), "{told:?}");
    }
    let error = Outbound::named("intune")
        .throttle(|throttle| throttle)
        .bulkhead(|bulkhead| bulkhead.max_concurrent(0))
        .build()
        .unwrap_err();
    assert_eq!(error.problems().len(), 2, "{error}");
}

#[tokio::test(start_paused = true)]
async fn attempts_take_their_turn_and_a_call_that_would_wait_too_long_is_told_so_once() {
    let transport: Strict<Sent, Answer, BoxError> =
        Strict::with(|_, _| Reply::Ok(message::response(StatusCode::OK, "done")));
    let probe = transport.probe();
    let outbound = Outbound::named("intune")
        .throttle(|throttle| {
            throttle.quota(Quota::per_second(10).burst(1)).max_wait(Duration::from_millis(250))
        })
        .build()
        .unwrap();
    let service = outbound.layer(transport);
    let call = || service.clone().oneshot(message::get("http://intune.example/devices"));
    let started = tokio::time::Instant::now();
    let (first, second, third, fourth) = tokio::join!(call(), call(), call(), call());
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!(started.elapsed(), Duration::from_millis(200), "one at once, then one every 100 ms");
    let error = fourth.unwrap_err();
    assert_eq!(Refused::in_error(&error).map(Refused::code), Some("throttled"));
    assert_eq!(probe.calls(), 3, "a refusal of our own is not repeated");
}
