use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{CorrelationId, Refused};
use bytes::Bytes;
use http::StatusCode;

use super::DecodeError;
use crate::Error;

/// Why a call of an [`ApiClient`](crate::ApiClient) failed: one type with everything a handler or a log needs.
///
/// Its text names the service and the status and never the body, which may hold anything.
pub struct ApiError {
    service: Arc<str>,
    correlation_id: Option<CorrelationId>,
    kind: ApiErrorKind,
}

/// The ways in which a call can fail.
#[non_exhaustive]
pub enum ApiErrorKind {
    /// The service answered with a status outside 200 to 299.
    Status {
        /// The status.
        status: StatusCode,
        /// The body, up to the client's `max_error_bytes`.
        body: Bytes,
        /// When the service says that asking again makes sense.
        retry_after: Option<Duration>,
    },
    /// There is no response, or not all of it: a layer refused, or the transport failed.
    Call(Error),
    /// The response is not the JSON that was asked for.
    Decode {
        /// The status of the response.
        status: StatusCode,
        /// Where it differs, and what was expected there.
        error: DecodeError,
    },
}

impl ApiError {
    pub(super) fn status_error(
        service: Arc<str>,
        correlation_id: Option<CorrelationId>,
        status: StatusCode,
        body: Bytes,
        retry_after: Option<Duration>,
    ) -> Self {
        Self { service, correlation_id, kind: ApiErrorKind::Status { status, body, retry_after } }
    }

    pub(super) fn from_call(error: Error) -> Self {
        let (service, correlation_id) = (error.shared_service(), error.correlation_id().cloned());
        Self { service, correlation_id, kind: ApiErrorKind::Call(error) }
    }

    pub(super) fn decode(
        service: Arc<str>,
        correlation_id: Option<CorrelationId>,
        status: StatusCode,
        error: DecodeError,
    ) -> Self {
        Self { service, correlation_id, kind: ApiErrorKind::Decode { status, error } }
    }

    /// The name of the service.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The ID of the flow of work that the call belonged to.
    pub fn correlation_id(&self) -> Option<&CorrelationId> {
        self.correlation_id.as_ref()
    }

    /// What happened.
    pub fn kind(&self) -> &ApiErrorKind {
        &self.kind
    }

    /// The status of the response, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        match &self.kind {
            ApiErrorKind::Status { status, .. } | ApiErrorKind::Decode { status, .. } => Some(*status),
            ApiErrorKind::Call(_) => None,
        }
    }

    /// The body of an error response, up to the client's `max_error_bytes`.
    pub fn body(&self) -> Option<&Bytes> {
        match &self.kind {
            ApiErrorKind::Status { body, .. } => Some(body),
            ApiErrorKind::Call(_) | ApiErrorKind::Decode { .. } => None,
        }
    }

    /// The refusal, if a layer of this process refused.
    pub fn refused(&self) -> Option<&Refused> {
        self.call().and_then(Error::refused)
    }

    /// When it makes sense to try again, by the service's word or a layer's.
    pub fn retry_after(&self) -> Option<Duration> {
        match &self.kind {
            ApiErrorKind::Status { retry_after, .. } => *retry_after,
            ApiErrorKind::Call(error) => error.retry_after(),
            ApiErrorKind::Decode { .. } => None,
        }
    }

    /// Whether the service answered 409: what was to be created is there already, or is just being created.
    pub fn is_conflict(&self) -> bool {
        self.status() == Some(StatusCode::CONFLICT)
    }

    /// Whether the service answered 404.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(StatusCode::NOT_FOUND)
    }

    /// Whether the service answered 401: the credential is missing, wrong or has expired.
    pub fn is_unauthorized(&self) -> bool {
        self.status() == Some(StatusCode::UNAUTHORIZED)
    }

    /// Whether a circuit breaker refused the call.
    pub fn is_circuit_open(&self) -> bool {
        self.call().is_some_and(Error::is_circuit_open)
    }

    /// Whether time ran out, by a layer's clock or by the transport's.
    pub fn is_timeout(&self) -> bool {
        self.call().is_some_and(Error::is_timeout)
    }

    /// Whether no connection could be made.
    pub fn is_connect(&self) -> bool {
        self.call().is_some_and(Error::is_connect)
    }

    fn call(&self) -> Option<&Error> {
        match &self.kind {
            ApiErrorKind::Call(error) => Some(error),
            ApiErrorKind::Status { .. } | ApiErrorKind::Decode { .. } => None,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = &self.service;
        match &self.kind {
            ApiErrorKind::Status { status, .. } => write!(f, "`{service}` answered with status {status}"),
            ApiErrorKind::Call(error) => write!(f, "{error}"),
            ApiErrorKind::Decode { status, .. } => {
                write!(f, "the answer of `{service}` with status {status} is not the JSON that was expected")
            }
        }
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("service", &self.service)
            .field("correlation_id", &self.correlation_id)
            .field("kind", &self.kind)
            .finish()
    }
}

impl fmt::Debug for ApiErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status, body, retry_after } => f
                .debug_struct("Status")
                .field("status", status)
                .field("body_bytes", &body.len())
                .field("retry_after", retry_after)
                .finish(),
            Self::Call(error) => f.debug_tuple("Call").field(error).finish(),
            Self::Decode { status, error } => {
                f.debug_struct("Decode").field("status", status).field("error", error).finish()
            }
        }
    }
}

impl StdError for ApiError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.kind {
            ApiErrorKind::Status { .. } => None,
            // The call's own text was told already.
            ApiErrorKind::Call(error) => error.source(),
            ApiErrorKind::Decode { error, .. } => Some(error),
        }
    }
}
