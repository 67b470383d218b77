use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, ready};
use std::time::Duration;

use buttress_core::Attempt;
use tokio::time::{Instant, Sleep, sleep_until};
use tower_service::Service;

use crate::run::Next;
use crate::shared::{Core, Drain};
use crate::{Discard, Fault, NotReady, Stop};

/// The time between two attempts: first the failed response goes, then nothing happens, then the service must be
/// ready.
pub(crate) struct Pause<Sent, Rest, E> {
    next: Next<Sent>,
    /// The outcome so far, for a call that cannot be retried after all.
    outcome: Result<Rest, E>,
    phase: Phase,
    /// Bounds the phase.
    timer: Pin<Box<Sleep>>,
}

enum Phase {
    Draining,
    Waiting,
    Readying,
}

impl<Sent, Rest, E> Pause<Sent, Rest, E> {
    #[expect(clippy::disallowed_methods, reason = "only a call that waits for a retry pays for it")]
    pub(crate) fn new(next: Next<Sent>, outcome: Result<Rest, E>, drain: Drain) -> Self {
        let drained_by = next.begins() - next.delay.saturating_sub(drain.within);
        Self { next, outcome, phase: Phase::Draining, timer: Box::pin(sleep_until(drained_by)) }
    }

    /// What went wrong, and in which attempt.
    pub(crate) fn fault(&self) -> (Fault, Attempt) {
        (self.next.fault, self.next.failed)
    }

    pub(crate) fn into_request(self) -> Sent {
        self.next.request
    }

    pub(crate) fn into_outcome<A, Res>(self) -> Result<Res, E>
    where
        A: Discard<Res, Rest = Rest>,
    {
        self.outcome.map(A::give_back)
    }

    /// Ready with `Ok` when the service is ready for the next attempt, with `Err` when there will be none.
    pub(crate) fn poll<S, P, A, Res>(
        &mut self,
        inner: &mut S,
        core: &Core<P>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(), Stop>>
    where
        S: Service<Sent>,
        A: Discard<Res, Rest = Rest>,
    {
        loop {
            self.phase = match self.phase {
                Phase::Draining => {
                    ready!(self.poll_drain::<A, Res>(core.drain, cx));
                    self.timer.as_mut().reset(self.next.begins());
                    Phase::Waiting
                }
                Phase::Waiting => {
                    if !self.next.delay.is_zero() {
                        ready!(self.timer.as_mut().poll(cx));
                    }
                    if self.next.is_too_late() {
                        return Poll::Ready(Err(Stop::Deadline));
                    }
                    self.timer.as_mut().reset(self.next.ready_by(core.not_ready));
                    Phase::Readying
                }
                Phase::Readying => return poll_ready(inner, self.timer.as_mut(), core.not_ready, cx),
            }
        }
    }

    /// Lets go of the response: at its end, at the cap, or when the time for it is over.
    fn poll_drain<A, Res>(&mut self, drain: Drain, cx: &mut task::Context<'_>) -> Poll<()>
    where
        A: Discard<Res, Rest = Rest>,
    {
        let Ok(rest) = &mut self.outcome else { return Poll::Ready(()) };
        let time = drain.within.min(self.next.delay);
        if A::poll_drain(rest, drain.cap_bytes, cx).is_pending() && !time.is_zero() {
            ready!(self.timer.as_mut().poll(cx));
        }
        A::release(rest);
        Poll::Ready(())
    }
}

impl<Sent> Next<Sent> {
    fn begins(&self) -> Instant {
        Instant::from_std(self.begins)
    }

    fn is_too_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline.is_past(Instant::now().into_std()))
    }

    /// How long the service may take to become ready.
    fn ready_by(&self, not_ready: NotReady) -> Instant {
        let patience = match not_ready {
            NotReady::GiveUp => Duration::ZERO,
            NotReady::Wait(patience) => patience,
        };
        let ready_by = self.begins() + patience;
        self.deadline.map_or(ready_by, |deadline| ready_by.min(Instant::from_std(deadline.instant())))
    }
}

fn poll_ready<S: Service<Sent>, Sent>(
    inner: &mut S,
    timer: Pin<&mut Sleep>,
    not_ready: NotReady,
    cx: &mut task::Context<'_>,
) -> Poll<Result<(), Stop>> {
    match inner.poll_ready(cx) {
        Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
        // A service that has failed for good tells so to whoever uses it next; this caller has an outcome.
        Poll::Ready(Err(_)) => Poll::Ready(Err(Stop::NotReady)),
        Poll::Pending if not_ready == NotReady::GiveUp => Poll::Ready(Err(Stop::NotReady)),
        Poll::Pending => timer.poll(cx).map(|()| Err(Stop::NotReady)),
    }
}
