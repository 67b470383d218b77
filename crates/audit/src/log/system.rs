use std::time::SystemTime;

use buttress_core::WallClock;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Head;
use super::gap::Losses;

/// Writes what the log has to say about itself.
#[derive(Clone, Debug)]
pub(super) struct Clerk {
    clock: WallClock,
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

    pub(super) fn segment_opened(&self, after: Head, why: WhyNext) -> Vec<u8> {
        let previous =
            json!({ "seq": after.seq, "hash": after.to_string().split_once(':').map(|(_, hash)| hash) });
        self.event("AUDIT_SEGMENT_OPENED", "info", &json!({ "previous": previous, "why": why.as_str() }))
    }

    pub(super) fn gap(&self, losses: &Losses) -> Vec<u8> {
        self.event("AUDIT_GAP", "high", &losses.details())
    }

    /// Something that happened to the log.
    pub(super) fn event(&self, action: &str, severity: &str, details: &Value) -> Vec<u8> {
        let event = json!({
            "v": 1,
            "id": Uuid::now_v7(),
            "ts": timestamp(self.now()),
            "category": "system",
            "action": action,
            "outcome": "success",
            "severity": severity,
            "details": details,
        });
        event.to_string().into_bytes()
    }
}

/// A moment as a date, to the microsecond.
pub(super) fn timestamp(at: SystemTime) -> Option<String> {
    jiff::Timestamp::try_from(at).ok().map(|at| format!("{at:.6}"))
}
