use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::{Completion, Timestamp};

/// How long a response is kept in all, in seconds, on every answer that is.
pub(crate) const RETENTION: HeaderName = HeaderName::from_static("idempotency-retention");

/// HTTP dates and those of RFC 3339 have years of four digits.
const END_OF_DATES: Timestamp = Timestamp::from_millis(253_402_300_800_000);

/// How answers say that they are given again, and since when they stand.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    pub(crate) replayed: HeaderName,
    form: Form,
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
        Self { replayed: HeaderName::from_static("idempotent-replayed"), form: Form::Usual }
    }
}

impl Marks {
    /// In the words of services that came before the others.
    pub(crate) fn x() -> Self {
        Self { replayed: HeaderName::from_static("x-idempotency-replayed"), form: Form::X }
    }

    /// Marks an answer that a run has just given.
    pub(crate) fn first(&self, headers: &mut HeaderMap) {
        if self.form == Form::X {
            headers.insert(self.replayed.clone(), HeaderValue::from_static("false"));
        }
    }

    /// Marks an answer that was kept.
    pub(crate) fn replay(&self, headers: &mut HeaderMap, done: &Completion) {
        headers.insert(self.replayed.clone(), HeaderValue::from_static("true"));
        headers.insert(RETENTION, HeaderValue::from(done.expires_at.since(done.completed_at).as_secs()));
        if done.completed_at < END_OF_DATES {
            self.date(headers, done.completed_at);
        }
    }

    fn date(&self, headers: &mut HeaderMap, at: Timestamp) {
        let (name, text) = match self.form {
            Form::Usual => ("idempotency-original-date", at.to_system_time().map(httpdate::fmt_http_date)),
            Form::X => ("x-original-timestamp", Some(rfc_3339(at))),
        };
        if let Some(date) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(HeaderName::from_static(name), date);
        }
    }
}

/// A time in UTC with milliseconds (RFC 3339, section 5.6). The date is counted in years that begin in March, so that a
/// leap day ends one (Neri and Schneider, *Euclidean affine functions and their application to calendar algorithms*).
fn rfc_3339(at: Timestamp) -> String {
    let (days, millis) = (at.as_millis() / 86_400_000, at.as_millis() % 86_400_000);
    let quarter_days = 4 * (days + 719_468) + 3;
    let (century, day_of_century) = (quarter_days / 146_097, quarter_days % 146_097 / 4);
    let (year_of_century, day_of_year) =
        ((4 * day_of_century + 3) / 1_461, (4 * day_of_century + 3) % 1_461 / 4);
    let (month, day) = ((5 * day_of_year + 461) / 153, (5 * day_of_year + 461) % 153 / 5 + 1);
    let is_next_year = month > 12;
    let year = 100 * century + year_of_century + u64::from(is_next_year);
    let month = if is_next_year { month - 12 } else { month };
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
    fn both_forms_of_a_date_agree_on_every_day_of_four_centuries() {
        for day in 0..146_097 {
            let at = Timestamp::from_millis(day * 86_400_000);
            let date = at.to_system_time().map(httpdate::fmt_http_date).unwrap_or_default();
            let written = rfc_3339(at);
            assert_eq!((&date[12..16], &date[5..7]), (&written[..4], &written[8..10]), "{date} {written}");
        }
    }
}
