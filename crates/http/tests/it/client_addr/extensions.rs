//! The request's extensions: where the peer is found, and where the client is put.

use std::net::SocketAddr;

use buttress_http::{ClientAddr, PeerAddr};
use http::Extensions;

use super::*;

/// What another framework puts into the extensions.
#[derive(Clone)]
struct ConnectInfo(SocketAddr);

fn with<T: Clone + Send + Sync + 'static>(value: T) -> Extensions {
    let mut extensions = Extensions::new();
    extensions.insert(value);
    extensions
}

fn peer(addr: &str) -> SocketAddr {
    (ip(addr), 4711).into()
}

#[test]
fn the_peer_that_the_server_put_there_is_asked_for() {
    let resolver = behind_proxies(ForwardedBy::XForwardedFor);
    let extensions = with(PeerAddr(peer(PROXY)));
    let client = resolver.resolve_request(&extensions, &headers(XFF, &["192.0.2.1"]));
    assert_eq!(said(client), ("192.0.2.1".into(), How::Forwarded));
    let nobody = resolver.resolve_request(&Extensions::new(), &headers(XFF, &["192.0.2.1"]));
    assert_eq!(said(nobody), ("-".into(), How::NoPeer));
}

#[test]
fn another_place_is_asked_if_the_server_put_none() {
    let find = |extensions: &Extensions| extensions.get::<ConnectInfo>().map(|info| info.0);
    let resolver = ClientAddrResolver::builder().peer_from(find).build().unwrap();
    let none = HeaderMap::new();
    let mut extensions = with(ConnectInfo(peer("192.0.2.1")));
    assert_eq!(said(resolver.resolve_request(&extensions, &none)), ("192.0.2.1".into(), How::Peer));
    // The PROXY protocol knows better than the socket.
    extensions.insert(PeerAddr(peer("192.0.2.2")));
    assert_eq!(said(resolver.resolve_request(&extensions, &none)), ("192.0.2.2".into(), How::Peer));
    assert_eq!(said(resolver.resolve_request(&Extensions::new(), &none)), ("-".into(), How::NoPeer));
}

/// Peers that are strangers, proxies, nobody and absent, with a header that is there or is not, whoever is trusted.
#[test]
fn the_client_of_a_peer_is_the_same_whether_or_not_it_is_said_what_that_rests_on() {
    let trusting = behind_proxies(ForwardedBy::XForwardedFor);
    let absent = ClientAddrResolver::builder().trust_absent_peer().header(ForwardedBy::XForwardedFor);
    let absent = absent.ipv6_prefix(48).build().unwrap();
    let peers = [Some("192.0.2.1"), Some(PROXY), Some("2001:db8:aaaa::1"), Some("0.0.0.0"), Some("::"), None];
    for resolver in [trusting, absent, ClientAddrResolver::default()] {
        for lines in [&["2001:db8::7, 10.0.0.2"][..], &["unknown"], &[]] {
            for at in peers {
                let extensions = at.map_or_else(Extensions::new, |at| with(PeerAddr(peer(at))));
                let headers = headers(XFF, lines);
                let client = resolver.resolve_request(&extensions, &headers).addr;
                assert_eq!(resolver.client_of_peer(&extensions, &headers), client, "{at:?} {lines:?}");
            }
        }
    }
}

#[test]
fn the_client_is_put_there_once_and_believed_further_in() {
    let outer = behind_proxies(ForwardedBy::XForwardedFor);
    let mut extensions = with(PeerAddr(peer(PROXY)));
    let first = outer.insert_into(&mut extensions, &headers(XFF, &["2001:db8:1:2::3"]));
    assert_eq!(extensions.get::<ClientAddr>().copied(), first.addr);
    let inner = ClientAddrResolver::builder().ipv6_prefix(48).build().unwrap();
    let second = inner.insert_into(&mut extensions, &headers(XFF, &["6.6.6.6"]));
    assert_eq!(said(second), ("2001:db8:1:2::3".into(), How::Given));
    assert_eq!(second.addr.unwrap().network(), ip("2001:db8:1::"), "each resolver has its own networks");
    assert_eq!(extensions.get::<ClientAddr>().copied(), first.addr, "and one writer");
}

#[test]
fn nothing_is_put_there_if_nobody_is_known() {
    let mut extensions = Extensions::new();
    let resolved = ClientAddrResolver::default().insert_into(&mut extensions, &HeaderMap::new());
    assert_eq!(said(resolved), ("-".into(), How::NoPeer));
    assert!(extensions.get::<ClientAddr>().is_none());
}

#[test]
fn what_an_address_rests_on_has_a_name_of_its_own() {
    let all = [
        How::Given,
        How::Peer,
        How::HeaderIgnored,
        How::Forwarded,
        How::NoHeader,
        How::AllTrusted,
        How::Unparsable,
        How::NoPeer,
    ];
    let names = all.map(How::as_str);
    assert_eq!(
        names,
        ["given", "peer", "header_ignored", "forwarded", "no_header", "all_trusted", "unparsable", "no_peer"]
    );
}
