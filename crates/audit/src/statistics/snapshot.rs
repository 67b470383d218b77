use buttress_redact::Redactor;
use serde::{Serialize, Serializer};

use super::sketch::Slot;
use crate::event::{Category, Outcome};

/// What was counted up to a moment; see [`Statistics`](super::Statistics).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StatisticsSnapshot {
    /// How many events were handed to the log.
    pub recorded: u64,
    /// How many of them tell of a success.
    pub succeeded: u64,
    /// How many found no room, or got no receipt. The latter are among those recorded too.
    pub unrecorded: u64,
    /// How many had which outcome.
    #[serde(serialize_with = "outcomes")]
    pub outcomes: [(Outcome, u64); Outcome::ALL.len()],
    /// How many were of which family.
    #[serde(serialize_with = "categories")]
    pub categories: [(Category, u64); Category::ALL.len()],
    /// Who acted most often, as `kind:id`.
    pub users: Vec<Tally>,
    /// To what something was done most often, as `type:id`.
    pub resources: Vec<Tally>,
    /// What was done most often.
    pub actions: Vec<Tally>,
}

impl StatisticsSnapshot {
    /// Which part of all succeeded, 0 to 1; none where nothing was recorded.
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no 53 bits")]
    pub fn success_rate(&self) -> Option<f64> {
        (self.recorded > 0).then(|| self.succeeded as f64 / self.recorded as f64)
    }

    /// How many had an outcome.
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize].1
    }

    /// How many were of a family.
    pub fn category(&self, category: Category) -> u64 {
        self.categories[category as usize].1
    }
}

/// How often one of many was counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Tally {
    /// What it is called.
    pub name: String,
    /// How often it was counted; never too low.
    pub count: u64,
    /// By how much the count may be too high.
    pub error: u64,
    /// Which part of those that were certainly seen succeeded, 0 to 1.
    pub success_rate: f64,
}

/// Kind and ID apart: together they read like a name and its value, and every `api_key:..` would be hidden.
fn redacted(name: &str, redactor: &Redactor) -> String {
    match name.split_once(':') {
        Some((kind, id)) => format!("{}:{}", redactor.text(kind), redactor.text(id)),
        None => redactor.text(name).into_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no 53 bits")]
pub(super) fn tally(slots: Vec<Slot>, redactor: &Redactor) -> Vec<Tally> {
    let one = |slot: Slot| Tally {
        name: redacted(&slot.name, redactor),
        count: slot.count,
        error: slot.error,
        success_rate: slot.succeeded as f64 / (slot.count - slot.error) as f64,
    };
    slots.into_iter().map(one).collect()
}

fn outcomes<S: Serializer>(counts: &[(Outcome, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(outcome, count)| (outcome.as_str(), count)))
}

fn categories<S: Serializer>(counts: &[(Category, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(category, count)| (category.as_str(), count)))
}
