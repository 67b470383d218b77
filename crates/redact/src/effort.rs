//! Counts the bytes that are looked at, in this crate's own tests, where linear time has to be shown without a
//! clock. Elsewhere it is nothing.

#[cfg(not(test))]
#[inline]
pub(crate) fn spend(_bytes: usize) {}

#[cfg(test)]
pub(crate) use counted::{measure, spend};

#[cfg(test)]
mod counted {
    use std::cell::Cell;

    thread_local! {
        static SPENT: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn spend(bytes: usize) {
        SPENT.set(SPENT.get() + bytes);
    }

    /// How many bytes were looked at during a piece of work.
    pub(crate) fn measure(work: impl FnOnce()) -> usize {
        SPENT.set(0);
        work();
        SPENT.get()
    }
}
