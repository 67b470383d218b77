use std::time::{Duration, SystemTime};

use buttress_core::{Attempt, BoxError, Deadline, Entropy, Fact, Kind, Refused, Rejection, WallClock};
use buttress_http::{ReplayBody, TransportError, TransportKind};
use buttress_retry::{AttemptHeader, HttpRetryLayer, ResendHttp, RetryBuilder, RetryLayer, StandardPolicy};
use buttress_testkit::message::{get, post, response};
use buttress_testkit::{Log, Recorder, Reply, Strict};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::Full;
use tokio::time::Instant;
use tower::{Layer, ServiceExt};

type Body = Full<Bytes>;
type Inner = Strict<Request<ReplayBody<Body>>, Response<Body>, BoxError>;

fn http() -> RetryBuilder<StandardPolicy, ResendHttp> {
    RetryLayer::builder().entropy(Entropy::seeded(1))
}

fn answer(status: u16) -> Reply<Response<Body>, BoxError> {
    Reply::Ok(response(StatusCode::from_u16(status).unwrap(), ""))
}

fn saying(status: u16, name: &'static str, value: &str) -> Reply<Response<Body>, BoxError> {
    let mut response = response(StatusCode::from_u16(status).unwrap(), "");
    response.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    Reply::Ok(response)
}

async fn statuses(layer: &HttpRetryLayer, inner: Inner, request: Request<Body>) -> (u16, usize) {
    let probe = inner.probe();
    let answer = layer.layer(inner).oneshot(request).await.unwrap();
    (answer.status().as_u16(), probe.calls())
}

#[tokio::test(start_paused = true)]
async fn a_get_is_tried_three_times_and_a_post_once() {
    let layer = http().build().unwrap();
    assert_eq!(statuses(&layer, Inner::with(|_, _| answer(503)), get("/")).await, (503, 3));
    assert_eq!(statuses(&layer, Inner::with(|_, _| answer(503)), post("/", "work")).await, (503, 1));
    assert_eq!(statuses(&layer, Inner::script([answer(503), answer(201)]), keyed()).await, (201, 2));
}

fn keyed() -> Request<Body> {
    let mut request = post("/", "work");
    request.headers_mut().insert("idempotency-key", HeaderValue::from_static("k1"));
    request
}

#[tokio::test(start_paused = true)]
async fn a_key_that_runs_is_asked_for_again_when_the_service_says() {
    let began = Instant::now();
    let layer = http().build().unwrap();
    let running = || saying(409, "retry-after", "1");
    let inner = Inner::script([running(), running(), answer(201)]);
    assert_eq!(statuses(&layer, inner, keyed()).await, (201, 3));
    let waited = began.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_millis(2_300)).contains(&waited), "{waited:?}");
    assert_eq!(
        statuses(&layer, Inner::with(move |_, _| running()), keyed()).await,
        (409, 3),
        "attempts are bounded"
    );
}

#[tokio::test(start_paused = true)]
async fn what_no_wait_makes_different_is_answered_at_once() {
    let recorder = Recorder::new();
    let layer = http().observer(recorder.clone()).build().unwrap();
    let cases = [
        (answer(409), keyed()),
        (saying(422, "retry-after", "1"), keyed()),
        (saying(409, "retry-after", "60"), keyed()),
        (saying(409, "retry-after", "1"), post("/", "work")),
    ];
    for (reply, request) in cases {
        let (began, inner) = (Instant::now(), Inner::script([reply]));
        assert_eq!(statuses(&layer, inner, request).await.1, 1);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
    assert_eq!(recorder.codes(), ["retry_after", "no_key"]);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_never_left_is_sent_again() {
    let layer = http().build().unwrap();
    let refused = || Reply::Err(TransportError::new(TransportKind::Connect, "refused").into());
    assert_eq!(statuses(&layer, Inner::script([refused(), answer(201)]), post("/", "x")).await, (201, 2));
}

#[tokio::test(start_paused = true)]
async fn every_attempt_sends_the_same_head() {
    let heads = Log::new();
    let inner = Inner::with(|_, _| answer(503)).noting(&heads, |request| {
        let mut headers = request.headers().clone();
        headers.remove("x-retry-attempt");
        (request.method().clone(), request.uri().clone(), request.version(), headers)
    });
    let mut request = get("/devices?top=5");
    *request.version_mut() = Version::HTTP_2;
    for value in ["a", "b"] {
        request.headers_mut().append("x-twice", HeaderValue::from_static(value));
    }
    http().build().unwrap().layer(inner).oneshot(request).await.unwrap();
    let heads = heads.all();
    assert_eq!((heads.len(), &heads[0]), (3, &heads[1]));
    assert_eq!(heads[1], heads[2]);
    assert_eq!(heads[2].3.get_all("x-twice").iter().count(), 2);
}

async fn numbers(header: AttemptHeader, name: &'static str) -> Vec<(Option<u32>, Option<String>)> {
    let seen = Log::new();
    let inner = Inner::with(|_, _| answer(503)).noting(&seen, move |request| {
        let on_the_wire = request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        (request.extensions().get::<Attempt>().map(|attempt| attempt.number()), on_the_wire)
    });
    let layer = http().attempt_header(header).build().unwrap();
    layer.layer(inner).oneshot(get("/")).await.unwrap();
    seen.all()
}

#[tokio::test(start_paused = true)]
async fn an_attempt_says_which_it_is() {
    let written = |number: u32| (Some(number), Some(number.to_string()));
    let usual = numbers(AttemptHeader::default(), "x-retry-attempt").await;
    assert_eq!(usual, [(None, None), written(2), written(3)]);
    let name = HeaderName::from_static("x-try");
    let always = numbers(AttemptHeader::Always(name.clone()), "x-try").await;
    assert_eq!(always, [written(1), written(2), written(3)]);
    let renamed = numbers(AttemptHeader::FromSecond(name), "x-try").await;
    assert_eq!(renamed, [(None, None), written(2), written(3)]);
    let never = numbers(AttemptHeader::Never, "x-retry-attempt").await;
    assert_eq!(never, [(None, None), (Some(2), None), (Some(3), None)]);
}

#[derive(Clone, Debug, PartialEq)]
struct OfTheCaller(u8);

#[derive(Clone, Debug)]
struct OfAnAttempt;

#[tokio::test(start_paused = true)]
async fn attempts_see_what_the_caller_said_and_nothing_of_each_other_b10() {
    let seen = Log::new();
    let log = seen.clone();
    let inner = Inner::handling(move |_, mut request| {
        let extensions = request.extensions_mut();
        let leaked = extensions.insert(OfAnAttempt).is_some();
        log.push((extensions.get::<OfTheCaller>().cloned(), leaked));
        extensions.insert(OfTheCaller(9));
        answer(503)
    });
    let mut request = get("/");
    request.extensions_mut().insert(OfTheCaller(7));
    http().build().unwrap().layer(inner).oneshot(request).await.unwrap();
    assert_eq!(seen.all(), vec![(Some(OfTheCaller(7)), false); 3]);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for_in_seconds_and_as_a_date_b8() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let policy = StandardPolicy::new().wall_clock(WallClock::from_fn(move || now));
    let layer = http().policy(policy).build().unwrap();
    for (value, least_ms, most_ms) in [
        ("4", 4_000, 4_401),
        ("Sun, 06 Nov 1994 08:49:41 GMT", 4_000, 4_401),
        ("Sun, 06 Nov 1994 08:49:00 GMT", 0, 101),
        ("0", 0, 101),
        ("soon", 0, 101),
    ] {
        let began = Instant::now();
        let inner = Inner::script([saying(429, "retry-after", value), answer(200)]);
        assert_eq!(statuses(&layer, inner, get("/")).await, (200, 2));
        let waited = began.elapsed().as_millis();
        assert!((least_ms..=most_ms).contains(&waited), "{value}: {waited} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wish_beyond_the_limit_returns_the_response_that_says_so() {
    for value in ["11", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let recorder = Recorder::new();
        let layer = http().observer(recorder.clone()).build().unwrap();
        let inner = Inner::script([saying(503, "retry-after", value)]);
        let began = Instant::now();
        let answer = layer.layer(inner).oneshot(get("/")).await.unwrap();
        assert_eq!(answer.headers()["retry-after"], value);
        assert_eq!((recorder.codes(), began.elapsed()), (vec!["retry_after"], Duration::ZERO));
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_in_the_request_is_obeyed() {
    let recorder = Recorder::new();
    let layer = http().observer(recorder.clone()).build().unwrap();
    let mut request = get("/");
    let now = Instant::now().into_std();
    request.extensions_mut().insert(Deadline::after(now, Duration::from_secs(3)));
    let inner = Inner::script([saying(503, "retry-after", "4")]);
    assert_eq!(statuses(&layer, inner, request).await, (503, 1));
    assert_eq!(recorder.codes(), ["deadline"]);
}

#[derive(Debug)]
struct Open;

impl std::fmt::Display for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("breaker is open")
    }
}

impl std::error::Error for Open {}

impl Rejection for Open {
    fn kind(&self) -> Kind {
        Kind::Unavailable
    }
    fn code(&self) -> &'static str {
        "circuit_open"
    }
    fn layer(&self) -> &'static str {
        "circuit-breaker"
    }
    fn reached_inner(&self) -> bool {
        false
    }
    fn public(&self) -> std::borrow::Cow<'static, str> {
        "the service is not available".into()
    }
    fn facts(&self, tell: &mut dyn FnMut(&'static str, Fact<'_>)) {
        tell("breaker", Fact::Text("intune"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_inside_is_not_asked_again_b5() {
    let recorder = Recorder::new();
    let layer = http().observer(recorder.clone()).build().unwrap();
    let inner = Inner::script([Reply::Err(Refused::new(Open).into())]);
    let error = layer.layer(inner).oneshot(get("/")).await.unwrap_err();
    assert_eq!(Refused::in_error(&error).map(Refused::code), Some("circuit_open"));
    let problem = buttress_http::AsProblem::default().respond(Refused::new(Open));
    let inner = Inner::script([Reply::Ok(problem)]);
    assert_eq!(statuses(&layer, inner, get("/")).await, (503, 1));
    assert_eq!(recorder.codes(), ["local_refusal", "local_refusal"]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_real_fault_is_the_answer() {
    let layer = http().build().unwrap();
    let inner = Inner::script([answer(503), Reply::Err(Refused::new(Open).into())]);
    let error = layer.layer(inner).oneshot(get("/")).await.unwrap_err();
    assert!(Refused::in_error(&error).is_some(), "the caller learns that the breaker opened meanwhile");
}
