//! The stacks as a whole, over scripted services.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

#[cfg(feature = "audit")]
mod audit;
mod custom;
mod idempotency;
mod inbound;
mod limits;
mod outbound;
