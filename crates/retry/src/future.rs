use std::fmt;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

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
        // `None` between two attempts, and when the call has ended.
        #[pin]
        attempt: Option<S::Future>,
        // `None` if nothing follows the attempt: the request is sent once, or the call has ended.
        more: ManuallyDrop<Option<More<S, P, A>>>,
        // `None` as long as the first attempt has neither waited nor gone wrong; and without more.
        progress: ManuallyDrop<Option<ProgressOf<S, A>>>,
    }

    impl<S, P, A> PinnedDrop for ResponseFuture<S, P, A>
    where
        S: Service<A::Sent>,
        A: Repeat,
        A: Discard<S::Response>,
    {
        fn drop(mut this: Pin<&mut Self>) {
            // Once is enough. But after a loop the compiler knows that nothing is left to drop.
            while !this.has_ended() {
                this.as_mut().end();
            }
        }
    }
}

/// What a call needs as long as another attempt may follow.
struct More<S, P, A> {
    core: Arc<Core<P>>,
    run: Run<S, A>,
}

/// What one poll of an attempt said.
type Polled<S, A> =
    Poll<Result<<S as Service<<A as Repeat>::Sent>>::Response, <S as Service<<A as Repeat>::Sent>>::Error>>;

type ProgressOf<S, A> = Progress<
    Pause<
        <A as Repeat>::Sent,
        <A as Discard<<S as Service<<A as Repeat>::Sent>>::Response>>::Rest,
        <S as Service<<A as Repeat>::Sent>>::Error,
    >,
>;

impl<S, P, A> ResponseFuture<S, P, A>
where
    S: Service<A::Sent>,
    A: Repeat + Discard<S::Response>,
{
    /// A request that is sent once.
    #[inline]
    pub(crate) fn once(attempt: S::Future) -> Self {
        Self { attempt: Some(attempt), more: ManuallyDrop::new(None), progress: ManuallyDrop::new(None) }
    }

    /// A request whose first attempt is under way, and what is needed for others.
    #[inline]
    pub(crate) fn repeatable(attempt: S::Future, core: Arc<Core<P>>, run: Run<S, A>) -> Self {
        core.budget.count();
        let more = ManuallyDrop::new(Some(More { core, run }));
        Self { attempt: Some(attempt), more, progress: ManuallyDrop::new(None) }
    }

    #[inline]
    fn has_ended(&self) -> bool {
        self.attempt.is_none() && self.more.is_none()
    }

    /// Gives back what the call holds, the budget first.
    ///
    /// If one of these drops panics, what was taken out is dropped all the same, and the attempt with the future.
    #[cold]
    #[inline(never)]
    fn end(self: Pin<&mut Self>) {
        let mut this = self.project();
        let more = this.more.take();
        drop(this.progress.take());
        drop(more);
        this.attempt.set(None);
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
        let mut this = self.as_mut().project();
        let Some(attempt) = this.attempt.as_mut().as_pin_mut() else { return self.go_on(None, cx) };
        // The response alone: a whole result would be kept in memory, in case that one of the drops below panics.
        let response = match (attempt.poll(cx), &**this.more) {
            (Poll::Ready(Ok(response)), None) => response,
            (Poll::Ready(Ok(response)), Some(More { core, .. }))
                if this.progress.is_none() && core.policy.fault(Ok(&response)).is_none() =>
            {
                response
            }
            // Whatever is rarer is kept out of line, for the sake of calls that are answered at once.
            (polled, _) => return self.go_on(Some(polled), cx),
        };
        this.attempt.set(None);
        **this.more = None;
        Poll::Ready(Ok(response))
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
            let (Some(More { core, run }), Some(progress)) = (this.more.as_mut(), this.progress.as_mut())
            else {
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
        let Some(More { core, run }) = this.more.as_mut() else {
            if polled.is_ready() {
                self.end();
            }
            return Some(polled);
        };
        let progress = this.progress.get_or_insert_with(|| Progress::begin(&core.budget));
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
