use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use buttress_core::Reject;
use pin_project_lite::pin_project;

use crate::face::Face;
use crate::on_timeout::Leave;
use crate::watch::{Count, Watch, Why};

pin_project! {
    /// The response of a service whose time is watched.
    ///
    /// Of a response and a timer that are ready together the response wins: the inner future is polled first.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<W, J> {
        face: Arc<Face<J>>,
        #[pin]
        watch: Watch,
        // Gone when the call was refused, before it began or later.
        #[pin]
        work: Option<W>,
    }
}

impl<W, J> ResponseFuture<W, J> {
    /// A call under way.
    #[inline]
    pub(crate) fn working(work: W, count: Count, face: Arc<Face<J>>) -> Self {
        Self { work: Some(work), watch: Watch::new(count), face }
    }

    /// A call that never begins.
    #[inline]
    pub(crate) fn refused(why: Why, face: Arc<Face<J>>) -> Self {
        Self { work: None, watch: Watch::new(Count::Refused(why)), face }
    }
}

impl<W, J, Res, E> Future for ResponseFuture<W, J>
where
    W: Leave<Output = Result<Res, E>>,
    J: Reject<Res, E>,
{
    type Output = Result<Res, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // First, so that a response wins against a timer that fires in the same poll.
        if let Some(work) = this.work.as_mut().as_pin_mut()
            && let Poll::Ready(response) = work.poll(cx)
        {
            return Poll::Ready(response);
        }
        let why = ready!(this.watch.as_mut().poll_over(cx, this.face));
        // Once more: a layer within that ends at the same moment looked at the clock just before it, and speaks first.
        if let Some(work) = this.work.as_mut().as_pin_mut()
            && let Poll::Ready(response) = work.poll(cx)
        {
            return Poll::Ready(response);
        }
        if let Some(work) = this.work.as_mut().as_pin_mut() {
            work.leave(&this.face.reporter);
        }
        // Before the caller hears of it.
        this.work.set(None);
        this.watch.stop();
        Poll::Ready(this.face.refuse(why))
    }
}

impl<W, J> fmt::Debug for ResponseFuture<W, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("is_working", &self.work.is_some()).finish_non_exhaustive()
    }
}
