use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use buttress_core::Deadline;
use pin_project_lite::pin_project;
use tokio::time::Sleep;

use crate::plan::Plan;
use crate::{Phase, TimedOut, timer};

pin_project! {
    /// The clock beside one call. It looks at the time only once there is something to wait for.
    #[project = WatchProj]
    pub(crate) enum Watch {
        /// Nobody looks at the clock.
        Off,
        /// The time counts from the first poll that has to wait.
        Unstarted { limit: Duration, deadline: Option<Deadline> },
        /// The time has been counting since before the call.
        Planned { plan: Plan },
        /// The timer runs.
        Armed { plan: Plan, #[pin] timer: Sleep },
    }
}

impl Watch {
    /// Ready once the time is up. Call it only when the watched work is pending.
    pub(crate) fn poll_late(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TimedOut> {
        let plan = match self.as_mut().project() {
            WatchProj::Off => return Poll::Pending,
            WatchProj::Armed { plan, timer } => return poll_armed(*plan, timer, cx),
            WatchProj::Unstarted { limit, deadline } => {
                Plan::new(timer::now(), *limit, earlier_of(*deadline, current_deadline()))
            }
            WatchProj::Planned { plan } => *plan,
        };
        self.set(Self::Armed { plan, timer: timer::until(plan.until()) });
        let WatchProj::Armed { timer, .. } = self.project() else { return Poll::Pending };
        ready!(timer::poll(timer, cx));
        Poll::Ready(plan.late(Phase::Response, timer::now()))
    }
}

/// Looks at the clock beside the timer: of two layers whose time ends together the inner one must speak first, even
/// if the outer one's timer was the first to fire.
fn poll_armed(plan: Plan, timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<TimedOut> {
    let fired = timer::poll(timer, cx).is_ready();
    let now = timer::now();
    if fired || plan.is_over(now) { Poll::Ready(plan.late(Phase::Response, now)) } else { Poll::Pending }
}

/// The deadline of the work that is being polled.
pub(crate) fn current_deadline() -> Option<Deadline> {
    buttress_core::Context::with_current(buttress_core::Context::deadline)
}

/// The earlier of two deadlines, where there are any.
pub(crate) fn earlier_of(one: Option<Deadline>, other: Option<Deadline>) -> Option<Deadline> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.earlier(other)),
        (one, other) => one.or(other),
    }
}
