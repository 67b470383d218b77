//! The primitives whose interleavings the loom test explores: from the standard library, or from loom.

pub(crate) use switched::{AtomicBool, AtomicU64, Ordering, pause};

#[cfg(not(buttress_loom))]
mod switched {
    use std::{hint, thread};

    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    /// Passes the time until another thread is done: briefly at first, then by letting it run here.
    pub(crate) fn pause(turn: u32) {
        const BRIEFLY: u32 = 64;
        if turn < BRIEFLY {
            hint::spin_loop();
        } else {
            thread::yield_now();
        }
    }
}

#[cfg(buttress_loom)]
mod switched {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    pub(crate) fn pause(_: u32) {
        loom::thread::yield_now();
    }
}
