use std::time::Duration;

use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, Context};
use buttress_audit::log::AuditLog;
use buttress_audit::sink::{Feeder, FeederBuilder, FeederHandle, FeederStatus};
use buttress_audit::{Action, Event};
use buttress_backoff::{Backoff, Jitter};
use buttress_nats::{NatsSink, NatsSinkBuilder};
use buttress_testkit::nats::NatsServer;
use tempfile::TempDir;

pub(crate) const A_WHILE: Duration = Duration::from_secs(60);
/// For servers that are stopped; the others answer well before.
pub(crate) const LIMIT: Duration = Duration::from_millis(500);

/// A log of a test's own.
pub(crate) struct Written {
    folder: TempDir,
    pub(crate) log: AuditLog,
}

impl Written {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::open(folder.path().join("log")).unwrap();
        Self { folder, log }
    }

    /// Records events, and says how many records the log has then.
    pub(crate) async fn add(&self, events: usize) -> u64 {
        for n in 0..events {
            let event = Event::builder(Action::UPDATE).detail("n", n).detail("text", "z".repeat(300));
            self.log.record(event.build()).await.unwrap();
        }
        self.log.watch().borrow().seq
    }

    /// The lines of its files.
    pub(crate) fn lines(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.log.directory()).unwrap().map(|entry| entry.unwrap().path());
        let is_segment = |path: &std::path::PathBuf| path.to_string_lossy().contains("/segment-");
        let mut files: Vec<_> = files.filter(is_segment).collect();
        files.sort();
        let text: String = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn forget_cursor(&self) {
        std::fs::remove_file(self.log.directory().join("cursors/nats.json")).unwrap();
    }

    /// The name of its stream.
    pub(crate) fn stream(&self) -> String {
        format!("audit-{}", self.log.chain())
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

pub(crate) fn builder(server: &NatsServer) -> NatsSinkBuilder {
    NatsSink::builder(server.url()).call_timeout(Duration::from_secs(20))
}

/// A feeder that loses no time between attempts.
pub(crate) fn feeder(sink: NatsSink) -> FeederBuilder<NatsSink> {
    let backoff = Backoff::constant(Duration::from_millis(20)).jitter(Jitter::None).build().unwrap();
    Feeder::builder(sink).batch_records(100).backoff(backoff)
}

pub(crate) async fn feed(sink: NatsSinkBuilder, written: &Written) -> FeederHandle {
    feeder(sink.build().unwrap()).build().unwrap().start(&written.log).await.unwrap()
}

/// Hands everything on that is in the log.
pub(crate) async fn feed_all(server: &NatsServer, written: &Written) {
    let end = written.log.watch().borrow().seq;
    let status = feed(builder(server), written).await.stop(A_WHILE).await;
    assert_eq!((status.confirmed, status.lag), (end, 0), "{status:?}");
}

pub(crate) async fn context(server: &NatsServer) -> Context {
    jetstream::new(async_nats::connect(server.url()).await.unwrap())
}

/// The messages of a stream, by their sequences: subject, ID and body.
pub(crate) async fn messages(server: &NatsServer, name: &str) -> Vec<(String, String, String)> {
    let stream = context(server).await.get_stream(name).await.unwrap();
    let state = &stream.cached_info().state;
    let mut messages = Vec::new();
    for sequence in state.first_sequence..=state.last_sequence {
        messages.push(message(&stream, sequence).await);
    }
    messages
}

async fn message(stream: &Stream, sequence: u64) -> (String, String, String) {
    let message = stream.get_raw_message(sequence).await.unwrap();
    let id = message.headers.get("Nats-Msg-Id").unwrap().to_string();
    (message.subject.to_string(), id, String::from_utf8(message.payload.to_vec()).unwrap())
}

/// The bodies of a stream.
pub(crate) async fn bodies(server: &NatsServer, written: &Written) -> Vec<String> {
    messages(server, &written.stream()).await.into_iter().map(|(_, _, body)| body).collect()
}

/// How long something is waited for that takes seconds, so that a fault fails a test and does not hang it.
const LONG: Duration = Duration::from_secs(300);

/// Waits that end.
pub(crate) trait Until {
    /// Waits until something holds of a feeder, or it is at its end.
    async fn until(&self, what: &str, holds: impl FnMut(&FeederStatus) -> bool) -> FeederStatus;

    async fn until_confirmed(&self, seq: u64) -> FeederStatus {
        self.until(&format!("record {seq} is confirmed"), |status| status.confirmed >= seq).await
    }
}

impl Until for FeederHandle {
    async fn until(&self, what: &str, holds: impl FnMut(&FeederStatus) -> bool) -> FeederStatus {
        let reached = tokio::time::timeout(LONG, self.reached(holds)).await;
        reached
            .unwrap_or_else(|_| panic!("still not so after {LONG:?}: {what}; there is {:?}", self.status()))
    }
}
