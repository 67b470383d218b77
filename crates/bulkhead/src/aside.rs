use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use buttress_core::{Refused, Reject};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::permit::Permit;
use crate::wait::Wait;

pin_project! {
    /// A call that found no room: it waits, or has been refused.
    #[project = AsideProjection]
    pub(crate) enum Aside<S, Req, J>
    where
        S: Service<Req>,
    {
        Waiting { #[pin] wait: Wait, call: Option<Call<S, Req, J>> },
        Refused { answer: Option<Result<S::Response, S::Error>> },
    }
}

/// A call that has not begun, with the service that is ready for it.
pub(crate) struct Call<S, Req, J> {
    pub(crate) service: S,
    pub(crate) request: Req,
    pub(crate) reject: J,
}

/// What becomes of it.
pub(crate) enum Next<F, A> {
    Run { future: F, permit: Permit },
    Answer(A),
}

#[expect(
    clippy::disallowed_methods,
    reason = "a call that waits has the time, and others need not have the room"
)]
impl<S: Service<Req>, Req, J> Aside<S, Req, J> {
    pub(crate) fn refused(answer: Result<S::Response, S::Error>) -> Pin<Box<Self>> {
        Box::pin(Self::Refused { answer: Some(answer) })
    }

    pub(crate) fn waiting(wait: Wait, call: Call<S, Req, J>) -> Pin<Box<Self>> {
        Box::pin(Self::Waiting { wait, call: Some(call) })
    }
}

impl<S, Req, J> Future for Aside<S, Req, J>
where
    S: Service<Req>,
    J: Reject<S::Response, S::Error>,
{
    type Output = Next<S::Future, Result<S::Response, S::Error>>;

    // Polled again after it was ready, it stays pending for good.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project() {
            AsideProjection::Refused { answer } => {
                let Some(answer) = answer.take() else { return Poll::Pending };
                Next::Answer(answer)
            }
            AsideProjection::Waiting { wait, call } => {
                let permit = ready!(wait.poll(cx));
                let Some(Call { mut service, request, reject }) = call.take() else {
                    return Poll::Pending;
                };
                match permit {
                    Ok(permit) => Next::Run { future: service.call(request), permit },
                    Err(why) => Next::Answer(reject.reject(Refused::new(why))),
                }
            }
        })
    }
}
