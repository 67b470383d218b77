use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use buttress_core::{AsError, Deadline, Mode, Refused, Reject};
use tower_service::Service;

use crate::layer::Rules;
use crate::on_timeout::OnTimeout;
use crate::plan::Plan;
use crate::queue::Queue;
use crate::watch::{Watch, current_deadline, earlier_of};
use crate::{Allowed, Cancel, FromContext, Phase, ResponseFuture, TimeOf, TimedOut, timer};

/// A service whose calls have a time limit; made by [`TimeoutLayer`](crate::TimeoutLayer).
#[derive(Debug)]
pub struct Timeout<S, J = AsError, T = FromContext, O = Cancel> {
    inner: S,
    rules: Arc<Rules<J, T, O>>,
    queue: Queue,
}

impl<S, J, T, O> Timeout<S, J, T, O> {
    pub(crate) fn new(inner: S, rules: Arc<Rules<J, T, O>>) -> Self {
        Self { inner, rules, queue: Queue::default() }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, for changes.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service on its own.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: Clone, J, T, O> Clone for Timeout<S, J, T, O> {
    /// The clone has not waited for anything.
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.rules))
    }
}

impl<S, J, T, O, Req> Service<Req> for Timeout<S, J, T, O>
where
    S: Service<Req>,
    J: Reject<S::Response, S::Error> + Clone,
    T: TimeOf<Req>,
    O: OnTimeout<S::Future>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<O::Work, J>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if self.queue.is_overdue() {
            return Poll::Ready(Ok(()));
        }
        match self.inner.poll_ready(cx) {
            Poll::Ready(ready) => {
                self.queue.granted();
                Poll::Ready(ready)
            }
            Poll::Pending => {
                let Rules { limit, mode, reporter, .. } = &*self.rules;
                self.queue.poll_waiting(cx, *limit, mode.get(), reporter).map(Ok)
            }
        }
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let queue = mem::take(&mut self.queue);
        let rules = &*self.rules;
        let mode = rules.mode.get();
        let (reject, reporter) = (rules.reject.clone(), rules.reporter.clone());
        match rules.admit(&queue, &request, mode) {
            Ok(watch) => {
                let work = rules.on_timeout.begin(self.inner.call(request));
                ResponseFuture::working(work, watch, mode, reject, reporter)
            }
            Err(late) => ResponseFuture::refused(Refused::new(late), reject, reporter),
        }
    }
}

impl<J, T, O> Rules<J, T, O> {
    /// How the call is to be watched, unless its time ran out in the queue.
    fn admit<Req>(&self, queue: &Queue, request: &Req, mode: Mode) -> Result<Watch, TimedOut>
    where
        T: TimeOf<Req>,
    {
        let waited = match queue {
            Queue::Overdue(late) => return Err(*late),
            Queue::Excused => return Ok(Watch::Off),
            _ if mode == Mode::Off => return Ok(Watch::Off),
            Queue::Granted(waited) => *waited,
            Queue::Open | Queue::Waiting(_) => Duration::ZERO,
        };
        let Allowed { limit, deadline } = self.time_of.time_of(request);
        let limit = limit.unwrap_or(self.limit);
        if waited.is_zero() {
            return Ok(Watch::Unstarted { limit, deadline });
        }
        self.admit_late(waited, limit, deadline, mode)
    }

    /// What is left of the limit after a wait.
    #[cold]
    fn admit_late(
        &self,
        waited: Duration,
        limit: Duration,
        deadline: Option<Deadline>,
        mode: Mode,
    ) -> Result<Watch, TimedOut> {
        let now = timer::now();
        let began = now.checked_sub(waited).unwrap_or(now);
        let plan = Plan::new(began, limit, earlier_of(deadline, current_deadline()));
        if !plan.is_over(now) {
            return Ok(Watch::Planned { plan });
        }
        let late = plan.late(Phase::Ready, now);
        if mode == Mode::Enforce {
            return Err(late);
        }
        self.reporter.would_refuse(&late);
        Ok(Watch::Off)
    }
}
