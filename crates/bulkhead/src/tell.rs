use std::sync::Arc;

use buttress_core::{Left, Mode, Signal, Verdict};

use crate::gate::Gate;
use crate::permit::Permit;
use crate::rejection::{Cause, Saturated};
use crate::rules::{LAYER, Rules};

/// What is counted and told, always outside the lock.
impl Gate {
    /// Turns a call away.
    #[cold]
    pub(crate) fn refuse(&self, cause: Cause) -> Saturated {
        let word = self.word();
        let count = match cause {
            Cause::Full => &self.tally.full,
            Cause::WaitExceeded(_) => &self.tally.wait_exceeded,
        };
        count.add_one();
        let retry_after = self.rules.retry_after;
        self.report(Verdict::Refused, cause.code(), Some(Left::Time(retry_after)));
        Saturated {
            name: Arc::clone(&self.name),
            cause,
            in_flight: word.in_flight(),
            limit: word.limit(),
            waiting: word.waiting(),
            retry_after,
        }
    }

    /// Lets a call run that an enforcing bulkhead would turn away, or hold up.
    #[cold]
    pub(crate) fn let_pass(self: &Arc<Self>, mode: Mode, cause: Cause) -> Permit {
        if mode == Mode::Observe && self.would_refuse(cause) {
            self.tally.would_refuse.add_one();
            self.report(Verdict::WouldRefuse, cause.code(), None);
        }
        Permit::beyond(self)
    }

    /// A call that would wait is not refused, and as long as nobody waits, those that run over the limit stand for
    /// those that would.
    fn would_refuse(&self, cause: Cause) -> bool {
        let word = self.word();
        cause != Cause::Full || word.in_flight() + word.waiting() >= word.limit() + self.rules.max_waiting
    }

    /// A caller left the queue.
    #[cold]
    pub(crate) fn abandoned(&self) {
        self.tally.abandoned.add_one();
        self.report(Verdict::Abandoned, "bulkhead_wait_abandoned", None);
    }

    fn report(&self, verdict: Verdict, code: &'static str, left: Option<Left>) {
        self.rules.report(verdict, code, left);
    }
}

impl Rules {
    /// Somebody changed the limit of one bulkhead, or of all that are called so.
    pub(crate) fn limit_changed(&self, name: &str, before: u32, now: u32) {
        tracing::info!(bulkhead = name, old_limit = before, new_limit = now, "bulkhead changed");
        self.report(Verdict::Changed, "bulkhead_limit_changed", Some(Left::Calls(now.into())));
    }

    fn report(&self, verdict: Verdict, code: &'static str, left: Option<Left>) {
        let signal = Signal { left, ..Signal::new(LAYER, &self.instance, verdict, code) };
        signal.report(self.observer.as_deref());
    }
}
