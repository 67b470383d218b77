use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Extension;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use buttress_core::Context;
use buttress_correlation_id::{CorrelationId, CorrelationIdLayer, PropagateCorrelationIdLayer, spawn};
use http::{Request, StatusCode};
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

use crate::wire::{HEADER, echo_of};
use crate::written::Written;

async fn get_from(router: &Router, path: &str) -> Response {
    let request = Request::get(path).header(HEADER, "flow-1").body(Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap()
}

async fn text(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn tell(Extension(id): Extension<CorrelationId>) -> String {
    id.to_string()
}

#[tokio::test]
async fn one_layer_serves_nested_and_cloned_routers_and_what_no_route_matches() {
    let layer = CorrelationIdLayer::default();
    let inner = Router::new().route("/leaf", get(tell)).layer(layer.clone());
    let router = Router::new()
        .route("/root", get(tell))
        .route("/own", get(tell).layer(layer.clone()))
        .nest("/nested", inner)
        .layer(layer);
    for router in [router.clone(), Router::new().merge(router)] {
        for path in ["/root", "/own", "/nested/leaf"] {
            let response = get_from(&router, path).await;
            assert_eq!(echo_of(&response).as_deref(), Some("flow-1"), "{path}");
            assert_eq!(text(response).await, "flow-1", "{path}");
        }
        let nowhere = get_from(&router, "/nowhere").await;
        assert_eq!((nowhere.status(), echo_of(&nowhere).as_deref()), (StatusCode::NOT_FOUND, Some("flow-1")));
    }
}

#[tokio::test]
async fn what_a_layer_inside_refuses_bears_the_id() {
    let refuse = from_fn(|_: Request<Body>, _: axum::middleware::Next| async {
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    });
    let router = Router::new()
        .route("/", get(tell))
        .layer(ServiceBuilder::new().layer(CorrelationIdLayer::default()).layer(refuse));
    let response = get_from(&router, "/").await;
    assert_eq!((response.status().as_u16(), echo_of(&response).as_deref()), (503, Some("flow-1")));
}

/// X2: an ID that has to be handed down by hand, or that a spawned task loses.
#[tokio::test]
async fn an_id_reaches_log_lines_tasks_and_outbound_calls_without_being_handed_down() {
    type Seen = Arc<Mutex<Vec<String>>>;

    // Three functions deep, and none of them has heard of an ID.
    async fn call_upstream(seen: Seen) {
        let transport = service_fn(move |request: Request<()>| {
            seen.lock().unwrap().push(request.headers()[HEADER].to_str().unwrap().to_owned());
            async { Ok::<_, BoxError>(http::Response::new(())) }
        });
        let client = ServiceBuilder::new().layer(PropagateCorrelationIdLayer::default()).service(transport);
        client.oneshot(Request::get("http://upstream.example/").body(()).unwrap()).await.unwrap();
        tracing::info!("called");
    }
    async fn work(seen: Seen) {
        call_upstream(Arc::clone(&seen)).await;
        spawn(call_upstream(seen)).await.unwrap();
    }

    let seen = Seen::default();
    let handler_seen = Arc::clone(&seen);
    let handler = get(move || async move {
        work(handler_seen).await;
        Context::current().correlation_id().map(ToString::to_string).unwrap_or_default()
    });
    let router = Router::new().route("/", handler).layer(CorrelationIdLayer::default());
    let written = Written::here();
    let response = get_from(&router, "/").await;
    assert_eq!(echo_of(&response).as_deref(), Some("flow-1"));
    assert_eq!(text(response).await, "flow-1");
    assert_eq!(*seen.lock().unwrap(), ["flow-1", "flow-1"]);
    let lines = written.lines();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.contains(r#"correlation_id="flow-1""#)), "{lines:?}");
}

#[cfg(feature = "axum")]
mod extractor {
    use buttress_correlation_id::{Correlation, MissingCorrelationId};

    use super::*;

    async fn required(id: Correlation) -> String {
        id.as_str().to_owned()
    }

    async fn optional(id: Option<Correlation>) -> String {
        id.map_or_else(|| "none".to_owned(), |Correlation(id)| id.to_string())
    }

    fn routes() -> Router {
        Router::new().route("/required", get(required)).route("/optional", get(optional))
    }

    #[tokio::test]
    async fn a_handler_gets_the_id_as_an_argument() {
        let router = routes().layer(CorrelationIdLayer::default());
        for path in ["/required", "/optional"] {
            assert_eq!(text(get_from(&router, path).await).await, "flow-1");
        }
    }

    #[tokio::test]
    async fn without_the_layer_the_caller_gets_500_and_the_operator_the_reason() {
        assert_eq!(text(get_from(&routes(), "/optional").await).await, "none");

        let written = Written::here();
        let response = get_from(&routes(), "/required").await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem = text(response).await;
        assert!(problem.contains(r#""status":500"#) && !problem.contains("Layer"), "{problem}");
        assert!(written.text().contains(&MissingCorrelationId.to_string()));
        assert!(MissingCorrelationId.to_string().contains("CorrelationIdLayer"));
    }
}
