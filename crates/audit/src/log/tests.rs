#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod failures;
mod faulty;
mod model;
mod place;
mod policies;
mod refusals;
mod until;
mod writing;
