use std::future::{Future, poll_fn};
use std::pin::pin;

use allocation_counter::AllocationInfo;

/// What one thread allocated while something ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllocationReport {
    /// Allocations; a reallocation counts as one.
    pub count: u64,
    /// Bytes asked for in all.
    pub bytes: u64,
    /// Allocations not freed yet when it ended; below zero if it freed older ones.
    pub kept: i64,
}

impl AllocationReport {
    fn add(&mut self, seen: &AllocationInfo) {
        self.count += seen.count_total;
        self.bytes += seen.bytes_total;
        self.kept += seen.count_current;
    }
}

/// Counts exactly what this thread allocates during the closure; other threads do not disturb the count.
///
/// ```
/// let (list, report) = buttress_testkit::allocations_during(|| vec![1_u8, 2, 3]);
/// assert_eq!((report.count, report.bytes, report.kept), (1, list.len() as u64, 1));
/// ```
pub fn allocations_during<T>(run: impl FnOnce() -> T) -> (T, AllocationReport) {
    let mut report = AllocationReport::default();
    let output = measured(&mut report, run);
    (output, report)
}

/// Counts exactly what is allocated inside the polls of a future; what other tasks do in between is not counted.
pub async fn allocations_of<F: Future>(future: F) -> (F::Output, AllocationReport) {
    let mut report = AllocationReport::default();
    let mut future = pin!(future);
    let output = poll_fn(|cx| measured(&mut report, || future.as_mut().poll(cx))).await;
    (output, report)
}

fn measured<T>(report: &mut AllocationReport, run: impl FnOnce() -> T) -> T {
    let mut output = None;
    let seen = allocation_counter::measure(|| output = Some(run()));
    report.add(&seen);
    match output {
        Some(output) => output,
        None => unreachable!("the closure has run"),
    }
}
