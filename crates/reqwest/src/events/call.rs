use std::sync::Arc;
use std::time::Instant;

use buttress_core::{BoxError, CorrelationId, Refused};
use buttress_http::TransportError;
use http::{Method, Request, StatusCode};

use super::Origin;
use super::text::{Causes, Place};
use crate::client::correlation_id_in;

/// What the events of one call have in common.
pub(super) struct Call {
    origin: Arc<Origin>,
    method: Method,
    place: Place,
    correlation_id: Option<CorrelationId>,
    started: Instant,
}

/// Writes one event with the fields that every event of a call has.
macro_rules! event {
    ($level:ident, $call:expr, $what:literal $(, $($fields:tt)+)?) => {
        tracing::$level!(
            target: "buttress_reqwest::events",
            service = &*$call.origin.service,
            method = $call.method.as_str(),
            url = %$call.place,
            correlation_id = $call.correlation_id.as_ref().map(CorrelationId::as_str),
            circuit_breaker_state = $call.breaker_state(),
            $($($fields)+,)?
            concat!("HTTP {} ", $what),
            $call.method,
        )
    };
}

impl Call {
    /// Logs that a call goes out.
    pub(super) fn begin<B>(origin: &Arc<Origin>, request: &Request<B>) -> Self {
        let call = Self {
            origin: Arc::clone(origin),
            method: request.method().clone(),
            place: Place(request.uri().clone()),
            correlation_id: correlation_id_in(request.extensions()),
            started: now(),
        };
        event!(info, call, "request");
        call
    }

    pub(super) fn log_response(&self, status: StatusCode) {
        let (status_code, elapsed_ms) = (status.as_u16(), self.elapsed_ms());
        if status.as_u16() < 500 {
            event!(info, self, "response", status_code, elapsed_ms);
        } else {
            event!(warn, self, "response", status_code, elapsed_ms);
        }
    }

    pub(super) fn log_error(&self, error: &BoxError) {
        let (text, elapsed_ms) = (Causes(&**error), self.elapsed_ms());
        if let Some(refused) = Refused::in_error(error) {
            event!(warn, self, "error", error = %text, error_type = refused.code(), elapsed_ms);
        } else {
            let error_type = TransportError::in_error(error).map_or("other", |error| error.kind().as_str());
            event!(error, self, "error", error = %text, error_type, elapsed_ms);
        }
    }

    pub(super) fn log_abandoned(&self) {
        event!(info, self, "abandoned", elapsed_ms = self.elapsed_ms());
    }

    fn breaker_state(&self) -> Option<&'static str> {
        self.origin.breaker_state.as_ref().map(|state| state())
    }

    /// Milliseconds since the call went out, to a tenth.
    fn elapsed_ms(&self) -> f64 {
        let elapsed = now().saturating_duration_since(self.started);
        (elapsed.as_secs_f64() * 10_000.0).round() / 10.0
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
