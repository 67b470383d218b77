use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use buttress_core::Classify;
use pin_project_lite::pin_project;

use crate::guard::Guard;
use crate::progress::Progress;

pin_project! {
    /// A call that a breaker watches; resolves to what the call resolves to.
    ///
    /// Made by [`Breaker::call`](crate::Breaker::call). Dropped before it ends, it counts as
    /// [abandoned](crate::Abandoned); if polling it panics, as failed.
    #[must_use = "futures do nothing unless polled"]
    pub struct Call<F, C> {
        #[pin]
        progress: Progress<F, C, Infallible>,
    }
}

impl<F, C> Call<F, C> {
    #[inline]
    pub(crate) fn new(future: F, guard: Guard, classify: C) -> Self {
        Self { progress: Progress::running(future, guard, classify) }
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
        // Polled again after it was ready, it stays pending for good.
        self.project().progress.poll_call(cx).unwrap_or(Poll::Pending)
    }
}

impl<F, C> fmt::Debug for Call<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("progress", &self.progress).finish()
    }
}
