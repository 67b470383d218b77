use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// `None` if the work panics. What it shared was shared across unwinding anyway.
    ///
    /// The work is dropped as soon as it is over, and may panic in that as well: it changes nothing that is known.
    /// A named future, because an async function would hold the work twice, as its argument and pinned.
    pub(crate) struct Caught<W> {
        #[pin]
        work: Option<W>,
    }
}

impl<W> Caught<W> {
    pub(crate) const fn new(work: W) -> Self {
        Self { work: Some(work) }
    }
}

impl<W: Future> Future for Caught<W> {
    type Output = Option<W::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // Polled again after it was ready, it stays pending for good.
        let Some(work) = this.work.as_mut().as_pin_mut() else { return Poll::Pending };
        let done = match catch_unwind(AssertUnwindSafe(|| work.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(done)) => Some(done),
            Err(_) => None,
        };
        let _ = catch_unwind(AssertUnwindSafe(|| this.work.set(None)));
        Poll::Ready(done)
    }
}
