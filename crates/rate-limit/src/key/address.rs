use super::{Key, KeyWriter, Presence};
use crate::Head;

/// The address of the client; made by [`client_addr`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ByClientAddr {
    ipv6_prefix: Option<u8>,
}

/// Counts each client address for itself.
///
/// It is the [`ClientAddr`](buttress_http::ClientAddr) that an outer layer has put into the extensions, else the one
/// that the layer's own resolver finds: the peer, unless proxies are trusted. No header that a stranger sends changes
/// it. What counts as one client is the resolver's choice, for IPv6 by default a network of 64 bits.
pub fn client_addr() -> ByClientAddr {
    ByClientAddr::default()
}

impl ByClientAddr {
    /// Counts IPv6 networks of so many bits as one client.
    ///
    /// Fewer than 16 count as 16. For a second policy: who holds a network of 48 bits has 65,536 networks of 64 bits.
    #[must_use]
    pub fn ipv6_prefix(self, bits: u8) -> Self {
        Self { ipv6_prefix: Some(bits.max(16)) }
    }
}

impl Key for ByClientAddr {
    #[inline]
    fn write(&self, head: &Head<'_>, into: &mut KeyWriter<'_>) -> Presence {
        let Some(client) = head.client_addr() else { return Presence::Missing };
        let client = match self.ipv6_prefix {
            Some(bits) if client.addr().is_ipv6() => client.with_prefixes(32, bits),
            _ => client,
        };
        into.part_shown(&client.key(), client.network());
        Presence::Present
    }
}
