//! Atomics, a lock and thread numbers, from the standard library or from loom.

pub(crate) use switched::{AtomicU64, Mutex, MutexGuard, Ordering, known_thread_number, thread_number};

#[cfg(not(buttress_loom))]
mod switched {
    use std::cell::Cell;
    use std::sync::atomic::AtomicUsize;

    pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use std::sync::{Mutex, MutexGuard};

    const NONE_YET: usize = usize::MAX;

    // Constant and without a destructor: reading it is one load, and works until the thread is gone.
    thread_local!(static NUMBER: Cell<usize> = const { Cell::new(NONE_YET) });

    /// The number of the current thread, or the largest there is if it has none yet.
    #[inline]
    pub(crate) fn known_thread_number() -> usize {
        NUMBER.get()
    }

    /// The number of the current thread, counted from 0 in the order in which threads first ask.
    pub(crate) fn thread_number() -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        if NUMBER.get() == NONE_YET {
            NUMBER.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        NUMBER.get()
    }
}

/// Loom's threads are numbered anew in every execution.
#[cfg(buttress_loom)]
mod switched {
    use loom::sync::atomic::AtomicUsize;

    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    loom::lazy_static! {
        static ref NEXT: AtomicUsize = AtomicUsize::new(0);
    }

    loom::thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn known_thread_number() -> usize {
        thread_number()
    }

    pub(crate) fn thread_number() -> usize {
        NUMBER.with(|number| *number)
    }
}
