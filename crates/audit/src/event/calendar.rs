//! Time as records spell it.

use std::time::{Duration, SystemTime};

const SECONDS_OF_DAY: u64 = 24 * 60 * 60;
/// The last second of the year 9999; what is later is told as this.
const LAST: u64 = 253_402_300_799;

/// Writes a moment as `2026-11-21T09:26:19.000001Z` (RFC 3339); one before 1970 as the beginning of 1970.
pub(super) fn write(moment: SystemTime, out: &mut Vec<u8>) {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = since.as_secs().min(LAST);
    let (year, month, day) = date_of(seconds / SECONDS_OF_DAY);
    let clock = seconds % SECONDS_OF_DAY;
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    digits(&mut text[0..4], year);
    digits(&mut text[5..7], month);
    digits(&mut text[8..10], day);
    digits(&mut text[11..13], clock / 3600);
    digits(&mut text[14..16], clock / 60 % 60);
    digits(&mut text[17..19], clock % 60);
    digits(&mut text[20..26], since.subsec_micros().into());
    out.extend_from_slice(&text);
}

fn digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b"0123456789"[(number % 10) as usize];
        number /= 10;
    }
}

/// The date of a day counted from 1970-01-01, by years that begin in March (H. Hinnant, `civil_from_days`).
fn date_of(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(since: Duration) -> String {
        let mut out = Vec::new();
        write(SystemTime::UNIX_EPOCH + since, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn a_moment_is_spelt_in_full_whatever_it_is() {
        assert_eq!(written(Duration::ZERO), "1970-01-01T00:00:00.000000Z");
        assert_eq!(written(Duration::new(951_782_399, 999_999_999)), "2000-02-28T23:59:59.999999Z");
        assert_eq!(written(Duration::from_secs(951_782_400)), "2000-02-29T00:00:00.000000Z");
        assert_eq!(written(Duration::from_secs(LAST + 1)), "9999-12-31T23:59:59.000000Z");
        let mut out = Vec::new();
        write(SystemTime::UNIX_EPOCH - Duration::from_secs(1), &mut out);
        assert_eq!(out, b"1970-01-01T00:00:00.000000Z");
    }

    proptest! {
        #[test]
        fn a_calendar_of_others_agrees(seconds in 0..LAST - SECONDS_OF_DAY, nanos in 0_u32..1_000_000_000) {
            let theirs = jiff::Timestamp::new(i64::try_from(seconds).unwrap_or(0), 0).expect("in range");
            let theirs = theirs.to_string();
            let ours = written(Duration::new(seconds, nanos));
            prop_assert_eq!(&ours[..19], &theirs[..19]);
            prop_assert_eq!(&ours[19..], format!(".{:06}Z", nanos / 1000));
        }
    }
}
