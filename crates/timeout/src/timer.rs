use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

/// The moment, on the clock that tests can pause.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A timer that fires at a moment, at once if it has passed.
pub(crate) fn until(moment: Instant) -> Sleep {
    tokio::time::sleep_until(moment.into())
}

/// Polls a timer outside tokio's cooperative budget: work that always uses the budget up must not outlive its limit.
pub(crate) fn poll(timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
    pin!(unconstrained(timer)).poll(cx)
}
