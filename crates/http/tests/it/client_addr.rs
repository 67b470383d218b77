//! Who the client of a request is.

mod cost;
mod decisions;
mod extensions;
mod keys;
mod settings;
mod spoofing;
mod traps;

use std::net::IpAddr;

use buttress_http::{ClientAddrResolver, ForwardedBy, How, Resolved};
use http::{HeaderMap, HeaderName, HeaderValue};

const PROXY: &str = "10.0.0.1";
const XFF: &str = "x-forwarded-for";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// One that trusts the two networks of proxies that these tests know.
fn behind_proxies(header: ForwardedBy) -> ClientAddrResolver {
    let trusted = ["10.0.0.0/8", "2001:db8:aaaa::/48"];
    ClientAddrResolver::builder().trust_each(trusted).header(header).build().unwrap()
}

fn single() -> ForwardedBy {
    ForwardedBy::Single(HeaderName::from_static("cf-connecting-ip"))
}

fn headers(name: &'static str, lines: &[&str]) -> HeaderMap {
    let lines = lines.iter().map(|line| HeaderValue::from_bytes(line.as_bytes()).unwrap());
    lines.map(|line| (HeaderName::from_static(name), line)).collect()
}

fn said(resolved: Resolved) -> (String, How) {
    (resolved.addr.map_or_else(|| "-".to_owned(), |client| client.addr().to_string()), resolved.how)
}

/// Who asks, if the peer is [`PROXY`] and sends these lines of the header that is read.
fn from_proxy(header: ForwardedBy, lines: &[&str]) -> (String, How) {
    let name = match header {
        ForwardedBy::XForwardedFor => XFF,
        ForwardedBy::Forwarded => "forwarded",
        ForwardedBy::Single(_) => "cf-connecting-ip",
    };
    said(behind_proxies(header).resolve(Some(ip(PROXY)), &headers(name, lines)))
}

fn table(header: &ForwardedBy, table: &[(&[&str], &str, How)]) {
    for &(lines, client, how) in table {
        assert_eq!(from_proxy(header.clone(), lines), (client.to_owned(), how), "{lines:?}");
    }
}
