//! Each row of the table of decisions.

use super::*;

#[test]
fn without_settings_the_peer_is_the_client() {
    let resolver = ClientAddrResolver::default();
    let none = HeaderMap::new();
    assert_eq!(said(resolver.resolve(Some(ip("192.0.2.1")), &none)), ("192.0.2.1".into(), How::Peer));
    let claim = headers(XFF, &["6.6.6.6"]);
    assert_eq!(
        said(resolver.resolve(Some(ip("127.0.0.1")), &claim)),
        ("127.0.0.1".into(), How::HeaderIgnored)
    );
    assert_eq!(said(resolver.resolve(None, &claim)), ("-".into(), How::NoPeer));
    assert_eq!(said(resolver.resolve(Some(ip("0.0.0.0")), &claim)), ("-".into(), How::NoPeer));
}

#[test]
fn a_stranger_is_the_client_whatever_it_sends() {
    for header in [ForwardedBy::XForwardedFor, ForwardedBy::Forwarded, single()] {
        let resolver = behind_proxies(header.clone());
        let mut sent = headers(XFF, &["6.6.6.6"]);
        sent.extend(headers("forwarded", &["for=6.6.6.6"]));
        sent.extend(headers("cf-connecting-ip", &["6.6.6.6"]));
        for stranger in ["11.0.0.1", "9.255.255.255", "2001:db8:aaab::1", "127.0.0.1", "::1"] {
            let (client, how) = said(resolver.resolve(Some(ip(stranger)), &sent));
            assert_eq!((client.as_str(), how), (stranger, How::HeaderIgnored), "{header:?}");
        }
        let (client, how) = said(resolver.resolve(Some(ip("11.0.0.1")), &HeaderMap::new()));
        assert_eq!((client.as_str(), how), ("11.0.0.1", How::Peer), "{header:?}");
    }
}

#[test]
fn x_forwarded_for_is_walked_from_the_right_over_all_lines() {
    table(
        &ForwardedBy::XForwardedFor,
        &[
            (&[], PROXY, How::NoHeader),
            (&["192.0.2.1"], "192.0.2.1", How::Forwarded),
            (&["6.6.6.6, 192.0.2.1"], "192.0.2.1", How::Forwarded),
            (&["6.6.6.6", "192.0.2.1"], "192.0.2.1", How::Forwarded),
            (&["6.6.6.6, 192.0.2.1", "10.0.0.2"], "192.0.2.1", How::Forwarded),
            (&["6.6.6.6", "192.0.2.1, 10.0.0.2,10.0.0.3"], "192.0.2.1", How::Forwarded),
            (&["192.0.2.1:4711 ,\t[2001:db8:aaaa::1]:443"], "192.0.2.1", How::Forwarded),
            (&["2001:db8::7, 2001:db8:aaaa:1::1"], "2001:db8::7", How::Forwarded),
            (&["10.0.0.3"], "10.0.0.3", How::AllTrusted),
            (&["10.0.0.4, 10.0.0.3", "10.0.0.2"], "10.0.0.4", How::AllTrusted),
            (&["192.0.2.1, ::ffff:10.0.0.2"], "192.0.2.1", How::Forwarded),
            (&["192.0.2.1, unknown"], PROXY, How::Unparsable),
            (&["192.0.2.1, unknown, 10.0.0.2"], "10.0.0.2", How::Unparsable),
            (&["unknown, 192.0.2.1"], "192.0.2.1", How::Forwarded),
            (&[""], PROXY, How::Unparsable),
            (&["192.0.2.1", ""], PROXY, How::Unparsable),
            (&["192.0.2.1,"], PROXY, How::Unparsable),
            (&["192.0.2.1, , 10.0.0.2"], "10.0.0.2", How::Unparsable),
            (&["192.0.2.1, 010.0.0.2"], PROXY, How::Unparsable),
            (&["192.0.2.1, 0.0.0.0"], PROXY, How::Unparsable),
            (&["192.0.2.1 10.0.0.2"], PROXY, How::Unparsable),
            (&["for=192.0.2.1"], PROXY, How::Unparsable),
        ],
    );
}

#[test]
fn forwarded_is_walked_from_the_right_over_all_lines() {
    table(
        &ForwardedBy::Forwarded,
        &[
            (&[], PROXY, How::NoHeader),
            (&["for=192.0.2.1"], "192.0.2.1", How::Forwarded),
            (&["for=6.6.6.6, for=192.0.2.1"], "192.0.2.1", How::Forwarded),
            (&["for=6.6.6.6", "For=\"192.0.2.1:4711\";proto=https"], "192.0.2.1", How::Forwarded),
            (&["for=6.6.6.6;by=\",\", for=\"[2001:db8::7]:1\";by=\"a;b,c\""], "2001:db8::7", How::Forwarded),
            (&["for=192.0.2.1;host=\"x\\\",for=6.6.6.6\", for=10.0.0.2"], "192.0.2.1", How::Forwarded),
            (&["for=10.0.0.3, for=10.0.0.2"], "10.0.0.3", How::AllTrusted),
            (&["for=192.0.2.1, for=unknown"], PROXY, How::Unparsable),
            (&["for=192.0.2.1, for=\"_mine\", for=10.0.0.2"], "10.0.0.2", How::Unparsable),
            (&["for=192.0.2.1, by=10.0.0.3, for=10.0.0.2"], "10.0.0.2", How::Unparsable),
            (&["for=192.0.2.1, for=10.0.0.2;for=10.0.0.3"], PROXY, How::Unparsable),
            (&["for=192.0.2.1,"], PROXY, How::Unparsable),
            (&["for=192.0.2.1", ""], PROXY, How::Unparsable),
            (&["192.0.2.1"], PROXY, How::Unparsable),
            // A quote left open on one line is over when the line is.
            (&["for=6.6.6.6;by=\"", "for=192.0.2.1"], "192.0.2.1", How::Forwarded),
        ],
    );
}

#[test]
fn a_header_with_one_address_must_occur_once() {
    table(
        &single(),
        &[
            (&[], PROXY, How::NoHeader),
            (&["192.0.2.1"], "192.0.2.1", How::Forwarded),
            (&["\"[2001:db8::7]:1\""], "2001:db8::7", How::Forwarded),
            (&["10.0.0.9"], "10.0.0.9", How::AllTrusted),
            (&["6.6.6.6, 192.0.2.1"], PROXY, How::Unparsable),
            (&["192.0.2.1", "192.0.2.1"], PROXY, How::Unparsable),
            (&["6.6.6.6", "192.0.2.1", "192.0.2.1"], PROXY, How::Unparsable),
            (&[""], PROXY, How::Unparsable),
            (&["unknown"], PROXY, How::Unparsable),
        ],
    );
}

#[test]
fn only_the_last_32_hops_are_looked_at() {
    let trusted = |count: usize| vec!["10.0.0.7"; count].join(",");
    for (hops, client, how) in [
        (31, "192.0.2.1", How::Forwarded),
        (32, "10.0.0.7", How::AllTrusted),
        (3_000, "10.0.0.7", How::AllTrusted),
    ] {
        let one_line = format!("192.0.2.1,{}", trusted(hops));
        assert_eq!(from_proxy(ForwardedBy::XForwardedFor, &[&one_line]), (client.into(), how), "{hops}");
        let two_lines = ["192.0.2.1", &trusted(hops)];
        assert_eq!(from_proxy(ForwardedBy::XForwardedFor, &two_lines), (client.into(), how), "{hops}");
        let rfc = format!("for=192.0.2.1{}", ",for=10.0.0.7".repeat(hops));
        assert_eq!(from_proxy(ForwardedBy::Forwarded, &[&rfc]), (client.into(), how), "{hops}");
    }
}

#[test]
fn a_proxy_without_an_address_is_trusted_only_if_that_was_said() {
    let builder = || ClientAddrResolver::builder().header(ForwardedBy::XForwardedFor).trust("10.0.0.0/8");
    let (no, yes) = (builder().build().unwrap(), builder().trust_absent_peer().build().unwrap());
    let ask =
        |resolver: &ClientAddrResolver, lines: &[&str]| said(resolver.resolve(None, &headers(XFF, lines)));
    assert_eq!(ask(&no, &["192.0.2.1"]), ("-".into(), How::NoPeer));
    assert_eq!(ask(&yes, &["6.6.6.6, 192.0.2.1"]), ("192.0.2.1".into(), How::Forwarded));
    assert_eq!(ask(&yes, &["192.0.2.1, unknown, 10.0.0.2"]), ("10.0.0.2".into(), How::Unparsable));
    assert_eq!(ask(&yes, &["192.0.2.1, unknown"]), ("-".into(), How::Unparsable));
    assert_eq!(ask(&yes, &[]), ("-".into(), How::NoHeader));
    let nobody = yes.resolve(Some(ip("::")), &headers(XFF, &["192.0.2.1"]));
    assert_eq!(said(nobody), ("-".into(), How::NoPeer), "an address that is nobody's is not a missing one");
    let stranger = yes.resolve(Some(ip("11.0.0.1")), &headers(XFF, &["192.0.2.1"]));
    assert_eq!(said(stranger), ("11.0.0.1".into(), How::HeaderIgnored));
}

#[test]
fn a_network_is_trusted_in_whichever_form_it_and_the_peer_are_written() {
    for network in ["10.0.0.0/8", "::ffff:10.0.0.0/104", "64:ff9b::10.0.0.0/104"] {
        let builder = ClientAddrResolver::builder().trust(network).header(ForwardedBy::XForwardedFor);
        let resolver = builder.build().unwrap();
        for proxy in ["10.0.0.1", "::ffff:10.0.0.1", "::ffff:a00:1", "64:ff9b::a00:1"] {
            let sent = headers(XFF, &["192.0.2.1, ::ffff:10.9.9.9"]);
            let (client, how) = said(resolver.resolve(Some(ip(proxy)), &sent));
            assert_eq!((client.as_str(), how), ("192.0.2.1", How::Forwarded), "{network} {proxy}");
        }
    }
}
