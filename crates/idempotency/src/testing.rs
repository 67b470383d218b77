//! For those who write a [`Store`](crate::Store) or something on top of one: the laws of stores as a suite, and a store
//! that fails on demand. For tests only: what is broken panics.

mod flaky;
mod laws;
mod races;
mod samples;

pub use flaky::{Flaky, Sickness};
pub use laws::check_store;
pub use races::check_races;
pub use samples::{claim, response};
