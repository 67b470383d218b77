//! The sink against real servers, started and stopped by the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod bench;
mod feeding;
mod outages;
mod refusals;
mod settings;
