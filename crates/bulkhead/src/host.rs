use std::borrow::Cow;

use http::header::HOST;
use http::{HeaderMap, Request, Uri};

use crate::key::KeyOf;

/// Names the bulkhead by the host that a request goes to, with its port unless it is the scheme's own.
///
/// The host of the request's URI, or its `Host` header if the URI has none; in lower case. One that is longer than any
/// name may be is no key. On a server the caller
/// chooses it; there it is better to name the bulkhead by route:
///
/// ```
/// use axum::extract::{MatchedPath, Request};
/// use buttress_bulkhead::{BulkheadLayer, KeyLimits, KeyRef};
///
/// let route = KeyRef::new(|request: &Request| request.extensions().get().map(MatchedPath::as_str));
/// let layer = BulkheadLayer::inbound("routes").keyed::<String, _>(route, KeyLimits::new())?;
/// # Ok::<(), buttress_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ByHost;

/// In bytes: the longest name that DNS knows has 253, a colon and a port have 6. What is kept for a key is bounded by it.
const LONGEST: usize = 259;

impl<B> KeyOf<Request<B>> for ByHost {
    type Key = str;

    fn key_of<'a>(&self, request: &'a Request<B>) -> Option<Cow<'a, str>> {
        let host = of_uri(request.uri()).or_else(|| of_header(request.headers()))?;
        if !(1..=LONGEST).contains(&host.len()) {
            return None;
        }
        let needs_lowering = host.bytes().any(|byte| byte.is_ascii_uppercase());
        Some(if needs_lowering { host.to_ascii_lowercase().into() } else { host.into() })
    }
}

/// The host and port, without what may stand before an `@` and without the port that goes without saying.
fn of_uri(uri: &Uri) -> Option<&str> {
    let authority = uri.authority()?.as_str();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let usual_port = match uri.scheme_str() {
        Some("https") => ":443",
        Some("http") => ":80",
        _ => return Some(host),
    };
    Some(host.strip_suffix(usual_port).unwrap_or(host))
}

fn of_header(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(uri: &str, host: Option<&str>) -> Option<String> {
        let mut request = Request::builder().uri(uri);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        ByHost.key_of(&request.body(()).unwrap()).map(Cow::into_owned)
    }

    #[test]
    fn the_uri_comes_first_and_case_and_credentials_and_the_usual_port_make_no_difference() {
        for (uri, host, expected) in [
            ("https://a.example/x", Some("b.example"), Some("a.example")),
            ("https://A.Example:8443/x", None, Some("a.example:8443")),
            ("https://user:secret@a.example/x", None, Some("a.example")),
            ("https://a.example:443/x", None, Some("a.example")),
            ("http://a.example:80/x", None, Some("a.example")),
            ("https://a.example:80/x", None, Some("a.example:80")),
            ("https://[2001:db8::443]/x", None, Some("[2001:db8::443]")),
            ("/x", Some("B.example"), Some("b.example")),
            ("/x", Some(""), None),
            ("/x", None, None),
        ] {
            assert_eq!(key(uri, host).as_deref(), expected, "{uri} {host:?}");
        }
    }

    #[test]
    fn a_host_that_is_longer_than_any_name_is_no_key() {
        for (length, is_key) in [(1, true), (LONGEST, true), (LONGEST + 1, false), (60_000, false)] {
            assert_eq!(key("/x", Some(&"h".repeat(length))).is_some(), is_key, "{length}");
        }
    }
}
