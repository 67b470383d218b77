//! For those who write a [`Store`](crate::Store): the laws of stores as a suite, and a store in memory whose time and
//! failures a test controls. For tests only: what is broken panics.

mod laws;
mod memory;

pub use laws::check_store;
pub use memory::MemoryStore;
