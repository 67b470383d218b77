use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::log::Head;

/// What a feeder is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FeederState {
    /// It hands records on, or waits for new ones.
    Feeding,
    /// The sink, or the disk, failed; it tries again.
    Failing,
    /// It was stopped.
    Stopped,
    /// It has given up: what [`FeederStatus::last_error`] says cannot be helped by trying again.
    Failed,
}

impl FeederState {
    /// Whether it will hand nothing on any more.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Stopped | Self::Failed)
    }
}

/// How far a feeder is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeederStatus {
    /// What it is doing.
    pub state: FeederState,
    /// The last record that the sink has confirmed; 0 for none.
    pub confirmed: u64,
    /// How many records of the log the sink has not confirmed yet.
    pub lag: u64,
    /// How old the first of them is, as far as it has been read; zero if there is none.
    pub lag_age: Duration,
    /// How many records the sink has confirmed since the start, those that came again included.
    pub delivered: u64,
    /// How often something failed since the start: a sink's answer, reading the log, noting the place.
    pub failures: u64,
    /// How many records retention had removed from the log before the sink had them.
    pub missed: u64,
    /// What failed last, with its causes, also when all is well again.
    pub last_error: Option<Arc<str>>,
}

/// What a running feeder publishes.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    pub(super) state: FeederState,
    pub(super) confirmed: Head,
    /// The end of the log when it was last looked at.
    pub(super) end: u64,
    /// When the first record that is not confirmed was recorded, or when somebody began to wait for it.
    pub(super) waiting_since: Option<SystemTime>,
    pub(super) delivered: u64,
    pub(super) failures: u64,
    pub(super) missed: u64,
    pub(super) last_error: Option<Arc<str>>,
}

impl Progress {
    pub(super) fn starting(confirmed: Head, now: SystemTime) -> Self {
        Self {
            state: FeederState::Feeding,
            confirmed,
            end: confirmed.seq,
            waiting_since: Some(now),
            delivered: 0,
            failures: 0,
            missed: 0,
            last_error: None,
        }
    }

    /// The status, for a log that ends there.
    pub(super) fn status(&self, end: u64, now: SystemTime) -> FeederStatus {
        let lag = end.max(self.end).saturating_sub(self.confirmed.seq);
        let waiting = self.waiting_since.filter(|_| lag > 0);
        let lag_age = waiting.and_then(|since| now.duration_since(since).ok()).unwrap_or_default();
        FeederStatus {
            state: self.state,
            confirmed: self.confirmed.seq,
            lag,
            lag_age,
            delivered: self.delivered,
            failures: self.failures,
            missed: self.missed,
            last_error: self.last_error.clone(),
        }
    }
}
