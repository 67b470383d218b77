use std::fmt;
use std::sync::Arc;

use buttress_core::{Checks, ConfigError};
use http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;

use super::ApiClient;
use super::client::Inner;
use crate::Client;

/// Describes an API for an [`ApiClient`].
///
/// | option | default | range | effect |
/// |---|---|---|---|
/// | `header` | `accept: application/json` | | sent with every request that does not set the field itself |
/// | `max_response_bytes` | 8 MiB | 1 byte to 1 GiB | a larger body is an error |
/// | `max_error_bytes` | 64 KiB | 0 to 16 MiB | how much of an error's body is kept |
#[must_use = "a builder does nothing until `build`"]
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

    pub(super) fn new(client: Client, base_url: &str) -> Self {
        Self {
            client,
            base_url: base_url.to_owned(),
            headers: HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]),
            max_response_bytes: Self::DEFAULT_MAX_RESPONSE_BYTES,
            max_error_bytes: Self::DEFAULT_MAX_ERROR_BYTES,
        }
    }

    /// Sets a header field with every request that does not set it itself.
    ///
    /// A redirect to another host takes it along, unless it is `Authorization` or `Cookie`, which reqwest removes.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
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
        checks.require(
            base.is_some(),
            "base_url",
            // It may hold a password; only its length is told.
            format_args!("{} bytes long", self.base_url.len()),
            "an absolute http or https URL without user, password, query and fragment",
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
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

impl fmt::Debug for ApiClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the URL, which is not checked yet, nor the header fields: either may hold a secret.
        f.debug_struct("ApiClientBuilder").field("client", &self.client).finish_non_exhaustive()
    }
}
