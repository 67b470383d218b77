use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tower_service::Service;

pin_project! {
    /// `None` if the work panics. What it shared was shared across unwinding anyway.
    ///
    /// The work is dropped as soon as it is over, and may panic in that as well: it changes nothing that is known.
    /// A named future, because an async function would hold the work twice, as its argument and pinned.
    pub(crate) struct Caught<W> {
        #[pin]
        work: Option<W>,
    }
}

impl<W> Caught<W> {
    pub(crate) const fn new(work: W) -> Self {
        Self { work: Some(work) }
    }
}

impl<W: Future> Future for Caught<W> {
    type Output = Option<W::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // Polled again after it was ready, it stays pending for good.
        let Some(work) = this.work.as_mut().as_pin_mut() else { return Poll::Pending };
        let done = match catch_unwind(AssertUnwindSafe(|| work.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(done)) => Some(done),
            Err(_) => None,
        };
        let _ = catch_unwind(AssertUnwindSafe(|| this.work.set(None)));
        Poll::Ready(done)
    }
}

pin_project! {
    /// One piece of work, and then another that is made of its outcome. It holds the one or the other, and never both.
    #[project = ThenProjection]
    pub(crate) enum Then<A, B, F> {
        First { #[pin] first: A, next: Option<F> },
        Second { #[pin] second: B },
    }
}

impl<A: Future, B: Future, F: FnOnce(A::Output) -> B> Then<A, B, F> {
    pub(crate) const fn new(first: A, next: F) -> Self {
        Self::First { first, next: Some(next) }
    }
}

impl<A: Future, B: Future, F: FnOnce(A::Output) -> B> Future for Then<A, B, F> {
    type Output = B::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<B::Output> {
        if let ThenProjection::First { first, next } = self.as_mut().project() {
            let Poll::Ready(outcome) = first.poll(cx) else { return Poll::Pending };
            // Polled again after the first has panicked, it stays pending for good.
            let Some(next) = next.take() else { return Poll::Pending };
            let second = next(outcome);
            self.set(Self::Second { second });
        }
        match self.project() {
            ThenProjection::Second { second } => second.poll(cx),
            ThenProjection::First { .. } => Poll::Pending,
        }
    }
}

pin_project! {
    /// Calls a service when it is polled for the first time, so that the call belongs to whoever polls. It holds the
    /// request or the call, and never both.
    #[project = CallProjection]
    pub(crate) enum Call<S: Service<Req>, Req> {
        Before { service: S, request: Option<Req> },
        During { #[pin] call: S::Future },
    }
}

impl<S: Service<Req>, Req> Call<S, Req> {
    pub(crate) const fn new(service: S, request: Req) -> Self {
        Self::Before { service, request: Some(request) }
    }
}

impl<S: Service<Req>, Req> Future for Call<S, Req> {
    type Output = Result<S::Response, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let CallProjection::Before { service, request } = self.as_mut().project() {
            // Polled again after the call has panicked, it stays pending for good.
            let Some(request) = request.take() else { return Poll::Pending };
            let call = service.call(request);
            self.set(Self::During { call });
        }
        match self.project() {
            CallProjection::During { call } => call.poll(cx),
            CallProjection::Before { .. } => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::future::{Ready, ready};
    use std::pin::pin;
    use std::task::Waker;

    use super::*;

    /// Counts its calls, and panics if it is told to.
    struct Counts<'a>(&'a Cell<usize>);

    impl Service<bool> for Counts<'_> {
        type Response = usize;
        type Error = Infallible;
        type Future = Ready<Result<usize, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, panics: bool) -> Self::Future {
            self.0.set(self.0.get() + 1);
            assert!(!panics, "in the call");
            ready(Ok(self.0.get()))
        }
    }

    fn poll<F: Future>(work: Pin<&mut F>) -> Poll<F::Output> {
        work.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_service_is_called_by_whoever_polls_and_once() {
        let calls = Cell::new(0);
        let mut call = pin!(Then::new(Call::new(Counts(&calls), false), |said| ready((said, calls.get()))));
        assert_eq!(calls.get(), 0);
        assert_eq!(poll(call.as_mut()), Poll::Ready((Ok(1), 1)));
    }

    #[test]
    fn a_panic_in_the_call_is_caught_and_it_is_not_called_again() {
        let calls = Cell::new(0);
        let mut call = pin!(Call::new(Counts(&calls), true));
        assert_eq!(poll(pin!(Caught::new(call.as_mut()))), Poll::Ready(None));
        assert_eq!((poll(call.as_mut()), calls.get()), (Poll::Pending, 1));
    }

    #[test]
    fn of_two_pieces_of_work_one_is_held_at_a_time() {
        assert!(size_of::<Then<[u8; 1_000], [u8; 1_000], ()>>() < 1_100);
    }
}
