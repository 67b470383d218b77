//! Bodies that are odd.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use buttress_testkit::message;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};

use crate::{builder, code, request, store};

/// Empty frames without end, all of them there at once; counts them.
struct Nothings(Arc<AtomicUsize>);

impl http_body::Body for Nothings {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
    }
}

#[tokio::test]
async fn a_body_of_empty_frames_is_ended_by_time() {
    let (frames, layer) = (Arc::new(AtomicUsize::new(0)), builder(&store()));
    let brief = Duration::from_millis(50);
    let layer = layer.longest_run(brief).body_time(brief).build().unwrap();
    let seen = Arc::clone(&frames);
    let service = layer.layer(service_fn(move |_: Request<Body>| {
        let body = Body::new(Nothings(Arc::clone(&seen)));
        async move { Ok::<_, Infallible>(Response::new(body)) }
    }));
    let answer = service.clone().oneshot(request("/", "k", "")).await.unwrap();
    assert_eq!((answer.status().as_u16(), frames.load(Ordering::Relaxed) > 100), (504, true));
    let sent = request("/", "other", "").map(|_| Body::new(Nothings(frames)));
    assert_eq!(service.oneshot(sent).await.unwrap().status(), 408);
}

/// A large piece of memory that says when it goes.
struct Page(Arc<AtomicUsize>);

impl AsRef<[u8]> for Page {
    fn as_ref(&self) -> &[u8] {
        &[b'x'; 1 << 14]
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_answer_holds_no_memory_but_its_own() {
    let held = Arc::new(AtomicUsize::new(0));
    let holds = Arc::clone(&held);
    let service = builder(&store()).build().unwrap().layer(service_fn(move |_: Request<Body>| {
        holds.fetch_add(1, Ordering::SeqCst);
        let page = Bytes::from_owner(Page(Arc::clone(&holds)));
        async move { Ok::<_, Infallible>(Response::new(Body::from(page.slice(..10)))) }
    }));
    assert_eq!(message::send(&service, request("/", "k", "")).await.body, "xxxxxxxxxx");
    assert_eq!(held.load(Ordering::SeqCst), 0);
    assert_eq!(message::send(&service, request("/", "k", "")).await.body, "xxxxxxxxxx");
}

/// A body and its trailers.
async fn trailing(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("13"))]);
    let body = http_body_util::Full::new(Bytes::from_static(b"body"));
    let with_trailers = body.with_trailers(async move { Some(Ok::<_, Infallible>(trailers)) });
    Ok(Response::new(Body::new(with_trailers)))
}

#[tokio::test(start_paused = true)]
async fn half_of_an_answer_is_never_replayed() {
    let service = builder(&store()).build().unwrap().layer(service_fn(trailing));
    let first = service.clone().oneshot(request("/", "k", "")).await.unwrap();
    assert_eq!(first.body().size_hint().exact(), None, "HTTP/1.1 has no trailers where the length is known");
    let first = first.into_body().collect().await.unwrap();
    assert_eq!(first.trailers().unwrap()["grpc-status"], "13");
    assert_eq!(first.to_bytes(), "body");
    let again = message::send(&service, request("/", "k", "")).await;
    assert_eq!((again.status.as_u16(), code(&again.body).as_str()), (409, "idempotency_not_retained"));
}

#[tokio::test(start_paused = true)]
async fn when_to_ask_again_is_kept_with_an_answer_and_not_with_an_error() {
    for (status, is_kept) in [(202, true), (422, false)] {
        let service =
            builder(&store()).build().unwrap().layer(service_fn(move |_: Request<Body>| async move {
                let response = Response::builder().status(status).header("retry-after", "30");
                Ok::<_, Infallible>(response.body(Body::empty()).unwrap())
            }));
        message::send(&service, request("/", "k", "")).await;
        let again = message::send(&service, request("/", "k", "")).await;
        assert_eq!(again.headers.contains_key("retry-after"), is_kept, "{status}");
    }
}
