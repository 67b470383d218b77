use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use buttress_core::{BoxError, CorrelationId, Refused};
use buttress_http::TransportError;
use http::{Method, Request, Response, Uri};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::client::correlation_id_of;

/// Logs each call of a service: one event when it goes out, one when it is answered, fails or is abandoned.
///
/// | message | level | fields beside `service`, `method`, `url`, `correlation_id`, `circuit_breaker_state` |
/// |---|---|---|
/// | `HTTP GET request` | info | |
/// | `HTTP GET response` | info, or warn from status 500 | `status_code`, `elapsed_ms` |
/// | `HTTP GET error` | error, or warn if a layer of this process refused | `error`, `error_type`, `elapsed_ms` |
/// | `HTTP GET abandoned` | info | `elapsed_ms` |
///
/// The URL is logged without user, password, query and fragment, where secrets and personal data travel. Headers
/// and bodies are never logged. Put the layer outermost to log calls, or inside the retry to log attempts.
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
        let call = Call {
            origin: Arc::clone(&self.origin),
            method: request.method().clone(),
            url: Url(request.uri().clone()),
            correlation_id: correlation_id_of(&request),
            started: tokio::time::Instant::now().into_std(),
        };
        call.log_request();
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
                Ok(response) => call.log_response(response.status().as_u16()),
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

/// What the events of one call have in common.
struct Call {
    origin: Arc<Origin>,
    method: Method,
    url: Url,
    correlation_id: Option<CorrelationId>,
    started: Instant,
}

/// Writes one event with the fields that every event of a call has.
macro_rules! event {
    ($level:ident, $call:expr, $what:literal $(, $($fields:tt)+)?) => {
        tracing::$level!(
            service = &*$call.origin.service,
            method = $call.method.as_str(),
            url = %$call.url,
            correlation_id = $call.correlation_id.as_ref().map(CorrelationId::as_str),
            circuit_breaker_state = $call.breaker_state(),
            $($($fields)+,)?
            concat!("HTTP {} ", $what),
            $call.method,
        )
    };
}

impl Call {
    fn breaker_state(&self) -> Option<&'static str> {
        self.origin.breaker_state.as_ref().map(|state| state())
    }

    /// Milliseconds since the call went out, to a tenth.
    fn elapsed_ms(&self) -> f64 {
        let elapsed: Duration =
            tokio::time::Instant::now().into_std().saturating_duration_since(self.started);
        (elapsed.as_secs_f64() * 10_000.0).round() / 10.0
    }

    fn log_request(&self) {
        event!(info, self, "request");
    }

    fn log_response(&self, status: u16) {
        if status < 500 {
            event!(info, self, "response", status_code = status, elapsed_ms = self.elapsed_ms());
        } else {
            event!(warn, self, "response", status_code = status, elapsed_ms = self.elapsed_ms());
        }
    }

    fn log_error(&self, error: &BoxError) {
        let text = Chain(&**error);
        if let Some(refused) = Refused::in_error(error) {
            let kind = refused.code();
            event!(warn, self, "error", error = %text, error_type = kind, elapsed_ms = self.elapsed_ms());
        } else {
            let kind = TransportError::in_error(error).map_or("other", |transport| transport.kind().as_str());
            event!(error, self, "error", error = %text, error_type = kind, elapsed_ms = self.elapsed_ms());
        }
    }

    fn log_abandoned(&self) {
        event!(info, self, "abandoned", elapsed_ms = self.elapsed_ms());
    }
}

/// A URL as it may be logged: scheme, host, port and path.
struct Url(Uri);

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = self.0.scheme_str() {
            write!(f, "{scheme}://")?;
        }
        if let Some(host) = self.0.host() {
            f.write_str(host)?;
        }
        if let Some(port) = self.0.port_u16() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.0.path())
    }
}

/// An error with its causes on one line. Reqwest's own text is left out, because it repeats the whole URL.
struct Chain<'a>(&'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            if !error.is::<reqwest::Error>() {
                write!(f, ": {error}")?;
            }
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logged_url_shows_neither_secrets_nor_query() {
        let logged = |uri: &'static str| Url(Uri::from_static(uri)).to_string();
        assert_eq!(logged("https://user:pass@host:8443/a/b?token=t"), "https://host:8443/a/b");
        assert_eq!(logged("http://host"), "http://host/");
        assert_eq!(logged("/only/path?q=1"), "/only/path");
    }
}
