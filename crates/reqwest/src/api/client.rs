use std::fmt;
use std::sync::Arc;

use buttress_core::ConfigError;
use http::HeaderMap;
use reqwest::{Method, Url};

use super::{ApiClientBuilder, ApiRequest};
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
    pub(super) inner: Arc<Inner>,
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
    /// If the base is not an absolute `http` or `https` URL, or has a user, password, query or fragment.
    pub fn new(client: Client, base_url: &str) -> Result<Self, ConfigError> {
        Self::builder(client, base_url).build()
    }

    /// Begins to describe an API.
    pub fn builder(client: Client, base_url: &str) -> ApiClientBuilder {
        ApiClientBuilder::new(client, base_url)
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
    /// for this API must not go elsewhere. Within the base it is taken as it stands, so a name that a stranger
    /// chose must be percent-encoded before it becomes part of an endpoint.
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
