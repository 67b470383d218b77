use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use buttress_core::BoxError;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

mod call;
mod text;

use call::Call;

/// Logs each call of a service: one event when it goes out, one when it is answered, fails or is abandoned.
///
/// | message | level | fields beside `service`, `method`, `url`, `correlation_id`, `circuit_breaker_state` |
/// |---|---|---|
/// | `HTTP GET request` | info | |
/// | `HTTP GET response` | info, or warn from status 500 | `status_code`, `elapsed_ms` until the response's head |
/// | `HTTP GET error` | error, or warn if a layer of this process refused | `error`, `error_type`, `elapsed_ms` |
/// | `HTTP GET abandoned` | info | `elapsed_ms` |
///
/// Their target is `buttress_reqwest::events`. The URL is logged without user, password, query and fragment, where
/// secrets and personal data travel; headers and bodies are never logged, and of the causes of an error those of
/// type [`reqwest::Error`] are left out, which repeat the URL. Whatever could end or disguise a line of a log is
/// escaped, and what is longer than 1024 bytes is cut.
///
/// Put the layer outermost to log calls, or inside the retry to log attempts.
#[derive(Clone)]
pub struct EventsLayer {
    origin: Arc<Origin>,
}

struct Origin {
    service: Box<str>,
    breaker_state: Option<Box<Probe>>,
}

type Probe = dyn Fn() -> &'static str + Send + Sync;

impl EventsLayer {
    /// Logs calls of the service so named.
    pub fn new(service: impl Into<Box<str>>) -> Self {
        Self { origin: Arc::new(Origin { service: service.into(), breaker_state: None }) }
    }

    /// Adds the state of the service's circuit breaker, such as `closed`, to every event.
    #[must_use]
    pub fn with_breaker_state(self, state: impl Fn() -> &'static str + Send + Sync + 'static) -> Self {
        let service = self.origin.service.clone();
        Self { origin: Arc::new(Origin { service, breaker_state: Some(Box::new(state)) }) }
    }
}

impl<S> Layer<S> for EventsLayer {
    type Service = Events<S>;

    fn layer(&self, inner: S) -> Events<S> {
        Events { inner, origin: Arc::clone(&self.origin) }
    }
}

impl fmt::Debug for EventsLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventsLayer").field("service", &self.origin.service).finish_non_exhaustive()
    }
}

/// The service of an [`EventsLayer`].
#[derive(Clone)]
pub struct Events<S> {
    inner: S,
    origin: Arc<Origin>,
}

impl<S: fmt::Debug> fmt::Debug for Events<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, B, ResB> Service<Request<B>> for Events<S>
where
    S: Service<Request<B>, Response = Response<ResB>, Error = BoxError>,
{
    type Response = Response<ResB>;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture<S::Future> {
        let call = Call::begin(&self.origin, &request);
        ResponseFuture { inner: self.inner.call(request), call: Some(call) }
    }
}

pin_project! {
    /// The future of [`Events`].
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        call: Option<Call>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(call) = this.project().call.take() {
                call.log_abandoned();
            }
        }
    }
}

impl<F, ResB> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<ResB>, BoxError>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        if let Some(call) = this.call.take() {
            match &result {
                Ok(response) => call.log_response(response.status()),
                Err(error) => call.log_error(error),
            }
        }
        Poll::Ready(result)
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
