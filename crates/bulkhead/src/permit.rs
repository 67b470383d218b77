use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use crate::gate::Gate;

/// The right to run, from a [`Bulkhead`](crate::Bulkhead); it returns when it is dropped.
///
/// At once, on whatever thread, with or without a runtime; the first waiter has it before the drop returns.
// The gate is gone only from a permit whose right has moved on. It is not dropped by itself, but taken out and given to
// one function, so that the drop of whatever holds a permit is one call, and the same one where something panics.
#[must_use = "a permit that is dropped has returned"]
pub struct Permit(ManuallyDrop<Option<Arc<Gate>>>);

impl Permit {
    /// A permit, if there is one which nobody waits for.
    #[inline]
    pub(crate) fn free(gate: &Arc<Gate>) -> Option<Self> {
        gate.enter().then(|| Self::taken(Arc::clone(gate)))
    }

    /// The permit that was taken from the gate just now.
    #[inline]
    pub(crate) fn taken(gate: Arc<Gate>) -> Self {
        Self(ManuallyDrop::new(Some(gate)))
    }

    /// A permit over the limit.
    pub(crate) fn beyond(gate: &Arc<Gate>) -> Self {
        gate.enter_over();
        Self::taken(Arc::clone(gate))
    }

    /// Moves the right out of a permit that is left behind.
    #[inline]
    pub(crate) fn take(&mut self) -> Self {
        Self(ManuallyDrop::new(self.0.take()))
    }
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        Gate::leave(self.0.take());
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.0.as_ref().map_or("", |gate| &gate.name)).finish()
    }
}
