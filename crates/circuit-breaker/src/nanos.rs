use std::time::Duration;

/// Nanoseconds, held at the most a `u64` can say: 584 years.
#[inline]
pub(crate) fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(duration.subsec_nanos()))
}
