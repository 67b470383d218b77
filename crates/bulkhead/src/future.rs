use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use buttress_core::{Refused, Reject};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::Bulkhead;
use crate::aside::{Aside, Call, Next};
use crate::hold::Hold;
use crate::state::State;
use crate::wait::Asked;

pin_project! {
    /// The answer of a [`BulkheadService`](crate::BulkheadService): the inner service's, or the refusal.
    ///
    /// Dropped before it ends, it returns its permit, or gives up its place in the queue, before the drop returns.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, J, H>
    where
        S: Service<Req>,
    {
        #[pin]
        state: State<S, Req, J>,
        hold: H,
    }
}

impl<S, Req, J, H> ResponseFuture<S, Req, J, H>
where
    S: Service<Req> + Clone,
    J: Reject<S::Response, S::Error> + Clone,
    H: Hold<Req, S::Response> + Clone,
{
    /// Calls the service, which is ready, if there is a permit.
    #[inline]
    pub(crate) fn begin(service: &mut S, request: Req, bulkhead: &Bulkhead, reject: &J, hold: &H) -> Self {
        // Built in each arm, since what is built before it is known where to, is copied there.
        match bulkhead.free_permit() {
            Some(permit) => Self { state: State::running(service.call(request), permit), hold: hold.clone() },
            None => Self::begin_when_full(service, request, bulkhead, reject, hold),
        }
    }

    #[cold]
    #[inline(never)]
    fn begin_when_full(service: &mut S, request: Req, bulkhead: &Bulkhead, reject: &J, hold: &H) -> Self {
        let state = match bulkhead.ask_when_full(|| hold.deadline(&request)) {
            Asked::Runs(permit) => State::running(service.call(request), permit),
            Asked::Refused(why) => State::aside(Aside::refused(reject.reject(Refused::new(why)))),
            Asked::Waits(wait) => {
                // The instance that is ready waits along; the handle goes on with one that is not.
                let spare = service.clone();
                let (service, reject) = (mem::replace(service, spare), reject.clone());
                State::aside(Aside::waiting(wait, Call { service, request, reject }))
            }
        };
        Self { state, hold: hold.clone() }
    }
}

impl<S, Req, J, H> Future for ResponseFuture<S, Req, J, H>
where
    S: Service<Req>,
    J: Reject<S::Response, S::Error>,
    H: Hold<Req, S::Response>,
{
    type Output = Result<H::Held, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.as_mut().project();
        if let Some(future) = this.state.as_mut().as_running() {
            let result = ready!(future.poll(cx));
            let mut permit = this.state.end();
            return Poll::Ready(result.map(|response| this.hold.hold(response, &mut permit)));
        }
        self.poll_aside(cx)
    }
}

impl<S, Req, J, H> ResponseFuture<S, Req, J, H>
where
    S: Service<Req>,
    J: Reject<S::Response, S::Error>,
    H: Hold<Req, S::Response>,
{
    /// Out of line, so that the way of a call that runs at once stays short.
    // Polled again after it was ready, it stays pending for good.
    #[cold]
    #[inline(never)]
    fn poll_aside(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<H::Held, S::Error>> {
        let mut this = self.as_mut().project();
        let Some(aside) = this.state.as_mut().as_aside() else { return Poll::Pending };
        let next = ready!(aside.poll(cx));
        this.state.as_mut().clear();
        match next {
            Next::Run { future, permit } => this.state.set(State::running(future, permit)),
            Next::Answer(answer) => {
                return Poll::Ready(answer.map(|response| this.hold.hold(response, &mut None)));
            }
        }
        self.poll(cx)
    }
}

impl<S: Service<Req>, Req, J, H> fmt::Debug for ResponseFuture<S, Req, J, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("running", &self.state.is_running()).finish_non_exhaustive()
    }
}
