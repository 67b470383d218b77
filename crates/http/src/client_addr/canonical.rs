use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

/// The one form of an address, decided by its bits and not by how it was spelt; none if it is nobody's.
#[inline]
pub(super) fn canonical(addr: IpAddr) -> Option<IpAddr> {
    let addr = match addr {
        IpAddr::V6(v6) => embedded(v6).map_or(addr, IpAddr::V4),
        IpAddr::V4(_) => addr,
    };
    (!addr.is_unspecified()).then_some(addr)
}

/// The IPv4 address inside an IPv4-mapped one (RFC 4291, section 2.5.5.2) or one that NAT64 made under its well-known
/// prefix (RFC 6052, section 2.1).
fn embedded(addr: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = addr.octets();
    match addr.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(Ipv4Addr::new(a, b, c, d)),
        _ => None,
    }
}

/// The network that the canonical forms of a network's addresses are in.
pub(super) fn canonical_net(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    let bits = v6.prefix_len().checked_sub(96);
    let embedded = embedded(v6.network()).zip(bits);
    embedded.and_then(|(addr, bits)| Ipv4Net::new(addr, bits).ok()).map_or(net, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_decided_by_the_bits_of_an_address() {
        let table = [
            ("192.0.2.1", Some("192.0.2.1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("::ffff:c000:201", Some("192.0.2.1")),
            ("0:0:0:0:0:ffff:c000:0201", Some("192.0.2.1")),
            ("64:ff9b::c000:201", Some("192.0.2.1")),
            ("64:ff9b::192.0.2.1", Some("192.0.2.1")),
            // Neighbours of the two prefixes are what they are.
            ("::fffe:c000:201", Some("::fffe:c000:201")),
            ("::ffff:0:c000:201", Some("::ffff:0:c000:201")),
            ("::1:ffff:c000:201", Some("::1:ffff:c000:201")),
            ("64:ff9b:1::c000:201", Some("64:ff9b:1::c000:201")),
            ("64:ff9b::1:c000:201", Some("64:ff9b::1:c000:201")),
            ("::192.0.2.1", Some("::192.0.2.1")),
            ("::1", Some("::1")),
            ("0.0.0.1", Some("0.0.0.1")),
            ("0.0.0.0", None),
            ("::", None),
            ("::ffff:0.0.0.0", None),
            ("64:ff9b::", None),
        ];
        for (addr, form) in table {
            let form = form.map(|form| form.parse::<IpAddr>().unwrap());
            assert_eq!(canonical(addr.parse().unwrap()), form, "{addr}");
        }
    }

    #[test]
    fn a_network_of_embedded_addresses_is_a_network_of_ipv4() {
        let table = [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:10.1.2.3/128", "10.1.2.3/32"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("64:ff9b::a00:0/104", "10.0.0.0/8"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::ffff:0:0/95", "::ffff:0:0/95"),
        ];
        for (net, form) in table {
            assert_eq!(canonical_net(net.parse().unwrap()), form.parse().unwrap(), "{net}");
        }
    }
}
