use std::net::IpAddr;
use std::sync::Arc;

use http::{Extensions, HeaderMap};

use super::addr::{ClientAddr, IPV4_PREFIX, IPV6_PREFIX, PeerAddr};
use super::builder::{ClientAddrResolverBuilder, PeerFrom};
use super::canonical::canonical;
use super::header::{ForwardedBy, forwarded, single, x_forwarded_for};
use super::trusted::Trusted;

/// How many elements of a header are looked at, from the right.
const MOST_HOPS: usize = 32;

/// Finds out who the client of a request is.
///
/// By default that is the peer, and no header can change it. Behind proxies it is whom they name, once it is said
/// which addresses they have and which header they write. Clones share the rules.
///
/// ```
/// use buttress_http::{ClientAddrResolver, ForwardedBy, How};
/// use http::HeaderMap;
///
/// let resolver =
///     ClientAddrResolver::builder().trust("10.0.0.0/8").header(ForwardedBy::XForwardedFor).build()?;
/// let mut headers = HeaderMap::new();
/// // The client claims to be 127.0.0.1; the proxy appends where that claim came from.
/// headers.insert("x-forwarded-for", "127.0.0.1, 203.0.113.9".parse()?);
///
/// let behind_proxy = resolver.resolve(Some("10.1.2.3".parse()?), &headers);
/// assert_eq!(behind_proxy.addr.map(|client| client.to_string()).as_deref(), Some("203.0.113.9"));
/// let stranger = resolver.resolve(Some("198.51.100.4".parse()?), &headers);
/// assert_eq!(stranger.addr.map(|client| client.to_string()).as_deref(), Some("198.51.100.4"));
/// assert_eq!(stranger.how, How::HeaderIgnored);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Neither resolving nor reading the extensions allocates.
#[derive(Clone, Debug, Default)]
pub struct ClientAddrResolver {
    rules: Arc<Rules>,
}

#[derive(Debug)]
pub(super) struct Rules {
    pub(super) trusted: Trusted,
    pub(super) absent_peer_trusted: bool,
    pub(super) header: ForwardedBy,
    pub(super) ipv4_prefix: u8,
    pub(super) ipv6_prefix: u8,
    pub(super) peer_from: Option<PeerFrom>,
}

/// Who the client is, and what that rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The client; none if nothing with an address is known.
    pub addr: Option<ClientAddr>,
    /// What was decided by.
    pub how: How,
}

/// What an address rests on, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum How {
    /// The request's extensions held a [`ClientAddr`] already.
    Given,
    /// The peer is not a trusted proxy; it is the client.
    Peer,
    /// The peer is not a trusted proxy and is the client, though it sent the forwarding header (where none is chosen,
    /// `X-Forwarded-For`). Many of these mean that a proxy is missing from those that are trusted.
    HeaderIgnored,
    /// The trusted proxies named the client.
    Forwarded,
    /// The peer is a trusted proxy and sent no header; it is the client.
    NoHeader,
    /// Everybody that the header names is a trusted proxy; the one furthest away is the client.
    AllTrusted,
    /// The header says something that is not an address where the client should be. The last trusted proxy before it
    /// counts as the client.
    Unparsable,
    /// Nobody has said who the peer is.
    NoPeer,
}

impl How {
    /// A short name that never changes, for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Peer => "peer",
            Self::HeaderIgnored => "header_ignored",
            Self::Forwarded => "forwarded",
            Self::NoHeader => "no_header",
            Self::AllTrusted => "all_trusted",
            Self::Unparsable => "unparsable",
            Self::NoPeer => "no_peer",
        }
    }
}

impl ClientAddrResolver {
    /// Begins to say whom to trust.
    pub fn builder() -> ClientAddrResolverBuilder {
        ClientAddrResolverBuilder::new()
    }

    pub(super) fn new(rules: Rules) -> Self {
        Self { rules: Arc::new(rules) }
    }

    /// Finds the client of a request that came from this peer.
    pub fn resolve(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Resolved {
        let rules = &*self.rules;
        let hop = peer.and_then(canonical);
        let trusted = match hop {
            Some(hop) => rules.trusted.contains(hop),
            None => peer.is_none() && rules.absent_peer_trusted,
        };
        let (addr, how) = if trusted { rules.named_by(hop, headers) } else { rules.stranger(hop, headers) };
        Resolved { addr: addr.map(|addr| rules.client(addr)), how }
    }

    /// Finds the client of a request: whom an outer layer has put into the extensions, or by the peer found there.
    pub fn resolve_request(&self, extensions: &Extensions, headers: &HeaderMap) -> Resolved {
        if let Some(given) = extensions.get::<ClientAddr>() {
            return Resolved { addr: Some(self.rules.client(given.addr())), how: How::Given };
        }
        self.resolve(self.rules.peer(extensions), headers)
    }

    /// Finds the client as [`resolve_request`](Self::resolve_request) does, and puts it into the extensions for all
    /// further in unless it was there.
    pub fn insert_into(&self, extensions: &mut Extensions, headers: &HeaderMap) -> Resolved {
        let resolved = self.resolve_request(extensions, headers);
        if let Resolved { addr: Some(addr), how } = resolved
            && how != How::Given
        {
            extensions.insert(addr);
        }
        resolved
    }
}

impl Rules {
    fn client(&self, canonical: IpAddr) -> ClientAddr {
        ClientAddr::of(canonical, self.ipv4_prefix, self.ipv6_prefix)
    }

    fn peer(&self, extensions: &Extensions) -> Option<IpAddr> {
        let known = extensions.get().map(|PeerAddr(peer)| *peer);
        let found = known.or_else(|| self.peer_from.as_ref()?.find(extensions));
        found.map(|peer| peer.ip())
    }

    fn stranger(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> (Option<IpAddr>, How) {
        let how = match peer {
            None => How::NoPeer,
            Some(_) if headers.contains_key(self.header.name()) => How::HeaderIgnored,
            Some(_) => How::Peer,
        };
        (peer, how)
    }

    fn named_by(&self, proxy: Option<IpAddr>, headers: &HeaderMap) -> (Option<IpAddr>, How) {
        let lines = headers.get_all(self.header.name());
        match self.header {
            ForwardedBy::XForwardedFor => self.walk(proxy, x_forwarded_for(lines)),
            ForwardedBy::Forwarded => self.walk(proxy, forwarded(lines)),
            ForwardedBy::Single(_) => self.walk(proxy, single(lines)),
        }
    }

    /// Follows the hops away from here for as long as they are trusted, and never past one that cannot be read.
    fn walk(
        &self,
        mut last: Option<IpAddr>,
        hops: impl Iterator<Item = Option<IpAddr>>,
    ) -> (Option<IpAddr>, How) {
        let mut how = How::NoHeader;
        for hop in hops.take(MOST_HOPS) {
            let Some(hop) = hop else { return (last, How::Unparsable) };
            if !self.trusted.contains(hop) {
                return (Some(hop), How::Forwarded);
            }
            (last, how) = (Some(hop), How::AllTrusted);
        }
        (last, how)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            trusted: Trusted::default(),
            absent_peer_trusted: false,
            header: ForwardedBy::XForwardedFor,
            ipv4_prefix: IPV4_PREFIX,
            ipv6_prefix: IPV6_PREFIX,
            peer_from: None,
        }
    }
}
