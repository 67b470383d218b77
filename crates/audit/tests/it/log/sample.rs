use std::fs;
use std::path::{Path, PathBuf};

use buttress_audit::log::{AuditLog, AuditLogBuilder, Head, Line, OpenError, Status};
use buttress_audit::{Action, Event};
use buttress_core::Ratio;
use buttress_testkit::patience::{PATIENCE, looking, within};
use serde_json::Value;

/// A log that has nothing to say about the room on the disk of whoever runs the tests.
pub(crate) fn builder(directory: impl AsRef<Path>) -> AuditLogBuilder {
    AuditLog::builder(directory).disk_low(Ratio::ZERO, 0).disk_critical(Ratio::ZERO)
}

pub(crate) fn open(directory: impl AsRef<Path>) -> Result<AuditLog, OpenError> {
    builder(directory).open()
}

/// An event that says which one it is.
pub(crate) fn numbered(action: Action, number: u64) -> Event {
    Event::builder(action).detail("number", number).build()
}

/// A record as it is found in a log.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) seq: u64,
    pub(crate) event: Value,
}

impl Found {
    pub(crate) fn action(&self) -> &str {
        self.event["action"].as_str().unwrap()
    }

    /// Which event it is, if it is one of ours.
    pub(crate) fn number(&self) -> Option<u64> {
        self.event["details"]["number"].as_u64()
    }

    pub(crate) fn details(&self) -> &Value {
        &self.event["details"]
    }
}

pub(crate) fn segments(directory: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> =
        names.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    segments.sort();
    segments
}

/// Everything in a log, after every line was checked to continue the one before it.
pub(crate) fn records(directory: &Path) -> Vec<Found> {
    records_of(&segments(directory))
}

/// The same for some files that follow one another.
pub(crate) fn records_of(segments: &[PathBuf]) -> Vec<Found> {
    let (mut found, mut chain) = (Vec::new(), None::<(_, Head)>);
    for segment in segments {
        let text = fs::read(segment).unwrap();
        assert!(text.is_empty() || text.ends_with(b"\n"), "half a line in {}", segment.display());
        let lines = text.strip_suffix(b"\n").unwrap_or_default().split(|byte| *byte == b'\n');
        for line in lines {
            let line = Line::parse(line)
                .unwrap_or_else(|_| panic!("{}: {}", segment.display(), String::from_utf8_lossy(line)));
            let (id, before) = chain.unwrap_or((line.chain, Head { seq: line.seq - 1, hash: line.prev }));
            let head = line
                .follows(&before, id)
                .unwrap_or_else(|fault| panic!("{}: {fault:?} at {}", segment.display(), line.seq));
            chain = Some((id, head));
            found.push(Found { seq: line.seq, event: serde_json::from_slice(line.event).unwrap() });
        }
    }
    found
}

/// The numbers of our own events in a log, in its order.
pub(crate) fn numbers(directory: &Path) -> Vec<u64> {
    records(directory).iter().filter_map(Found::number).collect()
}

pub(crate) fn actions(directory: &Path) -> Vec<String> {
    records(directory).iter().map(|found| found.action().to_owned()).collect()
}

/// All that was emitted has become something.
pub(crate) fn assert_accounted(log: &AuditLog) {
    let totals = log.status().totals();
    assert_eq!(totals.emitted, totals.acknowledged + totals.shed + totals.failed, "{totals:?}");
}

/// Waits until something holds of a log.
pub(crate) async fn until(log: &AuditLog, what: &str, holds: impl Fn(&Status) -> bool) {
    let looking = looking(async || holds(&log.status()));
    within(PATIENCE, looking, || format!("{what}; there is {:?}", log.status())).await;
}
