use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use buttress_core::Classify;
use pin_project_lite::pin_project;

use crate::call::Call;

pin_project! {
    /// The answer of a [`CircuitBreaker`](crate::CircuitBreaker): the inner service's, or the refusal.
    ///
    /// Dropped before it ends, the call counts as [abandoned](crate::Abandoned).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, C, A> {
        #[pin]
        state: State<F, C, A>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, C, A> {
        Running { #[pin] call: Call<F, C> },
        Answered { answer: Option<A> },
    }
}

impl<F, C, A> ResponseFuture<F, C, A> {
    #[inline]
    pub(crate) fn running(call: Call<F, C>) -> Self {
        Self { state: State::Running { call } }
    }

    pub(crate) fn answered(answer: A) -> Self {
        Self { state: State::Answered { answer: Some(answer) } }
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
        match self.project().state.project() {
            StateProjection::Running { call } => call.poll(cx),
            // Polled again after it was ready, it stays pending for good.
            StateProjection::Answered { answer } => answer.take().map_or(Poll::Pending, Poll::Ready),
        }
    }
}

impl<F, C, A> fmt::Debug for ResponseFuture<F, C, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answered = matches!(self.state, State::Answered { .. });
        f.debug_struct("ResponseFuture").field("answered_at_once", &answered).finish_non_exhaustive()
    }
}
