use std::borrow::Cow;

use buttress_core::KeyOf;
use http::header::HOST;
use http::{HeaderMap, Request, Uri};

/// In bytes: the longest name that DNS knows has 253, a colon and a port have 6. What is kept for a host is bounded by it.
const LONGEST: usize = 259;

/// The host that a request goes to, in lower case, with its port unless that is the scheme's own.
///
/// It is the host of the URI, or of the `Host` header if the URI has none. Credentials before an `@` do not belong to
/// it. `None` if there is none, or one that is longer than any name may be. It allocates only to bring a host into lower
/// case. On a server the caller chooses it.
///
/// ```
/// use buttress_http::host_of;
/// use http::Request;
///
/// let request = Request::get("https://user:secret@A.example:443/x").body(())?;
/// assert_eq!(host_of(request.uri(), request.headers()).as_deref(), Some("a.example"));
/// # Ok::<(), http::Error>(())
/// ```
pub fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<Cow<'a, str>> {
    let host = of_uri(uri).or_else(|| of_header(headers))?;
    if !(1..=LONGEST).contains(&host.len()) {
        return None;
    }
    let needs_lowering = host.bytes().any(|byte| byte.is_ascii_uppercase());
    Some(if needs_lowering { host.to_ascii_lowercase().into() } else { host.into() })
}

/// One instance for each [host](host_of) that requests go to.
///
/// For clients: on a server the caller chooses the host, and it is better to name the instance by route.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByHost;

impl<B> KeyOf<Request<B>> for ByHost {
    type Key = str;

    fn key_of<'a>(&self, request: &'a Request<B>) -> Option<Cow<'a, str>> {
        host_of(request.uri(), request.headers())
    }
}

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
