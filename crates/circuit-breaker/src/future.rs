use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use buttress_core::Classify;
use pin_project_lite::pin_project;

use crate::guard::Guard;
use crate::progress::Progress;

pin_project! {
    /// The answer of a [`CircuitBreaker`](crate::CircuitBreaker): the inner service's, or the refusal.
    ///
    /// Dropped before it ends, the call counts as [abandoned](crate::Abandoned).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, C, A> {
        #[pin]
        progress: Progress<F, C, A>,
    }
}

impl<F, C, A> ResponseFuture<F, C, A> {
    #[inline]
    pub(crate) fn running(future: F, guard: Guard, classify: C) -> Self {
        Self { progress: Progress::running(future, guard, classify) }
    }

    pub(crate) fn answered(answer: A) -> Self {
        Self { progress: Progress::answered(answer) }
    }
}

impl<F, C, T, E> Future for ResponseFuture<F, C, Result<T, E>>
where
    F: Future<Output = Result<T, E>>,
    C: Classify<T, E>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut progress = self.project().progress;
        match progress.as_mut().poll_call(cx) {
            Some(polled) => polled,
            // Polled again after it was ready, it stays pending for good.
            None => progress.poll_answer(),
        }
    }
}

impl<F, C, A> fmt::Debug for ResponseFuture<F, C, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("progress", &self.progress).finish()
    }
}
