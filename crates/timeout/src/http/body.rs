use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use buttress_core::{BoxError, Deadline, Mode, Refused};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::Sleep;

use crate::plan::Plan;
use crate::reporter::Reporter;
use crate::{Phase, TimedOut, timer};

/// Whose body it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodySide {
    /// That of a request.
    Request,
    /// That of a response.
    Response,
}

/// A body took too long; the error of a [`TimeoutBody`], in a box.
///
/// Its cause is the [`Refused`] that every layer of this family gives, so code that knows only those finds it too.
#[derive(Clone, Debug)]
pub struct BodyTimedOut {
    side: BodySide,
    late: TimedOut,
    refused: Refused,
}

impl BodyTimedOut {
    fn new(side: BodySide, late: TimedOut) -> Self {
        Self { side, late, refused: Refused::new(late) }
    }

    /// Whose body it is.
    pub fn side(&self) -> BodySide {
        self.side
    }

    /// Which clock ran out, and when: [`Phase::BodyIdle`] or [`Phase::BodyTotal`].
    pub fn timed_out(&self) -> TimedOut {
        self.late
    }
}

impl fmt::Display for BodyTimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.side {
            BodySide::Request => "the body of the request took too long",
            BodySide::Response => "the body of the response took too long",
        })
    }
}

impl Error for BodyTimedOut {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.refused)
    }
}

/// The clocks of one body.
#[derive(Clone, Debug)]
pub(super) struct Clocks {
    pub(super) side: BodySide,
    /// The longest wait for one frame.
    pub(super) idle: Option<Duration>,
    /// The end of everything.
    pub(super) deadline: Option<Deadline>,
    pub(super) mode: Mode,
    pub(super) reporter: Reporter,
}

impl Clocks {
    fn are_off(&self) -> bool {
        self.idle.is_none() && self.deadline.is_none()
    }

    /// What ends the wait that began at `since`.
    fn plan(&self, since: Instant) -> Plan {
        Plan::new(since, self.idle.unwrap_or(Duration::MAX), self.deadline)
    }

    fn stop(&mut self) {
        (self.idle, self.deadline) = (None, None);
    }
}

pin_project! {
    /// A body that must not stand still for too long nor go on beyond a deadline; made by
    /// [`BodyTimeoutLayer`](crate::BodyTimeoutLayer).
    ///
    /// A frame that is ready together with a timer is delivered. The idle clock runs only while somebody waits for a
    /// frame, so a slow reader is not taken for a slow sender; the deadline holds for both, with one frame's grace.
    #[derive(Debug)]
    pub struct TimeoutBody<B> {
        #[pin]
        body: Option<B>,
        #[pin]
        timer: Option<Sleep>,
        clocks: Clocks,
        begun: Option<Instant>,
        waiting: Option<Instant>,
        overdue: bool,
    }
}

/// A body that is there already, such as the document of an outer layer's refusal; no clock runs for it.
impl<B: From<Bytes>> From<Bytes> for TimeoutBody<B> {
    fn from(whole: Bytes) -> Self {
        let (mode, reporter) = (Mode::Off, Reporter::default());
        Self::new(
            B::from(whole),
            Clocks { side: BodySide::Response, idle: None, deadline: None, mode, reporter },
        )
    }
}

impl<B> TimeoutBody<B> {
    pub(super) fn new(body: B, clocks: Clocks) -> Self {
        Self { body: Some(body), timer: None, clocks, begun: None, waiting: None, overdue: false }
    }

    /// Ready once a clock has run out, while the body itself is pending.
    fn poll_late(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TimedOut> {
        let mut this = self.project();
        if this.clocks.are_off() {
            return Poll::Pending;
        }
        let since = *this.waiting.get_or_insert_with(timer::now);
        let begun = *this.begun.get_or_insert(since);
        let plan = this.clocks.plan(since);
        if this.timer.is_none() {
            this.timer.set(Some(timer::until(plan.until())));
        }
        let Some(mut timer) = this.timer.as_pin_mut() else { return Poll::Pending };
        ready!(timer::poll(timer.as_mut(), cx));
        if !plan.is_over(timer::now()) {
            // It was set for an earlier wait: cheaper to find that out now than to set it anew for each frame.
            timer.as_mut().reset(plan.until().into());
            ready!(timer::poll(timer, cx));
        }
        Poll::Ready(late(plan, begun, timer::now()))
    }

    /// Notes that a frame has come; says whether it came beyond the grace.
    fn frame_came(self: Pin<&mut Self>, is_last: bool) -> Option<TimedOut> {
        let this = self.project();
        *this.waiting = None;
        let deadline = this.clocks.deadline.filter(|_| !is_last)?;
        let now = timer::now();
        let begun = *this.begun.get_or_insert(now);
        let was_overdue = std::mem::replace(this.overdue, deadline.is_past(now));
        was_overdue.then(|| late(Plan::new(begun, Duration::MAX, Some(deadline)), begun, now))
    }

    /// The error, and the end of the body; nothing if the layer only observes.
    fn run_out(self: Pin<&mut Self>, late: TimedOut) -> Option<BoxError> {
        let mut this = self.project();
        this.clocks.stop();
        this.timer.set(None);
        if this.clocks.mode != Mode::Enforce {
            this.clocks.reporter.would_refuse(&late);
            return None;
        }
        this.body.set(None);
        let error = BodyTimedOut::new(this.clocks.side, late);
        this.clocks.reporter.refused(&error.refused);
        Some(error.into())
    }
}

fn late(plan: Plan, begun: Instant, now: Instant) -> TimedOut {
    if plan.is_cut_by_deadline() {
        let whole = plan.since(begun);
        return whole.late(Phase::BodyTotal, now);
    }
    plan.late(Phase::BodyIdle, now)
}

impl<B> Body for TimeoutBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let Some(mut body) = self.as_mut().project().body.as_pin_mut() else { return Poll::Ready(None) };
        // First, so that a frame wins against a timer that fires in the same poll.
        match body.as_mut().poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let is_last = body.is_end_stream() || frame.is_trailers();
                let late = self.as_mut().frame_came(is_last);
                let error = late.and_then(|late| self.run_out(late));
                Poll::Ready(Some(error.map_or(Ok(frame), Err)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                let late = ready!(self.as_mut().poll_late(cx));
                match self.run_out(late) {
                    Some(error) => Poll::Ready(Some(Err(error))),
                    None => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
