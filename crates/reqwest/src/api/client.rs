use std::fmt;
use std::sync::Arc;

use buttress_core::{Checks, ConfigError};
use http::HeaderMap;
use reqwest::{Method, Url};

use super::ApiRequest;
use crate::Client;

/// A client for one HTTP API.
///
/// ```
/// use buttress_reqwest::{ApiClient, Client, Reqwest};
///
/// let http = reqwest::Client::new();
/// let client = Client::over("intune", http.clone(), Reqwest::new(http));
/// let api = ApiClient::new(client, "https://graph.example/v1.0")?;
/// # async fn run(api: ApiClient) -> Result<(), buttress_reqwest::ApiError> {
/// let devices: Vec<String> = api.get("/devices").query(&[("$top", "100")]).fetch().await?;
/// # Ok(())
/// # }
/// assert!(ApiClient::new(api.client().clone(), "graph.example").is_err(), "a base URL needs a scheme");
/// # Ok::<(), buttress_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ApiClient {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) client: Client,
    pub(super) base: Url,
    pub(super) headers: HeaderMap,
    pub(super) max_response_bytes: usize,
    pub(super) max_error_bytes: usize,
}

impl ApiClient {
    /// An API under a base URL, with the default limits.
    ///
    /// # Errors
    ///
    /// If the base is not an absolute `http` or `https` URL, or has a query or fragment.
    pub fn new(client: Client, base_url: &str) -> Result<Self, ConfigError> {
        Self::builder(client, base_url).build()
    }

    /// Begins to describe an API.
    pub fn builder(client: Client, base_url: &str) -> ApiClientBuilder {
        ApiClientBuilder {
            client,
            base_url: base_url.to_owned(),
            headers: HeaderMap::new(),
            max_response_bytes: ApiClientBuilder::DEFAULT_MAX_RESPONSE_BYTES,
            max_error_bytes: ApiClientBuilder::DEFAULT_MAX_ERROR_BYTES,
        }
    }

    /// The client that sends.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// Begins a `GET` request of an endpoint, which is appended to the base URL.
    pub fn get(&self, endpoint: &str) -> ApiRequest {
        self.request(Method::GET, endpoint)
    }

    /// Begins a `POST` request of an endpoint.
    pub fn post(&self, endpoint: &str) -> ApiRequest {
        self.request(Method::POST, endpoint)
    }

    /// Begins a `PUT` request of an endpoint.
    pub fn put(&self, endpoint: &str) -> ApiRequest {
        self.request(Method::PUT, endpoint)
    }

    /// Begins a `PATCH` request of an endpoint.
    pub fn patch(&self, endpoint: &str) -> ApiRequest {
        self.request(Method::PATCH, endpoint)
    }

    /// Begins a `DELETE` request of an endpoint.
    pub fn delete(&self, endpoint: &str) -> ApiRequest {
        self.request(Method::DELETE, endpoint)
    }

    /// Begins a request of an endpoint.
    ///
    /// An endpoint that leads out of the base URL, by `..` or otherwise, fails when it is sent: a credential meant
    /// for this API must not go elsewhere.
    pub fn request(&self, method: Method, endpoint: &str) -> ApiRequest {
        ApiRequest::new(Arc::clone(&self.inner), method, endpoint)
    }
}

impl fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiClient")
            .field("client", &self.inner.client)
            .field("base", &self.inner.base.as_str())
            .finish_non_exhaustive()
    }
}

/// Describes an API for an [`ApiClient`].
///
/// | option | default | range | effect |
/// |---|---|---|---|
/// | `header` | none | | sent with every request that does not set it itself |
/// | `max_response_bytes` | 8 MiB | 1 byte to 1 GiB | a larger body is an error |
/// | `max_error_bytes` | 64 KiB | 0 to 16 MiB | how much of an error's body is kept |
#[must_use = "a builder does nothing until `build`"]
#[derive(Debug)]
pub struct ApiClientBuilder {
    client: Client,
    base_url: String,
    headers: HeaderMap,
    max_response_bytes: usize,
    max_error_bytes: usize,
}

impl ApiClientBuilder {
    /// The default of [`max_response_bytes`](Self::max_response_bytes).
    pub const DEFAULT_MAX_RESPONSE_BYTES: usize = 8 << 20;
    /// The default of [`max_error_bytes`](Self::max_error_bytes).
    pub const DEFAULT_MAX_ERROR_BYTES: usize = 64 << 10;

    /// Sends a header field with every request that does not set it itself.
    pub fn header(mut self, name: http::HeaderName, value: http::HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The largest response body that is read, in bytes.
    pub fn max_response_bytes(self, bytes: usize) -> Self {
        Self { max_response_bytes: bytes, ..self }
    }

    /// How much of the body of an error response is kept, in bytes.
    pub fn max_error_bytes(self, bytes: usize) -> Self {
        Self { max_error_bytes: bytes, ..self }
    }

    /// The finished client.
    ///
    /// # Errors
    ///
    /// Lists everything that is wrong with the base URL and the limits.
    pub fn build(self) -> Result<ApiClient, ConfigError> {
        let mut checks = Checks::of("api-client");
        let base = Url::parse(&self.base_url).ok().filter(is_base);
        // The URL may hold a password; only its length is told.
        let shown = format_args!("{} bytes long", self.base_url.len()).to_string();
        checks.require(
            base.is_some(),
            "base_url",
            shown,
            "an absolute http or https URL without query and fragment",
        );
        checks.require(
            (1..=1 << 30).contains(&self.max_response_bytes),
            "max_response_bytes",
            self.max_response_bytes,
            "1 to 1073741824",
        );
        checks.require(
            self.max_error_bytes <= 16 << 20,
            "max_error_bytes",
            self.max_error_bytes,
            "0 to 16777216",
        );
        let Self { client, base_url: _, headers, max_response_bytes, max_error_bytes } = self;
        let inner = base.map(|base| Inner { client, base, headers, max_response_bytes, max_error_bytes });
        checks.finish_with(inner).map(|inner| ApiClient { inner: Arc::new(inner) })
    }
}

fn is_base(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.query().is_none()
        && url.fragment().is_none()
}
