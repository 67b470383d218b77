//! The layer: what is recorded of a request, whatever becomes of it.

mod bodies;
mod building;
mod contract;
mod cost;
mod endings;
mod fail_closed;
mod flood;
mod handle;
mod injection;
mod on_disk;
mod rules;
mod statistics;
mod waiting;
mod who;

use std::convert::Infallible;
use std::time::Duration;

use buttress_audit::{AuditBuilder, AuditLayer, MemoryRecorder};
use buttress_testkit::{Reply, Strict};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::Value;
use tower::{Layer, ServiceExt};

const SECOND: Duration = Duration::from_secs(1);

type Body = Full<Bytes>;
type Inner = Strict<Request<Body>, Response<Body>, Infallible>;

/// A place for records, and a layer that records there.
fn recorded() -> (MemoryRecorder, AuditBuilder<MemoryRecorder>) {
    let records = MemoryRecorder::new();
    (records.clone(), AuditLayer::inbound(records))
}

fn answers(status: u16) -> Inner {
    Strict::with(move |_, _| Reply::Ok(Response::builder().status(status).body(Body::default()).unwrap()))
}

/// Sends one request through the layer to a service.
async fn send(layer: &AuditLayer<MemoryRecorder>, inner: Inner, request: Request<Body>) -> Response<Body> {
    let Ok(response) = layer.layer(inner).oneshot(request).await;
    response
}

/// The records as they are written.
fn read(records: &MemoryRecorder) -> Vec<Value> {
    records.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The one record that there is.
fn only(records: &MemoryRecorder) -> Value {
    let mut all = read(records);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

/// Outcome, reason and stage.
fn end_of(record: &Value) -> (&str, Option<&str>, &str) {
    (record["outcome"].as_str().unwrap(), record["reason"].as_str(), record["stage"].as_str().unwrap())
}
