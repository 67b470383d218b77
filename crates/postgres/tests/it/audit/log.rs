use std::time::Duration;

use buttress_audit::log::AuditLog;
use buttress_audit::sink::{Feeder, FeederBuilder, FeederHandle, FeederStatus};
use buttress_audit::{Action, Event};
use buttress_backoff::{Backoff, Jitter};
use buttress_postgres::{PostgresSink, PostgresStore};
use buttress_testkit::patience::{PATIENCE, within};
use tempfile::TempDir;

use crate::bench::sql;

/// A log of a test's own.
pub(super) struct Written {
    _folder: TempDir,
    pub(super) log: AuditLog,
}

impl Written {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::open(folder.path().join("log")).unwrap();
        Self { _folder: folder, log }
    }

    /// Records events, and says how many records the log has then.
    pub(super) async fn add(&self, events: usize) -> u64 {
        for n in 0..events {
            let event = Event::builder(Action::UPDATE).detail("n", n).detail("text", "z".repeat(300));
            self.log.record(event.build()).await.unwrap();
        }
        self.log.watch().borrow().seq
    }

    /// The lines of its files.
    pub(super) fn lines(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.log.directory()).unwrap().map(|entry| entry.unwrap().path());
        let is_segment = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "jsonl");
        let mut files: Vec<_> =
            files.filter(is_segment).filter(|path| path.to_string_lossy().contains("segment")).collect();
        files.sort();
        let text: String = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
        text.lines().map(str::to_owned).collect()
    }

    pub(super) fn forget_cursor(&self) {
        std::fs::remove_file(self.log.directory().join("cursors/postgres.json")).unwrap();
    }
}

/// A feeder that loses no time between attempts.
pub(super) fn feeder(store: &PostgresStore) -> FeederBuilder<PostgresSink> {
    let backoff = Backoff::constant(Duration::from_millis(20)).jitter(Jitter::None).build().unwrap();
    Feeder::builder(store.audit_sink()).batch_records(100).backoff(backoff)
}

pub(super) async fn feed(store: &PostgresStore, written: &Written) -> FeederHandle {
    feeder(store).build().unwrap().start(&written.log).await.unwrap()
}

/// Hands everything on that is in the log.
pub(super) async fn feed_all(store: &PostgresStore, written: &Written) {
    let end = written.log.watch().borrow().seq;
    let status = feed(store, written).await.stop(PATIENCE).await;
    assert_eq!((status.confirmed, status.lag), (end, 0), "{status:?}");
}

/// The numbers of the records, in the order in which they came.
pub(super) async fn arrived(store: &PostgresStore) -> Vec<i64> {
    let row = sql(store, "select coalesce(array_agg(seq order by ctid), '{}') from buttress.audit").await;
    row.unwrap().get(0)
}

pub(super) fn up_to(end: u64) -> Vec<i64> {
    (1..=i64::try_from(end).unwrap()).collect()
}

/// How long something is waited for that takes seconds, so that a fault fails a test and does not hang it.
const LONG: Duration = Duration::from_secs(300);

/// Waits that end.
pub(super) trait Until {
    /// Waits until something holds of a feeder, or it is at its end.
    async fn until(&self, what: &str, holds: impl FnMut(&FeederStatus) -> bool) -> FeederStatus;

    async fn until_confirmed(&self, seq: u64) -> FeederStatus {
        self.until(&format!("record {seq} is confirmed"), |status| status.confirmed >= seq).await
    }
}

impl Until for FeederHandle {
    async fn until(&self, what: &str, holds: impl FnMut(&FeederStatus) -> bool) -> FeederStatus {
        within(LONG, self.reached(holds), || format!("{what}; there is {:?}", self.status())).await
    }
}
