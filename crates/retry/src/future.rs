use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::{fmt, mem};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::apart::Apart;
use crate::pause::Pause;
use crate::run::{Ended, Progress, Run};
use crate::shared::Core;
use crate::{Discard, Repeat, RetryPolicy};

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
        // Dropped in this order: what is short comes first, where it needs no room on the stack.
        stage: Stage<P, Pause<A::Sent, A::Rest, S::Error>>,
        run: Apart<Run<S, A>>,
        // `None` between two attempts.
        #[pin]
        attempt: Option<S::Future>,
    }
}

/// How far a call has come; with a tag of its own, which every call reads three times.
#[repr(u8)]
enum Stage<P, X> {
    /// Nothing follows the attempt: the request is sent once, or the call has ended.
    Last,
    /// The first attempt has neither waited nor gone wrong.
    Fresh(Arc<Core<P>>),
    /// It has.
    Begun(Apart<(Arc<Core<P>>, Progress<X>)>),
}

impl<P, X> Stage<P, X> {
    /// Keeps track of the call from now on, unless nothing follows.
    fn begun(&mut self) -> Option<(&Core<P>, &mut Progress<X>)> {
        *self = match mem::replace(self, Self::Last) {
            Self::Fresh(core) => {
                let progress = Progress::begin(&core.budget);
                Self::Begun(Apart::new((core, progress)))
            }
            stage => stage,
        };
        let Self::Begun(begun) = self else { return None };
        begun.get().map(|(core, progress)| (&**core, progress))
    }
}

/// What one poll of an attempt said.
type Polled<S, A> =
    Poll<Result<<S as Service<<A as Repeat>::Sent>>::Response, <S as Service<<A as Repeat>::Sent>>::Error>>;

impl<S, P, A> ResponseFuture<S, P, A>
where
    S: Service<A::Sent>,
    A: Repeat + Discard<S::Response>,
{
    /// A request that is sent once.
    #[inline]
    pub(crate) fn once(attempt: S::Future) -> Self {
        Self { attempt: Some(attempt), run: Apart::empty(), stage: Stage::Last }
    }

    /// A request whose first attempt is under way, and what is needed for others.
    #[inline]
    pub(crate) fn repeatable(attempt: S::Future, core: Arc<Core<P>>, run: Run<S, A>) -> Self {
        core.budget.count();
        Self { attempt: Some(attempt), run: Apart::new(run), stage: Stage::Fresh(core) }
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
        let Some(attempt) = this.attempt.as_pin_mut() else { return self.go_on(None, cx) };
        let polled = attempt.poll(cx);
        match (&polled, &*this.stage) {
            (_, Stage::Last) => polled,
            (Poll::Ready(Ok(response)), Stage::Fresh(core)) if core.policy.fault(Ok(response)).is_none() => {
                polled
            }
            // Whatever is rarer is kept out of line, for the sake of calls that are answered at once.
            _ => self.go_on(Some(polled), cx),
        }
    }
}

impl<S, P, A> ResponseFuture<S, P, A>
where
    S: Service<A::Sent>,
    A: Repeat + Discard<S::Response>,
    P: RetryPolicy<A::Facts, S::Response, S::Error>,
{
    /// Goes on with an attempt that was polled, or with the wait before the next.
    #[cold]
    #[inline(never)]
    fn go_on(
        mut self: Pin<&mut Self>,
        mut polled: Option<Polled<S, A>>,
        cx: &mut task::Context<'_>,
    ) -> Polled<S, A> {
        loop {
            if let Some(polled) = polled.take()
                && let Some(answer) = self.as_mut().settle(polled)
            {
                return answer;
            }
            let mut this = self.as_mut().project();
            // Without them, somebody asks again after the answer was given.
            let (Some((core, progress)), Some(run)) = (this.stage.begun(), this.run.get()) else {
                return Poll::Pending;
            };
            match ready!(run.poll_pause(core, progress, cx)) {
                Ended::Ready(next) => {
                    this.attempt.set(Some(next));
                    polled = this.attempt.as_mut().as_pin_mut().map(|attempt| attempt.poll(cx));
                }
                Ended::GaveUp(outcome) => {
                    self.end();
                    return Poll::Ready(outcome);
                }
            }
        }
    }

    /// What an attempt that was polled means for the call; `None` if there will be another.
    fn settle(mut self: Pin<&mut Self>, polled: Polled<S, A>) -> Option<Polled<S, A>> {
        let mut this = self.as_mut().project();
        let (Some((core, progress)), Some(run)) = (this.stage.begun(), this.run.get()) else {
            return Some(polled);
        };
        let Poll::Ready(outcome) = polled else { return Some(Poll::Pending) };
        let Some(fault) = core.policy.fault(outcome.as_ref()) else {
            self.end();
            return Some(Poll::Ready(outcome));
        };
        // What the attempt still holds, such as the request's body, is free from here on.
        this.attempt.set(None);
        let answer = run.went_wrong(core, progress, fault, outcome)?;
        self.end();
        Some(Poll::Ready(answer))
    }

    /// Gives back what the call holds, without waiting for the future to be dropped.
    fn end(self: Pin<&mut Self>) {
        let this = self.project();
        *this.stage = Stage::Last;
        this.run.end();
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
