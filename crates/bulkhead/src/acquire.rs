use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use buttress_core::Context as RequestContext;
use pin_project_lite::pin_project;

use crate::Bulkhead;
use crate::permit::Permit;
use crate::rejection::Saturated;
use crate::wait::{Asked, Wait};

pin_project! {
    /// Resolves to a permit or to a refusal; made by [`Bulkhead::acquire`].
    ///
    /// It takes its place in the queue when it is polled first, and gives it up when it is dropped.
    #[must_use = "futures do nothing unless polled"]
    pub struct Acquire {
        bulkhead: Bulkhead,
        #[pin]
        stage: Stage,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage {
        Unasked,
        Waiting { #[pin] wait: Wait },
        Done,
    }
}

impl Acquire {
    pub(crate) fn new(bulkhead: Bulkhead) -> Self {
        Self { bulkhead, stage: Stage::Unasked }
    }
}

impl Future for Acquire {
    type Output = Result<Permit, Saturated>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let result = loop {
            match this.stage.as_mut().project() {
                StageProjection::Waiting { wait } => break ready!(wait.poll(cx)),
                // Polled again after it was ready, it stays pending for good.
                StageProjection::Done => return Poll::Pending,
                StageProjection::Unasked => {
                    match this.bulkhead.ask(|| RequestContext::with_current(RequestContext::deadline)) {
                        Asked::Runs(permit) => break Ok(permit),
                        Asked::Refused(why) => break Err(why),
                        Asked::Waits(wait) => this.stage.set(Stage::Waiting { wait }),
                    }
                }
            }
        };
        this.stage.set(Stage::Done);
        Poll::Ready(result)
    }
}

impl fmt::Debug for Acquire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("bulkhead", &self.bulkhead).finish_non_exhaustive()
    }
}
