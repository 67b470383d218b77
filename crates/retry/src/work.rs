//! Retries of work that is no service.

use std::future::Future;
use std::task::{self, Poll};

use buttress_core::Attempt;
use tower_service::Service;

use crate::resend::Whole;
use crate::{CannotRepeat, Discard, Repeat};

/// A closure that begins one attempt each time it is called.
#[derive(Clone, Copy, Debug)]
pub struct Work<F>(pub(crate) F);

impl<F, Fut, T, E> Service<Attempt> for Work<F>
where
    F: FnMut(Attempt) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Response = T;
    type Error = E;
    type Future = Fut;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, attempt: Attempt) -> Fut {
        (self.0)(attempt)
    }
}

/// Repeats a [`Work`], of which nothing but the number of the attempt is sent.
#[derive(Clone, Copy, Debug)]
pub struct Numbered;

impl Repeat for Numbered {
    type Sent = Attempt;
    type Facts = ();

    fn facts(&self) -> Result<&(), CannotRepeat> {
        Ok(&())
    }

    fn check(&self) -> Result<(), CannotRepeat> {
        Ok(())
    }

    fn again(&mut self, attempt: Attempt) -> Result<Attempt, CannotRepeat> {
        Ok(attempt)
    }

    fn last(&mut self, attempt: Attempt) -> Result<Attempt, CannotRepeat> {
        Ok(attempt)
    }
}

impl<Res> Discard<Res> for Numbered {
    type Rest = Whole<Res>;

    fn begin(response: Res) -> Whole<Res> {
        Whole(response)
    }

    fn poll_drain(_: &mut Whole<Res>, _: usize, _: &mut task::Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn release(_: &mut Whole<Res>) {}

    fn give_back(rest: Whole<Res>) -> Res {
        rest.0
    }
}
