use http::header::HOST;
use http::uri::Scheme;
use http::{HeaderMap, Request, Uri};

use super::key::ThrottleKey;
use crate::KeyHasher;

/// A timetable for each authority: the host and port that a request goes to, in lower case.
///
/// Taken from the request's URI, or its `Host` header if the URI has none. Credentials before an `@` do not count, nor
/// does a port that is the scheme's own: `https://A.example` and `https://a.example:443` are one. Requests that name no
/// authority share a timetable.
///
/// Some services count by credential and not by caller. Their key takes both:
///
/// ```
/// use buttress_rate_limit::throttle::{ByAuthority, ThrottleKey};
/// use buttress_rate_limit::{KeyHasher, Quota, ThrottleLayer};
/// use http::Request;
/// use http::header::AUTHORIZATION;
///
/// fn by_credential<B>(request: &Request<B>, key: &mut KeyHasher) {
///     ByAuthority.write(request, key);
///     key.part(request.headers().get(AUTHORIZATION).map_or(b"", |value| value.as_bytes()));
/// }
///
/// let layer = ThrottleLayer::outbound("graph").quota(Quota::per_second(10)).key(by_credential::<String>).build()?;
/// # Ok::<(), buttress_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ByAuthority;

impl<B> ThrottleKey<Request<B>> for ByAuthority {
    fn write(&self, request: &Request<B>, key: &mut KeyHasher) {
        let authority = of_uri(request.uri()).or_else(|| of_header(request.headers())).unwrap_or_default();
        if authority.bytes().any(|byte| byte.is_ascii_uppercase()) {
            key.part(authority.to_ascii_lowercase().as_bytes());
        } else {
            key.part(authority.as_bytes());
        }
    }
}

fn of_uri(uri: &Uri) -> Option<&str> {
    let authority = uri.authority()?.as_str();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let usual_port = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => ":443",
        Some(scheme) if *scheme == Scheme::HTTP => ":80",
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
    use crate::{HashKey, KeyHash};

    #[test]
    fn the_uri_comes_first_and_case_credentials_and_usual_ports_make_no_difference() {
        let secret = HashKey::random();
        let key = |uri: &str, host: Option<&str>| -> KeyHash {
            let mut request = Request::builder().uri(uri);
            if let Some(host) = host {
                request = request.header(HOST, host);
            }
            let mut hasher = secret.scope("upstream");
            ByAuthority.write(&request.body(()).expect("a request"), &mut hasher);
            hasher.finish()
        };
        let same = key("https://a.example/x", None);
        for (uri, host) in [
            ("https://a.example/y", Some("b.example")),
            ("https://A.Example", None),
            ("https://a.example:443", None),
            ("http://a.example:80", None),
            ("https://user:secret@a.example/x", None),
            ("/x", Some("a.example")),
            ("/x", Some("A.EXAMPLE")),
        ] {
            assert_eq!(key(uri, host), same, "{uri} {host:?}");
        }
        for (uri, host) in [
            ("https://b.example/x", None),
            ("https://a.example:8443/x", None),
            ("https://a.example:80/x", None),
            ("/x", Some("a.example:443")),
            ("/x", None),
        ] {
            assert_ne!(key(uri, host), same, "{uri} {host:?}");
        }
        assert_eq!(key("/x", None), key("/y", Some("")));
    }
}
