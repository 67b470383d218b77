//! The audit log and what surrounds it, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

#[cfg(feature = "cli")]
mod command;
mod event;
mod layer;
mod log;
mod signed;
mod sink;
