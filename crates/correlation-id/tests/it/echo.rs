use std::convert::Infallible;

use buttress_correlation_id::{CorrelationId, CorrelationIdLayer};
use http::header::HeaderValue;
use http::{Request, Response, StatusCode};
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

use crate::wire::{HEADER, echo_of, request};

/// Answers with a status, and with an echo of its own if told.
async fn answered(status: StatusCode, own_echo: Option<&'static str>) -> Response<()> {
    let inner = service_fn(move |_: Request<()>| async move {
        let mut response = Response::new(());
        *response.status_mut() = status;
        for echo in own_echo.into_iter().chain(own_echo) {
            response.headers_mut().append(HEADER, HeaderValue::from_static(echo));
        }
        Ok::<_, Infallible>(response)
    });
    let service = ServiceBuilder::new().layer(CorrelationIdLayer::default()).service(inner);
    service.oneshot(request(&[(HEADER, b"flow-1")])).await.unwrap()
}

#[tokio::test]
async fn every_final_status_bears_the_id() {
    for status in [200, 201, 204, 301, 304, 400, 401, 404, 409, 422, 429, 500, 502, 503, 504] {
        let response = answered(StatusCode::from_u16(status).unwrap(), None).await;
        assert_eq!((response.status().as_u16(), echo_of(&response).as_deref()), (status, Some("flow-1")));
    }
}

#[tokio::test]
async fn an_informational_response_bears_none() {
    for status in [StatusCode::CONTINUE, StatusCode::SWITCHING_PROTOCOLS, StatusCode::EARLY_HINTS] {
        assert_eq!(echo_of(&answered(status, None).await), None);
    }
}

#[tokio::test]
async fn the_id_in_force_replaces_what_was_echoed_inside() {
    assert_eq!(echo_of(&answered(StatusCode::OK, Some("another")).await).as_deref(), Some("flow-1"));
}

#[tokio::test]
async fn a_refusal_by_an_inner_layer_bears_the_id() {
    let unreachable = service_fn(|_: Request<()>| async { Ok::<Response<()>, BoxError>(Response::new(())) });
    let refusing = tower::layer::layer_fn(|_inner| {
        service_fn(|_: Request<()>| async {
            Ok::<_, BoxError>(Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).body(()).unwrap())
        })
    });
    let stack = ServiceBuilder::new().layer(CorrelationIdLayer::default()).layer(refusing);
    let response = stack.service(unreachable).oneshot(request(&[(HEADER, b"flow-1")])).await.unwrap();
    assert_eq!((response.status().as_u16(), echo_of(&response).as_deref()), (503, Some("flow-1")));
}

#[tokio::test]
async fn an_error_passes_unchanged() {
    #[derive(Debug, PartialEq)]
    struct Broken(u32);

    let inner = service_fn(|_: Request<()>| async { Err::<Response<()>, _>(Broken(7)) });
    let service = ServiceBuilder::new().layer(CorrelationIdLayer::default()).service(inner);
    assert_eq!(service.oneshot(Request::new(())).await.unwrap_err(), Broken(7));
}

#[tokio::test]
async fn a_layer_around_the_same_layer_changes_nothing() {
    let inner = service_fn(|request: Request<()>| async move {
        Ok::<_, Infallible>(Response::new(request.extensions().get::<CorrelationId>().cloned()))
    });
    let layer = CorrelationIdLayer::default();
    let service = ServiceBuilder::new().layer(layer.clone()).layer(layer).service(inner);
    let response = service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(echo_of(&response).as_deref(), response.body().as_ref().map(CorrelationId::as_str));
}

#[tokio::test]
async fn the_configured_name_is_read_and_echoed() {
    let layer = CorrelationIdLayer::builder().header("X-Flow").aliases(["X-Old"]).build().expect("valid");
    let inner = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) });
    for name in ["x-flow", "x-old"] {
        let service = ServiceBuilder::new().layer(layer.clone()).service(inner);
        let response = service.oneshot(request(&[(name, b"flow-1"), (HEADER, b"other")])).await.unwrap();
        assert_eq!(
            (&response.headers()["x-flow"], response.headers().len()),
            (&"flow-1".parse().unwrap(), 1)
        );
    }
}

#[test]
fn an_id_that_arrived_costs_five_allocations_and_a_minted_one_six() {
    let cost = |id: Option<&'static str>| {
        let inner = service_fn(|_: Request<()>| std::future::ready(Ok::<_, Infallible>(Response::new(()))));
        let mut service = ServiceBuilder::new().layer(CorrelationIdLayer::default()).service(inner);
        let mut call = || {
            let mut request = Request::new(());
            if let Some(id) = id {
                request.headers_mut().insert(HEADER, HeaderValue::from_static(id));
            }
            let call = || {
                use tower::Service;
                let mut future = std::pin::pin!(service.call(request));
                let waker = std::task::Waker::noop();
                assert!(future.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_ready());
            };
            buttress_testkit::allocations_during(call).1.count
        };
        call(); // the thread's generator is seeded once
        call()
    };
    // Three for the first extension of a request, two for the first header of a response; nothing for the ID.
    assert_eq!((cost(Some("6f0c1a2e-9d7b-4c55-8a10-2f3b4c5d6e7f")), cost(None)), (5, 6));
}
