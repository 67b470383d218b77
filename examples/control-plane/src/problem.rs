//! What a caller sees when something is wrong: a problem document (RFC 9457), whoever says no.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use buttress::http::{PROBLEM_JSON, retry_after_value, status_of};
use buttress::{ApiError, Refused};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::audit::Code;
use crate::connectors::ConnectorError;
use crate::domain::Connector;

/// A problem document on its way to the caller.
///
/// Its text is written here or by a layer for callers; nothing that an upstream said, and no address, gets into it.
#[derive(Clone, Debug)]
pub(crate) struct ApiProblem {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    members: Vec<(&'static str, Value)>,
}

impl ApiProblem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, detail: detail.into(), retry_after: None, members: Vec::new() }
    }

    /// Says that there is nothing under this name.
    pub(crate) fn not_found(what: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }

    /// Says that the state of things forbids it.
    pub(crate) fn conflict(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// Says that it cannot be done at present.
    pub(crate) fn unavailable(code: &'static str, detail: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
    }

    /// Says that it is asked for too often, and when to come back, if that is known.
    pub(crate) fn too_often(detail: &'static str, wait: Option<Duration>) -> Self {
        Self { retry_after: wait, ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail) }
    }

    /// Says that whoever asks may not have it.
    pub(crate) fn forbidden(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// Adds a member to the document.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((name, value.into()));
        self
    }

    /// A stable word for programs.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    fn of_refusal(refused: &Refused) -> Self {
        let problem = Self::new(status_of(refused.kind()), refused.code(), refused.public());
        Self { retry_after: refused.retry_after(), ..problem }
    }

    fn of_call(error: &ApiError) -> Self {
        if let Some(refused) = error.refused() {
            return Self::of_refusal(refused);
        }
        let problem = match error.status() {
            _ if error.is_timeout() => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "upstream_timeout",
                "an upstream did not answer in time",
            ),
            Some(StatusCode::TOO_MANY_REQUESTS) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "upstream_throttled",
                "an upstream asks for fewer requests",
            ),
            Some(status) => {
                Self::new(StatusCode::BAD_GATEWAY, "upstream_failed", "an upstream answered with a failure")
                    .with("upstream_status", status.as_u16())
            }
            None => Self::new(StatusCode::BAD_GATEWAY, "upstream_unreachable", "an upstream gave no answer"),
        };
        Self { retry_after: error.retry_after(), ..problem }
    }
}

/// How a connector's failure looks from outside.
impl From<(Connector, &ConnectorError)> for ApiProblem {
    fn from((connector, error): (Connector, &ConnectorError)) -> Self {
        let problem = match error {
            ConnectorError::Call(error) => Self::of_call(error),
            ConnectorError::Vanished => Self::new(
                StatusCode::BAD_GATEWAY,
                "upstream_inconsistent",
                "an upstream says that something exists and does not find it",
            ),
        };
        problem.with("connector", connector.to_string())
    }
}

impl Serialize for ApiProblem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(None)?;
        document.serialize_entry("type", "about:blank")?;
        document.serialize_entry("title", self.status.canonical_reason().unwrap_or("Problem"))?;
        document.serialize_entry("status", &self.status.as_u16())?;
        document.serialize_entry("detail", &self.detail)?;
        document.serialize_entry("code", self.code)?;
        if let Some(wait) = self.retry_after {
            document.serialize_entry("retry_after_ms", &millis(wait))?;
        }
        for (name, value) in &self.members {
            document.serialize_entry(name, value)?;
        }
        document.end()
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(&self)).into_response();
        // `Json` says `application/json`, which is less than we know.
        response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, retry_after_value(wait));
        }
        let is_denial = matches!(self.status, StatusCode::FORBIDDEN | StatusCode::CONFLICT);
        response.extensions_mut().insert(Code { word: self.code, is_denial });
        response
    }
}

/// Milliseconds, rounded up: whoever waits for so long does not come too early.
pub(crate) fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
