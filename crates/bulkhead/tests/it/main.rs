//! What the bulkhead promises, seen from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

#[cfg(feature = "http")]
mod bodies;
mod building;
mod bulkhead;
mod cancellation;
#[cfg(feature = "http")]
mod contract;
mod cost;
mod ended;
mod events;
mod keyed;
mod modes;
mod naive;
mod readiness;
#[cfg(feature = "http")]
mod router;
mod threads;
mod waiting;

use std::time::Duration;

use buttress_bulkhead::{Bulkhead, BulkheadBuilder, Permit};
use buttress_core::{BoxError, Refused};
use buttress_testkit::{Reply, Strict};

const SECOND: Duration = Duration::from_secs(1);

/// A bulkhead for so many calls, without a queue.
fn for_calls(calls: u32) -> BulkheadBuilder {
    Bulkhead::builder("reports").max_concurrent(calls)
}

/// One call at once, and so many may wait for it.
fn one_with_queue(waiting: u32) -> Bulkhead {
    for_calls(1).queue(waiting).build().unwrap()
}

/// Every permit that there is.
fn fill(bulkhead: &Bulkhead) -> Vec<Permit> {
    std::iter::from_fn(|| bulkhead.try_acquire().ok()).collect()
}

/// In flight, waiting.
fn gauge(bulkhead: &Bulkhead) -> (u32, u32) {
    let seen = bulkhead.snapshot();
    assert_eq!((seen.in_flight(), seen.waiting()), (bulkhead.in_flight(), bulkhead.waiting()));
    (seen.in_flight(), seen.waiting())
}

fn code_of(error: &BoxError) -> Option<&'static str> {
    Refused::in_error(error).map(Refused::code)
}

/// Answers when its gate opens.
fn gated() -> Strict<u32, u32, BoxError> {
    Strict::with(|_, request| Reply::Gate(Ok(*request)))
}
