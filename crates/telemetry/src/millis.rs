use std::time::Duration;

/// In milliseconds, to the microsecond.
pub(crate) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "to the microsecond and no further")]
    fn days_are_told_as_well_as_microseconds() {
        for (time, expected) in [
            (Duration::ZERO, 0.0),
            (Duration::from_nanos(1_499), 0.001),
            (Duration::from_micros(12_345), 12.345),
            (Duration::from_micros(86_400_000_001), 86_400_000.001),
        ] {
            assert_eq!(millis(time), expected);
        }
    }
}
