//! One line for each request, whatever became of it.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use axum::extract::MatchedPath;
use axum::routing::get;
use buttress_core::{BoxError, Kind, Refused, Rejection, Signal, Verdict};
use buttress_telemetry::{RequestLogLayer, UntilBodyEndAs, UntilHead};
use buttress_testkit::{ScriptedBody, Step, contract, message};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Map, Value, json};
use tower::{Layer, ServiceExt, service_fn};

use crate::sink::Seen;

#[test]
fn the_layer_keeps_the_contract() {
    contract::server(RequestLogLayer::new).run();
    contract::client(RequestLogLayer::new).named("over a fallible service").run();
    contract::server(|| RequestLogLayer::new().verdicts().until(UntilHead)).named("until the head").run();
}

#[derive(Debug)]
struct Stopped(Kind);

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped by a limit at db-7.internal")
    }
}

impl std::error::Error for Stopped {}

impl Rejection for Stopped {
    fn kind(&self) -> Kind {
        self.0
    }
    fn code(&self) -> &'static str {
        "stopped"
    }
    fn layer(&self) -> &'static str {
        "test"
    }
    fn reached_inner(&self) -> bool {
        false
    }
    fn public(&self) -> Cow<'static, str> {
        "stopped".into()
    }
}

fn head(line: &Map<String, Value>) -> (&Value, Option<&Value>, Option<&Value>, &Value) {
    (&line["outcome"], line.get("error_type"), line.get("status_code"), &line["level"])
}

fn answer(status: u16, refused: Option<Kind>) -> Response<Full<Bytes>> {
    let mut response = message::response(StatusCode::from_u16(status).unwrap(), "body");
    if let Some(kind) = refused {
        response.extensions_mut().insert(Refused::new(Stopped(kind)));
    }
    response
}

#[tokio::test]
async fn every_answer_has_its_outcome_and_a_bounded_word_for_what_went_wrong() {
    for (status, refused, outcome, error_type, level) in [
        (200, None, "ok", None, "info"),
        (304, None, "ok", None, "info"),
        (404, None, "client_error", None, "info"),
        (500, None, "server_error", Some("500"), "error"),
        (504, None, "server_error", Some("504"), "error"),
        (429, Some(Kind::RateLimited), "shed", Some("stopped"), "warning"),
        (503, Some(Kind::Overloaded), "shed", Some("stopped"), "warning"),
        (503, Some(Kind::Unavailable), "shed", Some("stopped"), "warning"),
        (504, Some(Kind::TimedOut), "timeout", Some("stopped"), "warning"),
        (409, Some(Kind::Conflict), "client_error", Some("stopped"), "info"),
    ] {
        let seen = Seen::json();
        let inner =
            service_fn(move |_: Request<()>| async move { Ok::<_, Infallible>(answer(status, refused)) });
        let response = RequestLogLayer::new().layer(inner).oneshot(Request::new(())).await.unwrap();
        assert!(seen.lines().is_empty(), "the body is not read yet");
        response.into_body().collect().await.unwrap();
        let line = seen.one();
        let error_type = error_type.map(Value::from);
        let expected = (&json!(outcome), error_type.as_ref(), Some(&json!(status)), &json!(level));
        assert_eq!(head(&line), expected);
        assert_eq!(line["bytes_out"], 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_knows_both_durations_the_route_and_the_bytes_and_hides_what_is_secret() {
    let seen = Seen::json();
    let handler = get(async || {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let steps =
            [Step::Data("abc".into()), Step::Wait(Duration::from_micros(1_500)), Step::Data("de".into())];
        axum::body::Body::new(ScriptedBody::new(steps).0)
    });
    let layer = RequestLogLayer::new()
        .route_with(|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str))
        .until(UntilBodyEndAs(axum::body::Body::new));
    let router: axum::Router = axum::Router::new().route("/users/{email}", handler).layer(layer);
    let request = Request::get("/users/john@example.com?token=abc").header("content-length", "17");
    let response = router.oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
    response.into_body().collect().await.unwrap();
    let line = seen.one();
    for (name, value) in [
        ("event", json!("http_request")),
        ("logger", json!("buttress_telemetry::request")),
        ("method", json!("GET")),
        ("route", json!("/users/{email}")),
        ("path", json!("/users/joh***@example.com")),
        ("status_code", json!(200)),
        ("bytes_in", json!(17)),
        ("bytes_out", json!(5)),
        ("outcome", json!("ok")),
    ] {
        assert_eq!(line[name], value, "{name}");
    }
    // Paused time: a timer fires to the millisecond.
    let [whole, head] = ["duration_ms", "headers_ms"].map(|name| line[name].as_f64().unwrap());
    assert!((20.0..22.0).contains(&head) && (21.5..24.0).contains(&whole) && head < whole, "{head} {whole}");
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_before_the_head_or_in_the_body_is_told_as_cancelled() {
    let seen = Seen::json();
    let never =
        service_fn(|_: Request<()>| std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>());
    let call = RequestLogLayer::new().layer(never).oneshot(Request::new(()));
    assert!(tokio::time::timeout(Duration::from_millis(5), call).await.is_err());
    let streaming = service_fn(|_: Request<()>| async {
        let (body, _) = ScriptedBody::new([Step::Data("abc".into()), Step::Hold, Step::Data("never".into())]);
        Ok::<_, Infallible>(Response::new(body))
    });
    let response = RequestLogLayer::new().layer(streaming).oneshot(Request::new(())).await.unwrap();
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    let lines = seen.objects();
    let cancelled = (json!("cancelled"), json!("info"));
    assert_eq!(head(&lines[0]), (&cancelled.0, Some(&cancelled.0), None, &cancelled.1));
    assert!(!lines[0].contains_key("headers_ms") && !lines[0].contains_key("bytes_out"));
    assert!(lines[0]["duration_ms"].as_f64().unwrap() >= 5.0);
    assert_eq!(head(&lines[1]), (&cancelled.0, Some(&cancelled.0), Some(&json!(200)), &cancelled.1));
    assert_eq!(lines[1]["bytes_out"], 3);
}

async fn in_a_task<T: 'static>(call: impl Future<Output = T> + 'static) -> Result<T, tokio::task::JoinError> {
    tokio::task::LocalSet::new().run_until(async { tokio::task::spawn_local(call).await }).await
}

#[tokio::test]
async fn a_panic_is_a_panic_and_no_cancellation_wherever_it_happens() {
    let seen = Seen::json();
    let in_future = service_fn(|_: Request<()>| async {
        tokio::task::yield_now().await;
        panic!("on purpose");
        #[expect(unreachable_code, reason = "the type of the answer")]
        Ok::<Response<Full<Bytes>>, Infallible>(Response::new(Full::default()))
    });
    // The task catches the panic and drops the future afterwards, as a server does.
    let call = RequestLogLayer::new().layer(in_future).oneshot(Request::new(()));
    assert!(in_a_task(call).await.is_err());
    let in_call =
        service_fn(|_: Request<()>| -> std::future::Ready<Result<Response<Full<Bytes>>, Infallible>> {
            panic!("on purpose")
        });
    let call = RequestLogLayer::new().layer(in_call).oneshot(Request::new(()));
    assert!(in_a_task(call).await.is_err());
    for line in seen.objects() {
        let panic = json!("panic");
        assert_eq!(head(&line), (&panic, Some(&panic), None, &json!("error")));
    }
    assert_eq!(seen.lines().len(), 2);
}

#[tokio::test]
async fn a_body_that_breaks_after_its_200_is_told() {
    for (error, error_type) in [
        (BoxError::from("connection reset by db-7.internal"), "body"),
        (Refused::new(Stopped(Kind::TimedOut)).into(), "stopped"),
    ] {
        let seen = Seen::json();
        let mut error = Some(error);
        let inner = service_fn(move |_: Request<()>| {
            let (body, _) = ScriptedBody::new([Step::Data("abc".into()), Step::Fail(error.take().unwrap())]);
            async { Ok::<_, Infallible>(Response::new(body)) }
        });
        let response = RequestLogLayer::new().layer(inner).oneshot(Request::new(())).await.unwrap();
        assert!(response.into_body().collect().await.is_err());
        let line = seen.one();
        let expected = (&json!("body_error"), Some(&json!(error_type)), Some(&json!(200)), &json!("error"));
        assert_eq!(head(&line), expected);
        assert_eq!(line["bytes_out"], 3);
    }
}

#[tokio::test]
async fn an_error_instead_of_an_answer_is_told_without_its_text() {
    for (error, outcome, error_type) in [
        (BoxError::from("no route to db-7.internal"), "server_error", "error"),
        (Refused::new(Stopped(Kind::Overloaded)).into(), "shed", "stopped"),
    ] {
        let seen = Seen::json();
        let mut error = Some(error);
        let inner = service_fn(move |_: Request<()>| {
            std::future::ready(Err::<Response<Full<Bytes>>, BoxError>(error.take().unwrap()))
        });
        assert!(RequestLogLayer::new().layer(inner).oneshot(Request::new(())).await.is_err());
        let line = seen.one();
        assert_eq!((&line["outcome"], &line["error_type"]), (&json!(outcome), &json!(error_type)));
        assert!(!seen.text().contains("db-7"));
    }
}

#[tokio::test]
async fn bodies_that_nobody_reads_because_there_is_nothing_to_read_are_no_cancellation() {
    for (method, status) in [(Method::HEAD, 200), (Method::GET, 204), (Method::GET, 304)] {
        let seen = Seen::json();
        let inner =
            service_fn(move |_: Request<()>| async move { Ok::<_, Infallible>(answer(status, None)) });
        let mut request = Request::new(());
        *request.method_mut() = method;
        drop(RequestLogLayer::new().layer(inner).oneshot(request).await.unwrap());
        assert_eq!(seen.one()["outcome"], "ok");
    }
    // All bytes of a sized body were read, and nobody asked whether more come.
    let seen = Seen::json();
    let inner = service_fn(|_: Request<()>| async {
        let (body, _) = ScriptedBody::new([Step::Data("abc".into()), Step::Trailers(http::HeaderMap::new())]);
        Ok::<_, Infallible>(Response::new(body.sized()))
    });
    let mut body = RequestLogLayer::new().layer(inner).oneshot(Request::new(())).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(seen.one()["outcome"], "ok");
}

#[tokio::test]
async fn until_the_head_means_that_the_body_is_not_waited_for() {
    let seen = Seen::json();
    let inner = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(answer(200, None)) });
    let response =
        RequestLogLayer::new().until(UntilHead).layer(inner).oneshot(Request::new(())).await.unwrap();
    let line = seen.one();
    assert_eq!(
        (&line["outcome"], line.get("bytes_out"), &line["route"]),
        (&json!("ok"), None, &json!("unmatched"))
    );
    drop(response);
    assert_eq!(seen.lines().len(), 1);
}

#[tokio::test]
async fn what_layers_inside_decided_is_written_where_it_is_asked_for() {
    let inner = service_fn(|_: Request<()>| async {
        Signal::new("retry", "intune", Verdict::Retried, "status").report(None);
        Ok::<_, Infallible>(answer(200, None))
    });
    for (layer, verdicts) in [
        (RequestLogLayer::new(), None),
        (RequestLogLayer::new().verdicts(), Some(json!("retry/intune=retried:status"))),
    ] {
        let seen = Seen::json();
        let response = layer.layer(inner).oneshot(Request::new(())).await.unwrap();
        response.into_body().collect().await.unwrap();
        assert_eq!(seen.one().get("verdicts"), verdicts.as_ref());
    }
}

#[tokio::test]
async fn lines_of_a_body_that_is_made_while_it_is_sent_are_the_requests() {
    use http_body::Frame;

    struct Talks(bool);
    impl http_body::Body for Talks {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let first = !std::mem::replace(&mut self.0, true);
            tracing::info!("from the body");
            std::task::Poll::Ready(first.then(|| Ok(Frame::data(Bytes::from_static(b"x")))))
        }
    }
    let seen = Seen::json();
    let inner = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Talks(false))) });
    let layer = RequestLogLayer::new();
    let stack = buttress_correlation_id::CorrelationIdLayer::default().layer(layer.layer(inner));
    let request = Request::builder().header("x-correlation-id", "flow-1").body(()).unwrap();
    stack.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
    let lines = seen.objects();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line["correlation_id"] == "flow-1"), "{lines:?}");
}

#[tokio::test]
async fn what_the_layer_alone_knows_to_be_secret_is_hidden_in_its_path() {
    let seen = Seen::json();
    let redactor = buttress_redact::Redactor::builder().secret("open-sesame").build().unwrap();
    let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(answer(200, None)));
    let service = RequestLogLayer::new().redactor(redactor).layer(inner);
    let request = Request::get("//ann:pw@caves/open-sesame/door").body(()).unwrap();
    service.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(seen.one()["path"], "//***REDACTED***@caves/***REDACTED***/door");
}
