//! Under Axum.

use axum::Router;
use axum::extract::MatchedPath;
use axum::http::StatusCode;
use axum::routing::{get, post};
use buttress_http::{AsProblem, PeerAddr};
use buttress_rate_limit::{Http, Policy, Quota, RateLimitLayer, key};
use buttress_testkit::message;

use crate::web::{at, in_all};

type Inbound = RateLimitLayer<Http, AsProblem>;

async fn hello() -> &'static str {
    "hello"
}

fn five_an_hour() -> Inbound {
    RateLimitLayer::inbound().policy(in_all(Quota::per_hour(5))).build().unwrap()
}

fn admitted(statuses: &[StatusCode]) -> usize {
    assert!(statuses.iter().all(|status| [200, 429].contains(&status.as_u16())), "{statuses:?}");
    statuses.iter().filter(|status| status.is_success()).count()
}

#[tokio::test(start_paused = true)]
async fn one_layer_value_is_one_limit_on_every_route_r19_l1() {
    let layer = five_an_hour();
    let nested = Router::new().route("/three", get(hello)).layer(layer.clone());
    let router: Router = Router::new()
        .route("/one", get(hello).layer(layer.clone()))
        .route("/two", get(hello).post(hello).layer(layer.clone()))
        .route_service("/four", post(hello).get(hello))
        .layer(layer.fresh())
        .nest("/nested", nested)
        .route("/five", get(hello).layer(layer.clone()));
    let cloned = router.clone();
    let paths = ["/one", "/two", "/nested/three", "/five"];
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.extend(message::statuses(&router, paths).await);
        statuses.extend(message::statuses(&cloned, paths).await);
    }
    assert_eq!(admitted(&statuses), 5, "of {}", statuses.len());
}

#[tokio::test(start_paused = true)]
async fn a_whole_router_is_limited_without_an_error_adapter() {
    let layer = five_an_hour();
    let router: Router = Router::new().route("/one", get(hello)).route("/two", get(hello)).layer(layer);
    let statuses = message::statuses(&router, ["/one", "/two", "/one", "/two", "/nowhere", "/one"]).await;
    assert_eq!(statuses.iter().map(StatusCode::as_u16).collect::<Vec<_>>(), [200, 200, 200, 200, 404, 429]);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_layer_is_another_limit() {
    let layer = five_an_hour();
    let router: Router = Router::new()
        .route("/one", get(hello).layer(layer.clone()))
        .route("/two", get(hello).layer(layer.fresh()));
    assert_eq!(admitted(&message::statuses(&router, ["/one"; 9]).await), 5);
    assert_eq!(admitted(&message::statuses(&router, ["/two"; 9]).await), 5);
}

#[tokio::test(start_paused = true)]
async fn a_route_is_counted_by_its_template_and_not_by_what_strangers_put_into_it() {
    let policy = Policy::named("per-route").key(key::extension(|route: &MatchedPath| route.as_str()));
    let layer = RateLimitLayer::inbound().policy(policy.quota(Quota::per_hour(2))).build().unwrap();
    let router: Router =
        Router::new().route("/users/{id}", get(hello)).route("/teams/{id}", get(hello)).route_layer(layer);
    let paths = ["/users/1", "/users/2", "/users/3", "/teams/1", "/teams/1", "/teams/2"];
    let statuses = message::statuses(&router, paths).await;
    assert_eq!(statuses.iter().map(StatusCode::as_u16).collect::<Vec<_>>(), [200, 200, 429, 200, 200, 429]);
}

#[tokio::test(start_paused = true)]
async fn an_axum_server_that_says_who_connects_needs_nothing_else() {
    let policy = Policy::named("per-address").key(key::client_addr()).quota(Quota::per_hour(1));
    let layer = RateLimitLayer::inbound().policy(policy).build().unwrap();
    let router: Router = Router::new().route("/", get(hello)).layer(layer);
    for (addr, status) in [("192.0.2.1", 200), ("192.0.2.2", 200), ("192.0.2.1", 429)] {
        let request = at("/", addr);
        assert!(request.extensions().get::<PeerAddr>().is_some());
        assert_eq!(message::send(&router, request).await.status, status, "{addr}");
    }
}
