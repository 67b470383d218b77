use std::net::IpAddr;

use buttress_core::Checks;
use ipnet::IpNet;

use super::canonical::canonical_net;

const ALLOWED: &str = "an address such as 192.0.2.1, or a network such as 10.0.0.0/8 or 2001:db8::/32 \
                       whose other bits are 0 and that is not all of IPv4 or IPv6";

/// The addresses of the trusted proxies: networks that do not overlap, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Trusted(Vec<IpNet>);

impl Trusted {
    pub(super) fn check(networks: &[String], checks: &mut Checks) -> Self {
        let mut read = Vec::with_capacity(networks.len());
        for text in networks {
            let net = network(text);
            checks.require(net.is_some(), "trust", format_args!("{text:?}"), ALLOWED);
            read.extend(net);
        }
        let merged = IpNet::aggregate(&read);
        let of_everybody = merged.iter().any(|net| net.prefix_len() == 0);
        let given = format_args!("{} networks that are all of IPv4 or IPv6 together", networks.len());
        checks.require(!of_everybody, "trust", given, "the networks of your own proxies");
        Self(merged)
    }

    #[inline]
    pub(super) fn contains(&self, canonical: IpAddr) -> bool {
        let after = self.0.partition_point(|net| net.network() <= canonical);
        self.0[..after].last().is_some_and(|net| net.contains(&canonical))
    }
}

fn network(text: &str) -> Option<IpNet> {
    // The parser of `ipnet` reads octets with leading zeros, which other programs take for octal numbers.
    let net = match text.split_once('/') {
        Some((addr, prefix)) => IpNet::new(addr.parse().ok()?, prefix.parse().ok()?).ok()?,
        None => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    let net = canonical_net(net);
    (net.addr() == net.network() && net.prefix_len() > 0).then_some(net)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trusted(networks: &[String]) -> Trusted {
        let mut checks = Checks::of("test");
        let trusted = Trusted::check(networks, &mut checks);
        checks.finish().map(|()| trusted).unwrap()
    }

    fn v6(bits: u16) -> std::net::Ipv6Addr {
        std::net::Ipv6Addr::new(0x2001, 0xdb8, bits, 0, 0, 0, 0, bits)
    }

    proptest! {
        /// Networks that overlap, touch or contain one another are searched as if one after the other were asked.
        #[test]
        fn an_address_is_trusted_exactly_if_one_of_the_networks_holds_it(
            v4 in prop::collection::vec((any::<u16>(), 16_u8..=32), 0..12),
            wide in prop::collection::vec((any::<u16>(), 33_u8..=48), 0..6),
            asked in prop::collection::vec(any::<u16>(), 1..40),
        ) {
            let of_v4 = v4.iter().map(|&(bits, prefix)| (IpAddr::from([10, 0, bits.to_be_bytes()[0], bits.to_be_bytes()[1]]), prefix));
            let of_v6 = wide.iter().map(|&(bits, prefix)| (IpAddr::V6(v6(bits)), prefix));
            let nets: Vec<IpNet> =
                of_v4.chain(of_v6).map(|(addr, prefix)| IpNet::new(addr, prefix).unwrap().trunc()).collect();
            let trusted = trusted(&nets.iter().map(ToString::to_string).collect::<Vec<_>>());
            let near = v4.iter().chain(&wide).map(|&(bits, _)| bits);
            for bits in asked.into_iter().chain(near.flat_map(|bits| [bits.wrapping_sub(1), bits, bits.wrapping_add(1)])) {
                let [high, low] = bits.to_be_bytes();
                for addr in [IpAddr::from([10, 0, high, low]), IpAddr::V6(v6(bits))] {
                    prop_assert_eq!(trusted.contains(addr), nets.iter().any(|net| net.contains(&addr)), "{}", addr);
                }
            }
        }
    }
}
