//! What becomes of a failed response: read a little, dropped before the wait, and given back if it must be.

use std::time::Duration;

use axum::body::Body;
use buttress_backoff::{Backoff, Jitter};
use buttress_core::BoxError;
use buttress_http::ReplayBody;
use buttress_retry::{
    Decision, Fault, ResendHttp, RetryBuilder, RetryLayer, RetryPolicy, StandardPolicy, Tried,
};
use buttress_testkit::message::{get, read};
use buttress_testkit::{BodyProbe, Probe, Recorder, Reply, ScriptedBody, Step, Strict};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::Instant;
use tower::{Layer, ServiceExt};

type Inner = Strict<Request<ReplayBody<Full<Bytes>>>, Response<Body>, BoxError>;

const SECOND: Duration = Duration::from_secs(1);

/// Waits exactly a second before a retry.
fn http() -> RetryBuilder<StandardPolicy, ResendHttp> {
    RetryLayer::builder().backoff(Backoff::constant(SECOND).jitter(Jitter::None))
}

/// A service that answers 503 with a scripted body, and then 200.
fn failing_once(steps: impl IntoIterator<Item = Step>) -> (Inner, BodyProbe) {
    let (body, probe) = ScriptedBody::new(steps);
    let failed = Response::builder().status(503).header("content-type", "text/plain").header("x-kept", "1");
    let failed = failed.header("content-length", "4").body(Body::new(body)).unwrap();
    let fine = Response::new(Body::empty());
    (Inner::script([Reply::Ok(failed), Reply::Ok(fine)]), probe)
}

/// What the caller gets when the service is not ready after the wait.
async fn given_back(inner: Inner) -> Response<Body> {
    let probe = inner.probe();
    let call = http().build().unwrap().layer(inner).oneshot(get("/"));
    let (outcome, ()) = tokio::join!(call, hold_during_the_wait(probe));
    outcome.unwrap()
}

async fn hold_during_the_wait(probe: Probe<BoxError>) {
    tokio::time::sleep(SECOND / 2).await;
    probe.hold_ready();
}

#[tokio::test(start_paused = true)]
async fn a_failed_response_is_gone_before_the_wait_b6() {
    for steps in
        [vec![Step::Data("down".into())], vec![Step::Data("down".into()), Step::Hold], vec![Step::Hold]]
    {
        let (inner, probe) = failing_once(steps);
        let began = Instant::now();
        let call = http().build().unwrap().layer(inner).oneshot(get("/"));
        let look = async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            assert!(probe.is_dropped(), "the connection is held through the wait");
        };
        let (outcome, ()) = tokio::join!(call, look);
        assert_eq!(outcome.unwrap().status(), 200);
        assert_eq!(began.elapsed(), SECOND, "reading the response is part of the wait, not added to it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_is_read_to_its_end_so_that_its_connection_can_serve_again() {
    let (inner, probe) = failing_once([
        Step::Data("do".into()),
        Step::Wait(Duration::from_millis(20)),
        Step::Data("wn".into()),
    ]);
    http().build().unwrap().layer(inner).oneshot(get("/")).await.unwrap();
    assert!(probe.is_ended());
    assert_eq!(probe.bytes_read(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_response_is_read_up_to_the_cap_only() {
    let pieces = || (0..10).map(|_| Step::Data("12345678".into()));
    let (inner, probe) = failing_once(pieces());
    http().drain_cap_bytes(20).build().unwrap().layer(inner).oneshot(get("/")).await.unwrap();
    assert!(probe.is_dropped() && probe.bytes_read() <= 28, "{} bytes", probe.bytes_read());
    let (body, probe) = ScriptedBody::new(pieces());
    let failed = Response::builder().status(503).body(Body::new(body.sized())).unwrap();
    let inner = Inner::script([Reply::Ok(failed), Reply::Ok(Response::default())]);
    http().drain_cap_bytes(20).build().unwrap().layer(inner).oneshot(get("/")).await.unwrap();
    assert_eq!(probe.bytes_read(), 0, "the end is known to lie beyond the cap");
}

#[tokio::test(start_paused = true)]
async fn a_body_in_endless_empty_pieces_is_let_go() {
    let (inner, probe) = failing_once((0..5_000).map(|_| Step::Data(Bytes::new())));
    http().build().unwrap().layer(inner).oneshot(get("/")).await.unwrap();
    assert!(probe.is_dropped() && probe.frames_read() <= 1_024, "{} frames", probe.frames_read());
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_turns_out_impossible_returns_the_response_as_it_was() {
    let (inner, _) = failing_once([Step::Data("do".into()), Step::Data("wn".into())]);
    let answer = given_back(inner).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-length"]),
        (503, "4".parse().as_ref().unwrap())
    );
    assert_eq!(answer.headers()["x-kept"], "1");
    assert_eq!(read(answer.into_body()).await, "down");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_was_cut_comes_back_without_a_body_and_without_a_description_of_one() {
    for steps in
        [vec![Step::Data("do".into()), Step::Hold], vec![Step::Data("do".into()), Step::Fail("reset".into())]]
    {
        let answer = given_back(failing_once(steps).0).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-kept"]),
            (503, "1".parse().as_ref().unwrap())
        );
        assert!(!answer.headers().contains_key("content-length"));
        assert!(!answer.headers().contains_key("content-type"));
        assert_eq!(read(answer.into_body()).await, "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_not_retried_is_not_touched() {
    let (body, probe) = ScriptedBody::new([Step::Data("down".into())]);
    let failed = Response::builder().status(503).body(Body::new(body)).unwrap();
    let recorder = Recorder::new();
    let layer = http().max_attempts(2).observer(recorder.clone()).build().unwrap();
    let inner = Inner::script([
        Reply::Ok(Response::builder().status(503).body(Body::empty()).unwrap()),
        Reply::Ok(failed),
    ]);
    let answer = layer.layer(inner).oneshot(get("/")).await.unwrap();
    assert_eq!((probe.polls(), recorder.codes()), (0, vec!["status", "attempts"]));
    assert_eq!(read(answer.into_body()).await, "down");
}

#[tokio::test(start_paused = true)]
async fn in_a_wait_shorter_than_the_time_for_reading_the_response_is_let_go_at_its_end() {
    let layer =
        RetryLayer::builder().backoff(Backoff::exponential(Duration::from_millis(1)).jitter(Jitter::Full));
    let entropy = buttress_core::Entropy::seeded(0);
    let layer = layer.entropy(entropy).build().unwrap();
    let (inner, probe) = failing_once([Step::Data("do".into()), Step::Hold]);
    assert_eq!(layer.layer(inner).oneshot(get("/")).await.unwrap().status(), 200);
    assert!(probe.is_dropped());
}

/// Sends again at once, whatever the schedule says.
struct AtOnce;

impl<Res> RetryPolicy<http::request::Parts, Response<Res>, BoxError> for AtOnce {
    fn fault(&self, outcome: Result<&Response<Res>, &BoxError>) -> Option<Fault> {
        RetryPolicy::<http::request::Parts, Response<Res>, BoxError>::fault(&StandardPolicy::new(), outcome)
    }

    fn decide(&self, _: &Tried<'_, http::request::Parts, Response<Res>, BoxError>) -> Decision {
        Decision::RetryIn(Duration::ZERO)
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_wait_the_response_is_read_as_far_as_it_is_there() {
    let (inner, probe) = failing_once([Step::Data("do".into()), Step::Hold]);
    // Between two ticks of the timer, so that waiting for it even once would show.
    tokio::time::advance(Duration::from_micros(500)).await;
    let began = Instant::now();
    let layer = RetryLayer::builder().policy(AtOnce).build().unwrap();
    assert_eq!(layer.layer(inner).oneshot(get("/")).await.unwrap().status(), 200);
    assert_eq!((began.elapsed(), probe.bytes_read()), (Duration::ZERO, 2));
    assert!(probe.is_dropped());
}
