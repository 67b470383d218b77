use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::timeout;

/// Waits no longer than so long. What is ready at once costs no timer and no look at the clock.
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    match poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => timeout(limit, future).await,
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

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
    }

    #[test]
    fn what_is_ready_needs_no_runtime() {
        let mut quick = pin!(within(LIMIT, ready(1)));
        let polled = quick.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
        assert_eq!(polled, Poll::Ready(Ok(1)));
    }
}
