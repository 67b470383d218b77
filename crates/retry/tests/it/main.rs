//! The behaviour of whole retry layers over scripted services, on paused time.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod contract;
mod ending;
mod plain;
mod traits;
mod waiting;

#[cfg(feature = "http")]
mod bodies;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http")]
mod responses;
#[cfg(feature = "http")]
mod router;
