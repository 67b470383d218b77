//! What the breaker promises, seen from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod bodies;
mod breaker;
mod cancellation;
mod contract;
mod cost;
mod ended;
mod events;
mod keyed;
mod open;
mod refusal;
mod registry;
mod router;

use std::time::{Duration, Instant};

use buttress_circuit_breaker::{Breaker, BreakerConfig, State};
use buttress_core::Outcome;

const SECOND: Duration = Duration::from_secs(1);

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Opens at the second failure, for exactly 5 s; one probe decides.
fn two_failures() -> BreakerConfig {
    BreakerConfig::only_consecutive_failures(2).open_for_exactly(5 * SECOND)
}

fn fail(breaker: &Breaker, calls: u32) {
    for _ in 0..calls {
        breaker.try_admit().unwrap().settle(Outcome::Failure);
    }
}

/// Opens a breaker of [`two_failures`].
fn open(breaker: &Breaker) {
    fail(breaker, 2);
    assert_eq!(breaker.state(), State::Open);
}
