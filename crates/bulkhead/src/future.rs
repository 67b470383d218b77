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
use crate::permit::Permit;
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
        state: State<S, Req, J, H>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, Req, J, H>
    where
        S: Service<Req>,
    {
        // In this order: nothing of the call is left when its permit returns.
        Running { #[pin] future: S::Future, permit: Option<Permit>, hold: H },
        // Apart, so that a call which runs at once does not carry the room for it.
        Aside { aside: Pin<Box<Aside<S, Req, J, H>>> },
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
        match bulkhead.free_permit() {
            Some(permit) => Self::running(service.call(request), permit, hold.clone()),
            None => Self::begin_when_full(service, request, bulkhead, reject, hold),
        }
    }

    #[cold]
    #[inline(never)]
    fn begin_when_full(service: &mut S, request: Req, bulkhead: &Bulkhead, reject: &J, hold: &H) -> Self {
        let hold = hold.clone();
        let aside = match bulkhead.ask_when_full(|| hold.deadline(&request)) {
            Asked::Runs(permit) => return Self::running(service.call(request), permit, hold),
            Asked::Refused(why) => Aside::refused(reject.reject(Refused::new(why)), hold),
            Asked::Waits(wait) => {
                // The instance that is ready waits along; the handle goes on with one that is not.
                let spare = service.clone();
                let (service, reject) = (mem::replace(service, spare), reject.clone());
                Aside::waiting(wait, Call { service, request, reject, hold })
            }
        };
        Self { state: State::Aside { aside } }
    }

    #[inline]
    fn running(future: S::Future, permit: Permit, hold: H) -> Self {
        Self { state: State::Running { future, permit: Some(permit), hold } }
    }
}

impl<S, Req, J, H> Future for ResponseFuture<S, Req, J, H>
where
    S: Service<Req>,
    J: Reject<S::Response, S::Error>,
    H: Hold<Req, S::Response>,
{
    type Output = Result<H::Held, S::Error>;

    #[expect(
        clippy::inline_always,
        reason = "it is polled from one place, and left alone costs 28 instructions"
    )]
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let StateProjection::Running { future, permit, hold } = self.as_mut().project().state.project() {
            let result = ready!(future.poll(cx));
            let permit = permit.take();
            return Poll::Ready(result.map(|response| hold.hold(response, permit)));
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
    #[cold]
    #[inline(never)]
    fn poll_aside(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<H::Held, S::Error>> {
        let mut state = self.as_mut().project().state;
        if let StateProjection::Aside { aside } = state.as_mut().project() {
            match ready!(aside.as_mut().poll(cx)) {
                Next::Run { future, permit, hold } => {
                    state.set(State::Running { future, permit: Some(permit), hold });
                }
                Next::Answer(answer) => return Poll::Ready(answer),
            }
        }
        self.poll(cx)
    }
}

impl<S: Service<Req>, Req, J, H> fmt::Debug for ResponseFuture<S, Req, J, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = matches!(self.state, State::Running { .. });
        f.debug_struct("ResponseFuture").field("running", &running).finish_non_exhaustive()
    }
}
