//! The machine of a record, its bytes, and the store in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod bounds;
mod encoding;
mod machine;
mod memory;
mod model;
mod sample;
mod simulation;
mod stats;
mod traps;
