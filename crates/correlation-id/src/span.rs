use http::Method;
use tracing::field::Empty;
use tracing::{Level, Span};

use crate::arrival::Arrival;

/// The span of one request.
///
/// The path stays out: a stranger writes it, at any length, and it may hold secrets. `route` is for whoever knows
/// the route's template. A field can only be recorded later if it is declared here.
#[inline]
pub(crate) fn open(level: Level, method: &Method, arrival: &Arrival) -> Span {
    macro_rules! at {
        ($level:expr) => {
            tracing::span!(
                target: "buttress_correlation_id",
                $level,
                "request",
                correlation_id = arrival.id.as_str(),
                correlation_id_source = %arrival.source,
                client_correlation_id = arrival.client.as_ref().map(|client| client.0.as_str()),
                method = known(method),
                route = Empty,
            )
        };
    }
    match level {
        Level::ERROR => at!(Level::ERROR),
        Level::WARN => at!(Level::WARN),
        Level::INFO => at!(Level::INFO),
        Level::DEBUG => at!(Level::DEBUG),
        Level::TRACE => at!(Level::TRACE),
    }
}

/// The method, or `_OTHER` for one that HTTP does not define: a stranger can write anything there.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS
        | Method::CONNECT
        | Method::TRACE => method.as_str(),
        _ => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_a_stranger_made_up_is_not_repeated() {
        assert_eq!(known(&Method::PATCH), "PATCH");
        let made_up = Method::from_bytes(b"BREW").expect("a token");
        assert_eq!(known(&made_up), "_OTHER");
    }
}
