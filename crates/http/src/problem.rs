use buttress_core::{Checks, ConfigError, Fact, Kind, Refused, Reject};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::retry_after_value;

mod json;

use json::Object;

/// The media type of a problem document (RFC 9457, section 3).
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The field by which a server says whether to send the same request again, `true` or `false`; widely used,
/// standardised nowhere. Where present it says more than the status.
pub const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The one status for each kind of refusal; the table with advice is `docs/status-codes.md`.
pub const fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::Overloaded | Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Mismatch => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Malformed => StatusCode::BAD_REQUEST,
    }
}

/// The refusal that a response stands for, if a layer of this process refused and answered by itself.
pub fn refused_in<B>(response: &Response<B>) -> Option<&Refused> {
    response.extensions().get()
}

/// Refuses with a problem document (RFC 9457).
///
/// The response has the status of the refusal's [wording](buttress_core::Wording) or else of its kind,
/// `Content-Type: application/problem+json`, `Retry-After` if the layer can tell, `x-should-retry: false` if there is
/// no point in asking again (the caller's own time had run out, or waiting does not help), and the [`Refused`] in its
/// extensions. The document has these members:
///
/// | member | value |
/// |---|---|
/// | `type`, `title` | the layer's problem type; else `about:blank`, and the phrase of the status |
/// | `status` | of the response |
/// | `detail` | the layer's text for callers |
/// | `code` | the layer's stable word, such as `circuit_open` |
/// | `retry_after_ms` | the wait, in milliseconds, where there is one |
/// | `retryable` | `false`, where waiting does not help |
/// | others | the layer's facts |
#[derive(Clone, Copy, Debug, Default)]
pub struct AsProblem {
    /// Replaced statuses, by kind. An array, because every call that a layer lets through copies it.
    statuses: [Option<StatusCode>; Kind::ALL.len()],
}

impl AsProblem {
    /// Answers a kind of refusal with another status.
    ///
    /// # Errors
    ///
    /// If the status is not one of 400 to 599: a refusal must not look like success.
    pub fn with_status(mut self, kind: Kind, status: StatusCode) -> Result<Self, ConfigError> {
        let mut checks = Checks::of("problem");
        let is_error = status.is_client_error() || status.is_server_error();
        checks.require(is_error, "status", status.as_u16(), "400 to 599");
        self.statuses[kind as usize] = Some(status);
        checks.finish().map(|()| self)
    }

    fn status(&self, why: &Refused) -> StatusCode {
        let worded = why.wording().status.filter(|status| (400..=599).contains(status));
        worded
            .and_then(|status| StatusCode::from_u16(status).ok())
            .or(self.statuses[why.kind() as usize])
            .unwrap_or_else(|| status_of(why.kind()))
    }

    /// Builds the response for a refusal.
    pub fn respond<B: From<Bytes>>(&self, why: Refused) -> Response<B> {
        let status = self.status(&why);
        let mut response = Response::new(B::from(document(&why, status)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        if let Some(wait) = why.retry_after() {
            headers.insert(RETRY_AFTER, retry_after_value(wait));
        }
        let came_too_late = why.kind() == Kind::TimedOut && !why.reached_inner();
        if came_too_late || why.wording().is_final {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        response.extensions_mut().insert(why);
        response
    }
}

impl<B: From<Bytes>, E> Reject<Response<B>, E> for AsProblem {
    fn reject(&self, why: Refused) -> Result<Response<B>, E> {
        Ok(self.respond(why))
    }
}

/// The members that every document has; a layer's facts cannot take their place.
const MEMBERS: [&str; 8] =
    ["type", "title", "status", "detail", "instance", "code", "retry_after_ms", "retryable"];

fn document(why: &Refused, status: StatusCode) -> Bytes {
    let mut members = Object::with_capacity(384);
    let wording = why.wording();
    let blank = ("about:blank", status.canonical_reason().unwrap_or("Refused"));
    let (uri, title) = wording.problem.map_or(blank, |problem| (problem.uri, problem.title));
    members.plain("type").text(uri);
    members.plain("title").text(title);
    members.plain("status").number(status.as_u16().into());
    members.plain("detail").text(&why.public());
    members.plain("code").text(why.code());
    if let Some(wait) = why.retry_after() {
        let millis = wait.as_nanos().div_ceil(1_000_000);
        members.plain("retry_after_ms").number(u64::try_from(millis).unwrap_or(u64::MAX));
    }
    if wording.is_final {
        members.plain("retryable").flag(false);
    }
    why.facts(&mut |name, fact| {
        if MEMBERS.contains(&name) {
            return;
        }
        match fact {
            Fact::Text(text) => members.member(name).text(text),
            Fact::Number(number) => members.member(name).number(number),
            Fact::Texts(texts) => members.member(name).texts(texts),
            _ => {}
        }
    });
    members.finish()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::error::Error;
    use std::fmt;
    use std::time::Duration;

    use buttress_core::{ProblemType, Rejection, Wording};
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug)]
    struct Full {
        kind: Kind,
        reached: bool,
    }

    impl fmt::Display for Full {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("pool db-7 at 10.0.0.3 is full")
        }
    }

    impl Error for Full {}

    impl Rejection for Full {
        fn kind(&self) -> Kind {
            self.kind
        }
        fn code(&self) -> &'static str {
            "saturated"
        }
        fn layer(&self) -> &'static str {
            "bulkhead"
        }
        fn retry_after(&self) -> Option<Duration> {
            (self.kind != Kind::TimedOut).then_some(Duration::from_micros(1_200_500))
        }
        fn reached_inner(&self) -> bool {
            self.reached
        }
        fn public(&self) -> Cow<'static, str> {
            "no \"room\"\n".into()
        }
        fn facts(&self, tell: &mut dyn FnMut(&'static str, Fact<'_>)) {
            tell("limit", Fact::Number(8));
            tell("policies", Fact::Texts(&["per-key", "total"]));
            tell("scope", Fact::Text("route"));
            for name in MEMBERS {
                tell(name, Fact::Text("taken over"));
            }
        }
    }

    fn respond(problem: &AsProblem, kind: Kind, reached: bool) -> Response<Bytes> {
        problem.respond(Refused::new(Full { kind, reached }))
    }

    #[test]
    fn the_document_says_what_the_caller_needs_and_no_more() {
        let response = respond(&AsProblem::default(), Kind::Overloaded, false);
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        let document: Value = serde_json::from_slice(response.body()).expect("valid JSON");
        let expected = json!({
            "type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": "no \"room\"\n",
            "code": "saturated", "retry_after_ms": 1201, "limit": 8, "policies": ["per-key", "total"], "scope": "route",
        });
        assert_eq!(document, expected);
        assert_eq!(refused_in(&response).map(Refused::layer), Some("bulkhead"));
    }

    #[test]
    fn a_caller_whose_time_is_over_is_told_not_to_ask_again() {
        let should_retry = |kind, reached| {
            respond(&AsProblem::default(), kind, reached).headers().get(SHOULD_RETRY).cloned()
        };
        assert_eq!(should_retry(Kind::TimedOut, false), Some(HeaderValue::from_static("false")));
        assert_eq!(should_retry(Kind::TimedOut, true), None);
        assert_eq!(should_retry(Kind::Overloaded, false), None);
    }

    #[derive(Debug)]
    struct TooLarge(u16);

    impl fmt::Display for TooLarge {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("too large")
        }
    }

    impl Error for TooLarge {}

    impl Rejection for TooLarge {
        fn kind(&self) -> Kind {
            Kind::RateLimited
        }
        fn code(&self) -> &'static str {
            "too_large"
        }
        fn layer(&self) -> &'static str {
            "scales"
        }
        fn reached_inner(&self) -> bool {
            false
        }
        fn public(&self) -> Cow<'static, str> {
            "too large".into()
        }
        fn wording(&self) -> Wording {
            let problem = ProblemType { uri: "https://example.org/too-large", title: "Too large" };
            Wording { status: Some(self.0), problem: Some(problem), is_final: true }
        }
    }

    #[test]
    fn a_refusal_may_have_words_of_its_own_but_not_look_like_success() {
        let problem = AsProblem::default().with_status(Kind::RateLimited, StatusCode::IM_A_TEAPOT).unwrap();
        let response: Response<Bytes> = problem.respond(Refused::new(TooLarge(413)));
        assert_eq!(
            (response.status().as_u16(), &response.headers()[SHOULD_RETRY]),
            (413, &"false".parse().unwrap())
        );
        let document: Value = serde_json::from_slice(response.body()).expect("valid JSON");
        let expected = json!({
            "type": "https://example.org/too-large", "title": "Too large", "status": 413, "detail": "too large",
            "code": "too_large", "retryable": false,
        });
        assert_eq!(document, expected);
        for odd in [200, 399, 600, 0] {
            assert_eq!(problem.respond::<Bytes>(Refused::new(TooLarge(odd))).status(), 418, "{odd}");
        }
    }

    #[test]
    fn a_status_can_be_replaced() {
        let problem = AsProblem::default().with_status(Kind::Overloaded, StatusCode::TOO_MANY_REQUESTS);
        let problem = problem.expect("an error status");
        assert_eq!(respond(&problem, Kind::Overloaded, false).status(), 429);
        assert_eq!(respond(&problem, Kind::Unavailable, false).status(), 503);
        let error = AsProblem::default()
            .with_status(Kind::Overloaded, StatusCode::NO_CONTENT)
            .expect_err("no error status");
        assert_eq!(error.to_string(), "problem: status is 204, allowed: 400 to 599");
    }

    #[test]
    fn every_kind_has_a_place_of_its_own() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
    }

    #[test]
    fn the_documented_table_is_the_one_in_force() {
        let table = include_str!("../../../docs/status-codes.md");
        for kind in Kind::ALL {
            let row = table.lines().find(|line| line.starts_with(&format!("| `{kind:?}` |")));
            let documented = row.and_then(|row| row.split('|').nth(2)).map(str::trim);
            let status = status_of(kind).as_u16().to_string();
            assert_eq!(documented, Some(status.as_str()), "{kind:?}");
        }
    }
}
