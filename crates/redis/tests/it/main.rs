//! The stores against real servers, started and stopped by the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

#[cfg(feature = "rate-limit")]
mod connect;
#[cfg(feature = "rate-limit")]
mod exactness;
#[cfg(feature = "rate-limit")]
mod fleet;
#[cfg(feature = "rate-limit")]
mod outages;
#[cfg(feature = "idempotency")]
mod records;
#[cfg(feature = "rate-limit")]
mod store;
