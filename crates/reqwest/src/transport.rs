use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use buttress_core::BoxError;
use pin_project_lite::pin_project;
use reqwest::{Body, ResponseBuilderExt};
use tower_service::Service;

use crate::{fault, redirect};

/// A [`reqwest::Client`] as the service at the bottom of a Tower stack.
///
/// Takes `http::Request<reqwest::Body>` and not any body, so that type inference works at every call. Always
/// ready: reqwest's pool makes a connection when none is idle. The URL that was finally answered, after redirects,
/// is in the response's extensions, where `reqwest::Response::from` finds it.
///
/// Its errors are [`TransportError`](buttress_http::TransportError)s; the crate's front page has the table of kinds.
#[derive(Clone)]
pub struct Reqwest {
    client: reqwest::Client,
}

impl Reqwest {
    /// Sends by this client.
    ///
    /// If the client follows redirects, give it a policy wrapped in [`noting_redirects`](crate::noting_redirects).
    pub fn new(client: reqwest::Client) -> Self {
        Self { client }
    }

    /// The client that sends.
    pub fn get_ref(&self) -> &reqwest::Client {
        &self.client
    }
}

impl fmt::Debug for Reqwest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the client: its default header fields and proxies may hold secrets.
        f.debug_struct("Reqwest").finish_non_exhaustive()
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
        let state = match reqwest::Request::try_from(request) {
            Ok(request) => State::Sent { pending: Service::call(&mut self.client, request) },
            Err(error) => State::Invalid { error: Some(error) },
        };
        ResponseFuture { state, redirected: false }
    }
}

pin_project! {
    /// The future of [`Reqwest`].
    pub struct ResponseFuture {
        #[pin]
        state: State,
        redirected: bool,
    }
}

pin_project! {
    #[project = Projected]
    enum State {
        Sent { #[pin] pending: <reqwest::Client as Service<reqwest::Request>>::Future },
        Invalid { error: Option<reqwest::Error> },
    }
}

impl Future for ResponseFuture {
    type Output = Result<http::Response<Body>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.state.project() {
            Projected::Sent { pending } => {
                let (polled, followed) = redirect::watch(|| pending.poll(cx));
                *this.redirected |= followed;
                let result = ready!(polled);
                Poll::Ready(
                    result.map(into_http).map_err(|error| fault::of_call(error, *this.redirected).into()),
                )
            }
            Projected::Invalid { error } => match error.take() {
                Some(error) => Poll::Ready(Err(fault::of_request(error).into())),
                None => Poll::Pending, // polled after it was ready
            },
        }
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
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
