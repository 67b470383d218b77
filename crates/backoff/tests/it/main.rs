//! The schedules: their formulas, their bounds and their spread.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod bounds;
mod building;
mod formulas;
mod spread;
