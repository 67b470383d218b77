//! Sliding windows with constant cost per record: the last N samples, or the samples of the last minute.
//!
//! A circuit breaker asks "how many of the recent calls failed?" after every call, so the answer must not grow
//! dearer with traffic, with the length of the window, or with a quiet night. Nothing here reads a clock, takes a
//! lock or allocates after construction: the time is an argument, and the caller chooses how to share.
//!
//! # Example
//!
//! ```
//! use std::time::{Duration, Instant};
//! use buttress_window::{Sample, Ticks, TimeWindow};
//!
//! let start = Instant::now();
//! let mut window = TimeWindow::new(Ticks::new(start, Duration::from_secs(10), Ticks::DEFAULT_BUCKETS));
//! window.record(start, Sample::Success);
//! let totals = window.record(start, Sample::Failure.slow());
//! assert!(totals.failed_at_least(500_000), "one of two is at least half");
//!
//! // The samples leave with their bucket, whether or not anything else was recorded meanwhile.
//! assert_eq!(window.totals(start + Duration::from_secs(9)).total(), 2);
//! assert_eq!(window.totals(start + Duration::from_secs(10)).total(), 0);
//! ```
//!
//! # Which one
//!
//! | window | holds | record | memory | for |
//! |---|---|---|---|---|
//! | [`CountWindow`] | exactly the last N samples | one slot | N bytes | steady judgement at any traffic |
//! | [`TimeWindow`] | the last span, in buckets | one bucket, and at most B expired ones | 32 bytes a bucket | forgetting what is old |
//! | [`ShardedTimeCounter`] | successes of the last span | one add to a cell of the thread's own | 128 bytes a shard | the path that must not share |
//!
//! `B` is the number of buckets. The current bucket counts in full and is still filling, so a time window holds
//! between `B - 1` and `B` bucket widths of the past: with the default ten buckets, 90 to 100 % of its span.
//!
//! # A window for many threads
//!
//! The windows are plain values for one owner, or for a short lock. When nearly every sample is a success, give
//! the successes to a [`ShardedTimeCounter`] that takes no lock, everything else to a [`TimeWindow`] behind one,
//! and the same [`Ticks`] to both. [`Totals::with_successes`] puts the halves together where a decision is due:
//!
//! ```
//! use std::sync::{Mutex, PoisonError};
//! use std::time::{Duration, Instant};
//! use buttress_window::{Sample, ShardedTimeCounter, Ticks, TimeWindow};
//!
//! let start = Instant::now();
//! let ticks = Ticks::new(start, Duration::from_secs(10), Ticks::DEFAULT_BUCKETS);
//! let (successes, others) = (ShardedTimeCounter::new(ticks), Mutex::new(TimeWindow::new(ticks)));
//!
//! successes.add(ticks.tick(start)); // every success
//! let others = others.lock().unwrap_or_else(PoisonError::into_inner).record(start, Sample::Failure);
//! let totals = others.with_successes(successes.sum(ticks.tick(start)));
//! assert_eq!((totals.total(), totals.failed()), (2, 1));
//! ```
//!
//! # Cost
//!
//! No allocation after construction, no lock, no clock. [`CountWindow::record`] touches one byte and four
//! integers. [`TimeWindow::record`] divides once by the bucket width and once by the number of buckets, and clears
//! each bucket that expired since the last look, at most `B` however long that was. [`ShardedTimeCounter::add_at`] is
//! one load, one comparison and one atomic add, all relaxed, on a cache line that other threads leave alone while
//! there are no more of them than shards; [`ShardedTimeCounter::add`] finds the place of its thread and tick first.
//!
//! # When things fail
//!
//! Nothing here can fail or panic. A time before the origin is tick zero, and a time that runs backwards is counted
//! in the newest bucket. Sizes out of range are cut to the range that the constructor states; a builder that wants
//! to refuse them compares with the same constants.
//!
//! # Sources
//!
//! Counts in rings, and not averages weighted by time, because a burst must weigh as much as it holds. A fixed ring
//! of buckets, and not one record per call, because cost must not follow traffic. Buckets anchored to multiples of
//! their width, because a ring anchored to "now" drifts and forgets late.

mod cell;
mod count;
mod sample;
mod sharded;
mod sync;
mod ticks;
mod time;
mod totals;

pub use count::CountWindow;
pub use sample::Sample;
pub use sharded::{Place, ShardedTimeCounter};
pub use ticks::Ticks;
pub use time::TimeWindow;
pub use totals::Totals;
