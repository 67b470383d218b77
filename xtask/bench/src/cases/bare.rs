//! The services that the layers are put around: they do nothing, and answer at once or after one wait.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use buttress_core::BoxError;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use tower::Service;

pub(crate) type Body = Full<Bytes>;

/// Answers a number with itself.
#[derive(Clone)]
pub(crate) struct Echo;

impl Service<u64> for Echo {
    type Response = u64;
    type Error = BoxError;
    type Future = Ready<Result<u64, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        ready(Ok(request))
    }
}

/// Answers a number with itself, at the second poll.
#[derive(Clone)]
pub(crate) struct EchoLater;

impl Service<u64> for EchoLater {
    type Response = u64;
    type Error = BoxError;
    type Future = Later;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Later {
        Later { answer: request, has_waited: false }
    }
}

pub(crate) struct Later {
    answer: u64,
    has_waited: bool,
}

impl Future for Later {
    type Output = Result<u64, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.has_waited {
            return Poll::Ready(Ok(self.answer));
        }
        self.has_waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Answers any HTTP request with an empty 200 and two headers, as a client would see it.
#[derive(Clone)]
pub(crate) struct Upstream;

impl<B> Service<Request<B>> for Upstream {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Ready<Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        ready(Ok(answer()))
    }
}

/// Answers any HTTP request with an empty 200 and two headers, as a handler would.
#[derive(Clone)]
pub(crate) struct Handler;

impl<B> Service<Request<B>> for Handler {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        ready(Ok(answer()))
    }
}

fn answer() -> Response<Body> {
    let mut response = Response::new(Body::default());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}

pub(crate) fn number() -> u64 {
    7
}

/// A GET with the six headers that a client of an API sends: four are the same in every request, two are made for it.
pub(crate) fn get<B: Default>() -> Request<B> {
    with_headers(6)
}

/// The same request as a layer behind a router gets it.
pub(crate) fn routed<B: Default>() -> Request<B> {
    let mut request = with_headers(6);
    request.extensions_mut().insert(MatchedRoute("/api/v1/{collection}"));
    request
}

/// The same from a caller who sends a correlation ID along.
pub(crate) fn routed_with_id<B: Default>() -> Request<B> {
    let mut request = with_headers(7);
    request.headers_mut().insert(HeaderName::from_static(ID_HEADER), read(ID));
    request.extensions_mut().insert(MatchedRoute("/api/v1/{collection}"));
    request
}

/// Stands for what routers leave in the extensions before they call a layer, as Axum does with its matched path.
#[derive(Clone)]
struct MatchedRoute(#[expect(dead_code, reason = "whoever reads it is not measured")] &'static str);

/// The request with its six headers, and room for exactly so many, as a server reserves it.
fn with_headers<B: Default>(room: usize) -> Request<B> {
    let mut request = Request::new(B::default());
    *request.method_mut() = Method::GET;
    request.uri_mut().clone_from(&PATH);
    let headers = request.headers_mut();
    headers.reserve(room);
    headers.insert(HOST, made("inventory.example"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br"));
    headers.insert(AUTHORIZATION, made("Bearer mF_9.B5f-4.1JqM"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static("control-plane/1.0"));
    request
}

/// A value in memory of its own, as one that was put together for the request.
fn made(text: &str) -> HeaderValue {
    HeaderValue::from_str(black_box(text)).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A value that shares the buffer which the head was read into, as hyper makes all values of a request.
fn read(text: &str) -> HeaderValue {
    let buffer = Bytes::copy_from_slice(black_box(text).as_bytes());
    HeaderValue::from_maybe_shared(buffer.clone()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

static PATH: LazyLock<Uri> = LazyLock::new(|| Uri::from_static("/api/v1/devices"));

/// The header that correlation IDs are sent in.
pub(crate) const ID_HEADER: &str = "x-correlation-id";
const ID: &str = "6f1c2a8e-40b7-4d53-9f3e-2b8f6c1d7a90";
