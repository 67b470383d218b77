use std::error::Error;
use std::fmt;

use buttress_core::{BoxError, find_cause};

/// How far a request got that was answered by no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// No connection came about, so the request never left.
    Connect,
    /// The connection broke while the request or the response was under way; the request may have had its effect.
    Interrupted,
    /// The transport's own time limit passed; the request may have had its effect.
    TimedOut,
    /// The request's own body failed while it was sent; the request may have had its effect.
    RequestBody,
    /// The request cannot be sent as it is: a bad address, an unsupported scheme, too many redirects.
    Invalid,
    /// Anything else; the request may have had its effect.
    Other,
}

impl TransportKind {
    /// The kind as one word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Interrupted => "interrupted",
            Self::TimedOut => "timed_out",
            Self::RequestBody => "request_body",
            Self::Invalid => "invalid",
            Self::Other => "other",
        }
    }

    /// Whether the request may have reached the service.
    pub fn may_have_arrived(self) -> bool {
        !matches!(self, Self::Connect | Self::Invalid)
    }
}

/// An error of an HTTP transport, in words that layers understand; the transport's own error is its cause.
///
/// An adapter such as `buttress-reqwest` puts it into its boxed errors, so that a retry can tell a refused
/// connection from a broken one without knowing the client.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportKind,
    source: BoxError,
}

impl TransportError {
    /// Describes a transport's error.
    pub fn new(kind: TransportKind, source: impl Into<BoxError>) -> Self {
        Self { kind, source: source.into() }
    }

    /// How far the request got.
    pub fn kind(&self) -> TransportKind {
        self.kind
    }

    /// Finds a transport error in an error or among its causes.
    pub fn in_error<E: 'static>(error: &E) -> Option<&Self> {
        find_cause(error)
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TransportKind::Connect => "no connection could be made",
            TransportKind::Interrupted => "the connection broke before the response was complete",
            TransportKind::TimedOut => "the transport's time limit passed",
            TransportKind::RequestBody => "the body of the request failed while it was sent",
            TransportKind::Invalid => "the request cannot be sent",
            TransportKind::Other => "the request failed in transport",
        })
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_error_is_found_behind_a_box() {
        let boxed: BoxError = TransportError::new(TransportKind::Connect, "refused by peer").into();
        assert_eq!(TransportError::in_error(&boxed).map(TransportError::kind), Some(TransportKind::Connect));
        assert_eq!(boxed.source().map(ToString::to_string).as_deref(), Some("refused by peer"));
    }
}
