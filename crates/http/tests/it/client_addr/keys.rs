//! What counts as one client.

use buttress_http::ClientAddr;
use proptest::prelude::*;

use super::*;

fn client(addr: &str) -> ClientAddr {
    ClientAddr::new(ip(addr)).unwrap()
}

#[test]
fn an_ipv4_address_and_an_ipv6_network_of_64_bits_count_as_one() {
    let table = [
        ("192.0.2.1", 32, "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", 32, "192.0.2.1"),
        ("::1", 64, "::"),
    ];
    for (addr, prefix, network) in table {
        assert_eq!((client(addr).prefix(), client(addr).network()), (prefix, ip(network)), "{addr}");
    }
    assert_eq!(client("192.0.2.1").key(), *b"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01");
    assert_eq!(client("2001:db8:1:2:3:4:5:6").key(), *b"\x20\x01\x0d\xb8\0\x01\0\x02\0\0\0\0\0\0\0\0");
}

#[test]
fn nobody_has_the_unspecified_address() {
    for addr in ["0.0.0.0", "::", "::ffff:0.0.0.0", "64:ff9b::0.0.0.0"] {
        assert_eq!(ClientAddr::new(ip(addr)), None, "{addr}");
    }
}

#[test]
fn the_resolver_says_how_wide_a_network_is() {
    let resolver = ClientAddrResolver::builder().ipv4_prefix(24).ipv6_prefix(48).build().unwrap();
    let network = |addr| resolver.resolve(Some(ip(addr)), &HeaderMap::new()).addr.unwrap().network();
    assert_eq!(network("192.0.2.77"), ip("192.0.2.0"));
    assert_eq!(network("2001:db8:1:2:3:4:5:6"), ip("2001:db8:1::"));
}

#[test]
fn one_address_can_be_counted_in_a_second_network() {
    let client = client("2001:db8:1:2:3:4:5:6");
    let wide = client.with_prefixes(32, 48);
    assert_eq!((wide.addr(), wide.network(), wide.prefix()), (client.addr(), ip("2001:db8:1::"), 48));
    assert_eq!(client.with_prefixes(255, 255).network(), client.addr());
    assert_eq!(client.with_prefixes(0, 0).network(), ip("::"));
}

#[test]
fn a_prefix_of_any_length_keeps_so_many_bits_and_no_other() {
    for prefix in 0..=128 {
        let network = client("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").with_prefixes(32, prefix).network();
        let IpAddr::V6(network) = network else { panic!("{network}") };
        let bits = network.to_bits();
        assert_eq!((bits.leading_ones(), bits.count_ones()), (prefix.into(), prefix.into()), "{network}");
    }
    for prefix in 0..=32 {
        let network = client("255.255.255.255").with_prefixes(prefix, 128).network();
        let IpAddr::V4(network) = network else { panic!("{network}") };
        let bits = network.to_bits();
        assert_eq!((bits.leading_ones(), bits.count_ones()), (prefix.into(), prefix.into()), "{network}");
    }
}

#[test]
fn text_and_debug_show_the_address() {
    assert_eq!(client("64:ff9b::192.0.2.1").to_string(), "192.0.2.1");
    assert_eq!(format!("{:?}", client("2001:db8::1")), "ClientAddr(2001:db8::1/64)");
    assert_eq!(format!("{:>12}|", client("192.0.2.1")), "   192.0.2.1|");
}

proptest! {
    /// The naive way: compare bit by bit as far as the prefix goes.
    #[test]
    fn keys_are_equal_exactly_within_a_network(
        one: u128, flip in 0_u32..128, wide in 0_u8..=128, narrow in 0_u8..=32, four: bool,
    ) {
        let addr = |bits: u128| -> IpAddr {
            let [.., a, b, c, d] = bits.to_be_bytes();
            if four { [a, b, c, d].into() } else { bits.to_be_bytes().into() }
        };
        let (flip, prefix) = if four { (flip % 32, u32::from(narrow)) } else { (flip, u32::from(wide)) };
        let (Some(left), Some(right)) = (ClientAddr::new(addr(one)), ClientAddr::new(addr(one ^ (1 << flip)))) else {
            return Ok(());
        };
        prop_assume!(left.addr() == addr(one) && right.addr() == addr(one ^ (1 << flip)));
        let place = if four { 31 } else { 127 } - flip;
        let same = left.with_prefixes(narrow, wide).key() == right.with_prefixes(narrow, wide).key();
        prop_assert_eq!(same, place >= prefix);
    }

    /// However wide the networks are, no IPv6 client shares a key with an IPv4 client.
    #[test]
    fn the_two_families_never_share_a_key(four: u32, six: u128, narrow in 0_u8..=32, wide in 0_u8..=128, near: bool) {
        let six = if near { (six & 0xffff_ffff) | (0xfffe_u128 << 32) } else { six };
        let (Some(four), Some(six)) = (ClientAddr::new(IpAddr::V4(four.into())), ClientAddr::new(IpAddr::V6(six.into()))) else {
            return Ok(());
        };
        prop_assume!(six.addr().is_ipv6());
        prop_assert_ne!(four.with_prefixes(narrow, wide).key(), six.with_prefixes(narrow, wide).key());
    }
}
