//! How the client behaves over real sockets, against peers that misbehave on cue.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod api;
mod bodies;
mod client;
mod contract;
mod events;
mod faults;
mod limits;
mod lines;
mod peer;
mod redirects;
#[cfg(feature = "retry")]
mod retry;
mod wire;
