use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::task::coop::{Unconstrained, unconstrained};
use tokio::time::{Sleep, sleep};

pin_project! {
    /// Waits no longer than so long, counted from when there is something to wait for: what is ready at once costs no
    /// timer and no look at the clock.
    ///
    /// A named future, because an async function would hold the work twice, as its argument and pinned.
    pub(crate) struct Within<F> {
        limit: Duration,
        #[pin]
        work: F,
        end: Option<Pin<Box<Unconstrained<Sleep>>>>,
    }
}

/// It took too long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Late;

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it took too long")
    }
}

impl Error for Late {}

pub(crate) const fn within<F: Future>(limit: Duration, work: F) -> Within<F> {
    Within { limit, work, end: None }
}

impl<F: Future> Future for Within<F> {
    type Output = Result<F::Output, Late>;

    /// What is ready wins, also when the time is up.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.work.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        let end = this.end.get_or_insert_with(|| timer(*this.limit));
        end.as_mut().poll(cx).map(|()| Err(Late))
    }
}

/// Without a budget: work that is never done uses up all there is.
#[expect(clippy::disallowed_methods, reason = "what is ready at once should not carry the size of a timer")]
fn timer(limit: Duration) -> Pin<Box<Unconstrained<Sleep>>> {
    Box::pin(unconstrained(sleep(limit)))
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;

    use tokio::time::{Instant, sleep};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn what_is_late_is_given_up_at_the_limit_and_what_is_not_is_waited_for() {
        let start = Instant::now();
        assert_eq!(within(LIMIT, ready(1)).await, Ok(1));
        assert_eq!(within(LIMIT, sleep(LIMIT / 3)).await, Ok(()));
        assert_eq!(start.elapsed(), LIMIT / 3);
        assert!(within(LIMIT, pending::<()>()).await.is_err());
        assert_eq!(start.elapsed(), LIMIT / 3 + LIMIT);
        assert_eq!(within(LIMIT, sleep(LIMIT)).await, Ok(()), "what is ready wins");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_counted_from_when_there_is_something_to_wait_for() {
        let start = Instant::now();
        let late = within(LIMIT, pending::<()>());
        tokio::time::advance(LIMIT).await;
        assert_eq!((late.await, start.elapsed()), (Err(Late), LIMIT * 2));
    }

    #[test]
    fn what_is_ready_needs_no_runtime() {
        let mut quick = pin!(within(LIMIT, ready(1)));
        let polled = quick.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop()));
        assert_eq!(polled, Poll::Ready(Ok(1)));
    }
}
