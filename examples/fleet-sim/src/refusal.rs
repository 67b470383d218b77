//! How each upstream says no.

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::Upstream;
use crate::fault::SimulatedError;

/// Why an upstream refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Unauthorized,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    Duplicate,
    KeyReused,
    TooLarge,
    Full,
    Simulated(StatusCode),
}

impl Why {
    fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Duplicate => StatusCode::CONFLICT,
            Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Full => StatusCode::INSUFFICIENT_STORAGE,
            Self::Simulated(status) => status,
        }
    }

    fn code(self, upstream: Upstream) -> &'static str {
        let (intune, jamf) = match self {
            Self::Unauthorized => ("InvalidAuthenticationToken", "INVALID_TOKEN"),
            Self::BadRequest => ("BadRequest", "INVALID_FIELD"),
            Self::NotFound => ("ResourceNotFound", "NOT_FOUND"),
            Self::MethodNotAllowed => ("MethodNotAllowed", "METHOD_NOT_ALLOWED"),
            Self::Duplicate => ("NameAlreadyExists", "DUPLICATE_FIELD"),
            Self::KeyReused => ("idempotencyKeyReused", "IDEMPOTENCY_KEY_REUSED"),
            Self::TooLarge => ("RequestEntityTooLarge", "BODY_TOO_LARGE"),
            Self::Full => ("QuotaExceeded", "LIMIT_REACHED"),
            Self::Simulated(_) => ("simulatedFault", "SIMULATED_FAULT"),
        };
        match upstream {
            Upstream::Intune => intune,
            Upstream::Jamf => jamf,
        }
    }
}

/// An error answer in the upstream's own shape.
#[derive(Debug)]
pub(crate) struct Refusal {
    upstream: Upstream,
    why: Why,
    message: String,
    field: Option<&'static str>,
    retry_after_s: Option<u64>,
}

impl Upstream {
    pub(crate) fn refusal(self, why: Why, message: impl Into<String>) -> Refusal {
        Refusal { upstream: self, why, message: message.into(), field: None, retry_after_s: None }
    }

    pub(crate) fn bad_request(self, message: impl Into<String>) -> Refusal {
        self.refusal(Why::BadRequest, message)
    }

    pub(crate) fn simulated(self, error: SimulatedError) -> Refusal {
        let refusal = self.refusal(Why::Simulated(error.status), "a fault was set for this upstream");
        Refusal { retry_after_s: error.retry_after_s, ..refusal }
    }
}

impl Refusal {
    /// Names the field at fault; only the Jamf-like answer shows it.
    pub(crate) fn about(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    fn body(&self) -> Value {
        let code = self.why.code(self.upstream);
        match self.upstream {
            Upstream::Intune => json!({ "error": { "code": code, "message": self.message } }),
            Upstream::Jamf => json!({
                "httpStatus": self.why.status().as_u16(),
                "errors": [{ "code": code, "description": self.message, "field": self.field }],
            }),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.why.status(), Json(self.body())).into_response();
        if self.why == Why::Unauthorized {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
