use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use pin_project_lite::pin_project;

use super::{OpenRecord, Until};

pin_project! {
    /// The response to come of a [`RequestLog`](super::RequestLog).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, U> {
        #[pin]
        inner: Option<F>,
        record: Option<OpenRecord>,
        until: U,
    }

    impl<F, U> PinnedDrop for ResponseFuture<F, U> {
        fn drop(this: Pin<&mut Self>) {
            // What the future reports while it is dropped belongs to this request too, and comes before its end.
            let mut this = this.project();
            if let Some(record) = this.record {
                record.run(|| this.inner.set(None));
            }
        }
    }
}

impl<F, U> ResponseFuture<F, U> {
    pub(super) fn new(inner: F, record: OpenRecord, until: U) -> Self {
        Self { inner: Some(inner), record: Some(record), until }
    }
}

impl<F, B, E, U> Future for ResponseFuture<F, U>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: 'static,
    U: Until<B>,
{
    type Output = Result<Response<U::Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (Some(future), Some(record)) = (this.inner.as_mut().as_pin_mut(), this.record.as_mut()) else {
            return Poll::Pending; // polled again after it was ready
        };
        let Poll::Ready(answer) = record.run(|| future.poll(cx)) else { return Poll::Pending };
        record.run(|| this.inner.set(None));
        let Some(mut record) = this.record.take() else { return Poll::Pending };
        Poll::Ready(match answer {
            Ok(response) => {
                record.answered(&response);
                Ok(this.until.keep(response, record))
            }
            Err(error) => {
                record.failed(&error);
                Err(error)
            }
        })
    }
}

impl<F, U> fmt::Debug for ResponseFuture<F, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("record", &self.record).finish_non_exhaustive()
    }
}
