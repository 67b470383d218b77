use crate::sync::{AtomicBool, Ordering, pause};

/// A lock for a few dozen instructions: one atomic step to take it, and a plain store to give it back.
///
/// Nothing that it guards calls anybody, allocates or can fail, so whoever waits waits for nanoseconds. If the system
/// stops a holder in the middle, a waiter lends it the processor. A mutex pays a second atomic step to look for
/// sleepers, which made a decision about one key nearly twice as dear when it was measured.
#[derive(Debug)]
pub(super) struct Latch(AtomicBool);

impl Latch {
    pub(super) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    #[inline]
    pub(super) fn lock(&self) {
        if !self.try_lock() {
            self.wait();
        }
    }

    #[inline]
    pub(super) fn unlock(&self) {
        self.0.store(false, Ordering::Release);
    }

    #[inline]
    fn try_lock(&self) -> bool {
        self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    #[inline(never)]
    fn wait(&self) {
        let mut turn: u32 = 0;
        // Looking before trying: waiters that only read leave the line to the holder.
        while self.0.load(Ordering::Relaxed) || !self.try_lock() {
            pause(turn);
            turn = turn.saturating_add(1);
        }
    }
}
