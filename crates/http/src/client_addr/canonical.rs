use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

/// The one form of an address, decided by its bits and not by how it was spelt; none if it is nobody's.
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
