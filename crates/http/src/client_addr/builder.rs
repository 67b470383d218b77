use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use buttress_core::{Checks, ConfigError};
use http::Extensions;

use super::header::ForwardedBy;
use super::resolver::ClientAddrResolver;
use super::rules::Rules;
use super::trusted::Trusted;

/// Settings of a [`ClientAddrResolver`]; nothing is checked before [`build`](Self::build).
///
/// | method | default | range | effect |
/// |---|---|---|---|
/// | [`trust`](Self::trust) | nobody | an address or a network, not all of IPv4 or IPv6 | whose header is read |
/// | [`trust_absent_peer`](Self::trust_absent_peer) | no | | whether a request without a peer is from a proxy |
/// | [`header`](Self::header) | none | needed if anybody is trusted | the header that the trusted proxies write |
/// | [`ipv4_prefix`](Self::ipv4_prefix) | 32 bits | 8 to 32 | what counts as one client |
/// | [`ipv6_prefix`](Self::ipv6_prefix) | 64 bits | 16 to 128 | what counts as one client |
/// | [`peer_from`](Self::peer_from) | nowhere else | | where to find the peer if there is no `PeerAddr` |
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientAddrResolverBuilder {
    trusted: Vec<String>,
    header: Option<ForwardedBy>,
    rules: Rules,
}

impl ClientAddrResolverBuilder {
    pub(super) fn new() -> Self {
        Self { trusted: Vec::new(), header: None, rules: Rules::default() }
    }

    /// Trusts the header if it comes from this address or network: of a proxy that appends to the header, or replaces
    /// it, whatever its own client sent. May be called for each proxy.
    ///
    /// An IPv4 network also holds the IPv4-mapped forms of its addresses.
    pub fn trust(mut self, network: impl Into<String>) -> Self {
        self.trusted.push(network.into());
        self
    }

    /// Trusts each of these as [`trust`](Self::trust) does.
    pub fn trust_each(self, networks: impl IntoIterator<Item = impl Into<String>>) -> Self {
        networks.into_iter().fold(self, Self::trust)
    }

    /// Trusts the header of a request whose peer has no address, which is what a proxy on a Unix socket looks like.
    ///
    /// So does a server that forgot to say who the peer is: choose this only where nobody but the proxy can connect.
    pub fn trust_absent_peer(mut self) -> Self {
        self.rules.absent_peer_trusted = true;
        self
    }

    /// The one header that the trusted proxies write.
    ///
    /// There is no default for it, because a proxy hands on the headers it does not write as strangers sent them.
    pub fn header(mut self, header: ForwardedBy) -> Self {
        self.header = Some(header);
        self
    }

    /// How many bits of an IPv4 address name a client.
    pub fn ipv4_prefix(mut self, bits: u8) -> Self {
        self.rules.ipv4_prefix = bits;
        self
    }

    /// How many bits of an IPv6 address name a client.
    ///
    /// A single subscriber has at least a network of 64 bits, so longer prefixes let one client be many.
    pub fn ipv6_prefix(mut self, bits: u8) -> Self {
        self.rules.ipv6_prefix = bits;
        self
    }

    /// Where the peer is found in a request's extensions if there is no [`PeerAddr`](super::PeerAddr).
    ///
    /// For Axum's `into_make_service_with_connect_info::<SocketAddr>()` that is
    /// `.peer_from(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0))`.
    pub fn peer_from(
        mut self,
        find: impl Fn(&Extensions) -> Option<SocketAddr> + Send + Sync + 'static,
    ) -> Self {
        self.rules.peer_from = Some(PeerFrom(Arc::new(find)));
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them at once, each with its value and what is allowed.
    pub fn build(self) -> Result<ClientAddrResolver, ConfigError> {
        let Self { trusted, header, mut rules } = self;
        let mut checks = Checks::of("client-address");
        let header_known = header.is_some() || (trusted.is_empty() && !rules.absent_peer_trusted);
        rules.trusted = Trusted::check(&trusted, &mut checks);
        checks.require(header_known, "header", "not set", "the one header that the trusted proxies write");
        rules.header = header.unwrap_or(rules.header);
        check_prefix("ipv4_prefix", rules.ipv4_prefix, 8, 32, &mut checks);
        check_prefix("ipv6_prefix", rules.ipv6_prefix, 16, 128, &mut checks);
        checks.finish().map(|()| ClientAddrResolver::new(rules))
    }
}

fn check_prefix(field: &'static str, bits: u8, least: u8, most: u8, checks: &mut Checks) {
    let allowed = format!("{least} to {most} bits");
    checks.require((least..=most).contains(&bits), field, format_args!("{bits} bits"), allowed);
}

type FindPeer = dyn Fn(&Extensions) -> Option<SocketAddr> + Send + Sync;

#[derive(Clone)]
pub(super) struct PeerFrom(Arc<FindPeer>);

impl PeerFrom {
    pub(super) fn find(&self, extensions: &Extensions) -> Option<SocketAddr> {
        (self.0)(extensions)
    }
}

impl fmt::Debug for PeerFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerFrom(..)")
    }
}
