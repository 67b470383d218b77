use std::task::{self, Poll, ready};
use std::time::{Duration, Instant};

use buttress_core::{Attempt, Deadline, Mode};
use tower_service::Service;

use crate::pause::Pause;
use crate::schedule::Standing;
use crate::shared::Core;
use crate::{Budget, BudgetedCall, CannotRepeat, Discard, Fault, Repeat, RetryPolicy, Stop, Tried};

/// What is needed to send a request again.
pub(crate) struct Run<S, A> {
    /// The service for the attempts to come; not ready until polled.
    pub(crate) inner: S,
    pub(crate) kept: A,
}

/// Where a call stands that has waited, or whose first attempt has gone wrong.
pub(crate) struct Progress<X> {
    /// The attempt that is under way, or the one that is waited for.
    attempt: Attempt,
    /// The wait before it.
    previous: Duration,
    started: Instant,
    budgeted: BudgetedCall,
    /// The wait that is going on; in a box, because few calls ever have one.
    pause: Option<Box<X>>,
}

/// How a pause ends.
pub(crate) enum Ended<F, Res, E> {
    /// The next attempt is under way.
    Ready(F),
    /// There will be none; this is the answer.
    GaveUp(Result<Res, E>),
}

/// An attempt that will be made.
pub(crate) struct Next<Sent> {
    pub(crate) request: Sent,
    pub(crate) fault: Fault,
    /// The attempt that failed.
    pub(crate) failed: Attempt,
    pub(crate) delay: Duration,
    pub(crate) begins: Instant,
    pub(crate) deadline: Option<Deadline>,
}

impl<X> Progress<X> {
    /// Begins to keep track of a call.
    ///
    /// A call that is answered at once never comes here, and so the clock is not read for it.
    pub(crate) fn begin(budget: &Budget) -> Self {
        let now = now();
        Self {
            attempt: Attempt::FIRST,
            previous: Duration::ZERO,
            started: now,
            budgeted: budget.enter(now),
            pause: None,
        }
    }
}

impl<S, A: Repeat> Run<S, A> {
    /// Decides what to do about a fault: begins to wait for another attempt, or gives the outcome back.
    pub(crate) fn went_wrong<P, Res, Rest, E>(
        &mut self,
        core: &Core<P>,
        progress: &mut Progress<Pause<A::Sent, Rest, E>>,
        fault: Fault,
        outcome: Result<Res, E>,
    ) -> Option<Result<Res, E>>
    where
        A: Discard<Res, Rest = Rest>,
        P: RetryPolicy<A::Facts, Res, E>,
    {
        match self.plan(core, progress, fault, outcome.as_ref()) {
            Ok(next) => {
                let pause = Pause::new(next, outcome.map(A::begin), core.drain);
                progress.pause = Some(Box::new(pause));
                None
            }
            Err(stop) => {
                core.gave_up(fault, progress.attempt, stop);
                Some(outcome)
            }
        }
    }

    /// Settles everything that can be settled before the outcome is let go.
    fn plan<P, Res, E, X>(
        &mut self,
        core: &Core<P>,
        progress: &mut Progress<X>,
        fault: Fault,
        outcome: Result<&Res, &E>,
    ) -> Result<Next<A::Sent>, Stop>
    where
        P: RetryPolicy<A::Facts, Res, E>,
    {
        let (kept, now) = (&mut self.kept, now());
        // Before the policy is asked: the last attempt took the request along, so there is nothing to show it.
        core.schedule.goes_on_after(progress.attempt)?;
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
        core.withdraw(&mut progress.budgeted, now)?;
        let next = progress.attempt.next();
        let is_last = core.schedule.goes_on_after(next).is_err();
        let request = if is_last { kept.last(next) } else { kept.again(next) };
        let request = request.map_err(|why| core.cannot_repeat(why))?;
        let failed = std::mem::replace(&mut progress.attempt, next);
        progress.previous = delay;
        Ok(Next { request, fault, failed, delay, begins: now + delay, deadline })
    }

    /// Waits for the time of the next attempt, and makes it if the service is ready then.
    pub(crate) fn poll_pause<P, Rest, E>(
        &mut self,
        core: &Core<P>,
        progress: &mut Progress<Pause<A::Sent, Rest, E>>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Ended<S::Future, S::Response, E>>
    where
        S: Service<A::Sent, Error = E>,
        A: Discard<S::Response, Rest = Rest>,
    {
        // Without a pause, somebody asks again after the answer was given.
        let Some(pause) = &mut progress.pause else { return Poll::Pending };
        let ended = ready!(pause.poll::<S, P, A, S::Response>(&mut self.inner, core, cx));
        let Some(pause) = progress.pause.take() else { return Poll::Pending };
        let (fault, failed) = pause.fault();
        Poll::Ready(match ended.and_then(|()| core.in_time(progress.started)) {
            Ok(()) => {
                core.retried(fault, progress.attempt, progress.previous);
                Ended::Ready(self.inner.call(pause.into_request()))
            }
            Err(stop) => {
                core.gave_up(fault, failed, stop);
                Ended::GaveUp(pause.into_outcome::<A, S::Response>())
            }
        })
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
    fn withdraw(&self, budgeted: &mut BudgetedCall, now: Instant) -> Result<(), Stop> {
        match self.mode.get() {
            Mode::Enforce if budgeted.try_retry(now) => Ok(()),
            Mode::Observe if self.budget.would_allow(now) => Err(Stop::Observing),
            Mode::Enforce | Mode::Observe => Err(Stop::Budget),
            // It was turned off while the call was under way.
            Mode::Off => Err(Stop::Observing),
        }
    }

    /// Whether the time for all attempts is not over after a wait that took longer than planned.
    fn in_time(&self, started: Instant) -> Result<(), Stop> {
        let limit = self.schedule.max_elapsed();
        let is_over = limit.is_some_and(|limit| now().saturating_duration_since(started) > limit);
        if is_over { Err(Stop::Elapsed) } else { Ok(()) }
    }

    fn cannot_repeat(&self, why: CannotRepeat) -> Stop {
        tracing::debug!(instance = &*self.name, %why, "the request cannot be sent again");
        Stop::Body
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
