use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

// Named futures: an async function would hold each future that it is given twice, as its argument and pinned.

pin_project! {
    /// Polls a companion along with some work, until the work is done.
    pub(crate) struct Beside<W, C> {
        #[pin]
        work: W,
        #[pin]
        companion: C,
        is_over: bool,
    }
}

impl<W, C> Beside<W, C> {
    pub(crate) const fn new(work: W, companion: C) -> Self {
        Self { work, companion, is_over: false }
    }
}

impl<W: Future, C: Future<Output = ()>> Future for Beside<W, C> {
    type Output = W::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<W::Output> {
        let this = self.project();
        if let Poll::Ready(done) = this.work.poll(cx) {
            return Poll::Ready(done);
        }
        *this.is_over = *this.is_over || this.companion.poll(cx).is_ready();
        Poll::Pending
    }
}

pin_project! {
    /// `None` if the work panics. It is dropped and nothing else then; what it shared was shared across unwinding
    /// anyway.
    pub(crate) struct Caught<W> {
        #[pin]
        work: W,
    }
}

impl<W> Caught<W> {
    pub(crate) const fn new(work: W) -> Self {
        Self { work }
    }
}

impl<W: Future> Future for Caught<W> {
    type Output = Option<W::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let work = self.project().work;
        match catch_unwind(AssertUnwindSafe(|| work.poll(cx))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    }
}
