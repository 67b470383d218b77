//! What is recorded of which request.

use std::sync::Arc;

use axum::Router;
use axum::extract::MatchedPath;
use axum::routing::{get, post};
use buttress_audit::{Action, AuditLayer, Level, MemoryRecorder, Resource, Rule};
use buttress_testkit::message;
use http::Method;
use serde_json::json;

use super::{answers, only, read, recorded, send};

#[tokio::test(start_paused = true)]
async fn the_first_rule_that_applies_is_the_one() {
    let (records, layer) = recorded();
    let layer = layer
        .rule(Rule::path("/login").method(Method::POST).action(Action::LOGIN))
        .rule(Rule::path("/login").action(Action::ACCESS_GRANTED))
        .rule(Rule::path("/livez").level(Level::None))
        .build()
        .unwrap();
    for (method, path) in [("GET", "/livez"), ("GET", "/login"), ("DELETE", "/bookings/7")] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        send(&layer, answers(200), message::request(method, path, super::Body::default())).await;
    }
    let actions: Vec<_> = read(&records).iter().map(|record| record["action"].clone()).collect();
    assert_eq!(actions, ["ACCESS_GRANTED", "DELETE"]);
}

#[tokio::test(start_paused = true)]
async fn a_query_is_recorded_where_it_is_asked_for_and_never_with_its_secrets() {
    let (records, layer) = recorded();
    let layer = layer.rule(Rule::path("/search").level(Level::Query)).build().unwrap();
    send(&layer, answers(200), message::get("/search?q=graz&token=abc123&mail=john%40example.com")).await;
    send(&layer, answers(200), message::get("/other?q=graz&token=abc123")).await;
    let lines = records.lines().concat();
    assert!(!lines.contains("abc123") && !lines.contains("john%40"), "{lines}");
    let all = read(&records);
    assert!(all[0]["request"]["query"].as_str().unwrap().starts_with("q=graz&token=***REDACTED***"));
    assert_eq!(all[1]["request"].get("query"), None);
    assert!(all[0]["redaction"]["values"].as_u64().unwrap() > 0);
}

#[tokio::test(start_paused = true)]
async fn a_rule_can_name_the_resource() {
    let (records, layer) = recorded();
    let booking = |head: &http::request::Parts| {
        head.uri.path().strip_prefix("/bookings/").map(|id| Resource::new("booking", id))
    };
    let layer = layer.rule(Rule::path("/bookings").resource_with(booking)).build().unwrap();
    send(&layer, answers(200), message::get("/bookings/b-17")).await;
    assert_eq!(only(&records)["resource"], json!({"type": "booking", "id": "b-17"}));
}

/// One layer value on routes, a nested router and a clone; the router stays infallible.
#[tokio::test(start_paused = true)]
async fn axums_route_templates_are_recorded_and_rules_go_by_them() {
    let records = MemoryRecorder::new();
    let layer = AuditLayer::inbound(records.clone())
        .route_with(|head| head.extensions.get::<MatchedPath>().map(|route| Arc::from(route.as_str())))
        .rule(Rule::route("/bookings/{id}/pay").action(Action::PAYMENT_PROCESSED))
        .build()
        .unwrap();
    let nested = Router::new().route("/users/{id}", get(|| async {})).layer(layer.clone());
    let router: Router = Router::new()
        .route("/bookings/{id}/pay", post(|| async {}))
        .route("/bookings/{id}", get(|| async {}))
        .layer(layer)
        .nest("/admin", nested);
    let cloned = router.clone();
    message::send(&router, message::post("/bookings/7/pay", "x").map(axum::body::Body::new)).await;
    message::statuses(&router, ["/bookings/7"]).await;
    message::statuses(&cloned, ["/admin/users/1"]).await;
    let all = read(&records);
    let seen: Vec<_> = all
        .iter()
        .map(|record| (record["action"].as_str().unwrap(), record["request"]["route"].as_str().unwrap()))
        .collect();
    assert_eq!(
        seen,
        [
            ("PAYMENT_PROCESSED", "/bookings/{id}/pay"),
            ("PAYMENT_PROCESSED", "/bookings/{id}/pay"),
            ("READ", "/bookings/{id}"),
            ("READ", "/admin/users/{id}"),
        ],
        "a payment is recorded before and after"
    );
}
