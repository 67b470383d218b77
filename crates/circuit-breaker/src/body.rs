use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use buttress_core::Outcome;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::circuit::now;
use crate::guard::Guard;

pin_project! {
    /// A response body that tells the breaker how it ended.
    ///
    /// Read to the end it is a success, broken off by an error a failure. Dropped while it made its reader wait, it
    /// counts as [abandoned](crate::Abandoned), measured from when the wait began; dropped otherwise, because the
    /// reader had seen enough, it is a success.
    pub struct WatchedBody<B> {
        #[pin]
        body: B,
        watch: BodyWatch,
    }
}

/// What is known of a body that is being read.
struct BodyWatch {
    guard: Guard,
    waiting_since: Option<Instant>,
}

impl<B: Body> WatchedBody<B> {
    pub(crate) fn new(body: B, guard: Guard) -> Self {
        let mut watch = BodyWatch { guard, waiting_since: None };
        if body.is_end_stream() {
            watch.settle(Outcome::Success);
        }
        Self { body, watch }
    }
}

impl<B: Body> Body for WatchedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        this.watch.enter();
        let polled = this.body.as_mut().poll_frame(cx);
        match &polled {
            Poll::Pending => this.watch.waits(),
            Poll::Ready(Some(Err(_))) => this.watch.settle(Outcome::Failure),
            Poll::Ready(None) => this.watch.settle(Outcome::Success),
            // A reader that is told where the end is does not ask again.
            Poll::Ready(Some(Ok(_))) if this.body.is_end_stream() => this.watch.settle(Outcome::Success),
            Poll::Ready(Some(Ok(_))) => this.watch.goes_on(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl BodyWatch {
    fn guard(&mut self) -> Option<&mut Guard> {
        self.guard.is_open().then_some(&mut self.guard)
    }

    fn enter(&mut self) {
        if let Some(guard) = self.guard() {
            guard.enter();
        }
    }

    fn goes_on(&mut self) {
        self.waiting_since = None;
        if let Some(guard) = self.guard() {
            guard.leave();
        }
    }

    fn waits(&mut self) {
        let known = self.waiting_since;
        if let Some(guard) = self.guard() {
            guard.leave();
            self.waiting_since = known.or_else(|| Some(now()));
        }
    }

    fn settle(&mut self, outcome: Outcome) {
        if let Some(guard) = self.guard() {
            guard.settle(outcome, || None);
        }
    }
}

impl Drop for BodyWatch {
    fn drop(&mut self) {
        let since = self.waiting_since;
        match self.guard() {
            Some(guard) if since.is_some() || guard.is_panicking() => guard.abandon(since),
            Some(guard) => guard.settle(Outcome::Success, || None),
            None => {}
        }
    }
}

impl<B> fmt::Debug for WatchedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedBody").field("guard", &self.watch.guard).finish_non_exhaustive()
    }
}
