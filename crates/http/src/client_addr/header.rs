use std::net::IpAddr;

use http::header::{self, GetAll};
use http::{HeaderName, HeaderValue};

use super::forwarded::{RightToLeft, for_node};
use super::node::node;

type Lines<'a> = GetAll<'a, HeaderValue>;

static FORWARDED: HeaderName = header::FORWARDED;
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The one header in which the trusted proxies say for whom they ask. All others are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForwardedBy {
    /// `X-Forwarded-For`: a list to which each proxy appends the address it was asked from.
    XForwardedFor,
    /// `Forwarded` (RFC 7239): such a list, of the parameters `for`.
    Forwarded,
    /// A header that holds the client's address alone, for example `CF-Connecting-IP` or `X-Real-IP`. It is not
    /// readable if it occurs more than once.
    Single(HeaderName),
}

impl ForwardedBy {
    pub(super) fn name(&self) -> &HeaderName {
        match self {
            Self::XForwardedFor => &X_FORWARDED_FOR,
            Self::Forwarded => &FORWARDED,
            Self::Single(name) => name,
        }
    }
}

/// The addresses that the elements of all lines name, from the last to the first; none where there is no address.
pub(super) fn x_forwarded_for(lines: Lines<'_>) -> impl Iterator<Item = Option<IpAddr>> {
    lines.into_iter().rev().flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b',')).map(node)
}

/// The same for RFC 7239.
pub(super) fn forwarded(lines: Lines<'_>) -> impl Iterator<Item = Option<IpAddr>> {
    lines.into_iter().rev().flat_map(|line| RightToLeft::split(line.as_bytes(), b',')).map(for_node)
}

/// The address of the only line; no address if there are more.
pub(super) fn single(lines: Lines<'_>) -> impl Iterator<Item = Option<IpAddr>> {
    let mut lines = lines.into_iter();
    let line = lines.next();
    let is_alone = lines.next().is_none();
    line.into_iter().map(move |line| is_alone.then(|| node(line.as_bytes()))?)
}
