use std::fmt;
use std::sync::Arc;

use buttress_core::{BoxError, Context, CorrelationId, Deadline};
use buttress_http::{TransportError, TransportKind};
use http::Extensions;
use reqwest::{Body, IntoUrl, Method, Request, Response};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;
use tower_service::Service;

use crate::{Error, RequestBuilder};

/// A client in reqwest's habits whose every call goes through a stack of layers.
///
/// Cloning is cheap and shares the stack: its breaker, its budget, its pool of connections.
#[derive(Clone)]
pub struct Client {
    name: Arc<str>,
    builder: reqwest::Client,
    stack: BoxCloneSyncService<http::Request<Body>, http::Response<Body>, BoxError>,
}

impl Client {
    /// A client named after the service it calls, over a stack whose innermost service sends.
    ///
    /// `builder` makes the requests of the method helpers, so its default headers and TLS settings should be those
    /// of the client at the bottom of the stack: pass the same one.
    pub fn over<S>(name: impl Into<Arc<str>>, builder: reqwest::Client, stack: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>, Error = BoxError>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        Self { name: name.into(), builder, stack: BoxCloneSyncService::new(stack) }
    }

    /// The name of the client.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.name
    }

    /// Begins a `GET` request.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Begins a `POST` request.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Begins a `PUT` request.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Begins a `PATCH` request.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// Begins a `DELETE` request.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Begins a `HEAD` request.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Begins a request.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.builder.request(method, url))
    }

    /// Takes over a request that reqwest's own builder began.
    ///
    /// Only the request is taken; it is this client's stack that sends it, not the client the builder came from.
    pub fn adopt(&self, request: reqwest::RequestBuilder) -> RequestBuilder {
        RequestBuilder::new(self.clone(), request)
    }

    /// Sends a finished request through the stack.
    ///
    /// A time limit on the request becomes a deadline for the whole call, retries and waits included; layers that
    /// know deadlines obey it. (Under reqwest alone it is a limit for one attempt and its body.)
    ///
    /// # Errors
    ///
    /// A refusal by a layer, or a failure of the transport after the last attempt; see [`Error`].
    pub async fn execute(&self, request: Request) -> Result<Response, Error> {
        self.execute_with(request, Extensions::new()).await
    }

    /// Sends a request with values for layers to read.
    pub(crate) async fn execute_with(&self, request: Request, extra: Extensions) -> Result<Response, Error> {
        let request = into_http(request, extra).map_err(|error| self.error(None, error))?;
        let correlation_id = correlation_id_of(&request);
        let response = self.stack.clone().oneshot(request).await;
        response.map(Response::from).map_err(|error| self.error(correlation_id, error))
    }

    pub(crate) fn error(&self, correlation_id: Option<CorrelationId>, source: impl Into<BoxError>) -> Error {
        Error::new(Arc::clone(&self.name), correlation_id, source)
    }
}

/// Turns reqwest's request into one of `http`, and its time limit into a deadline.
fn into_http(mut request: Request, extra: Extensions) -> Result<http::Request<Body>, TransportError> {
    let limit = request.timeout_mut().take();
    let invalid = |error: reqwest::Error| TransportError::new(TransportKind::Invalid, error);
    let mut request = http::Request::<Body>::try_from(request).map_err(invalid)?;
    request.extensions_mut().extend(extra);
    if let Some(limit) = limit {
        let now = tokio::time::Instant::now().into_std();
        request.extensions_mut().insert(Deadline::after(now, limit));
    }
    Ok(request)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The ID that a request carries, or that of the work it is part of.
pub(crate) fn correlation_id_of<B>(request: &http::Request<B>) -> Option<CorrelationId> {
    let own = request.extensions().get::<CorrelationId>().cloned();
    own.or_else(|| Context::with_current(|context| context.correlation_id().cloned()))
}
