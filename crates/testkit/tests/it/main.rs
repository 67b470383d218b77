//! What the testkit itself promises, and the proof that its contract can be broken.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod allocations;
mod body;
mod contract;
mod drive;
mod message;
mod nats;
mod patience;
#[cfg(unix)]
mod postgres;
mod redis;
mod servers;
mod signals;
mod strict;
mod toy;
