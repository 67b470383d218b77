use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

use crate::record::{NotRecorded, Reason, Receipt};

pin_project! {
    /// The wait for a receipt, for so long at most: a disk that hangs must not hang those who wait for its records.
    ///
    /// The event is on its way whatever becomes of the wait.
    pub(super) struct Patient<F> {
        #[pin]
        recording: F,
        longest: Duration,
        // In a box, so that a receipt that is there at once needs not have the room for it.
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<F> Patient<F> {
    pub(super) fn new(recording: F, longest: Duration) -> Self {
        Self { recording, longest, timer: None }
    }
}

impl<F: Future<Output = Result<Receipt, NotRecorded>>> Future for Patient<F> {
    type Output = Result<Receipt, NotRecorded>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // First, so that a receipt wins against a timer that fires in the same poll.
        if let Poll::Ready(receipt) = this.recording.poll(cx) {
            return Poll::Ready(receipt);
        }
        ready!(timer(this.timer, *this.longest).as_mut().poll(cx));
        Poll::Ready(Err(NotRecorded::new(Reason::NoReceipt)))
    }
}

#[expect(clippy::disallowed_methods, reason = "only who waits for a thread or a disk pays for it")]
fn timer(timer: &mut Option<Pin<Box<Sleep>>>, longest: Duration) -> &mut Pin<Box<Sleep>> {
    timer.get_or_insert_with(|| Box::pin(sleep(longest)))
}
