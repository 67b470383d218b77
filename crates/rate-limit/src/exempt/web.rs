//! Exemptions that only HTTP knows.

use std::net::IpAddr;
use std::sync::Arc;

use http::Method;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use ipnet::IpNet;

use crate::{Exempt, Head, Http};

/// For HTTP.
///
/// ```
/// use buttress_rate_limit::Exempt;
///
/// let exempt = Exempt::preflights()
///     .path("/healthz")
///     .prefix("/docs")
///     .addresses("10.0.0.0/8")
///     .when(|head| head.headers().contains_key("x-internal-probe-signature"));
/// ```
impl Exempt<Http> {
    /// CORS preflights: `OPTIONS` with `Origin` and `Access-Control-Request-Method`.
    ///
    /// This is what servers start with. Where the CORS layer stands outside, it answers preflights before they come
    /// here; where it stands inside, a preflight that was refused would keep the browser from sending, and from seeing
    /// why. [`none`](Self::none) counts them.
    pub fn preflights() -> Self {
        Self::none().when(|head| {
            let has = |name| head.headers().contains_key(name);
            head.method() == Method::OPTIONS && has(ORIGIN) && has(ACCESS_CONTROL_REQUEST_METHOD)
        })
    }

    /// This path and no other, letter by letter.
    #[must_use]
    pub fn path(self, path: impl Into<String>) -> Self {
        let path = path.into();
        self.checked("exempt.path", path, |path, head| head.path() == path)
    }

    /// This path and everything below it: `/docs` holds `/docs` and `/docs/a`, and not `/docs-of-others`.
    ///
    /// A path with a segment `.` or `..`, or an encoded one, is never below anything: who stands further in might
    /// resolve it to somewhere else.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        let prefix = prefix.into();
        self.checked("exempt.prefix", prefix, |prefix, head| is_below(prefix, head.path()))
    }

    /// Clients whose address is in this network, such as `10.0.0.0/8`, `2001:db8::/32` or a single address.
    #[must_use]
    pub fn addresses(mut self, network: impl AsRef<str>) -> Self {
        let network = network.as_ref();
        let Some(net) = parse(network) else {
            let allowed = "an address, or a network such as 10.0.0.0/8, not all of IPv4 or IPv6";
            self.problems.push(("exempt.addresses", format!("{network:?}"), allowed.into()));
            return self;
        };
        self.when(move |head| head.client_addr().is_some_and(|client| net.contains(&client.addr())))
    }

    /// Requests for which a closure says so.
    #[must_use]
    pub fn when(mut self, exempt: impl Fn(&Head<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.rules.push(Arc::new(move |head: &Head<'_>| exempt(head)));
        self
    }

    fn checked(
        mut self,
        field: &'static str,
        path: String,
        holds: impl Fn(&str, &Head<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        if !path.starts_with('/') {
            self.problems.push((field, format!("{path:?}"), "a path that begins with /".into()));
            return self;
        }
        self.when(move |head| holds(&path, head))
    }
}

fn parse(network: &str) -> Option<IpNet> {
    let net = network.parse().or_else(|_| network.parse::<IpAddr>().map(IpNet::from)).ok()?;
    (net.prefix_len() > 0).then_some(net)
}

fn is_below(prefix: &str, path: &str) -> bool {
    let Some(rest) = path.strip_prefix(prefix) else { return false };
    let at_a_segment = rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/');
    at_a_segment && !rest.split('/').any(is_dots)
}

/// Whether a segment stands for a place and not for a name, encoded or not. An encoded slash may hide one.
fn is_dots(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase();
    let decoded = lower.replace("%2e", ".");
    matches!(decoded.as_str(), "." | "..") || ["%2f", "%5c", "\\"].iter().any(|hidden| lower.contains(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_at_a_segment_and_nobody_climbs_out_of_it() {
        let below = ["/docs", "/docs/", "/docs/a", "/docs/a/b.html", "/docs/...", "/docs/a..b"];
        let beside = [
            "/",
            "/doc",
            "/docs-of-others",
            "/Docs",
            "/docs/../admin",
            "/docs/a/..",
            "/docs/./x",
            "/docs/%2e%2e/admin",
            "/docs/.%2E/admin",
            "/docs/..%2fadmin",
            "/docs/..%5Cadmin",
            "/docs/..\\admin",
        ];
        for path in below {
            assert!(is_below("/docs", path), "{path}");
        }
        for path in beside {
            assert!(!is_below("/docs", path), "{path}");
        }
        assert!(is_below("/docs/", "/docs/a") && !is_below("/docs/", "/docs"));
    }

    #[test]
    fn networks_and_addresses_are_read_and_the_whole_world_is_not() {
        for network in ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"] {
            assert!(parse(network).is_some(), "{network}");
        }
        for odd in ["", "10.0.0.0/33", "10.0.0", "localhost", "0.0.0.0/0", "::/0", "10.0.0.0/-1"] {
            assert!(parse(odd).is_none(), "{odd}");
        }
    }
}
