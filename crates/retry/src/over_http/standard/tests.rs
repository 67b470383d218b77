use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use buttress_core::{BoxError, Rejection};
use http::{Method, Request};

use super::*;

#[derive(Debug)]
struct Said {
    kind: Kind,
    reached_inner: bool,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a layer said no")
    }
}

impl Error for Said {}

impl Rejection for Said {
    fn kind(&self) -> Kind {
        self.kind
    }
    fn code(&self) -> &'static str {
        "said"
    }
    fn layer(&self) -> &'static str {
        "test"
    }
    fn reached_inner(&self) -> bool {
        self.reached_inner
    }
    fn public(&self) -> Cow<'static, str> {
        "no".into()
    }
}

fn refused(kind: Kind, reached_inner: bool) -> Refused {
    Refused::new(Said { kind, reached_inner })
}

fn broken(kind: TransportKind) -> BoxError {
    TransportError::new(kind, "the cause").into()
}

fn answer(status: u16, headers: &[(&'static str, &str)]) -> Response<()> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(()).expect("a valid response")
}

fn request(method: Method) -> Parts {
    Request::builder().method(method).body(()).expect("a valid request").into_parts().0
}

fn with_key(method: Method, name: &'static str, key: &'static str) -> Parts {
    Request::builder().method(method).header(name, key).body(()).expect("a valid request").into_parts().0
}

/// What becomes of an outcome: `None` if it is the answer.
fn judge(
    policy: &StandardPolicy,
    request: &Parts,
    outcome: Result<&Response<()>, &BoxError>,
) -> Option<Decision> {
    let fault = policy.fault(outcome)?;
    Some(policy.decide(&Tried::new(fault, request, outcome)))
}

const STOP_METHOD: Option<Decision> = Some(Decision::Stop(Stop::Method));
const RETRY: Option<Decision> = Some(Decision::Retry);

#[test]
fn idempotent_methods_are_sent_again_and_others_only_with_a_key() {
    let policy = StandardPolicy::new();
    let failed = answer(503, &[]);
    let table = [
        (Method::GET, RETRY),
        (Method::HEAD, RETRY),
        (Method::OPTIONS, RETRY),
        (Method::PUT, RETRY),
        (Method::DELETE, RETRY),
        (Method::POST, STOP_METHOD),
        (Method::PATCH, STOP_METHOD),
        (Method::CONNECT, STOP_METHOD),
    ];
    for (method, expected) in table {
        assert_eq!(judge(&policy, &request(method.clone()), Ok(&failed)), expected, "{method}");
        let keyed = with_key(method.clone(), "idempotency-key", "k1");
        assert_eq!(judge(&policy, &keyed, Ok(&failed)), RETRY, "{method} with a key");
        let empty = with_key(method.clone(), "idempotency-key", "");
        assert_eq!(judge(&policy, &empty, Ok(&failed)), expected, "{method} with an empty key");
    }
}

#[test]
fn the_header_that_makes_a_request_idempotent_can_be_another() {
    let policy = StandardPolicy::new().idempotency_header(HeaderName::from_static("x-request-key"));
    let failed = answer(503, &[]);
    let own = with_key(Method::POST, "x-request-key", "k1");
    let usual = with_key(Method::POST, "idempotency-key", "k1");
    assert_eq!(judge(&policy, &own, Ok(&failed)), RETRY);
    assert_eq!(judge(&policy, &usual, Ok(&failed)), STOP_METHOD);
}

#[test]
fn the_caller_can_say_so_for_one_request_or_for_all() {
    let (policy, failed) = (StandardPolicy::new(), answer(503, &[]));
    let saying = |method, word: Retryable| {
        let mut parts = request(method);
        parts.extensions.insert(word);
        parts
    };
    assert_eq!(judge(&policy, &saying(Method::POST, Retryable::Yes), Ok(&failed)), RETRY);
    let no = Some(Decision::Stop(Stop::OptedOut));
    assert_eq!(judge(&policy, &saying(Method::GET, Retryable::No), Ok(&failed)), no);
    let never_left = broken(TransportKind::Connect);
    assert_eq!(judge(&policy, &saying(Method::GET, Retryable::No), Err(&never_left)), no);
    assert_eq!(judge(&policy.retry_all_methods(), &request(Method::POST), Ok(&failed)), RETRY);
}

#[test]
fn only_statuses_that_promise_to_pass_are_tried_again() {
    let policy = StandardPolicy::new();
    for status in 200..600 {
        let expected = matches!(status, 408 | 429 | 502 | 503 | 504);
        let judged = judge(&policy, &request(Method::GET), Ok(&answer(status, &[])));
        assert_eq!(judged, expected.then_some(Decision::Retry), "{status}");
    }
    let policy = policy.retry_internal_errors().retry_status(StatusCode::BAD_GATEWAY, StatusRule::Never);
    assert_eq!(judge(&policy, &request(Method::GET), Ok(&answer(500, &[]))), RETRY);
    assert_eq!(judge(&policy, &request(Method::GET), Ok(&answer(502, &[]))), None);
    let policy = policy.without_statuses();
    assert_eq!(judge(&policy, &request(Method::GET), Ok(&answer(503, &[]))), None);
}

#[test]
fn a_conflict_is_an_answer_unless_the_same_key_runs_and_the_service_says_when() {
    let policy = StandardPolicy::new();
    let soon = [("retry-after", "2")];
    let again = Some(Decision::RetryAfter(Duration::from_secs(2)));
    let no_key = Some(Decision::Stop(Stop::NoKey));
    let keyed = |method| with_key(method, "idempotency-key", "k1");
    let table: [(Parts, u16, &[_], _); 9] = [
        (keyed(Method::POST), 409, &soon, again),
        (keyed(Method::PUT), 409, &soon, again),
        (keyed(Method::POST), 409, &[], None),
        (keyed(Method::POST), 409, &[("retry-after", "soon")], None),
        (request(Method::POST), 409, &soon, no_key),
        (request(Method::PUT), 409, &soon, no_key),
        (with_key(Method::POST, "idempotency-key", ""), 409, &soon, no_key),
        (keyed(Method::POST), 422, &[], None),
        (keyed(Method::POST), 422, &soon, None),
    ];
    for (request, status, headers, expected) in table {
        let judged = judge(&policy, &request, Ok(&answer(status, headers)));
        assert_eq!(judged, expected, "{} {status} {headers:?}", request.method);
    }
}

#[test]
fn what_a_conflict_means_can_be_said_and_the_usual_words_still_count() {
    let (there, running) = (answer(409, &[]), answer(409, &[("retry-after", "2")]));
    let keyed = || with_key(Method::POST, "idempotency-key", "k1");
    let again = Some(Decision::RetryAfter(Duration::from_secs(2)));
    let never = StandardPolicy::new().retry_status(StatusCode::CONFLICT, StatusRule::Never);
    assert_eq!(judge(&never, &keyed(), Ok(&running)), None);
    assert_eq!(judge(&StandardPolicy::new().without_statuses(), &keyed(), Ok(&running)), None);
    let always = StandardPolicy::new().retry_status(StatusCode::CONFLICT, StatusRule::WithRetryAfter);
    assert_eq!(judge(&always, &keyed(), Ok(&there)), None);
    assert_eq!(judge(&always, &request(Method::PUT), Ok(&running)), again);
    assert_eq!(judge(&always, &request(Method::POST), Ok(&running)), STOP_METHOD);
    let own = StandardPolicy::new().idempotency_header(HeaderName::from_static("x-request-key"));
    assert_eq!(judge(&own, &with_key(Method::POST, "x-request-key", "k1"), Ok(&running)), again);
    assert_eq!(judge(&own, &keyed(), Ok(&running)), Some(Decision::Stop(Stop::NoKey)));
    let mut unwilling = keyed();
    unwilling.extensions.insert(Retryable::No);
    let policy = StandardPolicy::new();
    assert_eq!(judge(&policy, &unwilling, Ok(&running)), Some(Decision::Stop(Stop::OptedOut)));
    let final_word = answer(409, &[("retry-after", "2"), ("x-should-retry", "false")]);
    assert_eq!(judge(&policy, &keyed(), Ok(&final_word)), Some(Decision::Stop(Stop::ServerSaidNo)));
}

#[test]
fn the_servers_word_beats_the_status_and_never_the_method() {
    let policy = StandardPolicy::new();
    let (yes, no) = ([("x-should-retry", "true")], [("x-should-retry", "false")]);
    let said_no = Some(Decision::Stop(Stop::ServerSaidNo));
    let table = [
        (Method::GET, 400, &yes, RETRY),
        (Method::GET, 500, &yes, RETRY),
        (Method::POST, 500, &yes, STOP_METHOD),
        (Method::POST, 503, &yes, STOP_METHOD),
        (Method::GET, 503, &no, said_no),
        (Method::GET, 404, &no, None),
        (Method::GET, 200, &yes, None),
    ];
    for (method, status, word, expected) in table {
        let judged = judge(&policy, &request(method.clone()), Ok(&answer(status, word)));
        assert_eq!(judged, expected, "{method} {status} {word:?}");
    }
    let odd = answer(404, &[("x-should-retry", "maybe")]);
    assert_eq!(judge(&policy, &request(Method::GET), Ok(&odd)), None);
}

#[test]
fn a_request_that_never_left_may_be_sent_by_any_method() {
    let policy = StandardPolicy::new();
    let table = [
        (TransportKind::Connect, RETRY, RETRY),
        (TransportKind::Interrupted, RETRY, STOP_METHOD),
        (TransportKind::TimedOut, RETRY, STOP_METHOD),
        (TransportKind::Other, RETRY, STOP_METHOD),
        (TransportKind::Invalid, None, None),
    ];
    for (kind, get, post) in table {
        let error = broken(kind);
        assert_eq!(judge(&policy, &request(Method::GET), Err(&error)), get, "GET, {kind:?}");
        assert_eq!(judge(&policy, &request(Method::POST), Err(&error)), post, "POST, {kind:?}");
    }
    let unknown = BoxError::from("something else");
    assert_eq!(judge(&policy, &request(Method::GET), Err(&unknown)), RETRY);
    assert_eq!(judge(&policy, &request(Method::POST), Err(&unknown)), STOP_METHOD);
}

#[test]
fn a_refusal_of_this_process_is_final_in_either_shape_b5() {
    let policy = StandardPolicy::new().retry_all_methods();
    let final_word = Some(Decision::Stop(Stop::LocalRefusal));
    for kind in Kind::ALL {
        for reached_inner in [false, true] {
            let expected = if kind == Kind::TimedOut && reached_inner { RETRY } else { final_word };
            let error = BoxError::from(refused(kind, reached_inner));
            assert_eq!(judge(&policy, &request(Method::GET), Err(&error)), expected, "{kind:?}");
            let mut response = answer(503, &[("x-should-retry", "true")]);
            response.extensions_mut().insert(refused(kind, reached_inner));
            assert_eq!(judge(&policy, &request(Method::GET), Ok(&response)), expected, "{kind:?}");
        }
    }
}

#[test]
fn a_refusal_is_final_for_requests_that_opted_in_too() {
    let mut opted_in = request(Method::GET);
    opted_in.extensions.insert(Retryable::Yes);
    let error = BoxError::from(refused(Kind::Unavailable, false));
    let judged = judge(&StandardPolicy::new(), &opted_in, Err(&error));
    assert_eq!(judged, Some(Decision::Stop(Stop::LocalRefusal)));
}

#[test]
fn a_timeout_around_the_attempt_obeys_the_method() {
    let error = BoxError::from(refused(Kind::TimedOut, true));
    assert_eq!(judge(&StandardPolicy::new(), &request(Method::POST), Err(&error)), STOP_METHOD);
}

#[test]
fn retry_after_is_read_in_seconds_and_as_a_date_b8() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let policy = StandardPolicy::new().wall_clock(WallClock::from_fn(move || now));
    let table = [
        ("5", Some(Decision::RetryAfter(Duration::from_secs(5)))),
        ("0", Some(Decision::RetryAfter(Duration::ZERO))),
        ("Sun, 06 Nov 1994 08:49:44 GMT", Some(Decision::RetryAfter(Duration::from_secs(7)))),
        ("Sun, 06 Nov 1994 08:49:30 GMT", Some(Decision::RetryAfter(Duration::ZERO))),
        ("99999999999999999999", Some(Decision::RetryAfter(Duration::from_secs(u64::MAX)))),
        ("soon", RETRY),
        ("-1", RETRY),
    ];
    for status in [429, 503, 502] {
        for (value, expected) in table {
            let response = answer(status, &[("retry-after", value)]);
            assert_eq!(judge(&policy, &request(Method::GET), Ok(&response)), expected, "{status} {value}");
        }
    }
}
