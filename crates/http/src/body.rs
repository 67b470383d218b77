//! Bodies that can be sent again, are limited, or are counted.

mod capped;
mod counted;
mod replay;

pub use capped::{BodyTooLarge, CappedBody};
pub use counted::{BodyEnd, CountedBody};
pub use replay::{NotReplayable, ReplayBody, Spare, replayable};
