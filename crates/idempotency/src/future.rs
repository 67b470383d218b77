use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::ReplyBody;

type Answer<RB, E> = Result<Response<ReplyBody<RB>>, E>;

pin_project! {
    /// The answer of an [`IdempotencyService`](crate::IdempotencyService).
    ///
    /// Dropped once the handler was started for a key, it leaves the handler to run to its end. Dropped without a key,
    /// it drops the inner service's future.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, RB: Body, E> {
        #[pin]
        state: State<F, RB, E>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, RB: Body, E> {
        Passing { #[pin] call: F },
        Keyed { call: Pin<Box<dyn Future<Output = Answer<RB, E>> + Send>> },
        Answered { answer: Option<Answer<RB, E>> },
    }
}

impl<F, RB: Body, E> ResponseFuture<F, RB, E> {
    #[inline]
    pub(crate) fn passing(call: F) -> Self {
        Self { state: State::Passing { call } }
    }

    #[expect(clippy::disallowed_methods, reason = "the futures of stores have no names")]
    pub(crate) fn keyed(call: impl Future<Output = Answer<RB, E>> + Send + 'static) -> Self {
        Self { state: State::Keyed { call: Box::pin(call) } }
    }

    pub(crate) fn answered(answer: Answer<RB, E>) -> Self {
        Self { state: State::Answered { answer: Some(answer) } }
    }
}

impl<F, RB, E> Future for ResponseFuture<F, RB, E>
where
    F: Future<Output = Result<Response<RB>, E>>,
    RB: Body,
{
    type Output = Answer<RB, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Passing { call } => {
                call.poll(cx).map_ok(|response| response.map(ReplyBody::passing))
            }
            StateProjection::Keyed { call } => call.as_mut().poll(cx),
            // Polled again after it was ready, it stays pending for good.
            StateProjection::Answered { answer } => answer.take().map_or(Poll::Pending, Poll::Ready),
        }
    }
}

impl<F, RB: Body, E> fmt::Debug for ResponseFuture<F, RB, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Passing { .. } => "without a key",
            State::Keyed { .. } => "with a key",
            State::Answered { .. } => "answered at once",
        };
        f.debug_struct("ResponseFuture").field("state", &state).finish_non_exhaustive()
    }
}
