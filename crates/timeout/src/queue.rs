use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use buttress_core::Mode;
use pin_project_lite::pin_project;
use tokio::time::Sleep;

use crate::face::Face;
use crate::plan::Plan;
use crate::watch::current_deadline;
use crate::{Phase, TimedOut, timer};

/// The wait of one service for the readiness of the inner one. What it took is charged to the next call.
///
/// Small, because it is moved with its service, and a service is moved with each call that may need a clone of it.
#[derive(Debug, Default)]
pub(crate) enum Queue {
    /// Nothing has had to wait.
    #[default]
    Open,
    /// The inner service is not ready.
    Waiting(Pin<Box<Wait>>),
    /// The inner service became ready after this long. Time that passes from here on is the caller's own.
    Granted(Duration),
    /// The time ran out; the next call is refused, unless it comes so late that it cannot have been the one that waited.
    Overdue(Box<Overdue>),
    /// The time ran out while the layer only observed; the next call goes unwatched.
    Excused,
}

pin_project! {
    #[derive(Debug)]
    pub(crate) struct Wait {
        plan: Plan,
        #[pin]
        timer: Sleep,
    }
}

impl Wait {
    #[expect(
        clippy::disallowed_methods,
        reason = "`poll_ready` has no pinned self, and this is not the fast path"
    )]
    fn begin(limit: Duration) -> Pin<Box<Self>> {
        let plan = Plan::new(timer::now(), limit, current_deadline());
        Box::pin(Self { plan, timer: timer::until(plan.until()) })
    }
}

/// A wait that took too long.
#[derive(Debug)]
pub(crate) struct Overdue {
    pub(crate) late: TimedOut,
    plan: Plan,
}

impl Queue {
    /// Whether nothing has had to wait, as is usual.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// Whether the next call is refused whatever the inner service says.
    pub(crate) fn is_overdue(&mut self) -> bool {
        if let Self::Overdue(overdue) = self
            && overdue.plan.is_abandoned(timer::now())
        {
            *self = Self::Open;
        }
        matches!(self, Self::Overdue(_))
    }

    /// The inner service has become ready.
    #[cold]
    pub(crate) fn granted(&mut self) {
        if let Self::Waiting(wait) = self {
            let now = timer::now();
            *self = match wait.plan {
                plan if plan.is_abandoned(now) => Self::Open,
                plan => Self::Granted(plan.elapsed(now)),
            };
        }
    }

    /// The inner service is not ready; this is ready once the next call is to be refused for it.
    pub(crate) fn poll_waiting<J>(&mut self, cx: &mut Context<'_>, face: &Face<J>) -> Poll<()> {
        let mode = face.mode.get();
        if mode == Mode::Off || matches!(self, Self::Excused) {
            return Poll::Pending;
        }
        let mut wait = self.wait(face.limit);
        if timer::poll(wait.as_mut().project().timer, cx).is_pending() {
            *self = Self::Waiting(wait);
            return Poll::Pending;
        }
        let late = wait.plan.late(Phase::Ready, timer::now());
        if mode == Mode::Enforce {
            *self = Self::Overdue(Box::new(Overdue { late, plan: wait.plan }));
            return Poll::Ready(());
        }
        face.reporter.would_refuse(&late);
        *self = Self::Excused;
        Poll::Pending
    }

    /// The wait that goes on, or a new one.
    fn wait(&mut self, limit: Duration) -> Pin<Box<Wait>> {
        match mem::take(self) {
            Self::Waiting(wait) if !wait.plan.is_abandoned(timer::now()) => wait,
            _ => Wait::begin(limit),
        }
    }
}
