//! Faults that other implementations had, each as the claim that it is not here.

use super::*;

/// R-3, L4: taking the leftmost entry, only the first line, or the header of anybody.
#[test]
fn an_entry_that_a_stranger_wrote_is_never_the_client() {
    for spoofed in ["6.6.6.6", "127.0.0.1", "10.0.0.9", "::1", "unknown", "\"", ",,,"] {
        for lines in [
            &[&*format!("{spoofed}, 192.0.2.1")][..],
            &[spoofed, "192.0.2.1"],
            &[spoofed, spoofed, "192.0.2.1"],
        ] {
            assert_eq!(from_proxy(ForwardedBy::XForwardedFor, lines).0, "192.0.2.1", "{lines:?}");
        }
        let direct = behind_proxies(ForwardedBy::XForwardedFor)
            .resolve(Some(ip("192.0.2.1")), &headers(XFF, &[spoofed]));
        assert_eq!(said(direct), ("192.0.2.1".into(), How::HeaderIgnored));
    }
}

/// behind a proxy, everybody counted as the proxy. Where the proxy was forgotten, that can be seen.
#[test]
fn clients_behind_one_proxy_are_told_apart() {
    let resolver = behind_proxies(ForwardedBy::XForwardedFor);
    let key = |resolver: &ClientAddrResolver, client: &str| {
        resolver.resolve(Some(ip(PROXY)), &headers(XFF, &[client])).addr.unwrap().key()
    };
    assert_ne!(key(&resolver, "192.0.2.1"), key(&resolver, "192.0.2.2"));
    let forgot = ClientAddrResolver::default();
    assert_eq!(key(&forgot, "192.0.2.1"), key(&forgot, "192.0.2.2"));
    assert_eq!(forgot.resolve(Some(ip(PROXY)), &headers(XFF, &["192.0.2.1"])).how, How::HeaderIgnored);
}

/// R-5, L5: going on past what cannot be read, so that the entry before it, which anybody can write, was taken.
#[test]
fn a_hop_that_cannot_be_read_is_never_skipped() {
    for hop in ["unknown", "_hidden", "", "localhost", "192.0.2.1:x", "192.0.2.01", "[2001:db8::1", "unix:"] {
        let xff = format!("6.6.6.6, {hop}");
        assert_eq!(from_proxy(ForwardedBy::XForwardedFor, &[&xff]), (PROXY.into(), How::Unparsable), "{hop}");
        let rfc = format!("for=6.6.6.6, for={hop}");
        assert_eq!(from_proxy(ForwardedBy::Forwarded, &[&rfc]), (PROXY.into(), How::Unparsable), "{hop}");
    }
}

/// only the last entry was read, which is the inner proxy's if there are two.
#[test]
fn two_proxies_in_a_row_name_the_client() {
    assert_eq!(from_proxy(ForwardedBy::XForwardedFor, &["6.6.6.6, 192.0.2.1, 10.0.0.2"]).0, "192.0.2.1");
    assert_eq!(
        from_proxy(ForwardedBy::Forwarded, &["for=6.6.6.6, for=192.0.2.1, for=10.0.0.2"]).0,
        "192.0.2.1"
    );
}

/// L5: a proxy that appends `address:port` was not understood, and a direct client that sends the header was refused.
#[test]
fn a_port_beside_the_address_makes_no_difference() {
    let lines = ["6.6.6.6, 192.0.2.1:51234"];
    assert_eq!(from_proxy(ForwardedBy::XForwardedFor, &lines), ("192.0.2.1".into(), How::Forwarded));
    let lines = ["for=6.6.6.6, for=\"[2001:db8::7]:51234\""];
    assert_eq!(from_proxy(ForwardedBy::Forwarded, &lines), ("2001:db8::7".into(), How::Forwarded));
}

/// A quote that a stranger leaves open must not swallow what the proxy appends to the same line.
#[test]
fn an_open_quote_does_not_hide_what_was_appended() {
    for opened in ["for=\"", "for=6.6.6.6;by=\"", "\"", "for=\"\\", "for=6.6.6.6, x=\"\\\"", "\\"] {
        for appended in [
            "for=192.0.2.1",
            "for=\"192.0.2.1\"",
            "by=\"a,b\";for=\"192.0.2.1:80\"",
            "for=192.0.2.1, for=\"10.0.0.2\"",
        ] {
            let line = format!("{opened}, {appended}");
            let client = from_proxy(ForwardedBy::Forwarded, &[&line]);
            assert_eq!(client, ("192.0.2.1".into(), How::Forwarded), "{line}");
        }
    }
}

/// all IPv4-mapped addresses fell into one IPv6 network, or were told by how they were spelt.
#[test]
fn mapped_and_translated_ipv4_clients_keep_a_key_each() {
    let key = |client: &str| {
        let resolved =
            behind_proxies(ForwardedBy::XForwardedFor).resolve(Some(ip(client)), &HeaderMap::new());
        resolved.addr.unwrap().key()
    };
    assert_ne!(key("::ffff:192.0.2.1"), key("::ffff:192.0.2.2"));
    assert_ne!(key("64:ff9b::192.0.2.1"), key("64:ff9b::192.0.2.2"));
    for spelt in [
        "::ffff:192.0.2.1",
        "::ffff:c000:201",
        "0:0:0:0:0:FFFF:C000:0201",
        "64:ff9b::192.0.2.1",
        "64:ff9b::c000:201",
    ] {
        assert_eq!(key(spelt), key("192.0.2.1"), "{spelt}");
    }
}

/// when the chosen header was absent, another was taken, so whoever could leave it out could choose.
#[test]
fn the_chosen_header_is_never_replaced_by_another() {
    let all = [
        (XFF, "6.6.6.6"),
        ("forwarded", "for=6.6.6.6"),
        ("cf-connecting-ip", "6.6.6.6"),
        ("x-real-ip", "6.6.6.6"),
    ];
    for (header, chosen) in [
        (ForwardedBy::XForwardedFor, XFF),
        (ForwardedBy::Forwarded, "forwarded"),
        (single(), "cf-connecting-ip"),
    ] {
        let mut others = HeaderMap::new();
        for (name, value) in all.into_iter().filter(|(name, _)| *name != chosen) {
            others.extend(headers(name, &[value]));
        }
        let resolved = behind_proxies(header).resolve(Some(ip(PROXY)), &others);
        assert_eq!(said(resolved), (PROXY.into(), How::NoHeader), "{chosen}");
    }
}
