use std::sync::Arc;

use buttress_core::{Context, Left, Signal, Verdict};
use tokio::sync::broadcast;

use crate::circuit::Circuit;
use crate::event::{Change, State, StateChange};
use crate::rejection::{Wait, refusal_code};
use crate::rules::LAYER;

/// Changes that a subscriber may be late by before it misses some.
const CHANGES_KEPT: usize = 64;

/// Who hears of what happens; always outside the lock.
impl Circuit {
    /// Whether anybody hears of a refusal: an observer, or the trail of the request.
    #[inline]
    pub(crate) fn is_heard(&self) -> bool {
        self.parts().observer.is_some() || Context::with_current(|context| context.trail().is_some())
    }

    /// Tells of a refusal, if anybody listens.
    pub(crate) fn report_refusal(&self, verdict: Verdict, state: State, wait: Wait) {
        if self.is_heard() {
            self.report(verdict, refusal_code(state), wait.time().map(Left::Time));
        }
    }

    pub(crate) fn report(&self, verdict: Verdict, code: &'static str, left: Option<Left>) {
        let signal = Signal { left, ..Signal::new(LAYER, &self.parts().instance, verdict, code) };
        signal.report(self.parts().observer.as_deref());
    }

    /// Whether anybody would hear of a change.
    pub(crate) fn has_listeners(&self) -> bool {
        self.changes.get().is_some_and(|changes| changes.receiver_count() > 0)
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<StateChange> {
        self.changes.get_or_init(|| broadcast::Sender::new(CHANGES_KEPT)).subscribe()
    }

    #[cold]
    pub(crate) fn tell(&self, change: Change) {
        log(&self.parts().name, change);
        self.report(Verdict::Changed, change.to.as_str(), change.open_for.map(Left::Time));
        let listeners = self.changes.get().filter(|changes| changes.receiver_count() > 0);
        if let Some(changes) = listeners {
            // Fails only if the last listener left just now.
            let _ = changes.send(StateChange { breaker: Arc::clone(&self.parts().name), change });
        }
    }
}

fn log(name: &str, change: Change) {
    let Change { from, to, reason, epoch, counts, .. } = change;
    let (old_state, new_state, reason) = (from.as_str(), to.as_str(), reason.as_str());
    let open_ms = change.open_for.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    macro_rules! changed {
        ($level:ident) => {
            tracing::$level!(
                circuit_breaker = name,
                old_state,
                new_state,
                reason,
                epoch,
                open_ms,
                calls = counts.calls,
                failed = counts.failed,
                slow = counts.slow,
                consecutive_failures = counts.consecutive_failures,
                hung = counts.hung,
                "circuit breaker changed"
            )
        };
    }
    if to.is_healthy() || to == State::HalfOpen {
        changed!(info);
    } else {
        changed!(warn);
    }
}
