use std::fmt;
use std::time::Duration;

use buttress_core::CorrelationId;
use http::Extensions;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Request, Response};
use serde::Serialize;

use crate::client::correlation_id_in;
use crate::{Client, Error, fault};

/// The field that names one operation across all attempts at it (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Builds a request of a [`Client`], in the words of [`reqwest::RequestBuilder`].
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    client: Client,
    inner: reqwest::RequestBuilder,
    extensions: Extensions,
}

impl RequestBuilder {
    pub(crate) fn new(client: Client, inner: reqwest::RequestBuilder) -> Self {
        Self { client, inner, extensions: Extensions::new() }
    }

    /// Adds a header field, beside others of the same name.
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        HeaderName: TryFrom<K>,
        <HeaderName as TryFrom<K>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.with(|request| request.header(name, value))
    }

    /// Adds header fields, replacing those of the same names.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.with(|request| request.headers(headers))
    }

    /// Sets `Authorization: Basic`; the value is marked as sensitive.
    pub fn basic_auth(self, user: impl fmt::Display, password: Option<impl fmt::Display>) -> Self {
        self.with(|request| request.basic_auth(user, password))
    }

    /// Sets `Authorization: Bearer`; the value is marked as sensitive.
    pub fn bearer_auth(self, token: impl fmt::Display) -> Self {
        self.with(|request| request.bearer_auth(token))
    }

    /// Adds to the query of the URL.
    pub fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        self.with(|request| request.query(query))
    }

    /// Sets a JSON body.
    pub fn json<T: Serialize + ?Sized>(self, body: &T) -> Self {
        self.with(|request| request.json(body))
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.with(|request| request.body(body))
    }

    /// Bounds the whole call, retries, waits and the body of the response included; see [`Client::execute`].
    pub fn timeout(self, limit: Duration) -> Self {
        self.with(|request| request.timeout(limit))
    }

    /// Names the operation, so that sending it twice does it once where the service keeps that promise.
    ///
    /// A request with such a key may be sent again by a retry layer whatever its method. The key is sent as it is.
    pub fn idempotency_key(self, key: &str) -> Self {
        self.header(IDEMPOTENCY_KEY, key)
    }

    /// Puts the call under a correlation ID of its own instead of the one of the current work.
    pub fn correlation_id(self, id: CorrelationId) -> Self {
        self.extension(id)
    }

    /// Adds a value for layers to read, such as a time limit or a word on whether this request may be sent again.
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.extensions.insert(value);
        self
    }

    /// Does to the request what reqwest's builder can do and this one has no word for.
    pub fn with(self, change: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder) -> Self {
        Self { inner: change(self.inner), ..self }
    }

    /// Sends the request through the client's stack.
    ///
    /// # Errors
    ///
    /// As [`Client::execute`], and whatever was wrong with the URL, a header or the body.
    pub async fn send(self) -> Result<Response, Error> {
        let (client, request, extensions) = self.finish()?;
        client.execute_with(request, extensions).await
    }

    /// The request as far as it can be built here, or what was wrong with it.
    pub(crate) fn finish(self) -> Result<(Client, Request, Extensions), Error> {
        let Self { client, inner, extensions } = self;
        match inner.build() {
            Ok(request) => Ok((client, request, extensions)),
            Err(error) => Err(client.error(correlation_id_in(&extensions), fault::of_request(error))),
        }
    }

    /// The correlation ID that the call will be under.
    pub(crate) fn current_correlation_id(&self) -> Option<CorrelationId> {
        correlation_id_in(&self.extensions)
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the request: its URL and headers may hold secrets.
        f.debug_struct("RequestBuilder").field("client", &self.client).finish_non_exhaustive()
    }
}
