use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue};

/// When a server says that asking again makes sense (RFC 9110, section 10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// So long after the response.
    Delay(Duration),
    /// At this calendar time.
    At(SystemTime),
}

impl RetryAfter {
    /// Reads the field; anything but whole seconds or an HTTP date counts as absent, and so does the field given
    /// twice with different values.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(RETRY_AFTER).iter();
        let first = values.next()?;
        if values.any(|other| other != first) {
            return None;
        }
        Self::parse(first.to_str().ok()?.trim_matches([' ', '\t']))
    }

    fn parse(text: &str) -> Option<Self> {
        if !text.bytes().next()?.is_ascii_digit() {
            return httpdate::parse_http_date(text).ok().map(Self::At);
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // Only an overflow is left to fail; a wait too long to write down is as long as can be written down.
        Some(Self::Delay(Duration::from_secs(text.parse().unwrap_or(u64::MAX))))
    }

    /// How long to wait from `now`; a date that has passed means no wait.
    pub fn wait(self, now: SystemTime) -> Duration {
        match self {
            Self::Delay(delay) => delay,
            Self::At(moment) => moment.duration_since(now).unwrap_or(Duration::ZERO),
        }
    }
}

/// The value of a `Retry-After` field: whole seconds, rounded up, at least 1, so that nobody comes back too early.
pub fn retry_after_value(wait: Duration) -> HeaderValue {
    let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
    HeaderValue::from(seconds.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Option<RetryAfter> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(RETRY_AFTER, HeaderValue::from_bytes(value.as_bytes()).expect("visible bytes"));
        }
        RetryAfter::from_headers(&headers)
    }

    const fn seconds(count: u64) -> RetryAfter {
        RetryAfter::Delay(Duration::from_secs(count))
    }

    #[test]
    fn seconds_are_read_and_everything_odd_is_absent() {
        assert_eq!(read(&["0"]), Some(seconds(0)));
        assert_eq!(read(&["120"]), Some(seconds(120)));
        assert_eq!(read(&[" 7 "]), Some(seconds(7)));
        assert_eq!(read(&["007"]), Some(seconds(7)));
        assert_eq!(read(&["3", "3"]), Some(seconds(3)));
        assert_eq!(read(&["99999999999999999999999"]), Some(seconds(u64::MAX)));
        for odd in ["", "-1", "+1", "1.5", "1e3", "soon", "0x10", "1, 2", "1 s", "\u{663}"] {
            assert_eq!(read(&[odd]), None, "{odd:?}");
        }
        assert_eq!(read(&["1", "2"]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn all_three_date_forms_are_read_and_the_past_means_now() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let before = moment - Duration::from_secs(60);
        for date in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            let read = read(&[date]).expect("a date");
            assert_eq!(read.wait(before), Duration::from_secs(60), "{date}");
            assert_eq!(read.wait(moment + Duration::from_secs(1)), Duration::ZERO, "{date}");
        }
    }

    #[test]
    fn the_written_value_rounds_up_and_is_never_zero() {
        let table = [(0, "1"), (1, "1"), (999, "1"), (1000, "1"), (1001, "2"), (59_999, "60")];
        for (millis, written) in table {
            assert_eq!(retry_after_value(Duration::from_millis(millis)), written, "{millis} ms");
        }
        assert_eq!(retry_after_value(Duration::MAX), u64::MAX.to_string());
    }
}
