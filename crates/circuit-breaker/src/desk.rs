use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::spread::place_of_this_thread;

/// Where some threads count the calls that they turn away; on a cache line of its own, because an open breaker is
/// busy, and threads that are refused at once should not meet.
#[derive(Default)]
#[repr(align(64))]
struct Desk(AtomicU64);

/// All desks of one breaker: as many as a power of two.
pub(crate) struct Desks(Box<[Desk]>);

impl Desks {
    pub(crate) fn new(desks: NonZeroUsize) -> Self {
        Self((0..desks.get().next_power_of_two()).map(|_| Desk::default()).collect())
    }

    /// Counts a refusal; in the last place, if the thread has no number yet.
    #[inline]
    pub(crate) fn count(&self) {
        let place = place_of_this_thread() & (self.0.len() - 1);
        if let Some(desk) = self.0.get(place) {
            desk.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many calls were refused.
    pub(crate) fn rejected(&self) -> u64 {
        self.0.iter().map(|desk| desk.0.load(Ordering::Relaxed)).sum()
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
            let desks = Desks::new(NonZeroUsize::new(number).unwrap());
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..5).for_each(|_| desks.count()));
                }
            });
            assert_eq!(desks.rejected(), 20, "{number} desks");
        }
    }
}
