use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::OpenRecord;

pin_project! {
    /// A response body that closes its request's record when it has been read, has failed or is dropped.
    ///
    /// It is polled in the request's span and context, so that lines of a body that is made while it is sent are the
    /// request's too. Frames, errors and hints are the inner body's.
    pub struct LoggedBody<B> {
        #[pin]
        body: B,
        // How many bytes it has, if it says so.
        expected: Option<u64>,
        record: Option<OpenRecord>,
    }

    impl<B> PinnedDrop for LoggedBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(record) = this.record {
                record.body_dropped(*this.expected);
            }
        }
    }
}

/// A body that is there already and belongs to no request, such as the document of an outer layer's refusal.
impl<B: From<Bytes>> From<Bytes> for LoggedBody<B> {
    fn from(whole: Bytes) -> Self {
        Self { body: B::from(whole), expected: None, record: None }
    }
}

impl<B: Body> LoggedBody<B> {
    pub(super) fn new(body: B, mut record: OpenRecord) -> Self {
        let expected = body.size_hint().exact();
        // A reader that is told of the end does not read, so nobody would notice it.
        record.sent(0);
        let mut record = Some(record);
        if body.is_end_stream()
            && let Some(mut record) = record.take()
        {
            record.ended();
        }
        Self { body, expected, record }
    }
}

impl<B: Body> Body for LoggedBody<B>
where
    B::Error: 'static,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(record) = this.record.as_mut() else { return this.body.poll_frame(cx) };
        let polled = record.run_in_span(|| this.body.as_mut().poll_frame(cx));
        let is_over = match &polled {
            Poll::Pending => false,
            Poll::Ready(Some(Ok(frame))) => {
                record.sent(frame.data_ref().map_or(0, Buf::remaining) as u64);
                // A reader that is told where the end is does not ask again; and nothing follows trailers.
                frame.is_trailers() || this.body.is_end_stream()
            }
            Poll::Ready(Some(Err(error))) => {
                record.body_failed(error);
                *this.record = None;
                false
            }
            Poll::Ready(None) => true,
        };
        if is_over && let Some(mut record) = this.record.take() {
            record.ended();
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

impl<B> fmt::Debug for LoggedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoggedBody").field("record", &self.record).finish_non_exhaustive()
    }
}
