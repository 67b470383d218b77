use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use buttress_core::{Deadline, Mode, Refused};
use pin_project_lite::pin_project;
use tokio::time::Sleep;

use crate::face::Face;
use crate::plan::Plan;
use crate::{Allowed, Phase, TimedOut, timer};

/// From when a call's time counts, and for how long. Small and without a drop, so that it costs next to nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    /// Nobody looks at the clock.
    Off,
    /// From the first poll that has to wait, for as long as the layer allows.
    Usual,
    /// From the first poll that has to wait, for as long as the request says.
    Unusual(Allowed),
    /// Since before the first poll.
    Planned(Plan),
    /// The call is refused before it begins.
    Refused(Why),
}

/// Why a call is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Why {
    Late(TimedOut),
    #[cfg(feature = "http")]
    Malformed(crate::MalformedTimeout),
}

impl From<Why> for Refused {
    fn from(why: Why) -> Self {
        match why {
            Why::Late(late) => Self::new(late),
            #[cfg(feature = "http")]
            Why::Malformed(malformed) => Self::new(malformed),
        }
    }
}

pin_project! {
    /// The clock beside one call. It looks at the time only once there is something to wait for.
    pub(crate) struct Watch {
        count: Count,
        #[pin]
        alarm: Option<Alarm>,
    }
}

impl Watch {
    #[inline]
    pub(crate) fn new(count: Count) -> Self {
        Self { count, alarm: None }
    }

    /// Ready once the call is to be refused. Call it only when the watched work is pending.
    pub(crate) fn poll_over<J>(mut self: Pin<&mut Self>, cx: &mut Context<'_>, face: &Face<J>) -> Poll<Why> {
        let this = self.as_mut().project();
        let plan = match *this.count {
            Count::Off => return Poll::Pending,
            Count::Refused(why) => return Poll::Ready(why),
            Count::Usual => Allowed::default().plan(timer::now(), face.limit),
            Count::Unusual(allowed) => allowed.plan(timer::now(), face.limit),
            Count::Planned(plan) => plan,
        };
        let late = match this.alarm.as_pin_mut() {
            Some(alarm) => ready!(poll_again(plan, alarm, cx)),
            None => ready!(self.as_mut().poll_first(plan, cx, face)),
        };
        self.stop();
        match face.mode.get() {
            Mode::Enforce => return Poll::Ready(Why::Late(late)),
            Mode::Observe => face.reporter.would_refuse(&late),
            Mode::Off => {}
        }
        Poll::Pending
    }

    /// Sets the timer, unless the layer is off.
    fn poll_first<J>(
        self: Pin<&mut Self>,
        plan: Plan,
        cx: &mut Context<'_>,
        face: &Face<J>,
    ) -> Poll<TimedOut> {
        let mut this = self.project();
        if face.mode.get() == Mode::Off {
            *this.count = Count::Off;
            return Poll::Pending;
        }
        *this.count = Count::Planned(plan);
        this.alarm.set(Some(Alarm { sleep: timer::until(plan.until()) }));
        let Some(alarm) = this.alarm.as_pin_mut() else { return Poll::Pending };
        ready!(alarm.project().sleep.poll(cx));
        Poll::Ready(plan.late(Phase::Response, timer::now()))
    }

    /// Looks at the clock no more.
    pub(crate) fn stop(self: Pin<&mut Self>) {
        let mut this = self.project();
        *this.count = Count::Off;
        this.alarm.set(None);
    }
}

pin_project! {
    /// A timer whose drop is a function of its own.
    ///
    /// The code that drops a sleep is long. Inlined into every future, it would keep the drop of those from being
    /// inlined that never had a timer, which makes them twice as expensive.
    pub(crate) struct Alarm {
        #[pin]
        sleep: Sleep,
    }

    impl PinnedDrop for Alarm {
        fn drop(_this: Pin<&mut Self>) {
            keep_apart();
        }
    }
}

#[cold]
#[inline(never)]
fn keep_apart() {}

/// Looks at the clock as well as at the timer.
///
/// Of two layers whose time ends together the inner one must speak first, even if the outer one's timer was the
/// first to fire. And work that uses up tokio's cooperative budget whenever it is polled leaves none for the timer.
fn poll_again(plan: Plan, alarm: Pin<&mut Alarm>, cx: &mut Context<'_>) -> Poll<TimedOut> {
    let fired = alarm.project().sleep.poll(cx).is_ready();
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
