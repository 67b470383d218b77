use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{BoxError, CorrelationId, Kind, Refused};
use buttress_http::{TransportError, TransportKind};

/// Why a call of a [`Client`](crate::Client) has no response.
///
/// A response with an error status is no error here, as with reqwest; [`ApiError`](crate::ApiError) makes it one.
#[derive(Debug)]
pub struct Error {
    service: Arc<str>,
    correlation_id: Option<CorrelationId>,
    source: BoxError,
}

impl Error {
    pub(crate) fn new(
        service: Arc<str>,
        correlation_id: Option<CorrelationId>,
        source: impl Into<BoxError>,
    ) -> Self {
        Self { service, correlation_id, source: source.into() }
    }

    /// The name of the client, which is that of the service it calls.
    pub fn service(&self) -> &str {
        &self.service
    }

    pub(crate) fn shared_service(&self) -> Arc<str> {
        Arc::clone(&self.service)
    }

    /// The ID of the flow of work that the call belonged to, if it had one.
    pub fn correlation_id(&self) -> Option<&CorrelationId> {
        self.correlation_id.as_ref()
    }

    /// The refusal, if a layer of this process refused.
    pub fn refused(&self) -> Option<&Refused> {
        Refused::in_error(&self.source)
    }

    /// The failure of the transport, if it was one.
    pub fn transport(&self) -> Option<&TransportError> {
        TransportError::in_error(&self.source)
    }

    /// Whether a circuit breaker refused the call: the service is known to be out of order.
    pub fn is_circuit_open(&self) -> bool {
        self.refused().is_some_and(|refused| refused.layer() == "circuit-breaker")
    }

    /// Whether time ran out, by a layer's clock or by the transport's.
    pub fn is_timeout(&self) -> bool {
        self.refused().is_some_and(|refused| refused.kind() == Kind::TimedOut)
            || self.transport_kind() == Some(TransportKind::TimedOut)
    }

    /// Whether no connection could be made, so that the request never left.
    pub fn is_connect(&self) -> bool {
        self.transport_kind() == Some(TransportKind::Connect)
    }

    /// When it makes sense to try again, if a layer could tell.
    pub fn retry_after(&self) -> Option<Duration> {
        self.refused().and_then(Refused::retry_after)
    }

    fn transport_kind(&self) -> Option<TransportKind> {
        self.transport().map(TransportError::kind)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call to `{}` failed", self.service)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}
