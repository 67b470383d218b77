use std::borrow::Cow;

use http::header::HOST;
use http::{HeaderMap, Request, Uri};

use crate::key::KeyOf;

/// Names the bulkhead by the host that a request goes to, with its port if the address names one.
///
/// The host of the request's URI, or its `Host` header if the URI has none; in lower case. On a server the caller
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

impl<B> KeyOf<Request<B>> for ByHost {
    type Key = str;

    fn key_of<'a>(&self, request: &'a Request<B>) -> Option<Cow<'a, str>> {
        let host = of_uri(request.uri()).or_else(|| of_header(request.headers()))?;
        let needs_lowering = host.bytes().any(|byte| byte.is_ascii_uppercase());
        Some(if needs_lowering { host.to_ascii_lowercase().into() } else { host.into() })
    }
}

/// The host and port, without what may stand before an `@`.
fn of_uri(uri: &Uri) -> Option<&str> {
    let authority = uri.authority()?.as_str();
    Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host))
}

fn of_header(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST)?.to_str().ok().filter(|host| !host.is_empty())
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
    fn the_uri_comes_first_and_case_and_credentials_make_no_difference() {
        for (uri, host, expected) in [
            ("https://a.example/x", Some("b.example"), Some("a.example")),
            ("https://A.Example:8443/x", None, Some("a.example:8443")),
            ("https://user:secret@a.example/x", None, Some("a.example")),
            ("/x", Some("B.example"), Some("b.example")),
            ("/x", Some(""), None),
            ("/x", None, None),
        ] {
            assert_eq!(key(uri, host).as_deref(), expected, "{uri} {host:?}");
        }
    }
}
