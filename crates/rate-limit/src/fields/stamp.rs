use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// What one response is to say, written when the request was decided.
#[derive(Debug)]
pub struct Stamp {
    pub(super) standard: Option<Standard>,
    pub(super) legacy: Option<Legacy>,
}

#[derive(Debug)]
pub(super) struct Standard {
    pub(super) policy: HeaderValue,
    pub(super) limit: HeaderValue,
    /// Whether a policy has nothing left.
    pub(super) exhausted: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Legacy {
    pub(super) limit: u64,
    pub(super) remaining: u64,
    /// Unix time in seconds.
    pub(super) reset: u64,
}

impl Stamp {
    pub(crate) fn put_on(self, status: StatusCode, headers: &mut HeaderMap) {
        if let Some(Standard { policy, limit, exhausted }) = self.standard {
            append(headers, RATE_LIMIT_POLICY, policy);
            if !(status.is_redirection() && exhausted) {
                append(headers, RATE_LIMIT, limit);
            }
        }
        if let Some(legacy) = self.legacy
            && [LIMIT, REMAINING, RESET].iter().all(|name| !headers.contains_key(name))
        {
            append(headers, LIMIT, legacy.limit.into());
            append(headers, REMAINING, legacy.remaining.into());
            append(headers, RESET, legacy.reset.into());
        }
    }
}

/// Adds a line, unless the map is full: a field is not worth a response.
fn append(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    let _ = headers.try_append(name, value);
}
