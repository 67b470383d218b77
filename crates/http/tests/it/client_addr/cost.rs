//! What resolving may cost.

use buttress_http::{ClientAddr, PeerAddr};
use http::Extensions;

use super::*;

#[test]
fn resolving_allocates_nothing() {
    let forwarded =
        ["for=\"_x\\\"y\";by=\"a,b;c\", for=\"[2001:db8::7]:1\", for=\"10.0.0.2:80\"", "for=10.0.0.3"];
    let all = [
        (
            ForwardedBy::XForwardedFor,
            headers(XFF, &["6.6.6.6, \"[2001:db8::7]:80\"", "10.0.0.2:80, 10.0.0.3"]),
        ),
        (ForwardedBy::Forwarded, headers("forwarded", &forwarded)),
        (single(), headers("cf-connecting-ip", &["2001:db8::7"])),
        (single(), HeaderMap::new()),
    ];
    let mut extensions = Extensions::new();
    extensions.insert(PeerAddr((ip(PROXY), 80).into()));
    for (header, headers) in all {
        let resolver = behind_proxies(header);
        let mut found = None;
        let cost = allocation_counter::measure(|| {
            found = resolver.resolve_request(&extensions, &headers).addr.map(|client| client.key());
        });
        assert!(found.is_some());
        assert_eq!(cost.count_total, 0);
    }
}

#[test]
fn a_client_address_is_small_enough_to_copy() {
    assert!(size_of::<ClientAddr>() <= 18);
    assert_eq!(size_of::<ClientAddrResolver>(), size_of::<usize>());
}
