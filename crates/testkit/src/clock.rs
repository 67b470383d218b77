//! Moving paused time.
//!
//! Everything here needs a runtime whose time is paused: `#[tokio::test(start_paused = true)]`.

use std::time::Duration;

use tokio::time::Instant;

/// More turns than any chain of tasks in a test needs to react to one another.
const TURNS: usize = 32;

/// Moves time forward at once, then lets every task react.
///
/// Timers in between fire late, as they would after a pause of the process; take small steps if that matters.
pub async fn advance(by: Duration) {
    tokio::time::advance(by).await;
    settle().await;
}

/// Lets every task that can run do so, without a move of the clock.
pub async fn settle() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

/// Panics unless time is paused: a wait for what never comes would otherwise take a real day.
pub(crate) async fn assert_paused() {
    tokio::time::advance(Duration::ZERO).await;
}

/// Moves time in steps of a millisecond until the condition holds.
///
/// # Panics
///
/// If it does not hold within the limit.
pub async fn until(limit: Duration, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    settle().await;
    while !condition() {
        assert!(start.elapsed() < limit, "the condition did not come to hold within {limit:?}");
        advance(Duration::from_millis(1)).await;
    }
}
