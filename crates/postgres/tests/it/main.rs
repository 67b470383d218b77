//! The store against real servers, started and stopped by the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

#[cfg(feature = "audit")]
mod audit;
mod bench;
mod clock;
mod crash;
mod layer;
mod model;
mod outages;
mod outbox;
mod proxy;
mod prune;
mod schema;
mod store;
mod transaction;
