//! Timeouts and the one deadline that everything in a request consults.

mod detach;
mod face;
mod future;
#[cfg(feature = "http")]
mod http;
mod layer;
mod on_timeout;
mod plan;
mod queue;
mod range;
mod rejection;
mod reporter;
mod service;
mod time_of;
mod timer;
mod watch;

pub use detach::{Detach, DetachCounts};
pub use future::ResponseFuture;
#[cfg(feature = "http")]
pub use http::*;
pub use layer::{TimeoutBuilder, TimeoutLayer};
pub use on_timeout::{Cancel, OnTimeout};
pub use plan::Bound;
pub use rejection::{Phase, TimedOut};
pub use service::Timeout;
pub use time_of::{Allowed, FromContext, TimeOf};
