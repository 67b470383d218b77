use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::{Completion, Timestamp};

/// How long a response is kept in all, in seconds, on every answer that is.
pub(crate) const RETENTION: HeaderName = HeaderName::from_static("idempotency-retention");

/// Since when a kept answer stands, as an HTTP date.
const ORIGINAL_DATE: HeaderName = HeaderName::from_static("idempotency-original-date");
/// The same as services said it that came before the others, and as RFC 3339 has it.
const X_ORIGINAL_TIMESTAMP: HeaderName = HeaderName::from_static("x-original-timestamp");

/// HTTP dates and those of RFC 3339 have years of four digits.
const END_OF_DATES: Timestamp = Timestamp::from_millis(253_402_300_800_000);

/// How answers say that they are given again, and since when they stand.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    pub(crate) replayed: HeaderName,
    form: Form,
    /// How long answers are kept, as it is said again and again.
    retention: (u64, HeaderValue),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A mark on replays alone, and an HTTP date.
    Usual,
    /// A mark on first answers too, and a date as RFC 3339 has it.
    X,
}

impl Default for Marks {
    fn default() -> Self {
        let replayed = HeaderName::from_static("idempotent-replayed");
        Self { replayed, form: Form::Usual, retention: (0, HeaderValue::from(0)) }
    }
}

impl Marks {
    /// In the words of services that came before the others.
    pub(crate) fn x() -> Self {
        let replayed = HeaderName::from_static("x-idempotency-replayed");
        Self { replayed, form: Form::X, ..Self::default() }
    }

    /// With answers that are usually kept for so long.
    pub(crate) fn for_retention(self, time: Duration) -> Self {
        let seconds = time.as_secs();
        Self { retention: (seconds, HeaderValue::from(seconds)), ..self }
    }

    /// Marks an answer that a run has just given.
    pub(crate) fn first(&self, headers: &mut HeaderMap) {
        if self.form == Form::X {
            headers.insert(self.replayed.clone(), HeaderValue::from_static("false"));
        }
    }

    /// Says of an answer how long it is kept in all.
    pub(crate) fn kept(&self, headers: &mut HeaderMap, time: Duration) {
        let (usual, value) = &self.retention;
        let seconds = time.as_secs();
        headers.insert(RETENTION, if seconds == *usual { value.clone() } else { HeaderValue::from(seconds) });
    }

    /// Marks an answer that was kept.
    pub(crate) fn replay(&self, headers: &mut HeaderMap, done: &Completion) {
        headers.insert(self.replayed.clone(), HeaderValue::from_static("true"));
        self.kept(headers, done.expires_at.since(done.completed_at));
        if done.completed_at < END_OF_DATES {
            self.date(headers, done.completed_at);
        }
    }

    fn date(&self, headers: &mut HeaderMap, at: Timestamp) {
        let (name, value) = match self.form {
            Form::Usual => (ORIGINAL_DATE, HeaderValue::from_bytes(&http_date(at))),
            Form::X => (X_ORIGINAL_TIMESTAMP, HeaderValue::try_from(rfc_3339(at))),
        };
        if let Ok(value) = value {
            headers.insert(name, value);
        }
    }
}

/// A day of the calendar.
struct Date {
    year: u64,
    month: u64,
    day: u64,
}

/// The day, counted from that of the epoch. It is counted in years that begin in March, so that a leap day ends one
/// (Neri and Schneider, *Euclidean affine functions and their application to calendar algorithms*).
const fn date_of(days: u64) -> Date {
    let quarter_days = 4 * (days + 719_468) + 3;
    let (century, day_of_century) = (quarter_days / 146_097, quarter_days % 146_097 / 4);
    let (year_of_century, day_of_year) =
        ((4 * day_of_century + 3) / 1_461, (4 * day_of_century + 3) % 1_461 / 4);
    let (month, day) = ((5 * day_of_year + 461) / 153, (5 * day_of_year + 461) % 153 / 5 + 1);
    let year = 100 * century + year_of_century;
    if month > 12 { Date { year: year + 1, month: month - 12, day } } else { Date { year, month, day } }
}

const DAYS: &[u8; 21] = b"ThuFriSatSunMonTueWed";
const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// A time in UTC with seconds (RFC 9110, section 5.6.7). Written by hand, as a replay has little else to do.
fn http_date(at: Timestamp) -> [u8; 29] {
    let (days, second_of_day) = (at.as_millis() / 86_400_000, at.as_millis() / 1_000 % 86_400);
    let Date { year, month, day } = date_of(days);
    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    let mut name = |place: usize, names: &[u8], number: u64| {
        let from = usize::try_from(number).unwrap_or(0) * 3;
        text[place..place + 3].copy_from_slice(&names[from..from + 3]);
    };
    name(0, DAYS, days % 7);
    name(8, MONTHS, month - 1);
    let numbers =
        [day, year / 100, year % 100, second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60];
    for (place, number) in [5, 12, 14, 17, 20, 23].into_iter().zip(numbers) {
        let [tens, ones] = [number / 10, number % 10].map(|digit| b'0' + u8::try_from(digit).unwrap_or(0));
        (text[place], text[place + 1]) = (tens, ones);
    }
    text
}

/// A time in UTC with milliseconds (RFC 3339, section 5.6).
fn rfc_3339(at: Timestamp) -> String {
    let (days, millis) = (at.as_millis() / 86_400_000, at.as_millis() % 86_400_000);
    let Date { year, month, day } = date_of(days);
    let (hour, minute, second) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", millis % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_the_date_of_the_calendar() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_736_937_000_000, "2025-01-15T10:30:00.000Z"),
            (1_735_689_599_000, "2024-12-31T23:59:59.000Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (END_OF_DATES.as_millis() - 1, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc_3339(Timestamp::from_millis(millis)), text);
        }
    }

    #[test]
    fn http_dates_are_those_of_others_on_every_day_of_eight_centuries() {
        for day in 0..292_194 {
            let at = Timestamp::from_millis(day * 86_400_000 + day * 7_919 % 86_400 * 1_000 + day % 1_000);
            let date = at.to_system_time().map(httpdate::fmt_http_date).unwrap_or_default();
            assert_eq!(http_date(at), date.as_bytes(), "{date}");
            let written = rfc_3339(at);
            assert_eq!(
                (&date[12..16], &date[5..7], &date[17..25]),
                (&written[..4], &written[8..10], &written[11..19])
            );
        }
        let last = Timestamp::from_millis(END_OF_DATES.as_millis() - 1);
        assert_eq!(http_date(last), *b"Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
