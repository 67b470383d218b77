use std::sync::Arc;

use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName};

use crate::{HeaderList, HeaderListBuilder};

/// The most that the headers of a stored response may take, in bytes.
const MAX_HEADER_BYTES: usize = 32 << 10;

/// Which headers of a response are kept and given again with it.
///
/// [`keep_headers`](crate::IdempotencyBuilder::keep_headers) says it for a layer; a handler that puts one into the
/// extensions of its response says it for that response, and its word wins. Whatever is said, cookies, credentials,
/// and what belongs to a connection, to one exchange or to a layer outside are never kept.
///
/// ```
/// use buttress_idempotency::KeptHeaders;
/// use http::header::{ETAG, HeaderName, LOCATION};
///
/// let own = HeaderName::from_static("x-order-number");
/// let kept = KeptHeaders::essential().and(own.clone()).without(ETAG);
/// assert!(kept.keeps(&own) && kept.keeps(&LOCATION) && !kept.keeps(&ETAG));
/// assert!(!KeptHeaders::all().keeps(&HeaderName::from_static("set-cookie")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptHeaders {
    only: Option<Arc<[HeaderName]>>,
    without: Arc<[HeaderName]>,
}

/// What belongs to one exchange, one connection or one caller's session and not to the operation.
const NEVER: [&str; 35] = [
    "set-cookie",
    "set-cookie2",
    "www-authenticate",
    "authentication-info",
    "authorization",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "clear-site-data",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "date",
    "age",
    "server",
    "via",
    "server-timing",
    "alt-svc",
    "nel",
    "report-to",
    "traceparent",
    "tracestate",
    "x-request-id",
    "x-correlation-id",
    "content-length",
    "idempotent-replayed",
    "idempotency-retention",
    "idempotency-original-date",
    "x-idempotency-replayed",
    "x-original-timestamp",
    "ratelimit",
    "ratelimit-policy",
];
const NEVER_PREFIXES: [&str; 3] = ["access-control-", "x-ratelimit-", "ratelimit-"];

/// What says what the body is, and where the result.
const ESSENTIAL: [HeaderName; 14] = [
    header::CONTENT_TYPE,
    header::CONTENT_LANGUAGE,
    header::CONTENT_ENCODING,
    header::CONTENT_DISPOSITION,
    header::CONTENT_LOCATION,
    header::CONTENT_RANGE,
    header::CONTENT_SECURITY_POLICY,
    header::X_CONTENT_TYPE_OPTIONS,
    header::LOCATION,
    header::ETAG,
    header::LAST_MODIFIED,
    header::LINK,
    header::CACHE_CONTROL,
    header::VARY,
];

impl KeptHeaders {
    /// All but those that never are. The default.
    pub fn all() -> Self {
        Self { only: None, without: [].into() }
    }

    /// What says what the body is and how it may be used, and where the result: `Content-*`, `Location`, `ETag`,
    /// `Last-Modified`, `Link`, `Cache-Control`, `Vary`.
    pub fn essential() -> Self {
        Self::only(ESSENTIAL)
    }

    /// These alone.
    pub fn only(names: impl IntoIterator<Item = HeaderName>) -> Self {
        Self { only: Some(names.into_iter().collect()), without: [].into() }
    }

    /// This one too.
    #[must_use]
    pub fn and(self, name: HeaderName) -> Self {
        let without = self.without.iter().filter(|known| **known != name).cloned().collect();
        let only = self.only.map(|names| names.iter().cloned().chain([name]).collect());
        Self { only, without }
    }

    /// Not this one.
    #[must_use]
    pub fn without(self, name: HeaderName) -> Self {
        let without = self.without.iter().cloned().chain([name]).collect();
        Self { without, ..self }
    }

    /// Whether a header is kept.
    pub fn keeps(&self, name: &HeaderName) -> bool {
        !is_never_kept(name.as_str())
            && !self.without.contains(name)
            && self.only.as_ref().is_none_or(|names| names.contains(name))
    }

    /// The headers to keep; `None` if they are too long.
    pub(crate) fn of(&self, status: StatusCode, headers: &HeaderMap) -> Option<HeaderList> {
        let room = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let mut list = HeaderListBuilder::with_room(headers.len(), room);
        let named = named_by_connection(headers);
        // Of an error it tells how long the error lasts, and of anything else when there is more to hear.
        let is_momentary = |name| name == header::RETRY_AFTER && status.as_u16() >= 400;
        let mut bytes = 0;
        for (name, value) in headers {
            if self.keeps(name) && !named.contains(name) && !is_momentary(name) {
                bytes += name.as_str().len() + value.len();
                list.push(name.as_str().as_bytes(), value.as_bytes()).ok()?;
            }
        }
        (bytes <= MAX_HEADER_BYTES).then(|| list.finish())
    }
}

impl Default for KeptHeaders {
    fn default() -> Self {
        Self::all()
    }
}

/// The few headers that say where the result is.
pub(crate) fn without_body(headers: &HeaderMap) -> HeaderList {
    let mut list = HeaderList::builder();
    for name in [header::LOCATION, header::ETAG, header::CONTENT_TYPE] {
        if let Some(value) = headers.get(&name) {
            // One that is too long is left out.
            let _ = list.push(name.as_str().as_bytes(), value.as_bytes());
        }
    }
    list.finish()
}

fn is_never_kept(name: &str) -> bool {
    NEVER.contains(&name) || NEVER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marks::RETENTION;

    #[test]
    fn what_was_said_last_of_a_header_counts_and_some_are_never_kept() {
        let own = HeaderName::from_static("x-own");
        for (kept, keeps_own, keeps_etag) in [
            (KeptHeaders::all(), true, true),
            (KeptHeaders::all().without(own.clone()), false, true),
            (KeptHeaders::all().without(own.clone()).and(own.clone()), true, true),
            (KeptHeaders::essential(), false, true),
            (KeptHeaders::essential().and(own.clone()), true, true),
            (KeptHeaders::only([own.clone()]), true, false),
            (KeptHeaders::only([own.clone()]).without(own.clone()), false, false),
        ] {
            assert_eq!((kept.keeps(&own), kept.keeps(&header::ETAG)), (keeps_own, keeps_etag), "{kept:?}");
        }
        for name in NEVER.into_iter().chain(["access-control-allow-origin", "ratelimit-limit"]) {
            let name: HeaderName = name.parse().unwrap();
            assert!(!KeptHeaders::only([name.clone()]).and(name.clone()).keeps(&name), "{name}");
        }
        assert!(!KeptHeaders::all().keeps(&RETENTION));
    }
}
