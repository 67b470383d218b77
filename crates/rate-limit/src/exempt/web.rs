//! Exemptions that only HTTP knows.

use std::net::IpAddr;
use std::sync::Arc;

use http::Method;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use ipnet::{IpNet, Ipv4Net};

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
        Self { preflights: true, ..Self::none() }
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
            let allowed =
                "an address, or a network such as 10.0.0.0/8 whose other bits are 0, not all of IPv4 or IPv6";
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

#[inline]
pub(crate) fn is_preflight(head: &Head<'_>) -> bool {
    let has = |name| head.headers().contains_key(name);
    head.method() == Method::OPTIONS && has(ORIGIN) && has(ACCESS_CONTROL_REQUEST_METHOD)
}

fn parse(network: &str) -> Option<IpNet> {
    // The parser of `ipnet` reads octets with leading zeros, which other programs take for octal numbers.
    let net = match network.split_once('/') {
        Some((addr, prefix)) => IpNet::new(addr.parse().ok()?, prefix.parse().ok()?).ok()?,
        None => IpNet::from(network.parse::<IpAddr>().ok()?),
    };
    // Who writes 10.1.2.3/8 means one address or a whole network, and nobody can tell which.
    let is_one_network = net.addr() == net.network();
    Some(canonical(net)).filter(|net| is_one_network && net.prefix_len() > 0)
}

/// IPv4-mapped networks as networks of IPv4, which is the form that clients' addresses have.
fn canonical(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    let mapped = v6.network().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    mapped.and_then(|(addr, prefix)| Ipv4Net::new(addr, prefix).ok()).map_or(net, IpNet::V4)
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
        for (network, read) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::1", "::1/128"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ] {
            assert_eq!(parse(network), Some(read.parse().unwrap()), "{network}");
        }
        let whole = ["0.0.0.0/0", "::/0", "::ffff:0:0/96"];
        let unclear = ["10.0.0.1/8", "2001:db8::1/32", "010.0.0.0/8"];
        let broken = ["", "10.0.0.0/33", "10.0.0", "localhost", "10.0.0.0/-1"];
        for odd in broken.into_iter().chain(whole).chain(unclear) {
            assert!(parse(odd).is_none(), "{odd}");
        }
    }
}
