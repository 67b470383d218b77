//! Under Axum.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::{get, post};
use buttress_core::{Context, Deadline};
use buttress_testkit::{ScriptedBody, Step, message};
use buttress_timeout::{BodyTimeoutLayer, DeadlineLayer, Detach, TimeoutLayer, Trust};
use bytes::Bytes;
use tower::ServiceExt;

use crate::{MILLI, SECOND, now};

async fn at_once() -> &'static str {
    "done"
}

async fn slow() -> &'static str {
    tokio::time::sleep(60 * SECOND).await;
    "done"
}

#[tokio::test(start_paused = true)]
async fn one_value_serves_many_routes_nested_and_cloned_without_an_error_adapter() {
    let layer = TimeoutLayer::inbound(SECOND).build().unwrap();
    let nested = Router::new().route("/slow", get(slow)).layer(layer.clone());
    let router: Router = Router::new()
        .route("/fast", get(at_once).layer(layer.clone()))
        .route("/slow", get(slow).layer(layer.clone()))
        .nest("/nested", nested);
    let paths = ["/fast", "/slow", "/nested/slow"];
    let expected = [StatusCode::OK, StatusCode::GATEWAY_TIMEOUT, StatusCode::GATEWAY_TIMEOUT];
    assert_eq!(message::statuses(&router, paths).await, expected);
    assert_eq!(message::statuses(&router.clone(), paths).await, expected);
    // One value: its mode is the mode of every route.
    layer.mode().set(buttress_core::Mode::Off);
    assert_eq!(message::statuses(&router.clone(), paths).await, [StatusCode::OK; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_router_takes_every_inbound_layer_of_this_crate() {
    let seen = || async { Context::current().deadline().map_or("none", |_| "seen") };
    let router: Router = Router::new()
        .route("/", get(seen))
        .route("/slow", get(slow))
        .layer(BodyTimeoutLayer::requests().build().unwrap())
        .layer(BodyTimeoutLayer::responses().build().unwrap())
        .layer(TimeoutLayer::inbound(10 * SECOND).build().unwrap())
        .layer(DeadlineLayer::inbound().trust(Trust::everyone()).build().unwrap());
    assert_eq!(message::send(&router, message::get("/")).await.text(), "seen");
    let start = now();
    let answer = message::send(&router, message::get("/slow")).await;
    assert_eq!((answer.status, now() - start), (StatusCode::GATEWAY_TIMEOUT, 10 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn one_service_builder_takes_them_too() {
    let stack = tower::ServiceBuilder::new()
        .layer(DeadlineLayer::inbound().build().unwrap())
        .layer(BodyTimeoutLayer::responses().idle(SECOND).build().unwrap())
        .layer(BodyTimeoutLayer::requests().idle(SECOND).build().unwrap());
    let echo = |body: Bytes| async move { body };
    let router: Router = Router::new().route("/echo", post(echo)).route("/", get(at_once)).layer(stack);
    assert_eq!(message::send(&router, message::post("/echo", "abc")).await.text(), "abc");

    // A caller that stops sending in the middle of its request.
    let (body, _) = ScriptedBody::new([Step::Data("a".into()), Step::Hold]);
    let request = message::request(axum::http::Method::POST, "/echo", axum::body::Body::new(body));
    let start = now();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!((response.status(), now() - start), (StatusCode::BAD_REQUEST, SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_handler_can_take_the_deadline_from_its_request() {
    let left = |request: Request| async move {
        let deadline: Deadline = *request.extensions().get().expect("stamped");
        deadline.remaining(now()).as_millis().to_string()
    };
    let layer = DeadlineLayer::inbound().build().unwrap();
    let router: Router = Router::new().route("/", get(left)).layer(layer);
    assert_eq!(message::send(&router, message::get("/")).await.text(), "30000");
}

#[tokio::test(start_paused = true)]
async fn a_handler_inside_a_deadline_goes_on_detached_and_can_still_call_out() {
    let detach = Detach::at_most(std::num::NonZeroUsize::MIN, 60 * SECOND);
    let (done, finished) = tokio::sync::oneshot::channel();
    let done = std::sync::Arc::new(std::sync::Mutex::new(Some(done)));
    let work = move || async move {
        tokio::time::sleep(2 * SECOND).await;
        let sender = done.lock().unwrap().take().expect("one call");
        sender.send(Context::current().deadline()).unwrap();
    };
    // Both end together; the inner layer speaks first, so the work is detached and not cancelled.
    let router: Router = Router::new()
        .route("/", get(work))
        .layer(TimeoutLayer::inbound(30 * SECOND).on_timeout(detach.clone()).build().unwrap())
        .layer(DeadlineLayer::inbound().total(SECOND).build().unwrap());
    let start = now();
    let answer = message::send(&router, message::get("/")).await;
    assert_eq!((answer.status, now() - start), (StatusCode::GATEWAY_TIMEOUT, SECOND));
    assert_eq!(finished.await, Ok(None), "no deadline holds it back");
    assert!(now() - start <= 2 * SECOND + MILLI);
    assert_eq!(detach.drain(SECOND).await, 0);
}
