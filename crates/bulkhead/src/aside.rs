use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use buttress_core::{Refused, Reject};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::hold::Hold;
use crate::permit::Permit;
use crate::wait::Wait;

pin_project! {
    /// A call that found no room: it waits, or has been refused.
    #[project = AsideProjection]
    pub(crate) enum Aside<S, Req, J, H>
    where
        S: Service<Req>,
    {
        Waiting { #[pin] wait: Wait, call: Option<Call<S, Req, J, H>> },
        Refused { answer: Option<Result<S::Response, S::Error>>, hold: H },
    }
}

/// A call that has not begun, with the service that is ready for it.
pub(crate) struct Call<S, Req, J, H> {
    pub(crate) service: S,
    pub(crate) request: Req,
    pub(crate) reject: J,
    pub(crate) hold: H,
}

/// What becomes of it.
pub(crate) enum Next<F, H, A> {
    Run { future: F, permit: Permit, hold: H },
    Answer(A),
}

#[expect(
    clippy::disallowed_methods,
    reason = "a call that waits has the time, and others need not have the room"
)]
impl<S: Service<Req>, Req, J, H> Aside<S, Req, J, H> {
    pub(crate) fn refused(answer: Result<S::Response, S::Error>, hold: H) -> Pin<Box<Self>> {
        Box::pin(Self::Refused { answer: Some(answer), hold })
    }

    pub(crate) fn waiting(wait: Wait, call: Call<S, Req, J, H>) -> Pin<Box<Self>> {
        Box::pin(Self::Waiting { wait, call: Some(call) })
    }
}

impl<S, Req, J, H> Future for Aside<S, Req, J, H>
where
    S: Service<Req>,
    J: Reject<S::Response, S::Error>,
    H: Hold<Req, S::Response>,
{
    type Output = Next<S::Future, H, Result<H::Held, S::Error>>;

    // Polled again after it was ready, it stays pending for good.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project() {
            AsideProjection::Refused { answer, hold } => {
                let Some(answer) = answer.take() else { return Poll::Pending };
                Next::Answer(answer.map(|response| hold.hold(response, None)))
            }
            AsideProjection::Waiting { wait, call } => {
                let permit = ready!(wait.poll(cx));
                let Some(Call { mut service, request, reject, hold }) = call.take() else {
                    return Poll::Pending;
                };
                match permit {
                    Ok(permit) => Next::Run { future: service.call(request), permit, hold },
                    Err(why) => Next::Answer(
                        reject.reject(Refused::new(why)).map(|response| hold.hold(response, None)),
                    ),
                }
            }
        })
    }
}
