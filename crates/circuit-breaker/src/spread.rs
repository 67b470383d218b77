use std::array;
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::thread;

use crate::circuit::Circuit;

/// A circuit under several reference counts, so that threads which call at once don't share one.
///
/// Every call in flight holds a reference, because it may outlive the service that it came from. Counted in one
/// place, that would be the dearest part of a call under load; and since it is counted anyway, the references are
/// the number of calls in flight.
pub(crate) struct Spread {
    circuit: Arc<Circuit>,
    /// Where each thread finds its anchor; if there are fewer anchors than places, they repeat.
    anchors: [Arc<Anchor>; PLACES],
}

/// One of the reference counts; aligned so that each lies on a cache line of its own.
#[repr(align(64))]
pub(crate) struct Anchor(Arc<Circuit>);

/// The most anchors there are, whatever the machine.
const PLACES: usize = 16;

impl Spread {
    pub(crate) fn new(circuit: Circuit, anchors: NonZeroUsize) -> Self {
        let circuit = Arc::new(circuit);
        let anchor = |_| Arc::new(Anchor(Arc::clone(&circuit)));
        let distinct: Vec<_> = (0..anchors.get().min(PLACES)).map(anchor).collect();
        let anchors = array::from_fn(|place| Arc::clone(&distinct[place % distinct.len()]));
        Self { circuit, anchors }
    }

    #[inline]
    pub(crate) fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// A reference to the circuit, counted where this thread counts; in the last place, if it has no number yet.
    #[inline]
    pub(crate) fn anchor(&self) -> Arc<Anchor> {
        Arc::clone(&self.anchors[place_of_this_thread() % PLACES])
    }

    /// How many calls hold a reference.
    pub(crate) fn in_flight(&self) -> usize {
        let is_first = |place: usize| {
            !self.anchors[..place].iter().any(|other| Arc::ptr_eq(other, &self.anchors[place]))
        };
        let held: usize = (0..PLACES)
            .filter(|place| is_first(*place))
            .map(|place| Arc::strong_count(&self.anchors[place]))
            .sum();
        held - PLACES
    }
}

impl Anchor {
    #[inline]
    pub(crate) fn circuit(&self) -> &Circuit {
        &self.0
    }
}

pub(crate) use numbers::{number_this_thread, place_of_this_thread};

/// How many threads the machine runs at once; asked of the system once, because that takes it tens of microseconds.
pub(crate) fn parallelism() -> NonZeroUsize {
    static PARALLELISM: OnceLock<NonZeroUsize> = OnceLock::new();
    *PARALLELISM.get_or_init(|| thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
}

mod numbers {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static NEXT: AtomicUsize = AtomicUsize::new(0);
    const NONE_YET: usize = usize::MAX;

    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(NONE_YET) };
    }

    /// The number of the current thread, or the largest there is if it has none yet.
    #[inline]
    pub(crate) fn place_of_this_thread() -> usize {
        NUMBER.get()
    }

    /// Gives the current thread a number: 0 for the first that asks, and so on.
    #[inline]
    pub(crate) fn number_this_thread() {
        if NUMBER.get() == NONE_YET {
            NUMBER.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
    }
}

#[cfg(test)]
#[cfg(not(buttress_loom))]
mod tests {
    use buttress_core::Outcome;

    use super::*;
    use crate::{Breaker, BreakerConfig, Window};

    /// Whether a thread that is new has a number after one call.
    fn is_numbered_after(call: impl FnOnce() + Send) -> bool {
        thread::scope(|scope| {
            let after = scope.spawn(|| {
                assert_eq!(place_of_this_thread(), usize::MAX);
                call();
                place_of_this_thread() != usize::MAX
            });
            after.join().unwrap()
        })
    }

    #[test]
    fn a_thread_counts_apart_after_its_first_call_whatever_the_breaker_counts() {
        for config in [
            BreakerConfig::new(),
            BreakerConfig::new().window(Window::Calls(100)),
            BreakerConfig::only_consecutive_failures(5),
        ] {
            let breaker = Breaker::new("test", &config).unwrap();
            let succeed = || breaker.try_admit().unwrap().settle(Outcome::Success);
            assert!(is_numbered_after(succeed), "{config:?}");
        }
    }

    #[test]
    fn a_thread_is_refused_apart_although_it_never_got_through() {
        let breaker = Breaker::new("test", &BreakerConfig::new()).unwrap();
        breaker.force_open();
        assert!(is_numbered_after(|| assert!(breaker.try_admit().is_err())));
    }
}
