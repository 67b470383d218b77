use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use buttress_core::Reject;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::Subject;
use crate::settling::After;
use crate::subject::Limits;
use crate::waiting::{Fate, Waiting};

pin_project! {
    /// The answer of a [`RateLimit`](crate::RateLimit): the inner service's, or the refusal.
    ///
    /// Dropped before the inner service was called, it gives back what was charged. Dropped later it does not.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, W, J>
    where
        S: Service<Req>,
        W: Subject,
    {
        #[pin]
        state: State<S, Req, W, J>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, Req, W, J>
    where
        S: Service<Req>,
        W: Subject,
    {
        Waiting { waiting: Box<Waiting<S, Req, W, J>> },
        Running { #[pin] call: S::Future },
        Followed { #[pin] call: S::Future, after: Option<After<W>> },
        Answered { answer: Option<Result<S::Response, S::Error>> },
    }
}

impl<S: Service<Req>, Req, W: Subject, J> ResponseFuture<S, Req, W, J> {
    /// Nothing is left to do but to wait for the inner service.
    #[inline]
    pub(crate) fn running(call: S::Future) -> Self {
        Self { state: State::Running { call } }
    }

    /// Something is done with the response.
    pub(crate) fn followed(call: S::Future, after: After<W>) -> Self {
        Self { state: State::Followed { call, after: Some(after) } }
    }

    pub(crate) fn waiting(waiting: Waiting<S, Req, W, J>) -> Self {
        Self { state: State::Waiting { waiting: Box::new(waiting) } }
    }

    pub(crate) fn answered(answer: Result<S::Response, S::Error>) -> Self {
        Self { state: State::Answered { answer: Some(answer) } }
    }
}

impl<S, Req, W, J> Future for ResponseFuture<S, Req, W, J>
where
    S: Service<Req>,
    W: Limits<Req, S::Response>,
    J: Reject<S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        match state.as_mut().project() {
            StateProjection::Running { call } => call.poll(cx),
            _ => state.poll_unusual(cx),
        }
    }
}

impl<S, Req, W, J> State<S, Req, W, J>
where
    S: Service<Req>,
    W: Limits<Req, S::Response>,
    J: Reject<S::Response, S::Error>,
{
    /// Apart from the usual case, whose answer would be moved once more if it came out together with the others.
    #[inline(never)]
    fn poll_unusual(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<S::Response, S::Error>> {
        loop {
            match self.as_mut().project() {
                StateProjection::Running { call } => return call.poll(cx),
                StateProjection::Followed { call, after } => {
                    let mut answer = ready!(call.poll(cx));
                    if let (Some(after), Ok(response)) = (after.take(), &mut answer) {
                        after.finish(response);
                    }
                    return Poll::Ready(answer);
                }
                StateProjection::Waiting { waiting } => match ready!(waiting.poll(cx)) {
                    Fate::Runs(call, None) => self.set(Self::Running { call }),
                    Fate::Runs(call, after) => self.set(Self::Followed { call, after }),
                    Fate::Answered(answer) => self.set(Self::Answered { answer }),
                },
                // Polled again after it was ready, it stays pending for good.
                StateProjection::Answered { answer } => {
                    return answer.take().map_or(Poll::Pending, Poll::Ready);
                }
            }
        }
    }
}

impl<S: Service<Req>, Req, W: Subject, J> fmt::Debug for ResponseFuture<S, Req, W, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Waiting { .. } => "waiting for the decision",
            State::Running { .. } | State::Followed { .. } => "running",
            State::Answered { .. } => "answered at once",
        };
        f.debug_struct("ResponseFuture").field("state", &state).finish_non_exhaustive()
    }
}
