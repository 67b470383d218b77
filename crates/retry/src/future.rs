use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::Sleep;
use tower_service::Service;

use crate::pause::Pause;
use crate::run::Run;
use crate::{Discard, Fault, Repeat, RetryPolicy};

pin_project! {
    /// The response to a request that may be sent more than once.
    ///
    /// `A` is what is kept of the request. Dropping the future ends the attempt or the wait that is going on, and
    /// gives back at once what the call held of its budget.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, P, A>
    where
        S: Service<A::Sent>,
        A: Repeat,
        A: Discard<S::Response>,
    {
        #[pin]
        state: State<S::Future, Pause<A::Sent, A::Rest, S::Error>>,
        // `None` if the request is sent once.
        run: Option<Run<S, P, A>>,
    }
}

pin_project! {
    #[project = StateProj]
    #[project_replace = StateOwned]
    enum State<F, X> {
        Trying { #[pin] attempt: F },
        // In a box, because few calls ever wait, and every call is moved around in its full size.
        Pausing { #[pin] timer: Sleep, pause: Box<X> },
        Over,
    }
}

impl<S, P, A> ResponseFuture<S, P, A>
where
    S: Service<A::Sent>,
    A: Repeat + Discard<S::Response>,
{
    #[inline]
    pub(crate) fn new(attempt: S::Future, run: Option<Run<S, P, A>>) -> Self {
        Self { state: State::Trying { attempt }, run }
    }
}

impl<S, P, A> Future for ResponseFuture<S, P, A>
where
    S: Service<A::Sent>,
    A: Repeat + Discard<S::Response>,
    P: RetryPolicy<A::Facts, S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        let StateProj::Trying { attempt } = this.state.project() else { return self.poll_pause(cx) };
        let (outcome, run) = match (attempt.poll(cx), this.run) {
            (Poll::Ready(outcome), Some(run)) => (outcome, run),
            (Poll::Ready(outcome), None) => return Poll::Ready(outcome),
            (Poll::Pending, run) => {
                run.iter_mut().for_each(Run::waits);
                return Poll::Pending;
            }
        };
        match run.fault(outcome.as_ref()) {
            None => Poll::Ready(outcome),
            Some(fault) => self.went_wrong(fault, outcome, cx),
        }
    }
}

impl<S, P, A> ResponseFuture<S, P, A>
where
    S: Service<A::Sent>,
    A: Repeat + Discard<S::Response>,
    P: RetryPolicy<A::Facts, S::Response, S::Error>,
{
    #[cold]
    fn went_wrong(
        mut self: Pin<&mut Self>,
        fault: Fault,
        outcome: Result<S::Response, S::Error>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<S::Response, S::Error>> {
        let mut this = self.as_mut().project();
        // What the attempt still holds, such as the request's body, is free from here on.
        this.state.set(State::Over);
        let Some(run) = this.run else { return Poll::Ready(outcome) };
        let Some(next) = run.next(fault, outcome.as_ref()) else { return Poll::Ready(outcome) };
        let pause = Box::new(Pause::new(next, outcome.map(A::begin)));
        this.state.set(State::Pausing { timer: pause.timer(run.drain()), pause });
        self.poll_pause(cx)
    }

    #[cold]
    fn poll_pause(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<S::Response, S::Error>> {
        let mut this = self.as_mut().project();
        // Without either, somebody asks again after the answer was given.
        let (StateProj::Pausing { timer, pause }, Some(run)) = (this.state.as_mut().project(), this.run) else {
            return Poll::Pending;
        };
        let ended = ready!(run.poll_pause(pause, timer, cx));
        let StateOwned::Pausing { pause, .. } = this.state.as_mut().project_replace(State::Over) else {
            return Poll::Pending;
        };
        match ended {
            Ok(()) => {
                let attempt = run.launch(*pause);
                this.state.set(State::Trying { attempt });
                self.poll(cx)
            }
            Err(stop) => {
                run.gave_up(pause.fault(), stop);
                Poll::Ready(pause.into_outcome::<A, S::Response>())
            }
        }
    }
}

impl<S, P, A> fmt::Debug for ResponseFuture<S, P, A>
where
    S: Service<A::Sent>,
    A: Repeat + Discard<S::Response>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
