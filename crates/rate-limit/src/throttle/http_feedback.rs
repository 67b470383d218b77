use std::time::{Duration, SystemTime};

use buttress_core::{Deadline, WallClock};
use buttress_http::{RetryAfter, deadline_of, refused_in};
use http::header::{AGE, DATE};
use http::{HeaderMap, Request, Response, StatusCode};

use super::feedback::Feedback;
use super::fields::{nothing_left_for, whole_number};

/// Learns from what HTTP services say about their own limits.
///
/// | field | when | obeyed for |
/// |---|---|---|
/// | `Retry-After` | on 429 and 503 | its seconds, or until its date |
/// | `RateLimit: "name";r=0;t=5` | on every response | the longest `t` of those with nothing left |
/// | `RateLimit: limit=9, remaining=0, reset=5` | on every response | its reset |
/// | `RateLimit-Remaining: 0`, with or without `X-` | on every response | `-Reset`: seconds, or a date in seconds or milliseconds |
///
/// Dates are read by the clock that wrote them, if the response says by `Date` what that clock shows, and else by the
/// own one.
///
/// A response from a cache (one with an `Age` above 0) tells of a time that has passed, and a response that a layer of
/// this process made tells nothing of the upstream: both are left out, and so is what is malformed.
///
/// A request's deadline is its extension, or that of the work that it is part of, whichever is earlier.
#[derive(Clone, Copy, Debug)]
pub struct HttpFeedback {
    retry_after: Heed,
    fields: Heed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heed {
    Yes,
    No,
}

impl HttpFeedback {
    /// Learns from everything.
    pub const fn new() -> Self {
        Self { retry_after: Heed::Yes, fields: Heed::Yes }
    }

    /// Learns nothing, and still finds the deadlines of requests.
    pub const fn none() -> Self {
        Self { retry_after: Heed::No, fields: Heed::No }
    }

    /// The same without `Retry-After`.
    #[must_use]
    pub const fn without_retry_after(self) -> Self {
        Self { retry_after: Heed::No, ..self }
    }

    /// The same without the `RateLimit` fields, whichever their form.
    #[must_use]
    pub const fn without_rate_limit_fields(self) -> Self {
        Self { fields: Heed::No, ..self }
    }

    fn asked_for<B>(self, response: &Response<B>, now: SystemTime) -> Option<Duration> {
        let status = response.status();
        let may_ask = status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE;
        if self.retry_after == Heed::No || !may_ask {
            return None;
        }
        RetryAfter::from_headers(response.headers()).map(|retry_after| retry_after.wait(now))
    }
}

/// When a response was made, by the clock of the one who made it and wrote the other dates in it.
fn told_at(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

impl Default for HttpFeedback {
    fn default() -> Self {
        Self::new()
    }
}

impl<B, C, E> Feedback<Request<B>, Response<C>, E> for HttpFeedback {
    fn deadline(&self, request: &Request<B>) -> Option<Deadline> {
        deadline_of(request.extensions())
    }

    fn pause(&self, answer: Result<&Response<C>, &E>, wall: &WallClock) -> Option<Duration> {
        let response = answer.ok()?;
        let now = told_at(response.headers()).unwrap_or_else(|| wall.now());
        let asked = self.asked_for(response, now);
        let told = match self.fields {
            Heed::Yes => nothing_left_for(response.headers(), now),
            Heed::No => None,
        };
        let pause = asked.max(told)?;
        let is_old = whole_number(response.headers(), &AGE).is_some_and(|age| age > 0);
        (!is_old && refused_in(response).is_none()).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::error::Error;
    use std::fmt;

    use buttress_core::{Kind, Refused, Rejection};

    use super::*;

    fn response(status: u16, fields: &[(&str, &str)]) -> Response<()> {
        let response = Response::builder().status(status);
        let response = fields.iter().fold(response, |response, (name, value)| response.header(*name, *value));
        response.body(()).expect("a response")
    }

    fn pause(feedback: HttpFeedback, response: &Response<()>) -> Option<u64> {
        let answer: Result<_, &()> = Ok(response);
        let pause = Feedback::<Request<()>, _, _>::pause(&feedback, answer, &WallClock::system());
        pause.map(|pause| pause.as_secs())
    }

    #[test]
    fn a_wait_is_learned_from_the_right_statuses_only() {
        let seven = [("retry-after", "7")];
        for (status, expected) in
            [(200, None), (301, None), (429, Some(7)), (500, None), (502, None), (503, Some(7))]
        {
            assert_eq!(pause(HttpFeedback::new(), &response(status, &seven)), expected, "{status}");
        }
    }

    #[test]
    fn a_date_is_read_by_the_clock_of_the_one_who_wrote_it() {
        let (date, later) = ("Sun, 06 Nov 2044 08:49:37 GMT", "Sun, 06 Nov 2044 08:49:44 GMT");
        let hour = [("date", date), ("retry-after", "Sun, 06 Nov 2044 09:49:37 GMT")];
        let past = [("date", later), ("retry-after", date)];
        let fields = [("date", date), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "2362034980")];
        for (fields, expected) in [
            ([("date", date), ("retry-after", later)].as_slice(), Some(7)),
            (&hour, Some(3_600)),
            (&past, Some(0)),
            (&fields, Some(3)),
        ] {
            assert_eq!(pause(HttpFeedback::new(), &response(429, fields)), expected, "{fields:?}");
        }
        let undated = [("date", "yesterday"), ("retry-after", "Sun, 06 Nov 1994 08:49:44 GMT")];
        assert_eq!(pause(HttpFeedback::new(), &response(429, &undated)), Some(0), "by the own clock");
    }

    #[test]
    fn each_kind_of_field_can_be_left_out() {
        let both = response(429, &[("retry-after", "7"), ("ratelimit", r#""a";r=0;t=9"#)]);
        for (feedback, expected) in [
            (HttpFeedback::new(), Some(9)),
            (HttpFeedback::new().without_retry_after(), Some(9)),
            (HttpFeedback::new().without_rate_limit_fields(), Some(7)),
            (HttpFeedback::none(), None),
        ] {
            assert_eq!(pause(feedback, &both), expected, "{feedback:?}");
        }
    }

    #[test]
    fn a_response_from_a_cache_tells_nothing() {
        for (age, expected) in [("0", Some(7)), ("1", None), ("soon", Some(7))] {
            let cached = response(429, &[("retry-after", "7"), ("age", age)]);
            assert_eq!(pause(HttpFeedback::new(), &cached), expected, "{age}");
        }
    }

    #[derive(Debug)]
    struct Shut;

    impl fmt::Display for Shut {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("shut")
        }
    }

    impl Error for Shut {}

    impl Rejection for Shut {
        fn kind(&self) -> Kind {
            Kind::Unavailable
        }

        fn code(&self) -> &'static str {
            "shut"
        }

        fn layer(&self) -> &'static str {
            "door"
        }

        fn reached_inner(&self) -> bool {
            false
        }

        fn public(&self) -> Cow<'static, str> {
            "shut".into()
        }
    }

    #[test]
    fn a_response_that_a_layer_of_this_process_made_tells_nothing() {
        let mut refusal = response(503, &[("retry-after", "7")]);
        refusal.extensions_mut().insert(Refused::new(Shut));
        assert_eq!(pause(HttpFeedback::new(), &refusal), None);
    }
}
