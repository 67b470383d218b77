//! Request bodies: streamed once, replayed within the cap.

use buttress_core::{BoxError, Entropy};
use buttress_http::ReplayBody;
use buttress_retry::{ResendHttp, RetryBuilder, RetryLayer, StandardPolicy, WrapBody};
use buttress_testkit::message::{post, read, request, response};
use buttress_testkit::{Log, Recorder, Reply, ScriptedBody, Step, Strict};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt};

type Inner<B> = Strict<Request<ReplayBody<B>>, Response<Full<Bytes>>, BoxError>;

fn http(recorder: &Recorder) -> RetryBuilder<StandardPolicy, ResendHttp> {
    RetryLayer::builder().entropy(Entropy::seeded(1)).observer(recorder.clone())
}

fn down() -> Response<Full<Bytes>> {
    response(StatusCode::SERVICE_UNAVAILABLE, "")
}

/// Reads each body to its end and answers 503.
fn reading<B>(bodies: &Log<Bytes>) -> Inner<B>
where
    B: http_body::Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: std::fmt::Debug,
{
    let bodies = bodies.clone();
    Inner::handling(move |_, request| {
        let bodies = bodies.clone();
        Reply::run(async move {
            bodies.push(read(request.into_body()).await);
            Ok(down())
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a_body_within_the_cap_is_sent_again_byte_for_byte_b7() {
    let bodies = Log::new();
    let steps = [Step::Data("ab".into()), Step::Data("cde".into())];
    let (body, _) = ScriptedBody::new(steps);
    let layer = http(&Recorder::new()).build().unwrap();
    let put = request(Method::PUT, "/", body);
    layer.layer(reading(&bodies)).oneshot(put).await.unwrap();
    assert_eq!(bodies.all(), ["abcde", "abcde", "abcde"]);
}

#[tokio::test(start_paused = true)]
async fn a_streaming_body_beyond_the_cap_is_sent_once_b7() {
    let (bodies, recorder) = (Log::new(), Recorder::new());
    let (body, _) = ScriptedBody::new([Step::Data("abc".into()), Step::Data("de".into())]);
    let layer = http(&recorder).replay_cap_bytes(4).build().unwrap();
    let put = request(Method::PUT, "/", body);
    let answer = layer.layer(reading(&bodies)).oneshot(put).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!((bodies.all(), recorder.codes()), (vec![Bytes::from("abcde")], vec!["body"]));
}

#[tokio::test(start_paused = true)]
async fn a_body_known_to_be_too_large_is_sent_once() {
    let (bodies, recorder) = (Log::new(), Recorder::new());
    let layer = http(&recorder).replay_cap_bytes(4).build().unwrap();
    let put = request(Method::PUT, "/", Full::new(Bytes::from("abcde")));
    layer.layer(reading(&bodies)).oneshot(put).await.unwrap();
    assert_eq!((bodies.len(), recorder.codes()), (1, vec!["body"]));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_cannot_be_sent_again_spends_nothing_of_the_budget() {
    let (streamed, _) = ScriptedBody::new([Step::Data("abc".into()), Step::Data("de".into())]);
    let known = Full::new(Bytes::from("abcde"));
    for body in [streamed.boxed_unsync(), known.map_err(BoxError::from).boxed_unsync()] {
        let layer = http(&Recorder::new()).replay_cap_bytes(4).build().unwrap();
        layer.layer(reading(&Log::new())).oneshot(request(Method::PUT, "/", body)).await.unwrap();
        assert_eq!(layer.budget().usage(tokio::time::Instant::now().into_std()).spent, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_attempt_streams_and_nothing_is_read_ahead_b7() {
    let (body, probe) = ScriptedBody::new([Step::Data("ab".into()), Step::Hold, Step::Data("cd".into())]);
    let inner: Inner<ScriptedBody> = Inner::handling(move |_, request: Request<ReplayBody<ScriptedBody>>| {
        let probe = probe.clone();
        Reply::run(async move {
            let mut body = request.into_body();
            assert_eq!(probe.bytes_read(), 0, "nothing was read before the attempt asked");
            let first = body.frame().await.unwrap().unwrap();
            assert_eq!(first.data_ref().unwrap(), "ab");
            probe.release();
            assert_eq!(body.collect().await.unwrap().to_bytes(), "cd");
            Ok(response(StatusCode::OK, ""))
        })
    });
    let layer = http(&Recorder::new()).build().unwrap();
    let answer = layer.layer(inner).oneshot(request(Method::PUT, "/", body)).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn an_early_response_is_retried_with_the_whole_body() {
    let bodies = Log::new();
    let log = bodies.clone();
    let (body, _) = ScriptedBody::new([Step::Data("ab".into()), Step::Data("cd".into())]);
    let inner: Inner<ScriptedBody> =
        Inner::handling(move |call, request: Request<ReplayBody<ScriptedBody>>| {
            let log = log.clone();
            Reply::run(async move {
                let mut body = request.into_body();
                if call == 0 {
                    body.frame().await.unwrap().unwrap();
                    return Ok(down()); // the rest of the body is left unread
                }
                log.push(read(body).await);
                Ok(response(StatusCode::OK, ""))
            })
        });
    let layer = http(&Recorder::new()).build().unwrap();
    layer.layer(inner).oneshot(request(Method::PUT, "/", body)).await.unwrap();
    assert_eq!(bodies.all(), ["abcd"]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_the_transport_still_sends_is_not_sent_twice() {
    let recorder = Recorder::new();
    let held = Log::new();
    let keeper = held.clone();
    let inner: Inner<Full<Bytes>> = Inner::handling(move |_, request: Request<ReplayBody<Full<Bytes>>>| {
        let (_, body) = request.into_parts();
        keeper.push(std::sync::Arc::new(body));
        Reply::Ok(down())
    });
    let layer = http(&recorder).build().unwrap();
    let answer = layer.layer(inner).oneshot(request(Method::PUT, "/", Full::new("x".into()))).await.unwrap();
    assert_eq!((answer.status().as_u16(), held.len(), recorder.codes()), (503, 1, vec!["body"]));
}

#[tokio::test(start_paused = true)]
async fn a_body_whose_source_fails_is_not_sent_twice() {
    let (body, _) = ScriptedBody::new([Step::Data("ab".into()), Step::Fail("disk".into())]);
    let recorder = Recorder::new();
    let inner: Inner<ScriptedBody> = Inner::handling(|_, request: Request<ReplayBody<ScriptedBody>>| {
        Reply::run(async move { request.into_body().collect().await.map(|_| down()) })
    });
    let layer = http(&recorder).build().unwrap();
    let error = layer.layer(inner).oneshot(request(Method::PUT, "/", body)).await.unwrap_err();
    assert_eq!((error.to_string().as_str(), recorder.codes()), ("disk", vec!["body"]));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_may_not_be_repeated_is_told_so_whatever_its_body() {
    let recorder = Recorder::new();
    let layer = http(&recorder).replay_cap_bytes(1).build().unwrap();
    let inner: Inner<Full<Bytes>> = Inner::with(|_, _| Reply::Ok(down()));
    layer.layer(inner).oneshot(post("/", "large")).await.unwrap();
    assert_eq!(recorder.codes(), ["method"]);
}

/// What an adapter does whose client has a body type of its own.
#[derive(Clone, Copy)]
struct AsBytesLeft;

impl WrapBody<Full<Bytes>> for AsBytesLeft {
    type Out = u64;

    fn wrap(&self, body: ReplayBody<Full<Bytes>>) -> u64 {
        body.size_hint().exact().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn the_inner_service_can_have_a_body_type_of_its_own() {
    let sizes = Log::new();
    let inner = Strict::<Request<u64>, Response<Full<Bytes>>, BoxError>::with(|_, _| Reply::Ok(down()))
        .noting(&sizes, |request| *request.body());
    let layer = http(&Recorder::new()).wrap_body(AsBytesLeft).build().unwrap();
    let put = request(Method::PUT, "/", Full::new(Bytes::from("four")));
    layer.layer(inner).oneshot(put).await.unwrap();
    assert_eq!(sizes.all(), [4, 4, 4]);
}
