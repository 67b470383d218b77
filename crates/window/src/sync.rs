//! Atomics and thread numbers, from the standard library or from loom.

pub(crate) use switched::{AtomicU64, Ordering, thread_number};

#[cfg(not(buttress_loom))]
mod switched {
    use std::cell::Cell;
    use std::sync::atomic::AtomicUsize;

    pub(crate) use std::sync::atomic::{AtomicU64, Ordering};

    static NEXT: AtomicUsize = AtomicUsize::new(0);
    const NONE_YET: usize = usize::MAX;

    thread_local! {
        // Constant and without a destructor, so that reading it is one load and works until the thread is gone.
        static NUMBER: Cell<usize> = const { Cell::new(NONE_YET) };
    }

    /// The number of the current thread: 0 for the first that asks, and so on.
    pub(crate) fn thread_number() -> usize {
        if NUMBER.get() == NONE_YET {
            NUMBER.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        NUMBER.get()
    }
}

/// Loom's threads are numbered anew in every execution, so that each takes the same shards.
#[cfg(buttress_loom)]
mod switched {
    use loom::sync::atomic::AtomicUsize;

    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};

    loom::lazy_static! {
        static ref NEXT: AtomicUsize = AtomicUsize::new(0);
    }

    loom::thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn thread_number() -> usize {
        NUMBER.with(|number| *number)
    }
}
