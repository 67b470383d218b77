//! What the layers of this crate do with HTTP requests.

mod arrival;
mod body;
mod body_layer;
mod deadline;
mod deadline_builder;
mod forward;
mod forwarded;
mod header;
mod limits;
mod trust;

pub use arrival::MalformedTimeout;
pub use body::{BodySide, BodyTimedOut, TimeoutBody};
pub use body_layer::{
    BodyTimeout, BodyTimeoutBuilder, BodyTimeoutFuture, BodyTimeoutLayer, Requests, Responses,
};
pub use deadline::{DeadlineLayer, DeadlineService};
pub use deadline_builder::DeadlineBuilder;
pub use forward::{ForwardDeadline, ForwardDeadlineBuilder, ForwardDeadlineLayer};
pub use forwarded::Forwarded;
pub use header::TimeoutHeader;
pub use limits::{AttemptLimit, FromExtensions, TimeLimit};
pub use trust::{Trust, WhenMalformed};
