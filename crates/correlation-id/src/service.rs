use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use buttress_core::Context;
use http::header::HeaderValue;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;
use tracing::Span;

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
        let mut context = Context::current_with_id(arrival.id);
        // Layers inside may decide and log in `call` already.
        let entered = span.enter();
        let response = context.lend(|| self.inner.call(request));
        drop(entered);
        let settings = Arc::clone(&self.settings);
        ResponseFuture { span, context, response: Some(response), echo: arrival.echo, settings }
    }
}

impl Settings {
    /// The span of a request; none if a layer of this kind has opened it further out.
    #[inline]
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
        span: Span,
        context: Context,
        #[pin]
        response: Option<F>,
        echo: Option<HeaderValue>,
        settings: Arc<Settings>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            // What the future reports while it is dropped belongs to this request too.
            let mut this = this.project();
            if this.response.is_some() {
                let _entered = this.span.enter();
                this.context.lend(|| this.response.set(None));
            }
        }
    }
}

impl<F, ResB, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<ResB>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.span.enter();
        let mut polled = this.context.lend(|| poll_and_drop(this.response, cx));
        if let Poll::Ready(Ok(response)) = &mut polled
            && let Some(id) = this.echo.take()
            && !response.status().is_informational()
        {
            // Fails only where a response has 24,576 headers already.
            let _ = response.headers_mut().try_insert(&this.settings.header, id);
        }
        polled
    }
}

/// Polls a future, and drops it as soon as it has answered.
fn poll_and_drop<F: Future>(mut future: Pin<&mut Option<F>>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
    let Some(running) = future.as_mut().as_pin_mut() else {
        return Poll::Pending; // polled again after it was ready
    };
    let polled = running.poll(cx);
    if polled.is_ready() {
        future.set(None);
    }
    polled
}
