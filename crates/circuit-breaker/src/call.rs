use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use buttress_core::Classify;
use pin_project_lite::pin_project;

use crate::guard::Guard;

pin_project! {
    /// A call that a breaker watches; resolves to what the call resolves to.
    ///
    /// Made by [`Breaker::call`](crate::Breaker::call). Dropped before it ends, it counts as
    /// [abandoned](crate::Abandoned); if polling it panics, as failed.
    #[must_use = "futures do nothing unless polled"]
    pub struct Call<F, C> {
        #[pin]
        future: F,
        guard: Guard,
        classify: C,
    }
}

impl<F, C> Call<F, C> {
    #[inline]
    pub(crate) fn new(future: F, guard: Guard, classify: C) -> Self {
        Self { future, guard, classify }
    }
}

impl<F, C, T, E> Future for Call<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: Classify<T, E>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let guard = this.guard;
        if !guard.is_open() {
            return this.future.poll(cx);
        }
        guard.enter();
        let Poll::Ready(result) = this.future.poll(cx) else {
            guard.waits();
            return Poll::Pending;
        };
        let outcome = this.classify.classify(result.as_ref());
        guard.settle(outcome, || this.classify.retry_after(result.as_ref()));
        Poll::Ready(result)
    }
}

impl<F, C> fmt::Debug for Call<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("guard", &self.guard).finish_non_exhaustive()
    }
}
