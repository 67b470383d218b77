use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use buttress_audit::log::AuditLog;
use buttress_audit::sink::{Feeder, FeederHandle, FeederState};
use buttress_audit::{Action, Event, Severity};
use buttress_backoff::{Backoff, Jitter};
use buttress_core::Principal;
use buttress_telemetry::otlp::{OtlpSink, OtlpSinkBuilder};
use parking_lot::Mutex;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

const A_WHILE: Duration = Duration::from_secs(60);

/// A collector that answers by script, and with 200 when the script is over.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    script: VecDeque<(u16, &'static str, &'static str)>,
    /// How many records it refuses in one batch.
    most: Option<usize>,
    bodies: Vec<Value>,
    headers: Option<HeaderMap>,
    refused: usize,
}

impl Collector {
    /// A collector at work, with its address.
    async fn start(self) -> (String, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://user:hunter2@{}", listener.local_addr().unwrap());
        let app = Router::new().route("/v1/logs", post(collect)).with_state(self);
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, app).await.unwrap() });
        (address, task)
    }

    /// The log records that it took.
    fn records(&self) -> Vec<Value> {
        let seen = self.0.lock();
        let records = seen.bodies.iter().flat_map(|body| records(body).clone());
        records.collect()
    }

    fn seqs(&self) -> Vec<String> {
        let seq = |record: &Value| attribute(record, "audit.seq")["intValue"].as_str().unwrap().to_owned();
        self.records().iter().map(seq).collect()
    }
}

async fn collect(
    State(collector): State<Collector>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let mut seen = collector.0.lock();
    seen.headers = Some(headers);
    if seen.most.is_some_and(|most| records(&body).len() > most) {
        seen.refused += 1;
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    let (status, after, answer) = seen.script.pop_front().unwrap_or((200, "", "{}"));
    if status == 200 {
        seen.bodies.push(body);
    }
    let status = StatusCode::from_u16(status).unwrap();
    match after {
        "" => (status, answer).into_response(),
        after => (status, [("retry-after", after)], answer).into_response(),
    }
}

fn records(body: &Value) -> &Vec<Value> {
    body["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap()
}

fn attribute<'a>(record: &'a Value, key: &str) -> &'a Value {
    let attributes = record["attributes"].as_array().unwrap();
    &attributes.iter().find(|attribute| attribute["key"] == key).unwrap_or_else(|| panic!("{key}: {record}"))
        ["value"]
}

fn scripted(script: impl IntoIterator<Item = (u16, &'static str, &'static str)>) -> Collector {
    let collector = Collector::default();
    collector.0.lock().script = script.into_iter().collect();
    collector
}

/// A log with that many records behind those that it begins with.
async fn log(events: usize) -> (TempDir, AuditLog, u64) {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::open(folder.path().join("log")).unwrap();
    for n in 0..events {
        log.record(Event::builder(Action::UPDATE).detail("n", n).build()).await.unwrap();
    }
    let end = log.watch().borrow().seq;
    (folder, log, end)
}

async fn feed(sink: OtlpSinkBuilder, log: &AuditLog) -> FeederHandle {
    let backoff = Backoff::constant(Duration::from_millis(5)).jitter(Jitter::None).build().unwrap();
    let feeder = Feeder::builder(sink.build().unwrap()).batch_records(8).backoff(backoff);
    feeder.build().unwrap().start(log).await.unwrap()
}

fn up_to(end: u64) -> Vec<String> {
    (1..=end).map(|seq| seq.to_string()).collect()
}

#[tokio::test]
async fn a_record_is_a_log_record_with_its_place_in_the_log_and_masked_like_one() {
    let collector = Collector::default();
    let (address, _task) = collector.clone().start().await;
    let (_folder, log, _) = log(0).await;
    let event = Event::builder(Action::LOGIN)
        .severity(Severity::High)
        .actor(Principal::user("john.smith@example.com"))
        .trace(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331)
        .detail("note", "a\n\"b\"")
        .build();
    let receipt = log.record(event.clone()).await.unwrap();
    let sink = OtlpSink::builder(address).attribute("service.name", "shop").header("x-api-key", "k3y");
    feed(sink, &log).await.confirmed(receipt.seq.unwrap()).await;
    let body = collector.0.lock().bodies.last().unwrap().clone();
    let resource = &body["resourceLogs"][0]["resource"]["attributes"][0];
    assert_eq!(
        (&resource["key"], &resource["value"]["stringValue"]),
        (&"service.name".into(), &"shop".into())
    );
    assert_eq!(body["resourceLogs"][0]["scopeLogs"][0]["scope"]["name"], "buttress-audit");
    let record = records(&body).last().unwrap();
    assert_eq!((&record["severityNumber"], &record["severityText"]), (&17.into(), &"high".into()));
    assert_eq!((&record["eventName"], &record["spanId"]), (&"LOGIN".into(), &"b7ad6b7169203331".into()));
    assert_eq!(record["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(attribute(record, "audit.id")["stringValue"], event.id().to_string());
    assert_eq!(attribute(record, "audit.category")["stringValue"], "auth");
    assert_eq!(attribute(record, "audit.chain")["stringValue"], log.chain().to_string());
    assert_eq!(attribute(record, "audit.seq")["intValue"], receipt.seq.unwrap().to_string());
    assert_eq!(attribute(record, "audit.hash")["stringValue"].as_str().unwrap().len(), 64);
    let nanos = event.at().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() * 1_000;
    assert_eq!(record["timeUnixNano"], nanos.to_string());
    let text = record["body"]["stringValue"].as_str().unwrap();
    let inner: Value = serde_json::from_str(text).unwrap();
    assert_eq!(inner["details"]["note"], "a\n\"b\"");
    assert!(text.contains("joh***@example.com") && !body.to_string().contains("john.smith"), "{text}");
    let headers = collector.0.lock().headers.clone().unwrap();
    assert_eq!(
        (&headers["content-type"], &headers["x-api-key"]),
        (&"application/json".parse().unwrap(), &"k3y".parse().unwrap())
    );
}

#[tokio::test]
async fn a_collector_that_is_busy_is_asked_again_when_it_said_and_nothing_is_lost() {
    let collector = scripted([(503, "", ""), (429, "1", ""), (500, "", ""), (504, "", "")]);
    let (address, _task) = collector.clone().start().await;
    let (_folder, log, end) = log(30).await;
    let began = Instant::now();
    let status = feed(OtlpSink::builder(address), &log).await.confirmed(end).await;
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(status.failures, 4);
    assert_eq!(
        status.last_error.as_deref(),
        Some("the sink takes no records at the moment: the collector answered 504 Gateway Timeout")
    );
    assert_eq!(collector.seqs(), up_to(end));
}

#[tokio::test]
async fn what_a_collector_rejects_of_a_batch_is_counted_and_the_rest_goes_on() {
    let partly = r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}"#;
    let collector = scripted([(200, "", partly), (200, "", "{}"), (200, "", partly)]);
    let (address, _task) = collector.clone().start().await;
    let (_folder, log, end) = log(30).await;
    let sink = OtlpSink::builder(address).build().unwrap();
    let rejected = sink.rejected();
    let handle = Feeder::builder(sink).batch_records(8).build().unwrap().start(&log).await.unwrap();
    let status = handle.confirmed(end).await;
    assert_eq!((status.failures, rejected.count()), (0, 6));
    assert_eq!(collector.seqs(), up_to(end));
}

#[tokio::test]
async fn batches_that_are_too_large_for_a_collector_shrink_and_a_record_that_is_refused_alone_is_counted() {
    let collector = Collector::default();
    collector.0.lock().most = Some(2);
    let (address, _task) = collector.clone().start().await;
    let (_folder, log, end) = log(20).await;
    feed(OtlpSink::builder(&*address), &log).await.confirmed(end).await;
    assert_eq!(collector.seqs(), up_to(end));
    assert!(collector.0.lock().refused >= 2);

    let refusing = scripted([(400, "", "")]);
    let (address, _task) = refusing.clone().start().await;
    let sink = OtlpSink::builder(address).name("other").build().unwrap();
    let rejected = sink.rejected();
    let handle = Feeder::builder(sink).batch_records(1).build().unwrap().start(&log).await.unwrap();
    let status = handle.confirmed(end).await;
    assert_eq!((status.failures, rejected.count()), (0, 1));
    assert_eq!(refusing.seqs(), up_to(end)[1..]);
}

#[tokio::test]
async fn a_wrong_address_is_told_without_the_password_in_it() {
    let (_folder, log, _) = log(1).await;
    let handle = feed(OtlpSink::builder("http://user:hunter2@127.0.0.1:1"), &log).await;
    let status = handle.reached(|status| status.failures > 0).await;
    let said = status.last_error.unwrap();
    assert!(said.contains("no answer from the collector") && !said.contains("hunter2"), "{said}");
    handle.stop(Duration::ZERO).await;

    let (address, _task) = Collector::default().start().await;
    let handle = feed(OtlpSink::builder(format!("{address}/elsewhere")), &log).await;
    let status = handle.reached(|status| status.failures > 0).await;
    assert_eq!(status.state, FeederState::Failing);
    let said = status.last_error.unwrap();
    assert_eq!(&*said, "the sink cannot take records as it is set up: the collector answered 404 Not Found");
}

#[tokio::test]
async fn a_collector_that_does_not_answer_is_given_up_on_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_folder, log, end) = log(1).await;
    let address = format!("http://{}", silent.local_addr().unwrap());
    let handle = feed(OtlpSink::builder(address).call_timeout(Duration::from_millis(50)), &log).await;
    let status = tokio::time::timeout(A_WHILE, handle.reached(|status| status.failures > 1)).await.unwrap();
    assert!(status.last_error.unwrap().contains("no answer from the collector"));
    assert_eq!((status.confirmed, status.lag), (0, end));
}

#[test]
fn all_settings_that_cannot_be_used_are_named_at_once_and_no_secret_is() {
    let builder = OtlpSink::builder("ftp://user:hunter2@host")
        .name("No Name")
        .header("x-key", "hunter3\n")
        .call_timeout(Duration::ZERO);
    let builder = (0..65).fold(builder, |builder, n| builder.attribute(n.to_string(), "x"));
    let shown = format!("{builder:?}");
    let error = builder.build().unwrap_err().to_string();
    for secret in ["hunter2", "hunter3"] {
        assert!(!shown.contains(secret) && !error.contains(secret), "{error}");
    }
    for field in ["endpoint", "name", "header", "attribute", "call_timeout"] {
        assert!(error.contains(&format!("otlp: {field} is")), "{error}");
    }
    let sink = OtlpSink::builder("http://user:hunter2@host").header("x-key", "hunter3").build().unwrap();
    assert!(!format!("{sink:?}").contains("hunter"));
}
