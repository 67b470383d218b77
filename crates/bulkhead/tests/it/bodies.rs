//! Calls that last until their bodies end.

use axum::body::Body;
use buttress_bulkhead::{Bulkhead, BulkheadLayer, HeldBody, UntilBodyEndAs, UntilHead};
use buttress_core::BoxError;
use buttress_testkit::{Reply, ScriptedBody, Step, Strict, allocations_of, message};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt, Empty, Full};
use tower::{Layer, ServiceExt};

use crate::{SECOND, gauge};

type Inner = Strict<Request<Body>, Response<Body>, BoxError>;

fn scripted(steps: impl Fn() -> Vec<Step> + Send + 'static) -> Inner {
    Strict::with(move |_, _| Reply::Ok(Response::new(Body::new(ScriptedBody::new(steps()).0))))
}

fn request() -> Request<Body> {
    Request::new(Body::empty())
}

/// The body of one call, whose head has come.
async fn body_of(inner: Inner) -> (Bulkhead, HeldBody<Body>) {
    let layer = BulkheadLayer::inbound("reports").max_concurrent(1).build().unwrap();
    let response = layer.layer(inner).oneshot(request()).await.unwrap();
    (layer.bulkhead().clone(), response.into_body())
}

/// N4: permits returned with the head, so slow readers were not counted.
#[tokio::test(start_paused = true)]
async fn a_permit_is_held_until_the_body_has_been_read() {
    let (bulkhead, mut body) =
        body_of(scripted(|| vec![Step::Data("one".into()), Step::Wait(SECOND), Step::Data("two".into())]))
            .await;
    assert_eq!(gauge(&bulkhead), (1, 0), "the head has come");
    assert!(bulkhead.try_acquire().is_err());
    for part in ["one", "two"] {
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), part);
        assert_eq!(gauge(&bulkhead), (1, 0), "{part}");
    }
    assert!(body.frame().await.is_none());
    assert_eq!(gauge(&bulkhead), (0, 0), "while the body is still there");
    drop(body);
    assert_eq!(gauge(&bulkhead), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_knows_its_end_returns_the_permit_with_its_last_frame() {
    let whole = || Strict::with(|_, _| Reply::Ok(Response::new(Body::new(Full::new(Bytes::from("whole"))))));
    let (bulkhead, mut body) = body_of(whole()).await;
    assert_eq!(gauge(&bulkhead), (1, 0));
    body.frame().await.unwrap().unwrap();
    assert!(body.is_end_stream());
    assert_eq!(gauge(&bulkhead), (0, 0), "a reader that is told of the end does not ask again");
}

#[tokio::test(start_paused = true)]
async fn trailers_end_a_body() {
    let (bulkhead, mut body) =
        body_of(scripted(|| vec![Step::Data("one".into()), Step::Trailers(HeaderMap::new()), Step::Hold]))
            .await;
    body.frame().await.unwrap().unwrap();
    assert_eq!(gauge(&bulkhead), (1, 0));
    assert!(body.frame().await.unwrap().unwrap().is_trailers());
    assert_eq!(gauge(&bulkhead), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_returns_the_permit() {
    let (bulkhead, mut body) =
        body_of(scripted(|| vec![Step::Data("half".into()), Step::Fail("reset".into())])).await;
    body.frame().await.unwrap().unwrap();
    assert_eq!(gauge(&bulkhead), (1, 0));
    assert!(body.frame().await.unwrap().is_err());
    assert_eq!(gauge(&bulkhead), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_dropped_returns_the_permit_and_is_gone_by_then() {
    let (bulkhead, body) = body_of(scripted(|| vec![Step::Hold])).await;
    assert_eq!(gauge(&bulkhead), (1, 0));
    drop(body);
    assert_eq!(gauge(&bulkhead), (0, 0));

    let (body, probe) = ScriptedBody::new([Step::Hold]);
    let inner = Strict::<_, _, BoxError>::script([Reply::Ok(Response::new(Body::new(body)))]);
    let (bulkhead, mut body) = body_of(inner).await;
    let waits = tokio::time::timeout(SECOND, body.frame()).await;
    assert!(waits.is_err() && gauge(&bulkhead) == (1, 0));
    drop(body);
    assert!(probe.is_dropped() && gauge(&bulkhead) == (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_empty_body_holds_nothing() {
    let empty = Strict::with(|_, _| Reply::Ok(Response::new(Body::new(Empty::new()))));
    let (bulkhead, body) = body_of(empty).await;
    assert_eq!(gauge(&bulkhead), (0, 0), "nobody reads it, so nobody would notice its end");
    assert_eq!(body.size_hint().exact(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn an_error_instead_of_a_response_returns_the_permit() {
    let layer = BulkheadLayer::outbound("reports").max_concurrent(1).build().unwrap();
    let inner = Inner::with(|_, _| Reply::Err("no answer".into()));
    assert!(layer.layer(inner).oneshot(request()).await.is_err());
    assert_eq!(gauge(layer.bulkhead()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_can_keep_its_type_and_still_holds_the_permit() {
    let layer =
        BulkheadLayer::inbound("reports").max_concurrent(1).hold(UntilBodyEndAs(Body::new)).build().unwrap();
    let service = layer.layer(scripted(|| vec![Step::Data("one".into())]));
    let response: Response<Body> = service.clone().oneshot(request()).await.unwrap();
    assert_eq!(gauge(layer.bulkhead()), (1, 0));
    let refused: Response<Body> = service.oneshot(request()).await.unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(message::read(response.into_body()).await, "one");
    assert_eq!(gauge(layer.bulkhead()), (0, 0));
    drop(refused);
}

#[tokio::test(start_paused = true)]
async fn where_it_is_asked_for_the_permit_returns_with_the_head() {
    let layer = BulkheadLayer::inbound("reports").max_concurrent(1).hold(UntilHead).build().unwrap();
    let service = layer.layer(scripted(|| vec![Step::Hold]));
    let response: Response<Body> = service.oneshot(request()).await.unwrap();
    assert_eq!(gauge(layer.bulkhead()), (0, 0));
    drop(response);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_holds_no_permit_however_long_its_document_is_kept() {
    let layer = BulkheadLayer::inbound("reports").max_concurrent(1).build().unwrap();
    let busy = layer.bulkhead().try_acquire().unwrap();
    let refused = layer.layer(scripted(Vec::new)).oneshot(request()).await.unwrap();
    drop(busy);
    assert_eq!(gauge(layer.bulkhead()), (0, 0));
    assert_eq!(refused.status(), 503);
}

#[tokio::test(start_paused = true)]
async fn holding_a_permit_to_the_end_of_a_body_allocates_nothing() {
    let layer = BulkheadLayer::inbound("reports").build().unwrap();
    let service = tower::service_fn(|_: Request<()>| async {
        Ok::<_, BoxError>(Response::new(Full::new(Bytes::from_static(b"whole"))))
    });
    let mut service = layer.layer(service);
    let call = async {
        let response = service.ready().await.unwrap();
        let mut body = tower::Service::call(response, Request::new(())).await.unwrap().into_body();
        while let Some(frame) = body.frame().await {
            frame.unwrap();
        }
    };
    let ((), report) = allocations_of(call).await;
    assert_eq!((report.count, gauge(layer.bulkhead())), (0, (0, 0)));
}
