use std::cell::OnceCell;
use std::fmt;

use buttress_core::{Attempt, Deadline};
use buttress_http::{NotReplayable, ReplayBody, Spare, deadline_of, replayable};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use http_body::Body;

use super::head::Head;
use crate::{CannotRepeat, Repeat, Resend};

/// Sends HTTP requests again: the body streams to the first attempt and is remembered up to a cap, the head is
/// copied.
///
/// Every attempt has the extensions that the caller's request had, and none that an earlier attempt was given.
#[derive(Clone, Debug)]
pub struct ResendHttp<W = AsReplayBody> {
    pub(crate) cap_bytes: usize,
    pub(crate) attempt_header: AttemptHeader,
    wrap: W,
}

impl ResendHttp {
    pub(crate) fn new() -> Self {
        Self { cap_bytes: 64 * 1024, attempt_header: AttemptHeader::default(), wrap: AsReplayBody }
    }
}

impl<W> ResendHttp<W> {
    pub(crate) fn wrapping<W2>(self, wrap: W2) -> ResendHttp<W2> {
        ResendHttp { cap_bytes: self.cap_bytes, attempt_header: self.attempt_header, wrap }
    }
}

/// Makes what the inner service takes as body out of a body that can be replayed.
pub trait WrapBody<B> {
    /// The body that the inner service takes.
    type Out;

    /// Wraps a body.
    fn wrap(&self, body: ReplayBody<B>) -> Self::Out;
}

/// Leaves the body as it is: the inner service takes a [`ReplayBody`].
#[derive(Clone, Copy, Debug, Default)]
pub struct AsReplayBody;

impl<B> WrapBody<B> for AsReplayBody {
    type Out = ReplayBody<B>;

    #[inline]
    fn wrap(&self, body: ReplayBody<B>) -> ReplayBody<B> {
        body
    }
}

/// Whether requests say which attempt they are: in a header, and as [`Attempt`] in their extensions.
///
/// The number counts from 1. The name is neither Envoy's `x-envoy-attempt-count`, which proxies at an edge remove
/// and rewrite, nor that of a vendor's client, which servers read together with that vendor's other headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptHeader {
    /// From the second attempt on, so that a request which is not retried is sent as it came.
    FromSecond(HeaderName),
    /// In every attempt.
    Always(HeaderName),
    /// In none; the extension is there from the second attempt on.
    Never,
}

impl AttemptHeader {
    /// The name of the header unless told otherwise.
    pub const NAME: HeaderName = HeaderName::from_static("x-retry-attempt");

    fn name(&self) -> Option<&HeaderName> {
        match self {
            Self::FromSecond(name) | Self::Always(name) => Some(name),
            Self::Never => None,
        }
    }

    fn number<B>(&self, request: &mut Request<B>, attempt: Attempt) {
        request.extensions_mut().insert(attempt);
        if let Some(name) = self.name() {
            // A map that is full to the last of its 32,768 places goes without.
            let _ = request.headers_mut().try_insert(name, HeaderValue::from(attempt.number()));
        }
    }
}

impl Default for AttemptHeader {
    fn default() -> Self {
        Self::FromSecond(Self::NAME)
    }
}

impl<B, W> Resend<Request<B>> for ResendHttp<W>
where
    B: Body,
    W: WrapBody<B> + Clone,
{
    type Sent = Request<W::Out>;
    type Kept = HttpKept<B, W>;

    fn split(&self, request: Request<B>) -> (Request<W::Out>, HttpKept<B, W>) {
        self.send(request, |request| request)
    }

    #[inline]
    fn send<T>(&self, request: Request<B>, call: impl FnOnce(Request<W::Out>) -> T) -> (T, HttpKept<B, W>) {
        let head = Head::of(&request);
        let (parts, body) = request.into_parts();
        let (body, spare) = replayable(body, self.cap_bytes);
        let mut request = Request::from_parts(parts, self.wrap.wrap(body));
        if let AttemptHeader::Always(_) = self.attempt_header {
            self.attempt_header.number(&mut request, Attempt::FIRST);
        }
        (call(request), HttpKept { head, unpacked: OnceCell::new(), spare, how: self.clone() })
    }

    fn once(&self, request: Request<B>) -> Request<W::Out> {
        request.map(|body| self.wrap.wrap(replayable(body, 0).0))
    }
}

/// A request kept by [`ResendHttp`].
pub struct HttpKept<B, W = AsReplayBody> {
    head: Head,
    /// The head once somebody asked for it.
    unpacked: OnceCell<Box<Parts>>,
    /// `None` if the body is too large to be kept.
    spare: Option<Spare<B>>,
    how: ResendHttp<W>,
}

const TOO_LARGE: CannotRepeat =
    CannotRepeat::because("the request body is larger than what is kept for another attempt");
const UNREADABLE: CannotRepeat = CannotRepeat::because("the head of the request cannot be read back");

impl<B, W> Repeat for HttpKept<B, W>
where
    W: WrapBody<B>,
{
    type Sent = Request<W::Out>;
    type Facts = Parts;

    fn facts(&self) -> Result<&Parts, CannotRepeat> {
        if self.unpacked.get().is_none() {
            let _ = self.unpacked.set(Box::new(self.head.unpack().ok_or(UNREADABLE)?));
        }
        self.unpacked.get().map(|head| &**head).ok_or(UNREADABLE)
    }

    fn deadline(&self) -> Option<Deadline> {
        deadline_of(&self.head.extras().unpack())
    }

    fn check(&self) -> Result<(), CannotRepeat> {
        self.spare.as_ref().ok_or(TOO_LARGE)?.check().map_err(because)
    }

    fn again(&mut self, attempt: Attempt) -> Result<Request<W::Out>, CannotRepeat> {
        let parts = self.facts()?.clone();
        self.request(parts, attempt)
    }

    fn last(&mut self, attempt: Attempt) -> Result<Request<W::Out>, CannotRepeat> {
        self.facts()?;
        let parts = self.unpacked.take().ok_or(UNREADABLE)?;
        self.request(*parts, attempt)
    }
}

impl<B, W: WrapBody<B>> HttpKept<B, W> {
    fn request(&mut self, parts: Parts, attempt: Attempt) -> Result<Request<W::Out>, CannotRepeat> {
        let body = self.spare.as_mut().ok_or(TOO_LARGE)?.again().map_err(because)?;
        let mut request = Request::from_parts(parts, self.how.wrap.wrap(body));
        self.how.attempt_header.number(&mut request, attempt);
        Ok(request)
    }
}

fn because(why: NotReplayable) -> CannotRepeat {
    CannotRepeat::because(match why {
        NotReplayable::InUse => "the request body is still being sent",
        NotReplayable::OverCap => "more of the request body was sent than is kept for another attempt",
        NotReplayable::Broken => "the source of the request body failed",
    })
}

impl<B, W> fmt::Debug for HttpKept<B, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpKept").field("head", &self.head).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[test]
    fn a_request_that_is_split_is_the_one_that_would_be_sent() {
        let resend =
            ResendHttp { attempt_header: AttemptHeader::Always(AttemptHeader::NAME), ..ResendHttp::new() };
        let request = || {
            let request = Request::put("/a?b").header("x-own-name", "1");
            request.body(Full::new(bytes::Bytes::from_static(b"body"))).expect("a valid request")
        };
        let (split, kept) = resend.split(request());
        let (sent, kept_when_sent) = resend.send(request(), |sent| sent);
        let all = |request: &Request<ReplayBody<Full<bytes::Bytes>>>| {
            let size = request.body().size_hint().exact();
            (request.method().clone(), request.uri().clone(), request.headers().clone(), size)
        };
        assert_eq!(all(&split), all(&sent));
        assert_eq!(split.headers()[AttemptHeader::NAME], "1");
        for kept in [kept, kept_when_sent] {
            let head = kept.facts().expect("a valid head");
            assert_eq!((&head.method, &head.uri), (split.method(), split.uri()));
            assert!(!head.headers.contains_key(AttemptHeader::NAME), "kept is what the caller made");
        }
    }
}
