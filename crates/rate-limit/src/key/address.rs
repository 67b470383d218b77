use std::sync::{Arc, Once};

use buttress_core::Checks;
use buttress_http::ClientAddr;

use super::{Key, KeyWriter, Presence};
use crate::{Head, KeyHash, KeyHasher};

/// The address of the client; made by [`client_addr`].
#[derive(Clone, Debug)]
pub struct ByClientAddr {
    ipv6_prefix: Option<u8>,
    told: Arc<Once>,
}

/// Counts each client address for itself.
///
/// It is the [`ClientAddr`](buttress_http::ClientAddr) that an outer layer has put into the extensions, else the one
/// that the layer's own resolver finds: the peer, unless proxies are trusted. No header that a stranger sends changes
/// it. What counts as one client is the resolver's choice, for IPv6 by default a network of 64 bits.
///
/// The server has to say who its peer is, with a [`PeerAddr`](buttress_http::PeerAddr) in the extensions of each
/// request or in a way that the resolver knows. With Axum:
///
/// ```
/// use std::net::SocketAddr;
/// use axum::{Router, extract::ConnectInfo};
/// use buttress_http::ClientAddrResolver;
/// use buttress_rate_limit::{Policy, Quota, RateLimitLayer, key};
///
/// let peer = ClientAddrResolver::builder()
///     .peer_from(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0))
///     .build()?;
/// let limit = RateLimitLayer::inbound()
///     .policy(Policy::named("per-address").key(key::client_addr()).quota(Quota::per_second(50)))
///     .client_addr(peer)
///     .build()?;
/// let app: Router = Router::new().layer(limit);
/// let service = app.into_make_service_with_connect_info::<SocketAddr>(); // for `axum::serve`
/// # Ok::<(), buttress_core::ConfigError>(())
/// ```
///
/// The first request without an address is a warning in the log, because where nobody names the peer no request has
/// one.
pub fn client_addr() -> ByClientAddr {
    ByClientAddr { ipv6_prefix: None, told: Arc::new(Once::new()) }
}

impl ByClientAddr {
    /// Counts IPv6 networks of so many bits as one client.
    ///
    /// 16 to 128. For a second policy: who holds a network of 48 bits has 65,536 networks of 64 bits.
    #[must_use]
    pub fn ipv6_prefix(self, bits: u8) -> Self {
        Self { ipv6_prefix: Some(bits), ..self }
    }

    #[inline]
    fn client(&self, head: &Head<'_>) -> Option<ClientAddr> {
        let client = head.client_addr()?;
        match self.ipv6_prefix {
            Some(bits) if client.addr().is_ipv6() => Some(client.with_prefixes(32, bits)),
            _ => Some(client),
        }
    }

    #[cold]
    fn missing(&self) -> Presence {
        self.told.call_once(|| {
            tracing::warn!(
                "a request has no client address; the server has to say who its peer is, by a `PeerAddr` or where \
                 `peer_from` of the resolver looks (told once)"
            );
        });
        Presence::Missing
    }
}

impl Key for ByClientAddr {
    fn write(&self, head: &Head<'_>, into: &mut KeyWriter<'_>) -> Presence {
        let Some(client) = self.client(head) else { return self.missing() };
        into.client(&client);
        Presence::Present
    }

    #[inline]
    fn hash(&self, head: &Head<'_>, start: &KeyHasher) -> Result<KeyHash, Presence> {
        let Some(client) = self.client(head) else { return Err(self.missing()) };
        Ok(start.finish_with_address(client.network()))
    }

    fn check(&self, policy: &str, checks: &mut Checks) {
        if let Some(bits) = self.ipv6_prefix {
            let field = format!("{policy}.key.ipv6_prefix");
            checks.require((16..=128).contains(&bits), field, format_args!("{bits} bits"), "16 to 128 bits");
        }
    }
}
