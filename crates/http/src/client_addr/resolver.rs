use std::net::IpAddr;
use std::sync::Arc;

use http::{Extensions, HeaderMap};

use super::addr::ClientAddr;
use super::builder::ClientAddrResolverBuilder;
use super::resolved::{How, Resolved};
use super::rules::Rules;

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
        let (addr, how) = self.rules.decide(peer, headers);
        Resolved { addr: addr.map(|addr| self.rules.client(addr)), how }
    }

    /// Finds the client of a request: whom an outer layer has put into the extensions, or by the peer found there.
    pub fn resolve_request(&self, extensions: &Extensions, headers: &HeaderMap) -> Resolved {
        if let Some(given) = extensions.get::<ClientAddr>() {
            return Resolved { addr: Some(self.rules.client(given.addr())), how: How::Given };
        }
        self.resolve(self.rules.peer(extensions), headers)
    }

    /// The other end of the connection, as the extensions of a request name it.
    pub fn peer(&self, extensions: &Extensions) -> Option<IpAddr> {
        self.rules.peer(extensions)
    }

    /// Finds the client by the peer found in the extensions, for who need not know what that rests on.
    ///
    /// Cheaper than [`resolve_request`](Self::resolve_request): it looks neither for a [`ClientAddr`] nor, unless the
    /// peer is a trusted proxy, at any header.
    #[inline]
    pub fn client_of_peer(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<ClientAddr> {
        let found = self.rules.find(self.rules.peer(extensions), headers);
        found.map(|addr| self.rules.client(addr))
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
