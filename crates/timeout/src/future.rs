use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use buttress_core::{Mode, Refused, Reject};
use pin_project_lite::pin_project;

use crate::TimedOut;
use crate::on_timeout::Leave;
use crate::reporter::Reporter;
use crate::watch::Watch;

pin_project! {
    /// The response of a service whose time is watched.
    ///
    /// Of a response and a timer that are ready together the response wins: the inner future is polled first.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<W, J> {
        #[pin]
        stage: Stage<W>,
        #[pin]
        watch: Watch,
        mode: Mode,
        reject: J,
        reporter: Reporter,
    }
}

pin_project! {
    #[project = StageProj]
    enum Stage<W> {
        Working { #[pin] work: W },
        Refused { why: Refused },
        Done,
    }
}

impl<W, J> ResponseFuture<W, J> {
    /// A call under way.
    pub(crate) fn working(work: W, watch: Watch, mode: Mode, reject: J, reporter: Reporter) -> Self {
        Self { stage: Stage::Working { work }, watch, mode, reject, reporter }
    }

    /// A call that never began.
    pub(crate) fn refused(why: Refused, reject: J, reporter: Reporter) -> Self {
        Self { stage: Stage::Refused { why }, watch: Watch::Off, mode: Mode::Enforce, reject, reporter }
    }
}

impl<W, J, Res, E> Future for ResponseFuture<W, J>
where
    W: Leave<Output = Result<Res, E>>,
    J: Reject<Res, E>,
{
    type Output = Result<Res, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        match this.stage.project() {
            StageProj::Working { work } => {
                // First, so that a response wins against a timer that fires in the same poll.
                if let Poll::Ready(response) = work.poll(cx) {
                    return Poll::Ready(response);
                }
            }
            StageProj::Refused { why } => {
                let why = why.clone();
                return Poll::Ready(self.refuse(why));
            }
            StageProj::Done => return Poll::Pending, // only after the response has been taken
        }
        let late = ready!(this.watch.poll_late(cx));
        self.run_out(late)
    }
}

impl<W, J> ResponseFuture<W, J> {
    #[cold]
    fn run_out<Res, E>(mut self: Pin<&mut Self>, late: TimedOut) -> Poll<Result<Res, E>>
    where
        W: Leave<Output = Result<Res, E>>,
        J: Reject<Res, E>,
    {
        let mut this = self.as_mut().project();
        if *this.mode != Mode::Enforce {
            this.reporter.would_refuse(&late);
            this.watch.set(Watch::Off);
            return Poll::Pending;
        }
        if let StageProj::Working { work } = this.stage.project() {
            work.leave(this.reporter);
        }
        Poll::Ready(self.refuse(Refused::new(late)))
    }

    /// Answers for the inner service, which is dropped first.
    #[cold]
    fn refuse<Res, E>(self: Pin<&mut Self>, why: Refused) -> Result<Res, E>
    where
        J: Reject<Res, E>,
    {
        let mut this = self.project();
        this.stage.set(Stage::Done);
        this.watch.set(Watch::Off);
        this.reporter.refused(&why);
        this.reject.reject(why)
    }
}

impl<W, J> fmt::Debug for ResponseFuture<W, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Working { .. } => "working",
            Stage::Refused { .. } => "refused",
            Stage::Done => "done",
        };
        f.debug_struct("ResponseFuture").field("stage", &stage).finish_non_exhaustive()
    }
}
