use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use buttress_core::{AsError, Mode, Reject};
use tower_service::Service;

use crate::face::Face;
use crate::on_timeout::OnTimeout;
use crate::queue::Queue;
use crate::watch::{Count, Why};
use crate::{Allowed, Cancel, FromContext, Phase, ResponseFuture, TimeOf, TimeoutLayer, timer};

/// A service whose calls have a time limit; made by [`TimeoutLayer`].
#[derive(Debug)]
pub struct Timeout<S, J = AsError, T = FromContext, O = Cancel> {
    inner: S,
    rules: TimeoutLayer<J, T, O>,
    queue: Queue,
}

impl<S, J, T, O> Timeout<S, J, T, O> {
    pub(crate) fn new(inner: S, rules: TimeoutLayer<J, T, O>) -> Self {
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

impl<S: Clone, J, T: Clone, O: Clone> Clone for Timeout<S, J, T, O> {
    /// The clone has not waited for anything.
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.rules.clone())
    }
}

impl<S, J, T, O, Req> Service<Req> for Timeout<S, J, T, O>
where
    S: Service<Req>,
    J: Reject<S::Response, S::Error>,
    T: TimeOf<Req>,
    O: OnTimeout<S::Future>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<O::Work, J>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if !self.queue.is_open() {
            return self.poll_ready_again(cx);
        }
        let ready = self.inner.poll_ready(cx);
        if ready.is_pending() {
            return self.queue.poll_waiting(cx, &self.rules.face).map(Ok);
        }
        ready
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        if !self.queue.is_open() {
            return self.call_after_waiting(request);
        }
        let count = match self.rules.time_of.time_of(&request) {
            None => Count::Usual,
            Some(allowed) => Count::Unusual(allowed),
        };
        let work = self.rules.on_timeout.begin(self.inner.call(request));
        ResponseFuture::working(work, count, Arc::clone(&self.rules.face))
    }
}

/// The paths that are taken only once something has had to wait; apart, so that the other one stays short.
impl<S, J, T, O> Timeout<S, J, T, O> {
    #[cold]
    fn poll_ready_again<Req>(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Service<Req>,
    {
        if self.queue.is_overdue() {
            return Poll::Ready(Ok(()));
        }
        let ready = self.inner.poll_ready(cx);
        if ready.is_pending() {
            return self.queue.poll_waiting(cx, &self.rules.face).map(Ok);
        }
        self.queue.granted();
        ready
    }

    #[cold]
    fn call_after_waiting<Req>(&mut self, request: Req) -> ResponseFuture<O::Work, J>
    where
        S: Service<Req>,
        T: TimeOf<Req>,
        O: OnTimeout<S::Future>,
    {
        let Self { inner, rules, queue } = self;
        let face = Arc::clone(&rules.face);
        let allowed = rules.time_of.time_of(&request).unwrap_or_default();
        match face.after_waiting(&mem::take(queue), allowed) {
            Count::Refused(why) => ResponseFuture::refused(why, face),
            count => ResponseFuture::working(rules.on_timeout.begin(inner.call(request)), count, face),
        }
    }
}

impl<J> Face<J> {
    /// How the time of a call counts after a wait.
    fn after_waiting(&self, queue: &Queue, allowed: Allowed) -> Count {
        let waited = match queue {
            Queue::Overdue(overdue) => return Count::Refused(Why::Late(overdue.late)),
            Queue::Excused => return Count::Off,
            Queue::Granted(waited) => *waited,
            Queue::Open | Queue::Waiting(_) => return Count::Unusual(allowed),
        };
        let now = timer::now();
        let plan = allowed.plan(now.checked_sub(waited).unwrap_or(now), self.limit);
        if !plan.is_over(now) {
            return Count::Planned(plan);
        }
        let late = plan.late(Phase::Ready, now);
        match self.mode.get() {
            Mode::Enforce => return Count::Refused(Why::Late(late)),
            Mode::Observe => self.reporter.would_refuse(&late),
            Mode::Off => {}
        }
        Count::Off
    }
}
