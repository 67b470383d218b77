use std::fmt;
use std::sync::Arc;

use buttress_core::{BoxError, Context, CorrelationId, Deadline};
use http::Extensions;
use reqwest::{Body, IntoUrl, Method, Request, Response};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;
use tower_service::Service;

use crate::limit::Limit;
use crate::{Error, RequestBuilder, fault};

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
    /// `builder` begins the requests of the method helpers and sends nothing; reqwest has no other way to make a
    /// request builder. Pass the client that is at the bottom of the stack. A stack whose response body is another
    /// than reqwest's ends in `.map_response(|response| response.map(reqwest::Body::wrap))`.
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
    /// A time limit on the request ([`reqwest::RequestBuilder::timeout`]) counts from here to the end of the
    /// response's body, retries and waits included. It is a [`Deadline`] in the extensions for layers that know
    /// one, and holds without them: then the call fails with [`Error::is_timeout`], and a body that is still being
    /// read with [`reqwest::Error::is_timeout`]. (Under reqwest alone it would be a limit for each attempt.)
    ///
    /// # Errors
    ///
    /// A refusal by a layer, or a failure of the transport after the last attempt; see [`Error`].
    pub async fn execute(&self, request: Request) -> Result<Response, Error> {
        self.execute_with(request, Extensions::new()).await
    }

    /// Sends a request with values for layers to read.
    pub(crate) async fn execute_with(
        &self,
        mut request: Request,
        extra: Extensions,
    ) -> Result<Response, Error> {
        let limit = request.timeout_mut().take().map(Limit::from_now);
        let given_id = correlation_id_in(&extra);
        let request = match into_http(request, extra, limit) {
            Ok(request) => request,
            Err(error) => return Err(self.error(given_id, fault::of_request(error))),
        };
        let correlation_id = correlation_id_in(request.extensions());
        let call = self.stack.clone().oneshot(request);
        let answered = match limit {
            Some(limit) => limit.bound(call).await,
            None => call.await,
        };
        answered.map(Response::from).map_err(|error| self.error(correlation_id, error))
    }

    pub(crate) fn error(&self, correlation_id: Option<CorrelationId>, source: impl Into<BoxError>) -> Error {
        Error::new(Arc::clone(&self.name), correlation_id, source)
    }
}

/// Turns reqwest's request into one of `http`, with what layers should know in its extensions.
fn into_http(
    request: Request,
    extra: Extensions,
    limit: Option<Limit>,
) -> Result<http::Request<Body>, reqwest::Error> {
    let mut request = http::Request::<Body>::try_from(request)?;
    let extensions = request.extensions_mut();
    extensions.extend(extra);
    if let Some(own) = limit.map(Limit::deadline) {
        let given = extensions.get::<Deadline>().copied();
        extensions.insert(given.map_or(own, |given| given.earlier(own)));
    }
    Ok(request)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The ID that a request carries, or that of the work it is part of.
pub(crate) fn correlation_id_in(extensions: &Extensions) -> Option<CorrelationId> {
    let own = extensions.get::<CorrelationId>().cloned();
    own.or_else(|| Context::with_current(|context| context.correlation_id().cloned()))
}
