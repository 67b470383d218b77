use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Attempt, Entropy, Left, Mode, ModeSwitch, Observer, Signal, Verdict};

use crate::{Budget, Fault, Schedule, Stop};

/// The name of this layer in signals and settings.
pub(crate) const LAYER: &str = "retry";

/// What every service of one layer value shares.
#[derive(Clone)]
pub(crate) struct Core<P> {
    pub(crate) name: Box<str>,
    pub(crate) policy: P,
    pub(crate) schedule: Schedule,
    pub(crate) budget: Budget,
    pub(crate) entropy: Entropy,
    pub(crate) mode: ModeSwitch,
    /// What a call looks at: the mode, or a switch that stays off where there is one attempt only.
    pub(crate) gate: ModeSwitch,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) not_ready: NotReady,
    pub(crate) drain: Drain,
}

/// What happens when the wait is over and the inner service is not ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotReady {
    /// The call ends with the outcome it has: a retry does not queue behind an overloaded service. The default.
    #[default]
    GiveUp,
    /// The call waits so long for readiness, and then ends with the outcome it has.
    Wait(Duration),
}

/// How much is read of a response that will be retried, so that its connection can serve again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    pub(crate) cap_bytes: usize,
    pub(crate) within: Duration,
}

impl<P> Core<P> {
    /// Whether a request is sent once whatever comes of it.
    #[inline]
    pub(crate) fn sends_once(&self) -> bool {
        self.gate.get() == Mode::Off
    }

    pub(crate) fn gate(schedule: &Schedule, mode: &ModeSwitch) -> ModeSwitch {
        if schedule.max_attempts == 1 { ModeSwitch::new(Mode::Off) } else { mode.clone() }
    }

    /// Tells that attempt number `attempt` begins after a wait.
    pub(crate) fn retried(&self, fault: Fault, attempt: Attempt, delay: Duration) {
        let (name, reason, attempt) = (&*self.name, fault.code(), attempt.number());
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(instance = name, attempt, delay_ms, reason, "sending again");
        let left = Left::Calls(u64::from(self.schedule.max_attempts.saturating_sub(attempt)));
        Signal::new(LAYER, name, Verdict::Retried, reason).with_left(left).report(self.observer.as_deref());
    }

    /// Tells that attempt number `attempt` stays the last, although it went wrong.
    pub(crate) fn gave_up(&self, fault: Fault, attempt: Attempt, stop: Stop) {
        let (name, fault, reason, attempt) = (&*self.name, fault.code(), stop.code(), attempt.number());
        if stop.is_a_loss() {
            tracing::warn!(instance = name, attempt, fault, reason, "not sending again");
        } else {
            tracing::debug!(instance = name, attempt, fault, reason, "not sending again");
        }
        Signal::new(LAYER, name, Verdict::GaveUp, reason).report(self.observer.as_deref());
    }
}

impl<P: fmt::Debug> fmt::Debug for Core<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("name", &self.name)
            .field("policy", &self.policy)
            .field("schedule", &self.schedule)
            .field("budget", &self.budget)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
