use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of a response: the inner service's, one that was kept, or the beginning of one with its rest.
    pub struct ReplyBody<B: Body> {
        start: Bytes,
        trailers: Option<Box<HeaderMap>>,
        #[pin]
        rest: Rest<B>,
    }
}

pin_project! {
    #[project = RestProjection]
    enum Rest<B: Body> {
        None,
        Body { #[pin] body: B },
        Begun { body: Pin<Box<B>> },
        Failed { error: Option<B::Error> },
    }
}

impl<B: Body> ReplyBody<B> {
    const fn new(start: Bytes, rest: Rest<B>) -> Self {
        Self { start, trailers: None, rest }
    }

    /// All of it as it comes.
    pub(crate) fn passing(body: B) -> Self {
        Self::new(Bytes::new(), Rest::Body { body })
    }

    pub(crate) fn whole(start: Bytes, trailers: Option<HeaderMap>) -> Self {
        Self { start, trailers: trailers.map(Box::new), rest: Rest::None }
    }

    pub(crate) fn begun(start: Bytes, rest: Pin<Box<B>>) -> Self {
        Self::new(start, Rest::Begun { body: rest })
    }

    pub(crate) fn broken(start: Bytes, error: B::Error) -> Self {
        Self::new(start, Rest::Failed { error: Some(error) })
    }
}

impl<B: Body> From<Bytes> for ReplyBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self::whole(bytes, None)
    }
}

impl<B: Body<Data: Buf>> Body for ReplyBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        if !this.start.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(this.start)))));
        }
        if let Some(trailers) = this.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(*trailers))));
        }
        match this.rest.project() {
            RestProjection::None => Poll::Ready(None),
            RestProjection::Body { body } => body.poll_frame(cx).map_ok(bytes_of),
            RestProjection::Begun { body } => body.as_mut().poll_frame(cx).map_ok(bytes_of),
            RestProjection::Failed { error } => Poll::Ready(error.take().map(Err)),
        }
    }

    fn is_end_stream(&self) -> bool {
        let is_empty = self.start.is_empty() && self.trailers.is_none();
        is_empty
            && match &self.rest {
                Rest::None => true,
                Rest::Body { body } => body.is_end_stream(),
                Rest::Begun { body } => body.is_end_stream(),
                Rest::Failed { error } => error.is_none(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        let here = self.start.len() as u64;
        let rest = match &self.rest {
            Rest::None if self.trailers.is_none() => return SizeHint::with_exact(here),
            // A connection that knew the length would have no room for trailers.
            Rest::None | Rest::Failed { .. } => return SizeHint::new(),
            Rest::Body { body } => body.size_hint(),
            Rest::Begun { body } => body.size_hint(),
        };
        let mut hint = SizeHint::new();
        hint.set_lower(here.saturating_add(rest.lower()));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(here)) {
            hint.set_upper(upper);
        }
        hint
    }
}

pub(crate) fn bytes_of<D: Buf>(frame: Frame<D>) -> Frame<Bytes> {
    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
}

impl<B: Body> fmt::Debug for ReplyBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyBody").field("start_bytes", &self.start.len()).finish_non_exhaustive()
    }
}
