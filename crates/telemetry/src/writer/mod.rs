//! Lines on their way out, so that nobody who logs waits for whoever reads.

mod loss;
mod output;
mod queue;
mod worker;

pub use self::loss::LogCounts;
pub(crate) use self::loss::Loss;
pub(crate) use self::queue::{Queue, Shared};
pub(crate) use self::worker::Worker;
