use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use buttress_core::{Context, CorrelationId, Deadline};
use buttress_idempotency::Event;
use buttress_testkit::{ScriptedBody, Step, message};
use http::{Request, Response};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};

use crate::{builder, code, request, store};

#[tokio::test(start_paused = true)]
async fn a_response_that_turns_out_too_long_arrives_whole_and_leaves_its_status() {
    let layer = builder(&store()).response_limit(5).build().unwrap();
    let service = layer.layer(service_fn(|_: Request<Body>| async {
        let (body, _) = ScriptedBody::new(["abc", "def", "ghi"].map(|data| Step::Data(data.into())));
        Ok::<_, Infallible>(Response::new(body))
    }));
    let first = service.clone().oneshot(request("/", "k", "")).await.unwrap();
    assert_eq!(first.into_body().collect().await.unwrap().to_bytes(), "abcdefghi");
    let again = service.oneshot(request("/", "k", "")).await.unwrap();
    let body = again.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(code(&body), "idempotency_not_retained");
    assert!(String::from_utf8_lossy(&body).contains("\"original_status\":200"));
}

#[tokio::test(start_paused = true)]
async fn a_response_that_breaks_off_is_no_answer_to_replay() {
    let layer = builder(&store()).build().unwrap();
    let service = layer.layer(service_fn(|_: Request<Body>| async {
        let (body, _) = ScriptedBody::new([Step::Data("abc".into()), Step::Fail("reset".into())]);
        Ok::<_, Infallible>(Response::new(body))
    }));
    let first = service.clone().oneshot(request("/", "k", "")).await.unwrap();
    assert!(first.into_body().collect().await.is_err());
    let _ = service.oneshot(request("/", "k", "")).await.unwrap();
    let totals = layer.handle().stats().totals();
    assert_eq!((totals[Event::Abandoned], totals[Event::Recovered], totals[Event::Replayed]), (2, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_body_breaks_off_or_stalls_claims_nothing() {
    for (steps, status) in [
        (vec![Step::Data("a".into()), Step::Fail("reset".into())], 400),
        (vec![Step::Data("a".into()), Step::Hold], 408),
    ] {
        let shop = store();
        let service = builder(&shop).build().unwrap().layer(service_fn(|_: Request<Body>| async {
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }));
        let (body, _probe) = ScriptedBody::new(steps);
        let answer = message::send(&service, request("/", "k", "").map(|_| Body::new(body))).await;
        assert_eq!((answer.status.as_u16(), shop.claims()), (status, 0), "I-6");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_keeps_its_correlation_id_and_loses_its_deadline() {
    let service = builder(&store()).build().unwrap().layer(service_fn(|request: Request<Body>| async move {
        let context = Context::current();
        assert!(context.deadline().is_none() && request.extensions().get::<Deadline>().is_none());
        let id = context.correlation_id().map(ToString::to_string).unwrap_or_default();
        Ok::<_, Infallible>(Response::new(Body::from(id)))
    }));
    let deadline = Deadline::at(tokio::time::Instant::now().into_std() + Duration::from_secs(1));
    let context =
        Context::new().with_deadline(deadline).with_correlation_id(CorrelationId::new("flow-1").unwrap());
    let mut request = request("/", "k", "");
    request.extensions_mut().insert(deadline);
    assert_eq!(context.scope(message::send(&service, request)).await.body, "flow-1");
}
