//! Under Axum.

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::routing::get;
use buttress_bulkhead::{BulkheadLayer, KeyLimits, KeyRef};
use buttress_testkit::message;
use tower::ServiceExt;

use crate::{SECOND, fill, gauge};

async fn fine() -> &'static str {
    "fine"
}

async fn hangs() -> &'static str {
    std::future::pending().await
}

const FULL: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// N8: a limit per route is not the limit that was asked for.
#[tokio::test(start_paused = true)]
async fn one_layer_value_is_one_bulkhead_on_every_route_nested_or_cloned() {
    let layer = BulkheadLayer::inbound("all").max_concurrent(3).build().unwrap();
    let nested = Router::new().route("/two", get(fine)).route("/hangs", get(hangs)).layer(layer.clone());
    let router: Router = Router::new()
        .route("/one", get(fine).layer(layer.clone()))
        .route("/hangs", get(hangs).layer(layer.clone()))
        .nest("/nested", nested);
    let (cloned, paths) = (router.clone(), ["/one", "/nested/two"]);
    assert_eq!(message::statuses(&router, paths).await, [StatusCode::OK; 2]);

    let mut hanging: Vec<_> = [(&router, "/hangs"), (&cloned, "/hangs"), (&cloned, "/nested/hangs")]
        .into_iter()
        .map(|(router, path)| {
            tokio_test::task::spawn(router.clone().oneshot(message::get(path).map(Body::new)))
        })
        .collect();
    for call in &mut hanging {
        assert_eq!(message::statuses(&cloned, paths).await, [StatusCode::OK; 2]);
        assert!(call.poll().is_pending());
    }
    assert_eq!(gauge(layer.bulkhead()), (3, 0));
    assert_eq!(message::statuses(&router, paths).await, [FULL; 2]);
    assert_eq!(message::statuses(&cloned, paths).await, [FULL; 2]);
    hanging.pop();
    assert_eq!(message::statuses(&cloned, paths).await, [StatusCode::OK; 2]);
    drop(hanging);
    assert_eq!(gauge(layer.bulkhead()), (0, 0));
}

/// N2: not a 504, for nothing was late.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_503_that_says_when_to_ask_again() {
    let layer = BulkheadLayer::inbound("all").max_concurrent(1).retry_after(SECOND * 3 / 2).build().unwrap();
    let router: Router = Router::new().route("/", get(fine)).layer(layer.clone());
    let _all = fill(layer.bulkhead());
    let answer = message::send(&router, message::get("/")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (FULL, Some("2")));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(answer.text().contains(r#""code":"bulkhead_full""#), "{}", answer.text());
    assert!(!answer.text().contains("all"), "the name is for the log");
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_out_while_axum_reads_the_body() {
    let layer = BulkheadLayer::inbound("all").max_concurrent(1).build().unwrap();
    let router: Router = Router::new().route("/", get(fine)).layer(layer.clone());
    let response = router.clone().oneshot(Request::new(Body::empty())).await.unwrap();
    assert_eq!((response.status(), gauge(layer.bulkhead())), (StatusCode::OK, (1, 0)));
    assert_eq!(message::statuses(&router, ["/"]).await, [FULL]);
    assert_eq!(message::read(response.into_body()).await, "fine");
    assert_eq!(message::statuses(&router, ["/"]).await, [StatusCode::OK]);
    assert_eq!(gauge(layer.bulkhead()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn each_route_can_have_permits_of_its_own() {
    let route = KeyRef::new(|request: &Request| request.extensions().get().map(MatchedPath::as_str));
    let layer = BulkheadLayer::inbound("routes")
        .max_concurrent(1)
        .keyed::<String, _>(route, KeyLimits::new())
        .unwrap();
    let router: Router =
        Router::new().route("/a/{id}", get(fine)).route("/b", get(fine)).route_layer(layer.clone());
    let _busy = layer.bulkheads().get("/a/{id}").try_acquire().unwrap();
    let statuses = message::statuses(&router, ["/a/1", "/a/2", "/b"]).await;
    assert_eq!(statuses, [FULL, FULL, StatusCode::OK]);
}
