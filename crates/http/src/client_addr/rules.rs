use std::net::IpAddr;

use http::{Extensions, HeaderMap};

use super::addr::{ClientAddr, IPV4_PREFIX, IPV6_PREFIX, PeerAddr};
use super::builder::PeerFrom;
use super::canonical::canonical;
use super::header::{ForwardedBy, forwarded, single, x_forwarded_for};
use super::resolved::How;
use super::trusted::Trusted;

/// How many elements of a header are looked at, from the right.
const MOST_HOPS: usize = 32;

/// What a resolver goes by.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) trusted: Trusted,
    pub(super) absent_peer_trusted: bool,
    pub(super) header: ForwardedBy,
    pub(super) ipv4_prefix: u8,
    pub(super) ipv6_prefix: u8,
    pub(super) peer_from: Option<PeerFrom>,
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

impl Rules {
    #[inline]
    pub(super) fn client(&self, canonical: IpAddr) -> ClientAddr {
        ClientAddr::of(canonical, self.ipv4_prefix, self.ipv6_prefix)
    }

    #[inline]
    pub(super) fn peer(&self, extensions: &Extensions) -> Option<IpAddr> {
        let known = extensions.get().map(|PeerAddr(peer)| peer.ip());
        known.or_else(|| Some(self.peer_from.as_ref()?.find(extensions)?.ip()))
    }

    pub(super) fn decide(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> (Option<IpAddr>, How) {
        let hop = peer.and_then(canonical);
        if self.trusts(peer, hop) { self.named_by(hop, headers) } else { self.stranger(hop, headers) }
    }

    /// The client, without what that rests on: the header of a stranger is not even looked for.
    #[inline]
    pub(super) fn find(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let hop = peer.and_then(canonical);
        if self.trusts(peer, hop) { self.named_by(hop, headers).0 } else { hop }
    }

    #[inline]
    fn trusts(&self, peer: Option<IpAddr>, hop: Option<IpAddr>) -> bool {
        match hop {
            Some(hop) => self.trusted.contains(hop),
            // A peer whose address is nobody's is not one that has none.
            None => peer.is_none() && self.absent_peer_trusted,
        }
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
