use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayVec;
use buttress_core::{Fact, Kind, ProblemType, Rejection, Wording};

use crate::{MAX_POLICIES, Unavailable};

/// The name under which this crate's layers refuse and report.
pub(crate) const LAYER: &str = "rate-limit";

/// The problem type of draft-ietf-httpapi-ratelimit-headers for a quota that is used up.
const QUOTA_EXCEEDED: ProblemType = ProblemType {
    uri: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    title: "Request cannot be satisfied as assigned quota has been exceeded",
};

/// The request would go beyond a quota.
///
/// Its wait is exact; over HTTP it is rounded up to whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimited {
    violated: ArrayVec<Arc<str>, MAX_POLICIES>,
    wait: Option<Duration>,
}

impl RateLimited {
    /// The longest wait counts; `None` for a policy that never admits such a request.
    pub(crate) fn new(violated: impl Iterator<Item = (Arc<str>, Option<Duration>)>) -> Self {
        let mut refusal = Self { violated: ArrayVec::new(), wait: Some(Duration::ZERO) };
        for (name, wait) in violated.take(MAX_POLICIES) {
            refusal.violated.push(name);
            refusal.wait = refusal.wait.zip(wait).map(|(one, other)| one.max(other));
        }
        refusal
    }

    /// The names of the policies that refuse.
    pub fn violated(&self) -> impl Iterator<Item = &str> {
        self.violated.iter().map(|name| &**name)
    }

    /// When the same request would be admitted if nobody else spends meanwhile; `None` if it costs more than a policy
    /// ever admits at once.
    pub fn wait(&self) -> Option<Duration> {
        self.wait
    }
}

impl fmt::Display for RateLimited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("beyond the quota of ")?;
        for (place, name) in self.violated().enumerate() {
            write!(f, "{}{name}", if place == 0 { "" } else { ", " })?;
        }
        match self.wait {
            Some(wait) => write!(f, ", room in {wait:?}"),
            None => f.write_str(", at any time: the cost exceeds the burst"),
        }
    }
}

impl Error for RateLimited {}

impl Rejection for RateLimited {
    fn kind(&self) -> Kind {
        Kind::RateLimited
    }

    fn code(&self) -> &'static str {
        "rate_limited"
    }

    fn layer(&self) -> &'static str {
        LAYER
    }

    fn retry_after(&self) -> Option<Duration> {
        self.wait
    }

    fn reached_inner(&self) -> bool {
        false
    }

    fn public(&self) -> Cow<'static, str> {
        let text = match self.wait {
            Some(_) => "too many requests, slow down",
            None => "the request costs more than may be spent at once",
        };
        text.into()
    }

    fn wording(&self) -> Wording {
        Wording { problem: Some(QUOTA_EXCEEDED), is_final: self.wait.is_none(), ..Wording::default() }
    }

    fn facts(&self, tell: &mut dyn FnMut(&'static str, Fact<'_>)) {
        let names: ArrayVec<&str, MAX_POLICIES> = self.violated().collect();
        tell("violated-policies", Fact::Texts(&names));
    }
}

/// A policy needs a key that the request does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMissing {
    policy: Arc<str>,
    status: Option<u16>,
    ambiguous: bool,
}

impl KeyMissing {
    pub(crate) fn new(policy: Arc<str>, status: Option<u16>) -> Self {
        Self { policy, status, ambiguous: false }
    }

    pub(crate) fn ambiguous(policy: Arc<str>) -> Self {
        Self { policy, status: None, ambiguous: true }
    }

    /// The policy.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// Whether the request has several keys where there can be one.
    pub fn is_ambiguous(&self) -> bool {
        self.ambiguous
    }
}

impl fmt::Display for KeyMissing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = if self.ambiguous { "several keys" } else { "no key" };
        write!(f, "{found} for the policy {}", self.policy)
    }
}

impl Error for KeyMissing {}

impl Rejection for KeyMissing {
    fn kind(&self) -> Kind {
        Kind::Malformed
    }

    fn code(&self) -> &'static str {
        "rate_limit_key_missing"
    }

    fn layer(&self) -> &'static str {
        LAYER
    }

    fn reached_inner(&self) -> bool {
        false
    }

    fn public(&self) -> Cow<'static, str> {
        let times = if self.ambiguous { "says more than once who asks" } else { "does not say who asks" };
        format!("the request {times}").into()
    }

    fn wording(&self) -> Wording {
        Wording { status: self.status, ..Wording::default() }
    }

    fn facts(&self, tell: &mut dyn FnMut(&'static str, Fact<'_>)) {
        tell("policy", Fact::Text(&self.policy));
    }
}

impl Rejection for Unavailable {
    fn kind(&self) -> Kind {
        Kind::Unavailable
    }

    fn code(&self) -> &'static str {
        "rate_limit_unavailable"
    }

    fn layer(&self) -> &'static str {
        LAYER
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    fn reached_inner(&self) -> bool {
        false
    }

    fn public(&self) -> Cow<'static, str> {
        "the quota cannot be checked at the moment".into()
    }
}
