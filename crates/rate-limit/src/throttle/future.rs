use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};

use buttress_core::{Refused, Reject};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower_service::Service;

use super::feedback::Feedback;
use super::layer::Core;
use super::ticket::{Due, Ticket};
use crate::KeyHash;

pin_project! {
    /// The answer of a [`Throttle`](super::Throttle): the inner service's, or the refusal.
    ///
    /// Dropped while it waits, it gives its slot back if nobody has reserved after it, and lets it lapse as long as
    /// somebody waits behind it.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, W, C> {
        #[pin]
        state: State<F, W>,
        // None if the throttle was off.
        key: Option<KeyHash>,
        core: Arc<C>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, W> {
        Waiting { held: Option<W> },
        Running { #[pin] future: F },
        Refused { refused: Option<Refused> },
    }
}

/// A call that waits for its slot.
pub struct Held<S, Req> {
    inner: S,
    request: Req,
    ticket: Ticket,
    timer: Pin<Box<Sleep>>,
}

impl<S, Req> Held<S, Req> {
    #[expect(clippy::disallowed_methods, reason = "only a call that waits pays for it")]
    pub(super) fn new(inner: S, request: Req, ticket: Ticket) -> Self {
        let timer = Box::pin(sleep_until(Instant::from_std(ticket.slot())));
        Self { inner, request, ticket, timer }
    }

    /// Ready with `Ok` when the call may be sent.
    fn poll_due(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), Refused>> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            match self.ticket.due() {
                Due::Now => return Poll::Ready(Ok(())),
                Due::At(moment) => self.timer.as_mut().reset(Instant::from_std(moment)),
                Due::Never(refused) => return Poll::Ready(Err(refused)),
            }
        }
    }
}

impl<F, W, C> ResponseFuture<F, W, C> {
    #[inline]
    pub(super) fn running(future: F, key: KeyHash, core: Arc<C>) -> Self {
        Self { state: State::Running { future }, key: Some(key), core }
    }

    pub(super) fn unheard(future: F, core: Arc<C>) -> Self {
        Self { state: State::Running { future }, key: None, core }
    }

    pub(super) fn waiting(held: W, key: KeyHash, core: Arc<C>) -> Self {
        Self { state: State::Waiting { held: Some(held) }, key: Some(key), core }
    }

    pub(super) fn refused(refused: Refused, key: KeyHash, core: Arc<C>) -> Self {
        Self { state: State::Refused { refused: Some(refused) }, key: Some(key), core }
    }
}

impl<S, Req, K, L, J> Future for ResponseFuture<S::Future, Held<S, Req>, Core<K, L, J>>
where
    S: Service<Req>,
    L: Feedback<Req, S::Response, S::Error>,
    J: Reject<S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProjection::Running { future } => {
                    let answer = ready!(future.poll(cx));
                    let Core { throttle, feedback, .. } = &**this.core;
                    if let Some(key) = *this.key
                        && let Some(pause) = feedback.pause(answer.as_ref(), throttle.wall())
                    {
                        throttle.block(key, pause);
                    }
                    return Poll::Ready(answer);
                }
                StateProjection::Waiting { held: waiting } => {
                    // Polled again after it was ready, it stays pending for good.
                    let Some(held) = waiting else { return Poll::Pending };
                    let due = ready!(held.poll_due(cx));
                    let Some(Held { mut inner, request, .. }) = waiting.take() else { return Poll::Pending };
                    match due {
                        Ok(()) => State::Running { future: inner.call(request) },
                        Err(refused) => State::Refused { refused: Some(refused) },
                    }
                }
                StateProjection::Refused { refused } => {
                    let Some(refused) = refused.take() else { return Poll::Pending };
                    return Poll::Ready(this.core.reject.reject(refused));
                }
            };
            this.state.set(next);
        }
    }
}

impl<F, W, C> fmt::Debug for ResponseFuture<F, W, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = matches!(self.state, State::Waiting { held: Some(_) });
        f.debug_struct("ResponseFuture").field("is_waiting", &waiting).finish_non_exhaustive()
    }
}

impl<S, Req> fmt::Debug for Held<S, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}
