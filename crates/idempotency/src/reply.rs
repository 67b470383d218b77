use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// The body of a response: the inner service's, one that was kept, or the beginning of one with its rest.
pub struct ReplyBody<B: Body> {
    chunks: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
    rest: Rest<B>,
}

enum Rest<B: Body> {
    None,
    Body(B),
    Failed(B::Error),
}

impl<B: Body> ReplyBody<B> {
    /// All of it as it comes.
    pub(crate) fn passing(body: B) -> Self {
        Self { chunks: VecDeque::new(), trailers: None, rest: Rest::Body(body) }
    }

    pub(crate) fn whole(chunks: VecDeque<Bytes>, trailers: Option<HeaderMap>) -> Self {
        Self { chunks, trailers, rest: Rest::None }
    }

    pub(crate) fn begun(chunks: VecDeque<Bytes>, rest: B) -> Self {
        Self { chunks, trailers: None, rest: Rest::Body(rest) }
    }

    pub(crate) fn broken(chunks: VecDeque<Bytes>, error: B::Error) -> Self {
        Self { chunks, trailers: None, rest: Rest::Failed(error) }
    }
}

impl<B: Body> From<Bytes> for ReplyBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self::whole(VecDeque::from_iter((!bytes.is_empty()).then_some(bytes)), None)
    }
}

impl<B: Body + Unpin> Unpin for ReplyBody<B> {}

impl<B: Body<Data: Buf> + Unpin> Body for ReplyBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        if let Some(chunk) = this.chunks.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        if let Some(trailers) = this.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        match &mut this.rest {
            Rest::Body(body) => Pin::new(body).poll_frame(cx).map_ok(bytes_of),
            _ => match std::mem::replace(&mut this.rest, Rest::None) {
                Rest::Failed(error) => Poll::Ready(Some(Err(error))),
                _ => Poll::Ready(None),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        let is_empty = self.chunks.is_empty() && self.trailers.is_none();
        is_empty
            && match &self.rest {
                Rest::None => true,
                Rest::Body(body) => body.is_end_stream(),
                Rest::Failed(_) => false,
            }
    }

    fn size_hint(&self) -> SizeHint {
        let here: u64 = self.chunks.iter().map(|chunk| chunk.len() as u64).sum();
        match &self.rest {
            Rest::None => SizeHint::with_exact(here),
            Rest::Failed(_) => SizeHint::new(),
            Rest::Body(body) => {
                let rest = body.size_hint();
                let mut hint = SizeHint::new();
                hint.set_lower(here.saturating_add(rest.lower()));
                if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(here)) {
                    hint.set_upper(upper);
                }
                hint
            }
        }
    }
}

pub(crate) fn bytes_of<D: Buf>(frame: Frame<D>) -> Frame<Bytes> {
    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
}

impl<B: Body> fmt::Debug for ReplyBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyBody").field("chunks", &self.chunks.len()).finish_non_exhaustive()
    }
}
