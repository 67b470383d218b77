use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::permit::Permit;

pin_project! {
    /// A response body that holds its call's permit until it has been read, has failed or is dropped.
    ///
    /// Frames, errors and hints are the inner body's.
    pub struct HeldBody<B> {
        // In this order: what the body holds is gone before the next call may begin.
        #[pin]
        body: B,
        permit: Option<Permit>,
    }
}

/// A body that is there already and belongs to no call, such as the document of an outer layer's refusal.
impl<B: From<Bytes>> From<Bytes> for HeldBody<B> {
    fn from(whole: Bytes) -> Self {
        Self { body: B::from(whole), permit: None }
    }
}

impl<B: Body> HeldBody<B> {
    pub(crate) fn new(body: B, permit: Option<Permit>) -> Self {
        // A reader that is told of the end does not read, so nobody would notice it.
        let permit = permit.filter(|_| !body.is_end_stream());
        Self { body, permit }
    }
}

impl<B: Body> Body for HeldBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let polled = this.body.as_mut().poll_frame(cx);
        let is_over = match &polled {
            Poll::Pending => false,
            // A reader that is told where the end is does not ask again; and nothing follows trailers.
            Poll::Ready(Some(Ok(frame))) => frame.is_trailers() || this.body.is_end_stream(),
            Poll::Ready(Some(Err(_)) | None) => true,
        };
        if is_over {
            *this.permit = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> fmt::Debug for HeldBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldBody").field("permit", &self.permit).finish_non_exhaustive()
    }
}
