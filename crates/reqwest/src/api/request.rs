use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::CorrelationId;
use buttress_http::{TransportError, TransportKind};
use http::header::{Entry, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::Inner;
use super::{ApiError, ApiResponse};
use crate::RequestBuilder;

/// Builds a request of an [`ApiClient`](crate::ApiClient).
#[must_use = "a request does nothing until it is sent"]
pub struct ApiRequest {
    inner: Arc<Inner>,
    request: RequestBuilder,
    /// Told when it is sent, like everything that is wrong with a request.
    leads_out: bool,
}

impl ApiRequest {
    pub(super) fn new(inner: Arc<Inner>, method: Method, endpoint: &str) -> Self {
        let located = locate(&inner.base, endpoint);
        let leads_out = located.is_none();
        let request = inner.client.request(method, located.unwrap_or_else(|| inner.base.clone()));
        Self { inner, request, leads_out }
    }

    /// Sets a header field; one that the client sends by default is replaced.
    pub fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        self.with(|request| request.headers(HeaderMap::from_iter([(name, value)])))
    }

    /// Sets `Authorization: Bearer`; the value is marked as sensitive.
    pub fn bearer_auth(self, token: impl fmt::Display) -> Self {
        self.with(|request| request.bearer_auth(token))
    }

    /// Sets `Authorization: Basic`; the value is marked as sensitive.
    pub fn basic_auth(self, user: impl fmt::Display, password: Option<impl fmt::Display>) -> Self {
        self.with(|request| request.basic_auth(user, password))
    }

    /// Adds to the query.
    pub fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        self.with(|request| request.query(query))
    }

    /// Sets a JSON body.
    pub fn json<T: Serialize + ?Sized>(self, body: &T) -> Self {
        self.with(|request| request.json(body))
    }

    /// Names the operation, so that sending it twice does it once; see [`RequestBuilder::idempotency_key`].
    pub fn idempotency_key(self, key: &str) -> Self {
        self.with(|request| request.idempotency_key(key))
    }

    /// Puts the call under a correlation ID of its own.
    pub fn correlation_id(self, id: CorrelationId) -> Self {
        self.with(|request| request.correlation_id(id))
    }

    /// Bounds the whole call, retries and waits included.
    pub fn timeout(self, limit: Duration) -> Self {
        self.with(|request| request.timeout(limit))
    }

    /// Does to the request what this builder has no word for.
    pub fn with(self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        Self { request: change(self.request), ..self }
    }

    /// Sends the request; a status outside 200 to 299 is an error.
    ///
    /// # Errors
    ///
    /// See [`ApiErrorKind`](crate::ApiErrorKind).
    pub async fn send(self) -> Result<ApiResponse, ApiError> {
        let Self { inner, request, leads_out } = self;
        let correlation_id = request.current_correlation_id();
        if leads_out {
            let error = TransportError::new(TransportKind::Invalid, OutsideBase);
            return Err(ApiError::from_call(inner.client.error(correlation_id, error)));
        }
        let (client, mut request, extensions) = request.finish().map_err(ApiError::from_call)?;
        add_missing(request.headers_mut(), &inner.headers);
        let response = client.execute_with(request, extensions).await.map_err(ApiError::from_call)?;
        let response = ApiResponse::new(inner, response, correlation_id);
        if response.status().is_success() { Ok(response) } else { Err(response.into_error().await) }
    }

    /// Sends the request and reads the response as JSON.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send) and [`ApiResponse::json`].
    pub async fn fetch<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        self.send().await?.json().await
    }
}

impl fmt::Debug for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiRequest").field("request", &self.request).finish_non_exhaustive()
    }
}

/// Adds the fields that are not there yet.
fn add_missing(headers: &mut HeaderMap, defaults: &HeaderMap) {
    for (name, value) in defaults {
        if let Entry::Vacant(missing) = headers.entry(name) {
            missing.insert(value.clone());
        }
    }
}

/// Appends an endpoint to the base URL; `None` if the result lies outside of it.
fn locate(base: &Url, endpoint: &str) -> Option<Url> {
    let prefix = base.as_str().trim_end_matches('/');
    let url = Url::parse(&format!("{prefix}/{}", endpoint.trim_start_matches('/'))).ok()?;
    let path = base.path().trim_end_matches('/');
    let below = url.path().strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    (url.origin() == base.origin() && below).then_some(url)
}

#[derive(Debug)]
struct OutsideBase;

impl fmt::Display for OutsideBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the endpoint leads out of the base URL")
    }
}

impl std::error::Error for OutsideBase {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_appended_and_never_leads_out() {
        let base = |text: &str| Url::parse(text).expect("a URL");
        let located = |text: &str, endpoint: &str| locate(&base(text), endpoint).map(String::from);
        for (text, endpoint, expected) in [
            ("http://host/v1.0", "/devices", Some("http://host/v1.0/devices")),
            ("http://host/v1.0/", "devices?a=b", Some("http://host/v1.0/devices?a=b")),
            ("http://host", "/devices", Some("http://host/devices")),
            ("http://host/v1.0", "", Some("http://host/v1.0/")),
            ("http://host/v1.0", "a/../b", Some("http://host/v1.0/b")),
            ("http://host/v1.0", "../admin", None),
            ("http://host/v1.0", "..", None),
            ("http://host/v1.0", "/%2e%2e/admin", None),
            ("http://host/v1.0", "http://evil/", Some("http://host/v1.0/http://evil/")),
            ("http://host/v1.0", "//evil/", Some("http://host/v1.0/evil/")),
            ("http://host", "@evil/", Some("http://host/@evil/")),
        ] {
            assert_eq!(located(text, endpoint).as_deref(), expected, "{text} + {endpoint}");
        }
    }
}
