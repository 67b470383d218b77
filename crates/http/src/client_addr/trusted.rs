use std::net::IpAddr;

use buttress_core::Checks;
use ipnet::IpNet;

use super::canonical::canonical_net;

const ALLOWED: &str = "an address such as 192.0.2.1, or a network such as 10.0.0.0/8 or 2001:db8::/32 \
                       whose other bits are 0 and that is not all of IPv4 or IPv6";

/// The addresses of the trusted proxies: networks that do not overlap, in order.
#[derive(Debug, Default)]
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

    pub(super) fn contains(&self, canonical: IpAddr) -> bool {
        let after = self.0.partition_point(|net| net.network() <= canonical);
        self.0[..after].last().is_some_and(|net| net.contains(&canonical))
    }
}

fn network(text: &str) -> Option<IpNet> {
    let net = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
    let net = canonical_net(net);
    (net.addr() == net.network() && net.prefix_len() > 0).then_some(net)
}
