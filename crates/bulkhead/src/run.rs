use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::acquire::Acquire;
use crate::permit::Permit;
use crate::rejection::Saturated;

pin_project! {
    /// A future that runs once it has a permit; made by [`Bulkhead::run`](crate::Bulkhead::run).
    ///
    /// The permit returns when the future has ended and is gone, or when this is dropped.
    #[must_use = "futures do nothing unless polled"]
    pub struct Run<F> {
        #[pin]
        acquire: Acquire,
        #[pin]
        future: Option<F>,
        permit: Option<Permit>,
    }
}

impl<F> Run<F> {
    pub(crate) fn new(acquire: Acquire, future: F) -> Self {
        Self { acquire, future: Some(future), permit: None }
    }
}

impl<F: Future> Future for Run<F> {
    type Output = Result<F::Output, Saturated>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.permit.is_none() {
            match ready!(this.acquire.poll(cx)) {
                Ok(permit) => *this.permit = Some(permit),
                Err(why) => {
                    this.future.set(None);
                    return Poll::Ready(Err(why));
                }
            }
        }
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            return Poll::Pending; // polled again after it was ready
        };
        let output = ready!(future.poll(cx));
        // In this order: nothing of the call is left when the next one begins.
        this.future.set(None);
        *this.permit = None;
        Poll::Ready(Ok(output))
    }
}

impl<F> fmt::Debug for Run<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("permit", &self.permit).finish_non_exhaustive()
    }
}
