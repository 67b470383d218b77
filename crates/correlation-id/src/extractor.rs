use std::fmt;
use std::ops::Deref;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use buttress_core::CorrelationId;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;

/// The correlation ID of the request, as an argument of an Axum handler.
///
/// ```
/// use buttress_correlation_id::Correlation;
///
/// async fn handler(Correlation(id): Correlation) -> String {
///     format!("ask us about {id}")
/// }
/// # let _ = handler;
/// ```
///
/// `Option<Correlation>` serves handlers that are also used without the layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correlation(pub CorrelationId);

impl Deref for Correlation {
    type Target = CorrelationId;

    fn deref(&self) -> &CorrelationId {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Correlation {
    type Rejection = MissingCorrelationId;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingCorrelationId> {
        from_parts(parts).ok_or(MissingCorrelationId)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Correlation {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(from_parts(parts))
    }
}

fn from_parts(parts: &Parts) -> Option<Correlation> {
    parts.extensions.get().cloned().map(Correlation)
}

/// A handler asks for a correlation ID on a route that no [`CorrelationIdLayer`](crate::CorrelationIdLayer) wraps.
///
/// The caller gets status 500 and a problem document that says no more than that; the log says which layer is
/// missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingCorrelationId;

impl fmt::Display for MissingCorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the route is not wrapped in a `CorrelationIdLayer`")
    }
}

impl std::error::Error for MissingCorrelationId {}

impl IntoResponse for MissingCorrelationId {
    fn into_response(self) -> Response {
        const PROBLEM: &str = r#"{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"the server is not set up to answer this request","code":"correlation_id_missing"}"#;
        tracing::error!(target: "buttress_correlation_id", "{self}");
        (StatusCode::INTERNAL_SERVER_ERROR, [(CONTENT_TYPE, "application/problem+json")], PROBLEM)
            .into_response()
    }
}
