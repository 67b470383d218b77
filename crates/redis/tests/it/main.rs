//! The store against real servers, started and stopped by the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod connect;
mod exactness;
mod fleet;
mod outages;
mod store;
