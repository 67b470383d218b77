use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};

use buttress_core::{Context, Scoped};
use http::header::{HeaderName, HeaderValue};
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span};

use crate::arrival::Arrival;
use crate::layer::Settings;
use crate::span;

/// The service that [`CorrelationIdLayer`](crate::CorrelationIdLayer) makes.
#[derive(Clone, Debug)]
pub struct CorrelationIdService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> CorrelationIdService<S> {
    pub(crate) fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, alone again.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B, ResB> Service<Request<B>> for CorrelationIdService<S>
where
    S: Service<Request<B>, Response = Response<ResB>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let arrival = self.settings.receive(&mut request);
        let span = self.settings.span(&arrival, &request);
        let context = Context::current().with_correlation_id(arrival.id);
        // Layers inside may decide and log in `call` already.
        let entered = span.enter();
        let response = context.scope_with(|| self.inner.call(request));
        drop(entered);
        let echo = arrival.echo.map(|id| (self.settings.header.clone(), id));
        ResponseFuture { response: response.instrument(span), echo }
    }
}

impl Settings {
    /// The span of a request; none if a layer of this kind has opened it further out.
    fn span<B>(&self, arrival: &Arrival, request: &Request<B>) -> Span {
        match self.span_level {
            Some(level) if !arrival.is_in_scope() => span::open(level, request.method(), arrival),
            _ => Span::none(),
        }
    }
}

pin_project! {
    /// The response to come, with the correlation ID in its headers.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        response: Instrumented<Scoped<F>>,
        echo: Option<(HeaderName, HeaderValue)>,
    }
}

impl<F, ResB, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<ResB>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut outcome = ready!(this.response.poll(cx));
        if let (Ok(response), Some((name, id))) = (&mut outcome, this.echo.take())
            && !response.status().is_informational()
        {
            // Fails only where a response has 24,576 headers already.
            let _ = response.headers_mut().try_insert(name, id);
        }
        Poll::Ready(outcome)
    }
}
