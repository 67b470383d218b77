use std::fmt;
use std::sync::Arc;

use buttress_core::CorrelationId;
use buttress_http::{BodyTooLarge, RetryAfter};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use reqwest::Response;
use serde::de::DeserializeOwned;

use super::client::Inner;
use super::{ApiError, DecodeError};
use crate::fault;

/// A successful response of an [`ApiClient`](crate::ApiClient), its body not yet read.
pub struct ApiResponse {
    inner: Arc<Inner>,
    response: Response,
    correlation_id: Option<CorrelationId>,
}

impl ApiResponse {
    pub(super) fn new(inner: Arc<Inner>, response: Response, correlation_id: Option<CorrelationId>) -> Self {
        Self { inner, response, correlation_id }
    }

    /// The status, 200 to 299.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Reads the body as JSON; an empty one, as with status 204, counts as `null`.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes), or if the body is not the JSON that was asked for.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        let (service, status) = (Arc::clone(self.inner.client.shared_name()), self.status());
        let correlation_id = self.correlation_id.clone();
        let body = self.bytes().await?;
        let json = if body.is_empty() { b"null" } else { &body[..] };
        serde_json::from_slice(json)
            .map_err(|error| ApiError::decode(service, correlation_id, status, DecodeError::new(&error)))
    }

    /// Reads the body.
    ///
    /// # Errors
    ///
    /// If the connection breaks, or the body is larger than the client's `max_response_bytes`.
    pub async fn bytes(mut self) -> Result<Bytes, ApiError> {
        let cap = self.inner.max_response_bytes;
        if self.response.content_length().is_some_and(|announced| announced > cap as u64) {
            return Err(self.fail(BodyTooLarge::new(cap as u64)));
        }
        match read(&mut self.response, cap).await {
            (body, End::Whole) => Ok(body),
            (_, End::Cut) => Err(self.fail(BodyTooLarge::new(cap as u64))),
            (_, End::Broken(error)) => Err(self.fail(fault::of_body(error))),
        }
    }

    /// The response itself, for a body that is to be streamed and not held; no limit applies to it.
    pub fn into_inner(self) -> Response {
        self.response
    }

    /// The error that an unsuccessful response is, with as much of its body as may be kept.
    pub(super) async fn into_error(mut self) -> ApiError {
        let status = self.status();
        let retry_after = RetryAfter::from_headers(self.headers())
            .map(|after| after.wait(buttress_core::WallClock::system().now()));
        let (body, _) = read(&mut self.response, self.inner.max_error_bytes).await;
        ApiError::status_error(
            Arc::clone(self.inner.client.shared_name()),
            self.correlation_id,
            status,
            body,
            retry_after,
        )
    }

    fn fail(self, source: impl Into<buttress_core::BoxError>) -> ApiError {
        ApiError::from_call(self.inner.client.error(self.correlation_id, source))
    }
}

impl fmt::Debug for ApiResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiResponse").field("status", &self.status()).finish_non_exhaustive()
    }
}

enum End {
    Whole,
    Cut,
    Broken(reqwest::Error),
}

/// Reads at most `cap` bytes of a body, and says how that ended.
async fn read(response: &mut Response, cap: usize) -> (Bytes, End) {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = cap - body.len();
                if chunk.len() > room {
                    body.extend_from_slice(&chunk[..room]);
                    return (body.freeze(), End::Cut);
                }
                body.extend_from_slice(&chunk);
            }
            Ok(None) => return (body.freeze(), End::Whole),
            Err(error) => return (body.freeze(), End::Broken(error)),
        }
    }
}
