use buttress_http::host_of;
use http::Request;

use super::key::ThrottleKey;
use crate::KeyHasher;

/// A timetable for each authority: the [host](host_of) and port that a request goes to. Requests that name none share
/// a timetable.
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
        let host = host_of(request.uri(), request.headers());
        key.part(host.as_deref().unwrap_or_default().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use http::header::HOST;

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
