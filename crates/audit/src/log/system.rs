use std::time::SystemTime;

use buttress_core::WallClock;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Head;
use super::gap::Losses;
use super::refusals::Summary;
use crate::{Category, Outcome, Severity, Stage};

/// Writes what the log has to say about itself.
#[derive(Clone, Debug)]
pub(super) struct Clerk {
    clock: WallClock,
}

/// A record with the members that every record has. There is nothing in it that a stranger chose, so nothing in it is
/// redacted: a mask in the middle of a hash would be of no use.
#[derive(Serialize)]
struct Record<'a> {
    v: u8,
    id: Uuid,
    ts: Option<String>,
    category: &'static str,
    action: &'a str,
    outcome: &'static str,
    severity: &'static str,
    stage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    details: &'a Value,
}

/// Why a file was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhyNext {
    /// It is the first.
    Begun,
    Size,
    Age,
    /// Somebody asked for it.
    Demand,
    /// The file before it could not be written or synced.
    Failure,
}

impl WhyNext {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Size => "size",
            Self::Age => "age",
            Self::Demand => "demand",
            Self::Failure => "failure",
        }
    }
}

impl Clerk {
    pub(super) const fn new(clock: WallClock) -> Self {
        Self { clock }
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// `first_kept` is the oldest record that is kept, if that is known: a start can tell by it whether a file is
    /// missing at the beginning.
    pub(super) fn segment_opened(&self, after: Head, why: WhyNext, first_kept: Option<u64>) -> Vec<u8> {
        let previous = json!({ "seq": after.seq, "hash": hash(after) });
        let details = match first_kept {
            Some(first) => json!({ "previous": previous, "why": why.as_str(), "first_kept": first }),
            None => json!({ "previous": previous, "why": why.as_str() }),
        };
        self.event("AUDIT_SEGMENT_OPENED", Severity::Info, &details)
    }

    pub(super) fn gap(&self, losses: &Losses) -> Vec<u8> {
        self.event("AUDIT_GAP", Severity::High, &losses.details())
    }

    /// Requests that were refused, and have no record of their own.
    pub(super) fn refusals(&self, summary: &Summary) -> Vec<u8> {
        let why = summary.why();
        let details = summary.details();
        let record = self.record("AUDIT_REFUSALS", Severity::Medium, &details);
        bytes_of(&Record { outcome: why.outcome().as_str(), reason: Some(why.as_str()), ..record })
    }

    /// Something that happened to the log.
    pub(super) fn event(&self, action: &str, severity: Severity, details: &Value) -> Vec<u8> {
        bytes_of(&self.record(action, severity, details))
    }

    fn record<'a>(&self, action: &'a str, severity: Severity, details: &'a Value) -> Record<'a> {
        Record {
            v: 1,
            id: Uuid::now_v7(),
            ts: timestamp(self.now()),
            category: Category::System.as_str(),
            action,
            outcome: Outcome::Success.as_str(),
            severity: severity.as_str(),
            stage: Stage::Complete.as_str(),
            reason: None,
            details,
        }
    }
}

fn bytes_of(record: &Record<'_>) -> Vec<u8> {
    serde_json::to_vec(record).unwrap_or_else(|_| b"{}".to_vec())
}

/// The hash of a record, as it stands in lines.
pub(super) fn hash(head: Head) -> String {
    super::hex::encoded::<64>(&head.hash).map(char::from).iter().collect()
}

/// A moment as a date, to the microsecond.
pub(super) fn timestamp(at: SystemTime) -> Option<String> {
    jiff::Timestamp::try_from(at).ok().map(|at| format!("{at:.6}"))
}
