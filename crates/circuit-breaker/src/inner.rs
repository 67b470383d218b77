use std::task::{Context, Poll, Waker};

use buttress_core::Outcome;
use tower_service::Service;

use crate::Breaker;
use crate::guard::Guard;
use crate::rejection::CircuitOpen;

/// The inner service, and whether it has said that it is ready.
pub(crate) struct Inner<S> {
    pub(crate) service: S,
    pub(crate) ready: bool,
}

/// What becomes of a call.
pub(crate) enum Fate<E> {
    Refused(CircuitOpen),
    /// The inner service failed before it could be called.
    Failed(E),
    Runs(Guard),
}

impl<S> Inner<S> {
    pub(crate) fn new(service: S) -> Self {
        Self { service, ready: false }
    }

    #[inline]
    pub(crate) fn poll_ready<Req>(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Service<Req>,
    {
        let polled = self.service.poll_ready(cx);
        self.ready = matches!(polled, Poll::Ready(Ok(())));
        polled
    }

    #[inline]
    pub(crate) fn fate_of_call<Req>(&mut self, breaker: &Breaker) -> Fate<S::Error>
    where
        S: Service<Req>,
    {
        match breaker.admit() {
            Err(open) => Fate::Refused(open),
            Ok(guard) if self.ready => Fate::Runs(guard),
            Ok(guard) => self.ready_at_last(breaker, guard),
        }
    }

    /// Calls the inner service, which is ready.
    #[inline]
    pub(crate) fn call<Req>(&mut self, request: Req) -> S::Future
    where
        S: Service<Req>,
    {
        self.ready = false;
        self.service.call(request)
    }

    /// The breaker refused when this handle became ready and admits now, so nobody has asked the inner service.
    ///
    /// Nobody can wait for it here either: if it is not ready at once, the call is refused after all.
    #[cold]
    fn ready_at_last<Req>(&mut self, breaker: &Breaker, mut guard: Guard) -> Fate<S::Error>
    where
        S: Service<Req>,
    {
        match self.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Fate::Runs(guard),
            Poll::Ready(Err(error)) => {
                // The call never begins, which says nothing of the service.
                guard.settle(Outcome::Ignored, || None);
                Fate::Failed(error)
            }
            Poll::Pending => {
                // The call never begins, which says nothing of the service.
                guard.settle(Outcome::Ignored, || None);
                Fate::Refused(breaker.circuit().not_ready())
            }
        }
    }
}

/// A clone of the inner service has not said that it is ready.
impl<S: Clone> Clone for Inner<S> {
    fn clone(&self) -> Self {
        Self::new(self.service.clone())
    }
}
