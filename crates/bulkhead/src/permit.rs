use std::fmt;
use std::sync::Arc;

use crate::gate::Gate;

/// The right to run, from a [`Bulkhead`](crate::Bulkhead); it returns when it is dropped.
///
/// At once, on whatever thread, with or without a runtime; the first waiter has it before the drop returns.
#[must_use = "a permit that is dropped has returned"]
pub struct Permit(Arc<Gate>);

impl Permit {
    /// A permit, if there is one which nobody waits for.
    #[inline]
    pub(crate) fn free(gate: &Arc<Gate>) -> Option<Self> {
        gate.enter().then(|| Self::taken(Arc::clone(gate)))
    }

    /// The permit that was taken from the gate just now.
    #[inline]
    pub(crate) fn taken(gate: Arc<Gate>) -> Self {
        Self(gate)
    }

    /// A permit over the limit.
    pub(crate) fn beyond(gate: &Arc<Gate>) -> Self {
        gate.enter_over();
        Self::taken(Arc::clone(gate))
    }
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.0.name).finish()
    }
}
