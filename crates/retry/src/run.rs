use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use buttress_core::{Attempt, Deadline};
use tokio::time::Sleep;
use tower_service::Service;

use crate::budget::Ticket;
use crate::pause::Pause;
use crate::schedule::Standing;
use crate::shared::{Core, Drain};
use crate::{CannotRepeat, Discard, Fault, Repeat, RetryPolicy, Stop, Tried};

/// One call that may be sent again: what is kept for that, and where it stands.
pub(crate) struct Run<S, P, A> {
    /// The service for the attempts to come; not ready until polled.
    inner: S,
    core: Arc<Core<P>>,
    kept: A,
    /// `None` for a call that was answered at once, which is all that most inner services in a test ever do.
    progress: Option<Progress>,
}

/// Where a call stands that has waited, or whose first attempt went wrong.
struct Progress {
    /// The attempt that is under way, or the one that is waited for.
    attempt: Attempt,
    /// The wait before it.
    previous: Duration,
    started: Instant,
    ticket: Ticket,
}

/// An attempt that will be made.
pub(crate) struct Next<Sent> {
    pub(crate) request: Sent,
    pub(crate) fault: Fault,
    pub(crate) delay: Duration,
    pub(crate) begins: Instant,
    pub(crate) deadline: Option<Deadline>,
}

impl<S, P, A> Run<S, P, A> {
    #[inline]
    pub(crate) fn new(inner: S, core: Arc<Core<P>>, kept: A) -> Self {
        Self { inner, core, kept, progress: None }
    }

    pub(crate) fn drain(&self) -> Drain {
        self.core.drain
    }

    /// Notes that an attempt has to wait for its outcome.
    ///
    /// An attempt that is answered at once never comes here, and so the clock is not read for it.
    #[inline]
    pub(crate) fn waits(&mut self) {
        if self.progress.is_none() {
            self.begin(now());
        }
    }

    fn begin(&mut self, now: Instant) {
        let ticket = self.core.budget.enter(now);
        let begun =
            Progress { attempt: Attempt::FIRST, previous: Duration::ZERO, started: now, ticket };
        self.progress = Some(begun);
    }

    /// Gives back what the call holds of its budget.
    #[inline]
    fn end(&mut self) {
        if let Some(progress) = &mut self.progress {
            self.core.budget.leave(&mut progress.ticket);
        }
    }

    /// What is wrong with an outcome; `None` if it is the answer.
    #[inline]
    pub(crate) fn fault<Res, E>(&mut self, outcome: Result<&Res, &E>) -> Option<Fault>
    where
        A: Repeat,
        P: RetryPolicy<A::Facts, Res, E>,
    {
        let fault = self.core.policy.fault(outcome);
        if fault.is_none() {
            match self.progress {
                Some(_) => self.end(),
                None => self.core.budget.answered(),
            }
        }
        fault
    }

    /// Tells that the outcome of the latest attempt stays the last, and ends the call.
    pub(crate) fn gave_up(&mut self, fault: Fault, stop: Stop) {
        let attempt = self.progress.as_ref().map_or(Attempt::FIRST, |progress| progress.attempt);
        self.core.gave_up(fault, attempt, stop);
        self.end();
    }
}

impl<S, P, A: Repeat> Run<S, P, A> {
    /// The attempt to make after a fault; `None` if its outcome is the answer.
    pub(crate) fn next<Res, E>(&mut self, fault: Fault, outcome: Result<&Res, &E>) -> Option<Next<A::Sent>>
    where
        P: RetryPolicy<A::Facts, Res, E>,
    {
        let now = now();
        if self.progress.is_none() {
            self.begin(now);
        }
        let planned = self.plan(fault, outcome, now);
        planned.map_err(|stop| self.gave_up(fault, stop)).ok()
    }

    /// Settles everything that can be settled before the outcome is let go.
    fn plan<Res, E>(
        &mut self,
        fault: Fault,
        outcome: Result<&Res, &E>,
        now: Instant,
    ) -> Result<Next<A::Sent>, Stop>
    where
        P: RetryPolicy<A::Facts, Res, E>,
    {
        let Self { core, kept, progress: Some(progress), .. } = self else { return Err(Stop::Body) };
        core.budget.attempt_ended(&mut progress.ticket);
        let deadline = kept.deadline();
        let standing = Standing {
            fault,
            attempt: progress.attempt,
            previous: progress.previous,
            elapsed: now.saturating_duration_since(progress.started),
            remaining: deadline.map(|deadline| deadline.remaining(now)),
        };
        let request = kept.facts().map_err(|why| core.cannot_repeat(why))?;
        let decision = core.policy.decide(&standing.tried(request, outcome));
        let delay = core.schedule.plan(decision, standing, &core.entropy)?;
        kept.check().map_err(|why| core.cannot_repeat(why))?;
        core.withdraw(&mut progress.ticket, now)?;
        let next = progress.attempt.next();
        let is_last = next.number() >= core.schedule.max_attempts;
        let request = if is_last { kept.last(next) } else { kept.again(next) };
        let request = request.map_err(|why| core.cannot_repeat(why))?;
        (progress.attempt, progress.previous) = (next, delay);
        Ok(Next { request, fault, delay, begins: now + delay, deadline })
    }

    /// Waits for the time of the next attempt.
    pub(crate) fn poll_pause<Res>(
        &mut self,
        pause: &mut Pause<A::Sent, A::Rest, S::Error>,
        timer: Pin<&mut Sleep>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(), Stop>>
    where
        S: Service<A::Sent, Response = Res>,
        A: Discard<Res>,
    {
        pause.poll::<S, P, A, Res>(timer, (&mut self.inner, &self.core), cx)
    }

    /// Makes the next attempt, on a service that has just been found ready.
    pub(crate) fn launch<Rest, E>(&mut self, pause: Pause<A::Sent, Rest, E>) -> S::Future
    where
        S: Service<A::Sent>,
    {
        if let Some(progress) = &self.progress {
            self.core.retried(pause.fault(), progress.attempt, progress.previous);
        }
        self.inner.call(pause.into_request())
    }
}

impl Standing {
    fn tried<'a, Q: ?Sized, Res, E>(
        &self,
        request: &'a Q,
        outcome: Result<&'a Res, &'a E>,
    ) -> Tried<'a, Q, Res, E> {
        Tried {
            attempt: self.attempt,
            elapsed: self.elapsed,
            remaining: self.remaining,
            ..Tried::new(self.fault, request, outcome)
        }
    }
}

impl<P> Core<P> {
    fn withdraw(&self, ticket: &mut Ticket, now: Instant) -> Result<(), Stop> {
        if self.observes() {
            return Err(if self.budget.would_allow(now) { Stop::Observing } else { Stop::Budget });
        }
        if self.budget.withdraw(ticket, now) { Ok(()) } else { Err(Stop::Budget) }
    }

    fn cannot_repeat(&self, why: CannotRepeat) -> Stop {
        tracing::debug!(instance = &*self.name, %why, "the request cannot be sent again");
        Stop::Body
    }
}

impl<S, P, A> Drop for Run<S, P, A> {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
