//! What the layers of this crate promise, seen from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test holds and spawns futures as it pleases")]
#![allow(clippy::unchecked_time_subtraction, reason = "constants")]

mod contract;
mod cost;
mod detach;
mod limit;
mod mode;
mod queue;
mod settings;
mod traits;

#[cfg(feature = "http")]
mod body;
#[cfg(feature = "http")]
mod deadline;
#[cfg(feature = "http")]
mod forward;
#[cfg(feature = "http")]
mod per_request;
#[cfg(feature = "http")]
mod router;

use std::time::{Duration, Instant};

use buttress_core::{BoxError, Refused};
use buttress_timeout::TimedOut;

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// What a layer said, from the error of a client.
fn late(error: &BoxError) -> TimedOut {
    *Refused::in_error(error).expect("a refusal").downcast_ref().expect("a timeout")
}
