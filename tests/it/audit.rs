//! What the example server writes down for good, over real sockets.

mod actions;
mod connectors;
mod crashes;
mod disk;
mod ends;
mod flood;
mod injection;
mod reading;
mod secrets;
mod strangers;

use std::fs;
use std::path::{Path, PathBuf};

use axum::body::Bytes;
use buttress::audit::verify::{Evidence, Verdict, verify};
use control_plane::{ControlPlane, Secret};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::process::folder;
use crate::world::{Answer, CORRELATION_ID, IDEMPOTENCY_KEY, World, new_key, no_retry, until};

const PACKAGES: &str = "/api/v1/packages";
const DEPLOYMENTS: &str = "/api/v1/deployments";
const AUDIT: &str = "/api/v1/audit";
/// What callers show, unless they are administrators.
const KEY: &str = "key-of-the-caller-0123456789";
const ADMIN: &str = "key-of-the-administrator-9876";

/// Where a log is, with the key that signs it and its anchor beside it.
struct Place(TempDir);

/// A server whose log a test looks into.
struct Audited {
    world: World,
    place: Place,
}

/// A line of the log.
#[derive(Debug)]
struct Record {
    seq: u64,
    event: Value,
}

impl Place {
    fn new() -> Self {
        Self(folder())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn log(&self) -> PathBuf {
        self.path().join("audit")
    }

    /// Every record, the oldest first.
    fn records(&self) -> Vec<Record> {
        records_in(&self.log())
    }

    /// The events that belong to a request.
    fn of(&self, correlation_id: &str) -> Vec<Value> {
        let all = self.records().into_iter().map(|record| record.event);
        all.filter(|event| event["correlation_id"] == correlation_id).collect()
    }

    /// The one event in which the end of a request is told.
    fn end_of(&self, correlation_id: &str) -> Value {
        let ends = self.of(correlation_id).into_iter().filter(is_end).collect::<Vec<_>>();
        let [end] = &ends[..] else { panic!("not one end of {correlation_id}: {ends:?}") };
        end.clone()
    }

    /// What was done through connectors for a request.
    fn calls_of(&self, correlation_id: &str) -> Vec<Value> {
        self.of(correlation_id).into_iter().filter(|event| event["action"] == "CONNECTOR_CALL").collect()
    }

    fn verdict(&self) -> Verdict {
        verdict_on(&self.log())
    }
}

/// The records of a log, each of which has to be a line of JSON.
fn records_in(log: &Path) -> Vec<Record> {
    let files = fs::read_dir(log).expect("a log").map(|file| file.expect("a file").path());
    let mut files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|extension| extension == "jsonl")).collect();
    files
        .retain(|file| file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"segment-")));
    files.sort_unstable();
    let text: String = files.iter().map(|file| fs::read_to_string(file).expect("UTF-8")).collect();
    // Behind the last line feed there may be a line that is being written.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.split('\n').map(Record::read).collect()
}

/// What a stranger with the public key and the anchor finds.
fn verdict_on(log: &Path) -> Verdict {
    let evidence = Evidence::new().keys_from(log.join("key.pub")).expect("a key");
    // Where there is none yet, nothing is taken for anchored.
    let anchor = log.with_file_name("audit-anchor");
    let evidence = if anchor.exists() { evidence.anchor_from(anchor).expect("an anchor") } else { evidence };
    verify(log, &evidence, |_| {}).expect("a log").verdict
}

fn is_end(event: &Value) -> bool {
    event["request"].is_object() && event["stage"] != "received"
}

impl Record {
    fn read(line: &str) -> Self {
        let mut line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line:?}"));
        Self { seq: line["chain"]["seq"].as_u64().expect("a number"), event: line["event"].take() }
    }
}

impl Audited {
    /// Without waits, and with a breaker that does not close by itself.
    async fn start() -> Self {
        Self::with(ControlPlane::builder().resilience(no_retry())).await
    }

    async fn with(control_plane: ControlPlane) -> Self {
        let place = Place::new();
        Self { world: World::with(place.of_admin(control_plane)).await, place }
    }

    /// Somebody with a key asks; the correlation ID is how a test finds what became of it.
    fn request(&self, id: &str, method: Method, path: &str) -> RequestBuilder {
        self.world.request(method, path).header(CORRELATION_ID, id)
    }

    async fn get(&self, id: &str, path: &str) -> Answer {
        Answer::to(self.request(id, Method::GET, path).header("x-api-key", KEY)).await
    }

    async fn post(&self, id: &str, path: &str, body: Value) -> Answer {
        self.post_with(&new_key(), id, path, body).await
    }

    async fn post_with(&self, key: &str, id: &str, path: &str, body: Value) -> Answer {
        let request = self.request(id, Method::POST, path).header("x-api-key", KEY);
        Answer::to(request.header(IDEMPOTENCY_KEY, key).json(&body)).await
    }

    /// An administrator looks into the log.
    async fn read(&self, query: &str) -> Answer {
        self.read_as("read", query).await
    }

    async fn read_as(&self, id: &str, query: &str) -> Answer {
        Answer::to(self.request(id, Method::GET, &format!("{AUDIT}{query}")).header("x-api-key", ADMIN)).await
    }

    /// Waits for the end of a request whose caller does not.
    async fn ended(&self, id: &str) -> Value {
        until(async || self.place.of(id).iter().any(is_end)).await;
        self.place.end_of(id)
    }

    /// A log that was closed is whole, to its very end.
    async fn stop(self) -> Place {
        self.world.stop().await;
        assert_eq!(self.place.verdict(), Verdict::Intact);
        let numbers: Vec<_> = self.place.records().iter().map(|record| record.seq).collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
        self.place
    }
}

impl Place {
    fn of_admin(&self, control_plane: ControlPlane) -> ControlPlane {
        control_plane.audit(self.log()).admin_key(Secret::new(ADMIN))
    }
}

/// How records name whoever shows this key.
fn holder_of(key: &str) -> String {
    let hash = Sha256::new().chain_update("key ").chain_update(key).finalize();
    format!("{:x}", Bytes::copy_from_slice(&hash[..8]))
}
