use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body::Body;

use crate::terms::Terms;
use crate::{Completion, HeaderList, Refusal, ReplyBody, Timestamp};

/// The most that the headers of a stored response may take, in bytes.
const MAX_HEADER_BYTES: usize = 32 << 10;

/// How long a response is kept, in seconds, on every answer that is.
pub(crate) const RETENTION: HeaderName = HeaderName::from_static("idempotency-retention");
/// When the first answer was given, on every one that is given again.
const ORIGINAL_DATE: HeaderName = HeaderName::from_static("idempotency-original-date");
/// HTTP dates have years of four digits.
const END_OF_DATES: Timestamp = Timestamp::from_millis(253_402_300_800_000);

/// What belongs to one exchange, one connection or one caller's session and not to the operation.
const NEVER_KEPT: [&str; 34] = [
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
    "retry-after",
    "traceparent",
    "tracestate",
    "x-request-id",
    "x-correlation-id",
    "content-length",
    "idempotent-replayed",
    "idempotency-retention",
    "idempotency-original-date",
    "ratelimit",
    "ratelimit-policy",
];
const NEVER_KEPT_PREFIXES: [&str; 3] = ["access-control-", "x-ratelimit-", "ratelimit-"];

/// The headers to keep; `None` if they are too long.
pub(crate) fn kept(headers: &HeaderMap, dropped: &[HeaderName]) -> Option<HeaderList> {
    let mut list = HeaderList::builder();
    let named = named_by_connection(headers);
    let mut bytes = 0;
    for (name, value) in headers {
        let is_dropped =
            is_never_kept(name) || dropped.contains(name) || named.iter().any(|other| name == other);
        if !is_dropped {
            bytes += name.as_str().len() + value.len();
            list.push(name.as_str().as_bytes(), value.as_bytes()).ok()?;
        }
    }
    (bytes <= MAX_HEADER_BYTES).then(|| list.finish())
}

/// The few headers that say where the result is.
pub(crate) fn kept_without_body(headers: &HeaderMap) -> HeaderList {
    let mut list = HeaderList::builder();
    for name in [header::LOCATION, header::ETAG, header::CONTENT_TYPE] {
        if let Some(value) = headers.get(&name) {
            // One that is too long is left out.
            let _ = list.push(name.as_str().as_bytes(), value.as_bytes());
        }
    }
    list.finish()
}

fn is_never_kept(name: &HeaderName) -> bool {
    let name = name.as_str();
    NEVER_KEPT.contains(&name) || NEVER_KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok()).collect()
}

/// The answer of an operation that is done.
pub(crate) fn answer<B: Body>(done: &Completion, terms: &Terms) -> Result<Response<ReplyBody<B>>, Refusal> {
    let kept = &done.response;
    let Some(body) = kept.body() else {
        return Err(Refusal::NotRetained { status: kept.status() });
    };
    let mut response = Response::new(ReplyBody::from(body.clone()));
    *response.status_mut() = StatusCode::from_u16(kept.status()).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    for (name, value) in kept.headers().iter() {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_maybe_shared(value)) {
            headers.append(name, value);
        }
    }
    mark(headers, done, terms);
    Ok(response)
}

fn mark(headers: &mut HeaderMap, done: &Completion, terms: &Terms) {
    headers.insert(terms.replayed.clone(), HeaderValue::from_static("true"));
    headers.insert(RETENTION, HeaderValue::from(terms.retain.as_secs()));
    let at = done.completed_at;
    let date = (at < END_OF_DATES).then(|| at.to_system_time()).flatten().map(httpdate::fmt_http_date);
    if let Some(date) = date.and_then(|date| HeaderValue::try_from(date).ok()) {
        headers.insert(ORIGINAL_DATE, date);
    }
}
