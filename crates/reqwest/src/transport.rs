use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use buttress_core::BoxError;
use buttress_http::{TransportError, TransportKind};
use pin_project_lite::pin_project;
use reqwest::{Body, ResponseBuilderExt};
use tower_service::Service;

/// A [`reqwest::Client`] as the service at the bottom of a Tower stack.
///
/// Takes `http::Request<reqwest::Body>` and not any body, so that type inference works at every call. Always
/// ready: reqwest's pool makes a connection when none is idle. The URL that was finally answered, after redirects,
/// is in the response's extensions, where `reqwest::Response::from` finds it.
#[derive(Clone, Debug)]
pub struct Reqwest {
    client: reqwest::Client,
}

impl Reqwest {
    /// Sends by this client.
    pub fn new(client: reqwest::Client) -> Self {
        Self { client }
    }

    /// The client that sends.
    pub fn get_ref(&self) -> &reqwest::Client {
        &self.client
    }
}

impl Service<http::Request<Body>> for Reqwest {
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> ResponseFuture {
        match reqwest::Request::try_from(request) {
            Ok(request) => ResponseFuture::Sent { pending: Service::call(&mut self.client, request) },
            Err(error) => ResponseFuture::Invalid { error: Some(error) },
        }
    }
}

pin_project! {
    /// The future of [`Reqwest`].
    #[project = Projected]
    #[derive(Debug)]
    pub enum ResponseFuture {
        /// The request is with reqwest.
        #[doc(hidden)]
        Sent { #[pin] pending: <reqwest::Client as Service<reqwest::Request>>::Future },
        /// The request could not be made.
        #[doc(hidden)]
        Invalid { error: Option<reqwest::Error> },
    }
}

impl Future for ResponseFuture {
    type Output = Result<http::Response<Body>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = match self.project() {
            Projected::Sent { pending } => ready!(pending.poll(cx)),
            Projected::Invalid { error } => match error.take() {
                Some(error) => Err(error),
                None => return Poll::Pending, // polled after it was ready
            },
        };
        Poll::Ready(result.map(into_http).map_err(|error| describe(error).into()))
    }
}

/// Converts reqwest's response, and keeps its URL where the way back looks for it.
fn into_http(response: reqwest::Response) -> http::Response<Body> {
    let located = http::Response::builder().url(response.url().clone()).body(());
    let mut response = http::Response::<Body>::from(response);
    if let Ok(mut located) = located {
        response.extensions_mut().extend(std::mem::take(located.extensions_mut()));
    }
    response
}

fn describe(error: reqwest::Error) -> TransportError {
    TransportError::new(kind_of(&error), error)
}

/// How far the request got, as far as reqwest and the errors beneath it tell.
fn kind_of(error: &reqwest::Error) -> TransportKind {
    if error.is_builder() || error.is_redirect() {
        TransportKind::Invalid
    } else if error.is_connect() {
        // Before the timeout: a connection that took too long was none, so the request never left.
        TransportKind::Connect
    } else if error.is_timeout() {
        TransportKind::TimedOut
    } else if error.is_body() || error.is_decode() || was_interrupted(error) {
        TransportKind::Interrupted
    } else {
        TransportKind::Other
    }
}

fn was_interrupted(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.downcast_ref().is_some_and(broke_off) {
            return true;
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return matches!(
                io.kind(),
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::NotConnected
            );
        }
        cause = error.source();
    }
    false
}

fn broke_off(error: &hyper::Error) -> bool {
    error.is_incomplete_message() || error.is_canceled() || error.is_closed() || error.is_body_write_aborted()
}
