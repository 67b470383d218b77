//! The simulation over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod binary;
mod control;
mod creates;
mod devices;
mod faults;
mod installs;
mod lifecycle;
mod requests;
mod site;
mod tokens;
