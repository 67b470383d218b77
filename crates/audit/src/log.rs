//! The log: segment files of chained JSON lines.

mod chain;
mod hex;
mod line;
mod reader;

pub use chain::{ChainId, Fault, Head, NotAChainId};
pub use reader::{OwnedLine, ReadError, Reader};
pub use line::{BadLine, Line, MAX_ENVELOPE, MAX_EVENT, is_event, seal};
