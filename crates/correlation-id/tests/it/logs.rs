use std::convert::Infallible;

use buttress_correlation_id::{CorrelationId, CorrelationIdLayer};
use http::{HeaderValue, Method, Request, Response};
use proptest::prelude::*;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tracing::Level;

use crate::wire::{ALIAS, HEADER, exchange, request};
use crate::written::Written;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// Bytes that a server lets through in a header, around a text that is easy to find again.
fn offered() -> impl Strategy<Value = Vec<u8>> {
    let part = || prop::collection::vec(any::<u8>(), 0..70);
    let marked = (part(), part()).prop_map(|(before, after)| [&before[..], b"STRANGER", &after].concat());
    let nearly_valid =
        "[A-Za-z0-9][A-Za-z0-9:._-]{0,60}STRANGER[ \t\"\\\\=,;{}<>:._-]{0,3}".prop_map(String::into_bytes);
    prop_oneof![marked, nearly_valid]
        .prop_filter("a header value", |bytes| HeaderValue::from_bytes(bytes).is_ok())
}

proptest! {
    /// X1: whatever is offered, what is echoed and logged is a valid ID, on one line.
    #[test]
    fn no_offered_text_that_is_not_an_id_reaches_a_log_line_or_the_response(
        offered in offered(),
        name in prop::sample::select(vec![HEADER, ALIAS]),
    ) {
        let written = Written::here();
        let seen = runtime().block_on(exchange(&CorrelationIdLayer::default(), request(&[(name, &offered)])));
        let echo = seen.echo.expect("always echoed");
        prop_assert!(CorrelationId::new(&echo).is_ok());
        prop_assert_eq!(seen.id.as_ref().map(CorrelationId::as_str), Some(echo.as_str()));
        let lines = written.lines();
        prop_assert_eq!(lines.len(), 1, "{:?}", lines);
        let field = format!("correlation_id=\"{echo}\"");
        prop_assert!(lines[0].contains(&field));
        let valid = str::from_utf8(&offered).is_ok_and(|text| CorrelationId::new(text).is_ok());
        if valid {
            prop_assert_eq!(echo.as_bytes(), &offered[..]);
        } else {
            prop_assert!(!lines[0].contains("STRANGER") && !echo.contains("STRANGER"));
            prop_assert_eq!(seen.headers.get(name), None);
        }
    }
}

#[tokio::test]
async fn every_line_of_a_request_bears_its_id_across_awaits_and_none_after() {
    let written = Written::here();
    let inner = service_fn(|_: Request<()>| async {
        tracing::info!("before");
        tokio::task::yield_now().await;
        tracing::warn!("after");
        Ok::<_, Infallible>(Response::new(()))
    });
    let service = ServiceBuilder::new().layer(CorrelationIdLayer::default()).service(inner);
    service.oneshot(request(&[(HEADER, b"flow-1")])).await.unwrap();
    tracing::info!("outside");
    let lines = written.lines();
    assert_eq!(lines.len(), 3);
    for line in &lines[..2] {
        assert!(line.contains(r#"request{correlation_id="flow-1" correlation_id_source=header"#), "{line}");
    }
    assert!(!lines[2].contains("flow-1"));
}

#[tokio::test]
async fn the_span_tells_known_methods_and_neither_the_path_nor_a_made_up_method() {
    for (method, word) in [(Method::DELETE, "DELETE"), (Method::from_bytes(b"HOSTILE").unwrap(), "_OTHER")] {
        let written = Written::here();
        let hostile = Request::builder().method(method).uri("/hostile?hostile=1").body(()).unwrap();
        exchange(&CorrelationIdLayer::default(), hostile).await;
        let text = written.text();
        assert!(
            text.contains(&format!("method=\"{word}\"")) && !text.to_lowercase().contains("hostile"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn whoever_knows_the_route_can_record_it() {
    let written = Written::here();
    let inner = service_fn(|_: Request<()>| async {
        tracing::Span::current().record("route", "/devices/{id}");
        tracing::info!("routed");
        Ok::<_, Infallible>(Response::new(()))
    });
    let service = ServiceBuilder::new().layer(CorrelationIdLayer::default()).service(inner);
    service.oneshot(Request::new(())).await.unwrap();
    assert!(written.text().contains(r#"route="/devices/{id}""#));
}

#[tokio::test]
async fn the_span_has_the_level_that_was_asked_for_or_is_not_there() {
    struct Levels(std::sync::Arc<std::sync::Mutex<Vec<Level>>>);
    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Levels {
        fn on_new_span(
            &self,
            span: &tracing::span::Attributes<'_>,
            _: &tracing::span::Id,
            _: tracing_subscriber::layer::Context<'_, S>,
        ) {
            self.0.lock().unwrap().push(*span.metadata().level());
        }
    }
    use tracing_subscriber::layer::SubscriberExt;

    let levels = std::sync::Arc::default();
    let subscriber = tracing_subscriber::registry().with(Levels(std::sync::Arc::clone(&levels)));
    let _guard = tracing::subscriber::set_default(subscriber);
    let all = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
    for level in all {
        let layer = CorrelationIdLayer::builder().span_level(level).build().unwrap();
        exchange(&layer, Request::new(())).await;
    }
    let without = CorrelationIdLayer::builder().without_span().build().unwrap();
    exchange(&without, Request::new(())).await;
    assert_eq!(*levels.lock().unwrap(), all);
}

#[tokio::test]
async fn a_layer_inside_the_same_layer_opens_no_second_span() {
    let written = Written::here();
    let inner = service_fn(|_: Request<()>| async {
        tracing::info!("handled");
        Ok::<_, Infallible>(Response::new(()))
    });
    let layer = CorrelationIdLayer::default();
    let service = ServiceBuilder::new().layer(layer.clone()).layer(layer).service(inner);
    service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(written.text().matches("request{").count(), 1, "{}", written.text());
}
