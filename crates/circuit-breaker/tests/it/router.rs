//! Under Axum.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use buttress_circuit_breaker::{CircuitBreakerLayer, State};
use buttress_testkit::message;

use crate::{open, two_failures};

async fn fine() -> &'static str {
    "fine"
}

async fn broken() -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

#[tokio::test(start_paused = true)]
async fn one_layer_value_is_one_breaker_on_every_route_nested_or_cloned() {
    let layer = CircuitBreakerLayer::inbound("backend").config(two_failures()).build().unwrap();
    let nested = Router::new().route("/two", get(fine)).layer(layer.clone());
    let router = Router::new()
        .route("/one", get(fine).layer(layer.clone()))
        .route("/broken", get(broken).layer(layer.clone()))
        .nest("/nested", nested);
    let (cloned, paths) = (router.clone(), ["/one", "/nested/two"]);
    assert_eq!(message::statuses(&router, paths).await, [StatusCode::OK; 2]);
    assert_eq!(
        message::statuses(&cloned, ["/broken"; 3]).await,
        [500, 500, 503].map(|code| StatusCode::from_u16(code).unwrap())
    );
    assert_eq!(message::statuses(&router, paths).await, [StatusCode::SERVICE_UNAVAILABLE; 2]);
    assert_eq!(message::statuses(&cloned, paths).await, [StatusCode::SERVICE_UNAVAILABLE; 2]);
    layer.breaker().reset();
    assert_eq!(message::statuses(&cloned, paths).await, [StatusCode::OK; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_whole_router_can_be_guarded_without_an_error_adapter() {
    let layer = CircuitBreakerLayer::inbound("backend").config(two_failures()).build().unwrap();
    let router: Router = Router::new().route("/one", get(fine)).layer(layer.clone());
    open(layer.breaker());
    let answer = message::send(&router, message::get("/one")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("5")));
    layer.breaker().reset();
    assert_eq!(message::send(&router, message::get("/one")).await.text(), "fine");
    assert_eq!(layer.breaker().state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_layer_is_another_breaker() {
    let layer = CircuitBreakerLayer::inbound("backend").config(two_failures()).build().unwrap();
    let router = Router::new()
        .route("/one", get(fine).layer(layer.clone()))
        .route("/two", get(fine).layer(layer.fresh()));
    open(layer.breaker());
    let statuses = message::statuses(&router, ["/one", "/two"]).await;
    assert_eq!(statuses, [StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK]);
}
