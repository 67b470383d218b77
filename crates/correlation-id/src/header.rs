use buttress_core::{Checks, CorrelationId};
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::Reason;
use crate::message::{self, CORRELATION_ID};
use crate::offered::agreed;

pub(crate) static TRACE_PARENT: HeaderName = HeaderName::from_static(message::TRACE_PARENT);

/// Headers that mean something else; to read an ID from one, or to echo it there, would break or leak that.
const TAKEN: [&str; 12] = [
    "authorization",
    "baggage",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "proxy-authorization",
    "set-cookie",
    "traceparent",
    "tracestate",
    "transfer-encoding",
];

const ALLOWED: &str = "a header name that has no other meaning";

/// The name of the header if none is configured.
pub(crate) fn default_header() -> HeaderName {
    HeaderName::from_static(CORRELATION_ID)
}

/// Checks a configured header name; on trouble the note is in `checks` and the answer is `None`.
pub(crate) fn checked(checks: &mut Checks, field: String, name: &str) -> Option<HeaderName> {
    let header = HeaderName::from_bytes(name.as_bytes()).ok();
    let header = header.filter(|header| !TAKEN.contains(&header.as_str()));
    checks.require(header.is_some(), field, format_args!("{name:?}"), ALLOWED);
    header
}

/// The value that all headers of one name agree on; `None` if there is none.
#[inline]
pub(crate) fn value_of<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Option<Result<&'h HeaderValue, Reason>> {
    if headers.len() != headers.keys_len() {
        return agreed_value_of(headers, name);
    }
    headers.get(name).map(Ok) // no name stands there twice
}

#[cold]
#[inline(never)]
fn agreed_value_of<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<Result<&'h HeaderValue, Reason>> {
    agreed(headers.get_all(name).iter())
}

/// An ID as the value of a header, which it always can be.
#[inline]
pub(crate) fn spelled(id: &CorrelationId) -> Option<HeaderValue> {
    let bytes = id.as_bytes();
    match <&[u8; 36]>::try_from(bytes) {
        // A UUID: where the compiler knows how many bytes there are, it looks at them all at once.
        Ok(uuid) => HeaderValue::from_bytes(uuid).ok(),
        Err(_) => HeaderValue::from_bytes(bytes).ok(),
    }
}
