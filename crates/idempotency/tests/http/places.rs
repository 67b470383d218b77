//! Who has a place among the requests that are worked on.

#![expect(clippy::disallowed_methods, reason = "clients are tasks, and end with the test")]

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use axum::body::Body;
use buttress_idempotency::IdempotencyLayer;
use buttress_testkit::{ScriptedBody, Step, clock, message};
use http::{Request, Response};
use tokio::task::spawn;
use tower::{Layer, ServiceExt, service_fn};

use crate::{Caller, builder, code, header, request, store};

fn of(caller: &'static str, key: &str) -> Request<Body> {
    let mut request = request("/", key, "");
    request.extensions_mut().insert(Caller(caller));
    request
}

/// An upload of which nothing comes but its first byte.
fn stuck(caller: &'static str, key: &str) -> Request<Body> {
    let (body, _) = ScriptedBody::new([Step::Data("a".into()), Step::Hold]);
    of(caller, key).map(|_| Body::new(body))
}

#[tokio::test(start_paused = true)]
async fn slow_uploads_of_one_caller_leave_places_for_the_others() {
    let layer = builder(&store()).max_requests(4).max_requests_per_scope(3).build().unwrap();
    let service = layer.layer(service_fn(|_: Request<Body>| async {
        Ok::<_, Infallible>(Response::new(Body::from("done")))
    }));
    let upload = |caller, key| spawn(service.clone().oneshot(stuck(caller, key)));
    let mut uploads = Vec::from(["a", "b", "c"].map(|key| upload("mallory", key)));
    clock::settle().await;
    let refused = message::send(&service, of("mallory", "d")).await;
    assert_eq!((refused.status.as_u16(), code(&refused.body).as_str()), (429, "idempotency_scope_busy"));
    assert_eq!(header(&refused.headers, "retry-after"), Some("1"));
    assert_eq!(message::send(&service, of("ann", "e")).await.body, "done");

    uploads.push(upload("ann", "f"));
    clock::settle().await;
    let refused = message::send(&service, of("bob", "g")).await;
    assert_eq!((refused.status.as_u16(), code(&refused.body).as_str()), (503, "idempotency_full"));

    uploads.iter().for_each(tokio::task::JoinHandle::abort);
    clock::settle().await;
    assert_eq!(message::send(&service, of("mallory", "h")).await.body, "done");
    assert_eq!(layer.shutdown(Duration::ZERO).await, 0, "whoever leaves gives his place back");
}

#[tokio::test(start_paused = true)]
async fn of_the_places_a_caller_has_half_and_the_only_caller_all() {
    let one_caller = IdempotencyLayer::inbound(store()).one_scope_for_all();
    for (builder, share) in [
        (builder(&store()).max_requests(3), 2),
        (builder(&store()).max_requests(4).max_requests_per_scope(4), 4),
        (one_caller.max_requests(3), 3),
    ] {
        let endless = service_fn(|_: Request<Body>| pending::<Result<Response<Body>, Infallible>>());
        let service = builder.build().unwrap().layer(endless);
        let calls = ["a", "b", "c", "d", "e"].map(|key| spawn(service.clone().oneshot(of("ann", key))));
        clock::settle().await;
        assert_eq!(calls.iter().filter(|call| !call.is_finished()).count(), share);
    }
}

#[test]
fn the_share_of_a_caller_is_one_place_at_least_and_all_at_most() {
    for (share, is_good) in [(0, false), (1, true), (7, true), (8, false)] {
        let built = builder(&store()).max_requests(7).max_requests_per_scope(share).build();
        let field = built.err().map(|why| why.problems()[0].field().to_owned());
        assert_eq!(field.as_deref(), (!is_good).then_some("max_requests_per_scope"), "{share}");
    }
}
