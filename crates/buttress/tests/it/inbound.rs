use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::get;
use buttress::{Context, Correlation, CorrelationId, Inbound, Refused, refused_in};
use buttress_testkit::{contract, message};
use tower::ServiceExt;

fn inbound() -> Inbound {
    Inbound::builder().total(Duration::from_secs(2)).build().expect("valid settings")
}

async fn hello() -> &'static str {
    "hello"
}

async fn never() -> &'static str {
    std::future::pending().await
}

#[test]
fn the_stack_keeps_the_contract() {
    contract::server(inbound).named("inbound").run();
}

#[tokio::test(start_paused = true)]
async fn one_value_goes_on_routes_nested_routers_and_clones_without_an_adapter() {
    let inbound = inbound();
    let nested = Router::new().route("/two", get(hello)).layer(inbound.clone());
    let app: Router =
        Router::new().route("/one", get(hello).layer(inbound.clone())).nest("/nested", nested).layer(inbound);
    let answers = message::statuses(&app, ["/one", "/nested/two"]).await;
    assert_eq!(answers, [StatusCode::OK, StatusCode::OK]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_answered_by_the_deadline_under_the_callers_id() {
    let app: Router = Router::new().route("/", get(never)).layer(inbound());
    let request =
        Request::builder().uri("/").header("x-correlation-id", "order-17").body(axum::body::Body::empty());
    let started = tokio::time::Instant::now();
    let response = app.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(started.elapsed(), Duration::from_secs(2));
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(response.headers()["x-correlation-id"], "order-17");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(refused_in(&response).map(Refused::code), Some("timed_out"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_sees_id_and_deadline_as_extensions_and_as_context() {
    async fn look(id: Correlation, request: Request) -> String {
        let context = Context::current();
        let same_id = request.extensions().get::<CorrelationId>() == context.correlation_id();
        let same_deadline = request.extensions().get::<buttress::Deadline>().copied() == context.deadline();
        let present = context.deadline().is_some() && context.correlation_id().is_some();
        format!("{} {same_id} {same_deadline} {present}", id.as_str())
    }
    let app: Router = Router::new().route("/", get(look)).layer(inbound());
    let request =
        Request::builder().uri("/").header("x-correlation-id", "order-17").body(axum::body::Body::empty());
    let response = app.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(message::read(response.into_body()).await, "order-17 true true true");
}

#[test]
fn all_that_is_wrong_with_any_layer_is_told_at_once() {
    let error = Inbound::builder()
        .total(Duration::ZERO)
        .body_idle(Duration::ZERO)
        .correlation_id(|layer| layer.header("no header"))
        .build()
        .unwrap_err();
    let layers: Vec<_> = error.problems().iter().map(|problem| (problem.layer(), problem.field())).collect();
    assert!(layers.contains(&("timeout", "body.idle")), "{layers:?}");
    assert!(layers.contains(&("timeout", "deadline.total")), "{layers:?}");
    assert!(layers.iter().any(|(layer, _)| *layer == "correlation-id"), "{layers:?}");
}
