use std::fmt;
use std::future::Future;
use std::marker::PhantomPinned;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::Sleep;

use crate::gate::{Gate, Ticket};
use crate::ledger::{Ledger, Running};

type BoxedFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How a [`Strict`](crate::Strict) service answers one call.
pub enum Reply<Res, E> {
    /// With a response, at the first poll.
    Ok(Res),
    /// With an error, at the first poll.
    Err(E),
    /// Never.
    Hang,
    /// After some time.
    After(Duration, Result<Res, E>),
    /// When the test lets it: [`Probe::open_gate`](crate::Probe::open_gate).
    Gate(Result<Res, E>),
    /// After that many polls that find it pending, each of which wakes the task at once.
    Yields(usize, Result<Res, E>),
    /// With whatever a future answers; see [`Reply::run`].
    Run(BoxedFuture<Result<Res, E>>),
    /// With a panic at the first poll, of which the panic hook hears nothing.
    Panic,
}

impl<Res, E> Reply<Res, E> {
    /// Answers with what a future answers, such as one that reads the request's body.
    #[expect(clippy::disallowed_methods, reason = "a script may answer with futures of many types")]
    pub fn run(future: impl Future<Output = Result<Res, E>> + Send + 'static) -> Self {
        Self::Run(Box::pin(future))
    }

    fn begin(self, gate: &Gate) -> Doing<Res, E> {
        match self {
            Self::Ok(response) => Doing::Yields { left: 0, answer: Some(Ok(response)) },
            Self::Err(error) => Doing::Yields { left: 0, answer: Some(Err(error)) },
            Self::Hang => Doing::Hang,
            Self::After(wait, answer) => {
                Doing::After { sleep: tokio::time::sleep(wait), answer: Some(answer) }
            }
            Self::Gate(answer) => Doing::Gate { ticket: gate.ticket(), answer: Some(answer) },
            Self::Yields(left, answer) => Doing::Yields { left, answer: Some(answer) },
            Self::Run(future) => Doing::Run { future },
            Self::Panic => Doing::Panic,
        }
    }
}

impl<Res, E> fmt::Debug for Reply<Res, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok(_) => "Ok",
            Self::Err(_) => "Err",
            Self::Hang => "Hang",
            Self::After(..) => "After",
            Self::Gate(_) => "Gate",
            Self::Yields(..) => "Yields",
            Self::Run(_) => "Run",
            Self::Panic => "Panic",
        })
    }
}

pin_project! {
    #[project = Stage]
    enum Doing<Res, E> {
        Hang,
        After { #[pin] sleep: Sleep, answer: Option<Result<Res, E>> },
        Gate { ticket: Ticket, answer: Option<Result<Res, E>> },
        Yields { left: usize, answer: Option<Result<Res, E>> },
        Run { future: BoxedFuture<Result<Res, E>> },
        Panic,
    }
}

impl<Res, E> Doing<Res, E> {
    /// `None` in place of an answer if it was given before.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Res, E>>> {
        match self.project() {
            Stage::Hang => Poll::Pending,
            Stage::After { sleep, answer } => sleep.poll(cx).map(|()| answer.take()),
            Stage::Gate { ticket, answer } => ticket.poll(cx).map(|()| answer.take()),
            Stage::Yields { left: 0, answer } => Poll::Ready(answer.take()),
            Stage::Yields { left, .. } => {
                *left -= 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Stage::Run { future } => future.as_mut().poll(cx).map(Some),
            Stage::Panic => resume_unwind(Box::new("the inner service panicked by script")),
        }
    }
}

pin_project! {
    /// The future of a [`Strict`](crate::Strict) service.
    ///
    /// Holds the request until it answers, as a real service does, and is not `Unpin`, so that a layer cannot come
    /// to rely on it.
    pub struct Answering<Req, Res, E> {
        #[pin]
        doing: Doing<Res, E>,
        request: Option<Req>,
        running: Option<Running>,
        ledger: Ledger,
        #[pin]
        pinned: PhantomPinned,
    }
}

impl<Req, Res, E> Answering<Req, Res, E> {
    pub(crate) fn new(
        reply: Reply<Res, E>,
        gate: &Gate,
        request: Option<Req>,
        running: Running,
        ledger: Ledger,
    ) -> Self {
        Self { doing: reply.begin(gate), request, running: Some(running), ledger, pinned: PhantomPinned }
    }
}

impl<Req, Res, E> Future for Answering<Req, Res, E> {
    type Output = Result<Res, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.running.is_none() {
            this.ledger.violated("the inner service's future was polled after it had answered");
        }
        let Poll::Ready(answer) = this.doing.poll(cx) else { return Poll::Pending };
        *this.request = None;
        if let Some(running) = this.running.take() {
            running.answered();
        }
        match answer {
            Some(answer) => Poll::Ready(answer),
            None => this.ledger.violated("the inner service's future has no answer left"),
        }
    }
}

impl<Req, Res, E> fmt::Debug for Answering<Req, Res, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").field("running", &self.running.is_some()).finish_non_exhaustive()
    }
}
