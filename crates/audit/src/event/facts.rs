//! What is known of a request, as it is kept until it is written: shared with the request, not copied.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderValue, Method, Uri};

/// The request that a record is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestFacts {
    pub(crate) method: Option<Method>,
    pub(crate) route: Option<Arc<str>>,
    pub(crate) path: Option<Text>,
    pub(crate) query: Option<Text>,
    pub(crate) status: Option<u16>,
    pub(crate) client_ip: Option<IpAddr>,
    pub(crate) peer_ip: Option<IpAddr>,
    pub(crate) user_agent: Option<Text>,
    pub(crate) body: Option<BodyText>,
}

/// A text that a stranger chose.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    /// Bounded already.
    Own(Box<str>),
    PathOf(Uri),
    QueryOf(Uri),
    Header(HeaderValue),
}

impl Text {
    /// The text; of a header that is not UTF-8, what can be read of it.
    pub(crate) fn as_str(&self) -> Cow<'_, str> {
        match self {
            Self::Own(text) => Cow::Borrowed(text),
            Self::PathOf(uri) => Cow::Borrowed(uri.path()),
            Self::QueryOf(uri) => Cow::Borrowed(uri.query().unwrap_or_default()),
            Self::Header(value) => match str::from_utf8(value.as_bytes()) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => String::from_utf8_lossy(value.as_bytes()),
            },
        }
    }
}

/// What was seen of a body.
#[derive(Clone, Debug)]
pub(crate) struct BodyText {
    /// The beginning of it, a little more than is shown; none if it is not text.
    pub(crate) seen: Option<Box<[u8]>>,
    pub(crate) kind: BodyKind,
    /// How much of it is shown.
    pub(crate) cap: usize,
    /// How long it was, as far as it was read.
    pub(crate) bytes: u64,
    /// Whether it was read to its end.
    pub(crate) is_whole: bool,
}

/// How a body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    Json,
    Form,
    Text,
    Other,
}
