use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use pin_project_lite::pin_project;

use crate::event::bound;
use crate::event::facts::{BodyKind, BodyText};

/// Whether a layer looks at the bodies of requests; [`Heads`] or [`Bodies`].
///
/// A layer that does changes the type of the body that the inner service gets, which not every service takes.
pub trait Tap<B>: sealed::Sealed {
    /// The body that the inner service gets.
    type Body;

    /// Passes a body on.
    #[doc(hidden)]
    fn tap(&self, body: B, seen: Option<Seen>) -> Self::Body;
}

/// Looks at the heads of requests only, and leaves bodies as they are. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heads;

/// Looks at bodies where a rule says so, as they stream to the handler.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bodies;

pub(super) mod sealed {
    pub trait Sealed {
        /// Whether bodies can be looked at.
        const READS_BODIES: bool;
    }

    impl Sealed for super::Heads {
        const READS_BODIES: bool = false;
    }

    impl Sealed for super::Bodies {
        const READS_BODIES: bool = true;
    }
}

impl<B> Tap<B> for Heads {
    type Body = B;

    fn tap(&self, body: B, _: Option<Seen>) -> B {
        body
    }
}

impl<B> Tap<B> for Bodies {
    type Body = AuditBody<B>;

    fn tap(&self, body: B, seen: Option<Seen>) -> AuditBody<B> {
        AuditBody { inner: body, seen }
    }
}

/// What is seen of a body while somebody else reads it. Clones share.
#[derive(Clone)]
pub struct Seen {
    kind: BodyKind,
    cap: usize,
    so_far: Arc<Mutex<SoFar>>,
}

#[derive(Default)]
struct SoFar {
    kept: Vec<u8>,
    bytes: u64,
    is_whole: bool,
}

impl Seen {
    /// Begins to watch a body of which so many bytes are shown.
    pub(super) fn new(headers: &HeaderMap, cap: usize) -> Self {
        Self { kind: kind_of(headers), cap, so_far: Arc::default() }
    }

    fn add(&self, data: &[u8]) {
        let mut so_far = self.so_far.lock();
        so_far.bytes += data.len() as u64;
        if self.kind != BodyKind::Other {
            let room = (self.cap + bound::OVERLAP).saturating_sub(so_far.kept.len());
            so_far.kept.extend_from_slice(&data[..room.min(data.len())]);
        }
    }

    fn end(&self) {
        self.so_far.lock().is_whole = true;
    }

    /// What was seen until now.
    pub(super) fn text(&self) -> BodyText {
        let mut so_far = self.so_far.lock();
        let kept = std::mem::take(&mut so_far.kept);
        BodyText {
            seen: (self.kind != BodyKind::Other).then(|| kept.into()),
            kind: self.kind,
            cap: self.cap,
            bytes: so_far.bytes,
            is_whole: so_far.is_whole,
        }
    }
}

/// How a body is to be read, by its media type; one that is compressed or of an unknown type is not.
fn kind_of(headers: &HeaderMap) -> BodyKind {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match &*essence {
        _ if headers.contains_key(CONTENT_ENCODING) || !is_utf8(media_type) => BodyKind::Other,
        "application/json" => BodyKind::Json,
        "application/x-www-form-urlencoded" => BodyKind::Form,
        "application/xml" => BodyKind::Text,
        _ if essence.ends_with("+json") => BodyKind::Json,
        _ if essence.ends_with("+xml") || essence.starts_with("text/") => BodyKind::Text,
        _ => BodyKind::Other,
    }
}

/// Whether a media type names no other encoding of letters: in another, no name and no secret would be found.
fn is_utf8(media_type: &str) -> bool {
    let parameters = media_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    charsets.all(|(_, charset)| {
        let charset = charset.trim().trim_matches('"');
        ["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known))
    })
}

pin_project! {
    /// A body that an [`AuditLayer`](super::AuditLayer) may look at while the handler reads it.
    pub struct AuditBody<B> {
        #[pin]
        inner: B,
        seen: Option<Seen>,
    }
}

impl<B: Body<Data = Bytes>> Body for AuditBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let polled = this.inner.as_mut().poll_frame(cx);
        if let (Some(seen), Poll::Ready(frame)) = (this.seen, &polled) {
            match frame {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        seen.add(data);
                    }
                    if this.inner.is_end_stream() {
                        seen.end();
                    }
                }
                Some(Err(_)) => {}
                None => seen.end(),
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        let is_end = self.inner.is_end_stream();
        if let Some(seen) = self.seen.as_ref().filter(|_| is_end) {
            seen.end();
        }
        is_end
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> fmt::Debug for AuditBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditBody").field("is_seen", &self.seen.is_some()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").field("kind", &self.kind).field("cap", &self.cap).finish_non_exhaustive()
    }
}
