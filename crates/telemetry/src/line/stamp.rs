use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

use super::digits::pair;

/// A moment as lines tell it: RFC 3339, UTC, six digits behind the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    seconds: i64,
    micros: u32,
}

impl Stamp {
    pub(crate) fn of(time: SystemTime) -> Self {
        let micros = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        let rest = u32::try_from(micros.rem_euclid(1_000_000)).unwrap_or(0);
        Self { seconds: micros.div_euclid(1_000_000), micros: rest }
    }

    /// Writes it, with what is remembered of the second it is in.
    pub(crate) fn write(self, second: &mut Second, out: &mut Vec<u8>) {
        out.extend_from_slice(second.text(self.seconds));
        let digits = [10_000, 100, 1].map(|part| pair(u64::from(self.micros / part)));
        out.push(b'.');
        out.extend_from_slice(digits.as_flattened());
        out.push(b'Z');
    }
}

/// Date and time of one second. Most lines are written in the same second as the one before.
#[derive(Clone, Debug)]
pub(crate) struct Second {
    seconds: i64,
    text: Vec<u8>,
}

impl Default for Second {
    fn default() -> Self {
        Self { seconds: i64::MIN, text: Vec::new() }
    }
}

impl Second {
    fn text(&mut self, seconds: i64) -> &[u8] {
        if self.seconds != seconds || self.text.is_empty() {
            // What no calendar knows is told as its nearest end.
            let end = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
            let moment = Timestamp::from_second(seconds).unwrap_or(end);
            self.text = moment.strftime("%Y-%m-%dT%H:%M:%S").to_string().into_bytes();
            self.seconds = seconds;
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn written(time: SystemTime, second: &mut Second) -> String {
        let mut out = Vec::new();
        Stamp::of(time).write(second, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn moments_have_six_digits_and_a_z_wherever_they_are() {
        let mut second = Second::default();
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_771_252_200_123_456, "2026-02-16T14:30:00.123456Z"),
            (1_771_252_200_000_007, "2026-02-16T14:30:00.000007Z"),
            (951_782_399_999_999, "2000-02-28T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
        ] {
            assert_eq!(written(UNIX_EPOCH + Duration::from_micros(micros), &mut second), text);
        }
        assert_eq!(
            written(UNIX_EPOCH - Duration::from_micros(1), &mut second),
            "1969-12-31T23:59:59.999999Z"
        );
    }

    #[test]
    fn a_clock_beyond_all_calendars_is_no_reason_to_lose_a_line() {
        let far = UNIX_EPOCH + Duration::from_secs(1 << 60);
        assert!(written(far, &mut Second::default()).starts_with("9999-12-30T"));
    }
}
