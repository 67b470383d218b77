use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where a breaker stands; one value, so that two states are never told at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Calls pass and are counted.
    Closed,
    /// Calls are refused until the open time has passed.
    Open,
    /// A few calls pass as probes, and their outcome decides.
    HalfOpen,
    /// Calls are refused until somebody says otherwise.
    ForcedOpen,
    /// Calls pass and nothing is counted.
    Disabled,
}

impl State {
    /// Every state, for tables and metrics.
    pub const ALL: [Self; 5] = [Self::Closed, Self::Open, Self::HalfOpen, Self::ForcedOpen, Self::Disabled];

    /// The state as one word for logs, metrics and status pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::Disabled => "disabled",
        }
    }

    /// The state as one number for a gauge: 0 closed, 1 open, 2 half-open, 3 forced open, 4 disabled.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether calls pass as if all were well.
    pub const fn is_healthy(self) -> bool {
        matches!(self, Self::Closed | Self::Disabled)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a breaker changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Too large a share of the calls in the window failed.
    FailureRatio,
    /// Too many calls in a row failed.
    ConsecutiveFailures,
    /// Too large a share of the calls in the window was slow.
    SlowCalls,
    /// Counting the calls that have not returned yet, too large a share failed or was slow.
    HungCalls,
    /// The open time has passed, and a call arrived to probe.
    OpenTimePassed,
    /// The probes succeeded.
    ProbesSucceeded,
    /// The probes failed.
    ProbesFailed,
    /// The probes brought no verdict within the time that half-open may last.
    ProbesTookTooLong,
    /// [`Breaker::force_open`](crate::Breaker::force_open).
    ForcedOpen,
    /// [`Breaker::disable`](crate::Breaker::disable).
    Disabled,
    /// [`Breaker::release`](crate::Breaker::release).
    Released,
    /// [`Breaker::reset`](crate::Breaker::reset).
    Reset,
    /// [`Breaker::reconfigure`](crate::Breaker::reconfigure).
    Reconfigured,
}

impl Reason {
    /// The reason as one word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailureRatio => "failure_ratio",
            Self::ConsecutiveFailures => "consecutive_failures",
            Self::SlowCalls => "slow_calls",
            Self::HungCalls => "hung_calls",
            Self::OpenTimePassed => "open_time_passed",
            Self::ProbesSucceeded => "probes_succeeded",
            Self::ProbesFailed => "probes_failed",
            Self::ProbesTookTooLong => "probes_took_too_long",
            Self::ForcedOpen => "forced_open",
            Self::Disabled => "disabled",
            Self::Released => "released",
            Self::Reset => "reset",
            Self::Reconfigured => "reconfigured",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a breaker had counted at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub(crate) calls: u64,
    pub(crate) failed: u64,
    pub(crate) slow: u64,
    pub(crate) consecutive_failures: u32,
    pub(crate) hung: u32,
}

impl Counts {
    /// The calls in the window that have ended; of a half-open breaker, the probes that have.
    pub const fn calls(self) -> u64 {
        self.calls
    }

    /// Those of them that failed.
    pub const fn failed(self) -> u64 {
        self.failed
    }

    /// Those of them that were slow.
    pub const fn slow(self) -> u64 {
        self.slow
    }

    /// The failures in a row.
    pub const fn consecutive_failures(self) -> u32 {
        self.consecutive_failures
    }

    /// The running calls that have been running for too long.
    pub const fn hung(self) -> u32 {
        self.hung
    }
}

/// A change as the machine sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) reason: Reason,
    pub(crate) epoch: u64,
    pub(crate) at: Instant,
    pub(crate) counts: Counts,
    pub(crate) open_for: Option<Duration>,
}

/// One change of a breaker, for those who [subscribe](crate::Breaker::subscribe).
///
/// Told after the breaker has settled and outside its lock, so two changes in quick succession may arrive in the
/// other order; [`epoch`](Self::epoch) says which came first.
#[derive(Clone, Debug, PartialEq)]
pub struct StateChange {
    pub(crate) breaker: Arc<str>,
    pub(crate) change: Change,
}

impl StateChange {
    /// The name of the breaker.
    pub fn breaker(&self) -> &str {
        &self.breaker
    }

    /// The state before; the same as the one after if somebody reset or reconfigured it in place.
    pub fn from(&self) -> State {
        self.change.from
    }

    /// The state after.
    pub fn to(&self) -> State {
        self.change.to
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.change.reason
    }

    /// A number that grows with every change of this breaker.
    pub fn epoch(&self) -> u64 {
        self.change.epoch
    }

    /// When.
    pub fn at(&self) -> Instant {
        self.change.at
    }

    /// What was counted up to the change.
    pub fn counts(&self) -> Counts {
        self.change.counts
    }

    /// How long the breaker stays open, if it opened.
    pub fn open_for(&self) -> Option<Duration> {
        self.change.open_for
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_state_has_one_number_and_one_word_of_its_own() {
        assert_eq!(State::ALL.map(State::number), [0, 1, 2, 3, 4]);
        assert_eq!(State::ALL.iter().map(|state| state.as_str()).collect::<HashSet<_>>().len(), 5);
    }
}
