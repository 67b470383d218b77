use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::spread::{number_this_thread, place_of_this_thread};

/// Where some threads are turned away: they are counted here, and take the breaker's name from here.
///
/// An open breaker is busy, so threads that are refused at once should not meet; the count of references to a desk
/// and the desk itself lie on cache lines of their own.
#[repr(align(64))]
pub(crate) struct Desk {
    pub(crate) name: Arc<str>,
    rejected: AtomicU64,
}

impl Desk {
    pub(crate) fn of(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), rejected: AtomicU64::new(0) }
    }

    /// Counts a refusal.
    #[inline]
    pub(crate) fn count(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }
}

/// All desks of one breaker: as many as a power of two.
pub(crate) struct Desks(Box<[Arc<Desk>]>);

impl Desks {
    pub(crate) fn new(name: &Arc<str>, desks: NonZeroUsize) -> Self {
        Self((0..desks.get().next_power_of_two()).map(|_| Arc::new(Desk::of(Arc::clone(name)))).collect())
    }

    /// The desk of this thread.
    #[inline]
    pub(crate) fn near(&self) -> Arc<Desk> {
        number_this_thread();
        Arc::clone(&self.0[place_of_this_thread() & (self.0.len() - 1)])
    }

    /// How many calls were refused.
    pub(crate) fn rejected(&self) -> u64 {
        self.0.iter().map(|desk| desk.rejected.load(Ordering::Relaxed)).sum()
    }
}

impl PartialEq for Desk {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Desk {}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

#[cfg(test)]
#[cfg(not(buttress_loom))]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn refusals_are_counted_wherever_they_happen() {
        for number in 1..=3 {
            let desks = Desks::new(&"intune".into(), NonZeroUsize::new(number).unwrap());
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..5).for_each(|_| desks.near().count()));
                }
            });
            assert_eq!(desks.rejected(), 20, "{number} desks");
        }
    }
}
