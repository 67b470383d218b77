//! The beginning of a request's body, as the handler read it.

use std::convert::Infallible;

use buttress_audit::{AuditBody, AuditLayer, Bodies, Level, MemoryRecorder};
use buttress_http::AsProblem;
use buttress_testkit::{ScriptedBody, Step, message};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use super::{Body, only};

fn layer(cap_bytes: usize) -> (MemoryRecorder, AuditLayer<MemoryRecorder, AsProblem, Bodies>) {
    let records = MemoryRecorder::new();
    let layer = AuditLayer::inbound(records.clone()).with_bodies().level(Level::Body { cap_bytes });
    (records, layer.build().unwrap())
}

/// Sends a body to a handler that reads all of it, and gives the record.
async fn record(cap_bytes: usize, media_type: &str, body: impl Into<Bytes>) -> Value {
    let (records, layer) = layer(cap_bytes);
    let body = body.into();
    let expected = body.clone();
    let inner = service_fn(move |request: Request<AuditBody<Body>>| {
        let expected = expected.clone();
        async move {
            let read = request.into_body().collect().await?.to_bytes();
            assert_eq!(read, expected, "the handler gets what was sent");
            Ok::<_, Infallible>(Response::new(Body::default()))
        }
    });
    let mut request = message::post("/", body);
    request.headers_mut().insert("content-type", media_type.parse().unwrap());
    let Ok(_) = layer.layer(inner).oneshot(request).await;
    only(&records)
}

#[tokio::test(start_paused = true)]
async fn a_json_body_is_recorded_as_json_without_its_secrets() {
    let pretty = "{\n  \"user\": \"ann\",\n  \"password\": \"hunter2\",\n  \"note\": \"a\u{2028}b\"\n}";
    let record = record(1024, "application/json; charset=utf-8", pretty).await;
    let body = json!({"user": "ann", "password": "***REDACTED***", "note": "a\u{2028}b"});
    assert_eq!(record["request"]["body"], body);
    assert_eq!(record["request"]["body_bytes"], pretty.len());
    assert_eq!(record["redaction"], json!({"names": 1, "values": 0, "truncated": 0}));
}

#[tokio::test(start_paused = true)]
async fn a_body_beyond_the_cap_is_cut_after_it_was_redacted_and_the_record_says_so() {
    let long = format!("{{\"a\":\"{}\",\"password\":\"hunter2hunter2\"}}", "x".repeat(20));
    let record = record(50, "application/problem+json", long.clone()).await;
    let shown = record["request"]["body"].as_str().unwrap();
    // A mask that was cut in two is made whole again.
    let is_cut = shown.len() <= 50 + "***REDACTED***".len();
    assert!(is_cut && shown.starts_with("{\"a\":\"xxx") && !shown.contains("hunter"), "{shown}");
    assert_eq!(record["request"]["body_bytes"], long.len());
    assert_eq!(record["redaction"]["truncated"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_secret_on_the_border_of_a_body_is_not_left_in_half() {
    let text = format!("{} ghp_16C7e42F292c6912E7710c838347Ae178B4a", "x".repeat(40));
    let record = record(60, "text/plain", text).await;
    assert!(!record["request"]["body"].as_str().unwrap().contains("ghp_"), "{record}");
}

#[tokio::test(start_paused = true)]
async fn forms_and_text_are_recorded_and_what_is_neither_is_only_counted() {
    let form = record(1024, "application/x-www-form-urlencoded", "user=ann&password=hunter2%21").await;
    assert_eq!(form["request"]["body"], "user=ann&password=***REDACTED***");
    let text = record(1024, "text/plain", "by john@example.com").await;
    assert_eq!(text["request"]["body"], "by joh***@example.com");
    let image = record(1024, "image/png", vec![0x89, b'P', 0, 255]).await;
    assert_eq!((image["request"].get("body"), &image["request"]["body_bytes"]), (None, &json!(4)));
    let broken = record(1024, "application/json", "{\"password\":\"hunter2\"").await;
    assert!(!broken.to_string().contains("hunter2"), "{broken}");
}

#[tokio::test(start_paused = true)]
async fn a_compressed_body_is_not_taken_for_text() {
    let (records, layer) = layer(64);
    let inner = service_fn(|request: Request<AuditBody<Body>>| async move {
        request.into_body().collect().await?;
        Ok::<_, Infallible>(Response::new(Body::default()))
    });
    let mut request = message::post("/", "{}");
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    let Ok(_) = layer.layer(inner).oneshot(request).await;
    assert_eq!(only(&records)["request"].get("body"), None);
}

#[tokio::test(start_paused = true)]
async fn a_body_in_an_encoding_in_which_no_secret_would_be_found_is_only_counted() {
    let wide: Vec<u8> = "{\"password\":\"hunter2\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for media_type in ["application/json; charset=utf-16", "text/plain;x=1; Charset=\"UTF-16LE\""] {
        let record = record(1024, media_type, wide.clone()).await;
        let request = &record["request"];
        assert_eq!((request.get("body"), &request["body_bytes"]), (None, &json!(wide.len())), "{media_type}");
    }
    let plain = record(1024, "text/plain; charset=\"UTF-8\"; format=flowed", "as ever").await;
    assert_eq!(plain["request"]["body"], "as ever");
}

/// What the handler did not read, nobody read: the record says that it is not all.
#[tokio::test(start_paused = true)]
async fn a_body_is_recorded_as_far_as_the_handler_read_it() {
    let (records, layer) = layer(1024);
    let inner = service_fn(|request: Request<AuditBody<ScriptedBody>>| async move {
        let mut body = request.into_body();
        assert!(!body.is_end_stream());
        body.frame().await.unwrap().unwrap();
        Ok::<_, Infallible>(Response::new(Body::default()))
    });
    let (body, probe) = ScriptedBody::new([Step::Data("first ".into()), Step::Data("second".into())]);
    let mut request = message::request(http::Method::POST, "/", body);
    request.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    let Ok(_) = layer.layer(inner).oneshot(request).await;
    let record = only(&records);
    assert_eq!((&record["request"]["body"], &record["request"]["body_bytes"]), (&json!("first "), &json!(6)));
    assert_eq!(record["redaction"]["truncated"], 1);
    assert_eq!(probe.bytes_read(), 6);
}
