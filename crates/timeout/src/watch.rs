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
    /// The alarm is set for the end of this.
    Armed(Plan),
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
    pub(crate) fn poll_over<J>(self: Pin<&mut Self>, cx: &mut Context<'_>, face: &Face<J>) -> Poll<Why> {
        match self.count {
            // Nearly every call that waits comes here first; alone, so that its plan goes straight to its place.
            Count::Usual => self.arm(Allowed::default().plan(timer::now(), face.limit), cx, face),
            _ => self.poll_others(cx, face),
        }
    }

    #[inline(never)]
    fn poll_others<J>(mut self: Pin<&mut Self>, cx: &mut Context<'_>, face: &Face<J>) -> Poll<Why> {
        match self.count {
            Count::Unusual(allowed) => self.arm(allowed.plan(timer::now(), face.limit), cx, face),
            Count::Planned(plan) => self.arm(plan, cx, face),
            Count::Armed(plan) => {
                ready!(poll_again(plan, self.as_mut().project().alarm, cx));
                self.is_over(face)
            }
            Count::Refused(why) => Poll::Ready(why),
            Count::Off | Count::Usual => Poll::Pending, // the usual is not among the others
        }
    }

    /// Sets the alarm.
    #[inline]
    fn arm<J>(mut self: Pin<&mut Self>, plan: Plan, cx: &mut Context<'_>, face: &Face<J>) -> Poll<Why> {
        let mut this = self.as_mut().project();
        if face.mode.get() == Mode::Off {
            *this.count = Count::Off;
            return Poll::Pending;
        }
        *this.count = Count::Armed(plan);
        this.alarm.set(Some(Alarm { sleep: timer::until(plan.until()) }));
        ready!(poll_alarm(this.alarm, cx));
        self.is_over(face)
    }

    /// The time is up; what that means, the mode decides.
    #[cold]
    fn is_over<J>(self: Pin<&mut Self>, face: &Face<J>) -> Poll<Why> {
        let Count::Armed(plan) = self.count else { return Poll::Pending };
        self.stop();
        let late = plan.late(Phase::Response, timer::now());
        match face.mode.get() {
            Mode::Enforce => return Poll::Ready(Why::Late(late)),
            Mode::Observe => face.reporter.would_refuse(&late),
            Mode::Off => {}
        }
        Poll::Pending
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
fn poll_again(plan: Plan, alarm: Pin<&mut Option<Alarm>>, cx: &mut Context<'_>) -> Poll<()> {
    let fired = poll_alarm(alarm, cx).is_ready();
    if fired || plan.is_over(timer::now()) { Poll::Ready(()) } else { Poll::Pending }
}

fn poll_alarm(alarm: Pin<&mut Option<Alarm>>, cx: &mut Context<'_>) -> Poll<()> {
    match alarm.as_pin_mut() {
        Some(alarm) => alarm.project().sleep.poll(cx),
        None => Poll::Pending, // it is set whenever it is polled
    }
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
