use std::fmt;
use std::sync::Arc;

use buttress_core::{Left, Observer, Refused, Signal, Verdict};

use crate::rejection::LAYER;

/// Tells what a layer decided, under the name of the policy that decided it.
#[derive(Clone, Default)]
pub(crate) struct Reporter(Option<Arc<dyn Observer>>);

impl Reporter {
    pub(crate) fn new(observer: impl Observer) -> Self {
        Self(Some(Arc::new(observer)))
    }

    /// Reports a refusal.
    pub(crate) fn refused(&self, policy: &str, why: &Refused) {
        Signal::refused(why, policy).report(self.0.as_deref());
    }

    /// Reports that another quota is in force.
    pub(crate) fn quota_changed(&self, policy: &str) {
        Signal::new(LAYER, policy, Verdict::Changed, "rate_limit_quota_changed").report(self.0.as_deref());
    }

    /// Reports what would have been a refusal if the policy did more than observe.
    pub(crate) fn would_refuse(&self, policy: &str, why: &Refused) {
        let signal = Signal::new(LAYER, policy, Verdict::WouldRefuse, why.code());
        let left = why.retry_after().map(Left::Time);
        left.map_or(signal, |left| signal.with_left(left)).report(self.0.as_deref());
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Reporter(observed)" } else { "Reporter(nobody)" })
    }
}
