//! The example server over real sockets: its simulated upstreams fail, and it has to keep its promises.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod api;
mod audit;
mod copies;
mod flows;
mod idempotency;
mod limits;
mod outage;
mod process;
mod program;
mod readme;
mod resilience;
mod tokens;
mod world;
