//! Nothing that a stranger writes changes who the client is.
//!
//! Each property runs 2,000 times unless `PROPTEST_CASES` says otherwise.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn cases() -> ProptestConfig {
    let config = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { config.cases } else { 2_000 };
    ProptestConfig { cases, ..config }
}

/// One hop as the naive model knows it, without any text.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hop {
    Stranger(IpAddr),
    Trusted(IpAddr),
    /// Not an address, with a number to choose how.
    Unreadable(u8),
}

fn stranger() -> impl Strategy<Value = IpAddr> {
    let v4 = any::<[u8; 2]>().prop_map(|[a, b]| IpAddr::V4(Ipv4Addr::new(203, 0, a, b)));
    let v6 = any::<[u16; 3]>()
        .prop_map(|[a, b, c]| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, a >> 1, b, 0, 0, 0, c)));
    prop_oneof![v4, v6]
}

fn trusted() -> impl Strategy<Value = IpAddr> {
    let v4 = any::<[u8; 3]>().prop_map(|[a, b, c]| IpAddr::V4(Ipv4Addr::new(10, a, b, c)));
    let v6 = any::<u16>().prop_map(|a| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xaaaa, a, 0, 0, 0, 1)));
    prop_oneof![v4, v6]
}

fn hop() -> impl Strategy<Value = Hop> {
    prop_oneof![
        2 => stranger().prop_map(Hop::Stranger),
        6 => trusted().prop_map(Hop::Trusted),
        1 => any::<u8>().prop_map(Hop::Unreadable),
    ]
}

/// How one hop is written: a number for the spelling, one for what stands beside it, and whether a new line begins.
type Spelling = (u8, u8, bool);

fn spelling() -> impl Strategy<Value = Spelling> {
    (any::<u8>(), any::<u8>(), prop::bool::weighted(0.2))
}

fn mapped(addr: Ipv4Addr) -> Ipv6Addr {
    addr.to_ipv6_mapped()
}

/// The spellings that mean the same address, without quotes.
fn spell(addr: IpAddr, how: u8) -> String {
    match (addr, how % 6) {
        (IpAddr::V4(addr), 0 | 1) => addr.to_string(),
        (IpAddr::V4(addr), 2) => format!("{addr}:{}", u16::from(how)),
        (IpAddr::V4(addr), 3) => mapped(addr).to_string(),
        (IpAddr::V4(addr), 4) => format!("[{}]:{how}", mapped(addr)),
        (IpAddr::V4(addr), _) => format!("64:ff9b::{addr}"),
        (IpAddr::V6(addr), 0 | 1) => addr.to_string(),
        (IpAddr::V6(addr), 2) => format!("[{addr}]"),
        (IpAddr::V6(addr), 3) => format!("[{addr}]:{how}"),
        (IpAddr::V6(addr), 4) => format!("{addr}%eth{how}"),
        (IpAddr::V6(addr), _) => format!("[{}%en0]:_p{how}", addr.to_string().to_uppercase()),
    }
}

fn text(hop: Hop, how: u8) -> String {
    let unreadable =
        ["unknown", "_hidden", "", "localhost", "192.0.2.01", "0.0.0.0", "::", "203.0.113.7:x", "[::1"];
    match hop {
        Hop::Stranger(addr) | Hop::Trusted(addr) => spell(addr, how),
        Hop::Unreadable(number) => unreadable[usize::from(number) % unreadable.len()].to_owned(),
    }
}

fn in_x_forwarded_for(hop: Hop, (how, beside, _): Spelling) -> String {
    let text = text(hop, how);
    match beside % 4 {
        0 => format!("\"{text}\""),
        1 => format!("\t{text} "),
        _ => text,
    }
}

fn in_forwarded(hop: Hop, (how, beside, _): Spelling) -> String {
    let text = text(hop, how);
    let quoted = match beside % 3 {
        0 => format!("\"{text}\""),
        1 => format!("\"{}\"", text.chars().flat_map(|character| ['\\', character]).collect::<String>()),
        _ => text,
    };
    match beside / 3 % 7 {
        0 => format!("proto=https;FOR={quoted}"),
        1 => format!("For={quoted};by=\"x,for=6.6.6.6;y\""),
        2 => format!("by=\"\\\"\\\\\";for={quoted};;"),
        3 => format!("host=\"a\\\",for=6.6.6.6,\\\"\";for={quoted} ; proto=http"),
        4 => format!(" for={quoted}\t"),
        _ => format!("for={quoted}"),
    }
}

/// The lines of a header: what a stranger sent, and then the hops that proxies appended.
fn lines(header: &ForwardedBy, sent: Vec<Vec<u8>>, hops: &[(Hop, Spelling)]) -> HeaderMap {
    let (name, write): (_, fn(Hop, Spelling) -> String) = match header {
        ForwardedBy::Forwarded => ("forwarded", in_forwarded),
        _ => (XFF, in_x_forwarded_for),
    };
    let mut lines = sent;
    for &(hop, spelling) in hops {
        let element = write(hop, spelling).into_bytes();
        match lines.last_mut() {
            Some(line) if !spelling.2 => line.extend([b", ", &*element].concat()),
            _ => lines.push(element),
        }
    }
    let name = HeaderName::from_static(name);
    lines.into_iter().map(|line| (name.clone(), HeaderValue::from_bytes(&line).unwrap())).collect()
}

/// The rules once more, over hops instead of text.
fn model(peer: IpAddr, hops: &[(Hop, Spelling)]) -> (IpAddr, How) {
    let kept = &hops[hops.len().saturating_sub(32)..];
    let Some(stop) = kept.iter().rposition(|(hop, _)| !matches!(hop, Hop::Trusted(_))) else {
        return match kept.first() {
            Some(&(Hop::Trusted(addr), _)) => (addr, How::AllTrusted),
            _ => (peer, How::NoHeader),
        };
    };
    match (kept[stop].0, kept.get(stop + 1)) {
        (Hop::Stranger(addr), _) => (addr, How::Forwarded),
        (_, Some(&(Hop::Trusted(addr), _))) => (addr, How::Unparsable),
        _ => (peer, How::Unparsable),
    }
}

/// Any bytes that a header can hold, mostly those that mean something to one of the parsers.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let meant = select(b"\"\"\"\\\\,,,;;==:::[[]]%. \tforFOR_xunknown0123456789abcdef".to_vec());
    let any =
        select((0..=u8::MAX).filter(|&byte| HeaderValue::from_bytes(&[byte]).is_ok()).collect::<Vec<_>>());
    let word = select(vec![
        &b"for="[..],
        b"for=6.6.6.6",
        b"6.6.6.6",
        b"10.0.0.9",
        b"for=\"10.0.0.9\"",
        b"\"",
        b"by=\"",
        b"\\\"",
        b"[::1]:1",
        b", ",
    ]);
    let piece = prop_oneof![
        4 => meant.prop_map(|byte| vec![byte]),
        1 => any.prop_map(|byte| vec![byte]),
        3 => word.prop_map(<[u8]>::to_vec),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn list() -> impl Strategy<Value = ForwardedBy> {
    select(vec![ForwardedBy::XForwardedFor, ForwardedBy::Forwarded])
}

proptest! {
    #![proptest_config(cases())]

    /// A trusted proxy appends where it was asked from, further ones append it; what stood before makes no difference.
    #[test]
    fn what_a_stranger_sent_never_changes_the_client(
        header in list(),
        sent in prop::collection::vec(bytes(), 0..4),
        client in stranger(),
        proxies in prop::collection::vec(trusted(), 0..5),
        spellings in prop::collection::vec(spelling(), 6),
    ) {
        let hops: Vec<Hop> = std::iter::once(Hop::Stranger(client)).chain(proxies.into_iter().map(Hop::Trusted)).collect();
        let appended: Vec<_> = hops.into_iter().zip(spellings).collect();
        let headers = lines(&header, sent, &appended);
        let resolved = behind_proxies(header).resolve(Some(ip(PROXY)), &headers);
        prop_assert_eq!(said(resolved), (client.to_string(), How::Forwarded), "{:?}", headers);
    }

    /// Nor does anything that is sent without a proxy.
    #[test]
    fn what_a_stranger_sent_itself_is_not_read(header in list(), sent in prop::collection::vec(bytes(), 1..4), client in stranger()) {
        let headers = lines(&header, sent, &[]);
        let resolved = behind_proxies(header).resolve(Some(client), &headers);
        prop_assert_eq!(said(resolved), (client.to_string(), How::HeaderIgnored));
    }

    #[test]
    fn every_chain_of_hops_is_resolved_as_in_the_naive_model(
        header in list(),
        chain in prop_oneof![
            8 => prop::collection::vec((hop(), spelling()), 0..8),
            1 => prop::collection::vec((trusted().prop_map(Hop::Trusted), spelling()), 28..40),
        ],
    ) {
        let headers = lines(&header, Vec::new(), &chain);
        let resolved = behind_proxies(header).resolve(Some(ip(PROXY)), &headers);
        let (addr, how) = model(ip(PROXY), &chain);
        prop_assert_eq!(said(resolved), (addr.to_string(), how), "{:?}", headers);
    }

    /// Whatever the bytes are, the answer is an address in its one form.
    #[test]
    fn any_bytes_are_survived(
        header in select(vec![ForwardedBy::XForwardedFor, ForwardedBy::Forwarded, ForwardedBy::Single(HeaderName::from_static(XFF))]),
        sent in prop::collection::vec(bytes(), 0..4),
    ) {
        let headers = lines(&header, sent, &[]);
        let client = behind_proxies(header).resolve(Some(ip(PROXY)), &headers).addr;
        prop_assert!(client.is_some_and(|client| buttress_http::ClientAddr::new(client.addr()) == Some(client)));
    }
}
