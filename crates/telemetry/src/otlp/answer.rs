use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use buttress_audit::sink::SinkError;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

/// What the answer of a collector means for a batch.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It has it, but for so many records.
    Taken {
        rejected: u64,
    },
    /// It will never take it as it is.
    Refused,
    Failed(SinkError),
}

/// The verdict of a status, with its headers and the beginning of its body.
pub(super) fn verdict(status: StatusCode, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Verdict {
    match status.as_u16() {
        200..=299 => Verdict::Taken { rejected: rejected(body) },
        400 | 413 | 422 => Verdict::Refused,
        429 | 500 | 502 | 503 | 504 => Verdict::Failed(match retry_after(headers, now) {
            Some(after) => SinkError::retry_after(Answered(status), after),
            None => SinkError::retry(Answered(status)),
        }),
        _ => Verdict::Failed(SinkError::unfit(Answered(status))),
    }
}

/// Seconds or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| httpdate::parse_http_date(text).ok()?.duration_since(now).ok())
}

fn rejected(body: &[u8]) -> u64 {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Answer {
        partial_success: Partial,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Partial {
        rejected_log_records: Number,
    }
    /// As the encoding says, and as some write it.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Text(String),
        Number(u64),
    }
    impl Default for Number {
        fn default() -> Self {
            Self::Number(0)
        }
    }
    let answer: Answer = serde_json::from_slice(body).unwrap_or_default();
    match answer.partial_success.rejected_log_records {
        Number::Text(text) => text.parse().unwrap_or(0),
        Number::Number(number) => number,
    }
}

/// The collector's answer, where it is none to go on with.
#[derive(Debug)]
pub(super) struct Answered(pub(super) StatusCode);

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the collector answered {}", self.0)
    }
}

impl Error for Answered {}

#[cfg(test)]
mod tests {
    use buttress_audit::sink::SinkErrorKind;

    use super::*;

    fn judged(status: u16, retry_after: Option<&str>, body: &str) -> Verdict {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
        }
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        verdict(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes(), now)
    }

    #[test]
    fn what_was_rejected_is_counted_in_every_way_it_is_written() {
        for (body, expected) in [
            ("{}", 0),
            ("", 0),
            ("\u{0}binary", 0),
            (r#"{"partialSuccess":{}}"#, 0),
            (r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"no"}}"#, 3),
            (r#"{"partialSuccess":{"rejectedLogRecords":4}}"#, 4),
        ] {
            let Verdict::Taken { rejected } = judged(200, None, body) else { panic!("{body}") };
            assert_eq!(rejected, expected, "{body}");
        }
    }

    #[test]
    fn a_status_says_whether_to_try_again_and_when() {
        for (status, after, kind, expected) in [
            (429, Some("7"), SinkErrorKind::Retry, Some(7)),
            (503, Some("Sun, 06 Nov 1994 08:50:37 GMT"), SinkErrorKind::Retry, Some(60)),
            (503, Some("Sun, 06 Nov 1994 08:48:37 GMT"), SinkErrorKind::Retry, None),
            (503, Some("soon"), SinkErrorKind::Retry, None),
            (500, None, SinkErrorKind::Retry, None),
            (502, None, SinkErrorKind::Retry, None),
            (504, None, SinkErrorKind::Retry, None),
            (401, None, SinkErrorKind::Unfit, None),
            (404, Some("7"), SinkErrorKind::Unfit, None),
            (301, None, SinkErrorKind::Unfit, None),
        ] {
            let Verdict::Failed(error) = judged(status, after, "") else { panic!("{status}") };
            assert_eq!((error.kind(), error.after()), (kind, expected.map(Duration::from_secs)), "{status}");
        }
        for status in [400, 413, 422] {
            assert!(matches!(judged(status, None, ""), Verdict::Refused));
        }
    }
}
