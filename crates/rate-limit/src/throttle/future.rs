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
        // Apart, so that a call which is sent at once does not carry the room for it.
        Waiting { held: Pin<Box<W>> },
        Running { #[pin] future: F },
        Refused { refused: Option<Refused> },
    }
}

pin_project! {
    /// A call that waits for its slot.
    pub struct Held<S, Req> {
        call: Option<(S, Req)>,
        ticket: Ticket,
        #[pin]
        timer: Sleep,
    }
}

impl<S, Req> Held<S, Req> {
    #[expect(clippy::disallowed_methods, reason = "only a call that waits pays for it")]
    pub(super) fn new(inner: S, request: Req, ticket: Ticket) -> Pin<Box<Self>> {
        let timer = sleep_until(Instant::from_std(ticket.slot()));
        Box::pin(Self { call: Some((inner, request)), ticket, timer })
    }

    /// Ready when the call may be sent, with the call.
    fn poll_due(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(S, Req), Refused>> {
        let mut this = self.project();
        loop {
            ready!(this.timer.as_mut().poll(cx));
            match this.ticket.due() {
                // Polled again after it was ready, it stays pending for good.
                Due::Now => return this.call.take().map_or(Poll::Pending, |call| Poll::Ready(Ok(call))),
                Due::At(moment) => this.timer.as_mut().reset(Instant::from_std(moment)),
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

    pub(super) fn waiting(held: Pin<Box<W>>, key: KeyHash, core: Arc<C>) -> Self {
        Self { state: State::Waiting { held }, key: Some(key), core }
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
                StateProjection::Waiting { held } => match ready!(held.as_mut().poll_due(cx)) {
                    Ok((mut inner, request)) => State::Running { future: inner.call(request) },
                    Err(refused) => State::Refused { refused: Some(refused) },
                },
                StateProjection::Refused { refused } => {
                    // Polled again after it was ready, it stays pending for good.
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
        let waiting = matches!(self.state, State::Waiting { .. });
        f.debug_struct("ResponseFuture").field("is_waiting", &waiting).finish_non_exhaustive()
    }
}

impl<S, Req> fmt::Debug for Held<S, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}
