//! Requests that were turned away before anything was done for them. Whoever sends them needs no credentials, so they
//! may come in floods, and one record may tell of many.

use std::net::IpAddr;

use super::word::Outcome;

/// A request that was turned away, as far as it is one of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RefusedRequest {
    pub(crate) why: RefusedFor,
    /// The network that counts as one client.
    pub(crate) client: Option<IpAddr>,
}

/// Why a request was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RefusedFor {
    RateLimited,
    Overloaded,
    Unauthenticated,
    Forbidden,
    TooLarge,
    /// Another rule, that of a proxy or of the law.
    Rule,
}

impl RefusedFor {
    pub(crate) const ALL: [Self; 6] = [
        Self::RateLimited,
        Self::Overloaded,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::TooLarge,
        Self::Rule,
    ];

    /// The reason of a record that tells of many.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::TooLarge => "payload_too_large",
            Self::Rule => "denied",
        }
    }

    /// The outcome that each of them would have had in a record of its own.
    pub(crate) const fn outcome(self) -> Outcome {
        match self {
            Self::Overloaded => Outcome::Failure,
            _ => Outcome::Denied,
        }
    }
}
