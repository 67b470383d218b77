use super::addr::ClientAddr;

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
