//! Atomics, a lock and thread numbers, from the standard library or from loom.

pub(crate) use switched::{AtomicU64, Mutex, MutexGuard, Ordering, thread_number};

#[cfg(not(buttress_loom))]
mod switched {
    use std::sync::atomic::AtomicUsize;

    pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use std::sync::{Mutex, MutexGuard};

    /// The number of the current thread, counted from 0 in the order in which threads first ask.
    pub(crate) fn thread_number() -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local!(static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed));
        // Gone only while its thread ends; then any number does.
        NUMBER.try_with(|number| *number).unwrap_or(0)
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

    pub(crate) fn thread_number() -> usize {
        NUMBER.with(|number| *number)
    }
}
