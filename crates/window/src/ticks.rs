use std::num::{NonZeroU32, NonZeroU64};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// Cuts time into buckets of one width, and says which of them a window still holds.
///
/// Bucket borders lie at whole multiples of the width from the origin, never at the time of a record, so they do
/// not drift. [`TimeWindow`](crate::TimeWindow) and [`ShardedTimeCounter`](crate::ShardedTimeCounter) built
/// from the same value agree on every border.
///
/// ```
/// use std::time::{Duration, Instant};
/// use buttress_window::Ticks;
///
/// let start = Instant::now();
/// let ticks = Ticks::new(start, Duration::from_secs(10), Ticks::DEFAULT_BUCKETS);
/// assert_eq!(ticks.tick(start + Duration::from_millis(12_999)), 12);
/// assert_eq!(ticks.live(12), 3..=12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    origin: Instant,
    width_nanos: NonZeroU64,
    buckets: NonZeroU32,
}

impl Ticks {
    /// Ten buckets: a tenth of the span is forgotten at a time.
    pub const DEFAULT_BUCKETS: NonZeroU32 = match NonZeroU32::new(10) {
        Some(ten) => ten,
        None => NonZeroU32::MIN,
    };

    /// The finest division of a span: with one cell to spare, the buckets of a shard fill two cache lines.
    pub const MAX_BUCKETS: u32 = 15;

    /// Divides a window of `span` into `buckets`, at most [`MAX_BUCKETS`](Self::MAX_BUCKETS), counted from `origin`.
    ///
    /// A span that does not divide evenly is rounded up to the next nanosecond per bucket, and a span of zero is
    /// taken as one nanosecond per bucket.
    pub fn new(origin: Instant, span: Duration, buckets: NonZeroU32) -> Self {
        let buckets = NonZeroU32::new(buckets.get().min(Self::MAX_BUCKETS)).unwrap_or(NonZeroU32::MIN);
        let width = nanos(span).div_ceil(u64::from(buckets.get()));
        Self { origin, width_nanos: NonZeroU64::new(width).unwrap_or(NonZeroU64::MIN), buckets }
    }

    /// The bucket that `now` falls into, counted from the origin; a time before the origin is tick zero.
    ///
    /// A time exactly on a border belongs to the bucket that begins there.
    #[inline]
    pub fn tick(self, now: Instant) -> u64 {
        self.tick_after(now.saturating_duration_since(self.origin))
    }

    /// The bucket that a time falls into, given how long after the origin it is.
    ///
    /// For a caller that has subtracted the origin anyway: the subtraction is most of what [`tick`](Self::tick) costs.
    #[inline]
    pub fn tick_after(self, since_origin: Duration) -> u64 {
        nanos(since_origin) / self.width_nanos
    }

    /// The ticks whose samples still count at `tick`: itself, and as many before it as there are buckets left.
    pub fn live(self, tick: u64) -> RangeInclusive<u64> {
        let earlier = u64::from(self.buckets.get() - 1);
        tick.saturating_sub(earlier)..=tick
    }

    /// How long a bucket is.
    pub const fn width(self) -> Duration {
        Duration::from_nanos(self.width_nanos.get())
    }

    /// How many buckets a window has.
    pub const fn buckets(self) -> NonZeroU32 {
        self.buckets
    }

    /// Where the samples of `tick` lie in a ring of as many slots as there are buckets.
    pub(crate) fn slot(self, tick: u64) -> usize {
        // The remainder is below `MAX_BUCKETS`, so the conversion cannot fail.
        usize::try_from(tick % NonZeroU64::from(self.buckets)).unwrap_or_default()
    }
}

/// Nanoseconds, held at the most a `u64` can say: 584 years.
#[inline]
fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(duration.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "an arbitrary instant to count from; nothing waits")]
    fn origin() -> Instant {
        Instant::now()
    }

    fn of(span: Duration, buckets: u32) -> (Instant, Ticks) {
        let origin = origin();
        (origin, Ticks::new(origin, span, NonZeroU32::new(buckets).unwrap()))
    }

    #[test]
    fn a_border_belongs_to_the_bucket_that_begins_there() {
        let (origin, ticks) = of(Duration::from_secs(10), 10);
        for (after_nanos, tick) in
            [(0, 0), (999_999_999, 0), (1_000_000_000, 1), (9_999_999_999, 9), (10_000_000_000, 10)]
        {
            let after = Duration::from_nanos(after_nanos);
            assert_eq!([ticks.tick(origin + after), ticks.tick_after(after)], [tick; 2], "{after_nanos} ns");
        }
    }

    #[test]
    fn a_time_before_the_origin_is_tick_zero() {
        let early = origin();
        let ticks = Ticks::new(early + Duration::from_secs(60), Duration::from_secs(1), NonZeroU32::MIN);
        assert_eq!(ticks.tick(early), 0);
    }

    #[test]
    fn the_live_range_has_as_many_ticks_as_buckets() {
        let (_, ten) = of(Duration::from_secs(10), 10);
        assert_eq!(ten.live(9), 0..=9);
        assert_eq!(ten.live(25), 16..=25);
        assert_eq!(ten.live(3), 0..=3);
        assert_eq!(ten.live(u64::MAX), u64::MAX - 9..=u64::MAX);
        let (_, one) = of(Duration::from_secs(10), 1);
        assert_eq!(one.live(7), 7..=7);
    }

    #[test]
    fn an_uneven_span_is_covered_whole() {
        let (_, ticks) = of(Duration::from_secs(1), 3);
        assert_eq!(ticks.width(), Duration::from_nanos(333_333_334));
    }

    #[test]
    fn sizes_out_of_range_are_cut_to_it() {
        let (origin, ticks) = of(Duration::ZERO, 5_000);
        assert_eq!((ticks.width(), ticks.buckets().get()), (Duration::from_nanos(1), Ticks::MAX_BUCKETS));
        assert_eq!(ticks.tick(origin + Duration::from_secs(2)), 2_000_000_000);
        let (origin, forever) = of(Duration::MAX, 1);
        assert_eq!(forever.tick(origin + Duration::from_secs(1 << 30)), 0);
    }
}
