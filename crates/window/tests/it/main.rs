//! The windows against models that recompute everything from a list.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod count;
mod sharded;
mod time;
mod traits;

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use buttress_window::{Sample, Ticks};
use proptest::prelude::*;

/// Where every test's windows begin, far enough from the start of the clock to step back before it.
#[expect(clippy::disallowed_methods, reason = "an arbitrary instant to count from; nothing waits")]
fn origin() -> Instant {
    Instant::now() + Duration::from_secs(3_600)
}

fn ten_seconds_in_tenths(origin: Instant) -> Ticks {
    Ticks::new(origin, Duration::from_secs(10), Ticks::DEFAULT_BUCKETS)
}

fn any_sample() -> impl Strategy<Value = Sample> {
    prop_oneof![
        Just(Sample::Success),
        Just(Sample::Failure),
        Just(Sample::SlowSuccess),
        Just(Sample::SlowFailure)
    ]
}

/// A division of time whose width is a whole number of nanoseconds, with what a model needs to redo it.
#[derive(Clone, Copy, Debug)]
struct Division {
    origin: Instant,
    width_nanos: i64,
    buckets: u32,
}

impl Division {
    fn any() -> impl Strategy<Value = Self> {
        (1..=1_000_i64, 1..=Ticks::MAX_BUCKETS).prop_map(|(width_nanos, buckets)| Self {
            origin: origin(),
            width_nanos,
            buckets,
        })
    }

    fn ticks(self) -> Ticks {
        let width = Duration::from_nanos(self.width_nanos.unsigned_abs());
        Ticks::new(self.origin, width * self.buckets, NonZeroU32::new(self.buckets).unwrap())
    }

    fn at(self, nanos: i64) -> Instant {
        let distance = Duration::from_nanos(nanos.unsigned_abs());
        if nanos < 0 { self.origin.checked_sub(distance).unwrap() } else { self.origin + distance }
    }

    /// The model's own tick, counted one by one from the origin by division that rounds down.
    fn tick(self, nanos: i64) -> i64 {
        nanos.div_euclid(self.width_nanos).max(0)
    }

    fn live(self, newest: i64) -> RangeInclusive<i64> {
        newest - i64::from(self.buckets) + 1..=newest
    }

    /// Steps of no time, of less than a bucket, of exactly a bucket or a span, far ahead, and back; 200 at most.
    fn step(self) -> impl Strategy<Value = i64> {
        let (width, span) = (self.width_nanos, self.width_nanos * i64::from(self.buckets));
        prop_oneof![
            4 => Just(0),
            4 => 0..=width,
            1 => Just(width),
            1 => 0..=2 * span,
            1 => Just(span),
            // All of them together stay below the 2^35 ticks that a sharded cell may lie untouched.
            1 => 0..=100_000_000 * width,
            1 => -2 * span..0,
        ]
    }
}
