//! The laws of sinks hold for the sinks of this crate, and each of them can be broken.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod broken;
mod memory;
mod writer;
