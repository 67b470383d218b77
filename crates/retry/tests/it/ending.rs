//! What is left of a call when it is over, however it ends.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use buttress_core::{BoxError, Mode};
use buttress_retry::{CloneRequest, RetryErrors, RetryLayer};
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, Service};

/// Does what the request says.
#[derive(Clone)]
struct Holding {
    token: Arc<()>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Does {
    Answers,
    Fails,
    Waits,
}

#[derive(Clone)]
struct Ask {
    does: Does,
    drop_panics: bool,
    _token: Arc<()>,
}

struct Attempt {
    ask: Ask,
    _token: Arc<()>,
}

impl Service<Ask> for Holding {
    type Response = u32;
    type Error = BoxError;
    type Future = Attempt;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, ask: Ask) -> Attempt {
        Attempt { ask, _token: Arc::clone(&self.token) }
    }
}

impl Future for Attempt {
    type Output = Result<u32, BoxError>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.ask.does {
            Does::Answers => Poll::Ready(Ok(7)),
            Does::Fails => Poll::Ready(Err("down".into())),
            Does::Waits => Poll::Pending,
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        assert!(!self.ask.drop_panics, "a drop that panics");
    }
}

fn in_flight<P, R>(layer: &RetryLayer<P, R>) -> u64 {
    layer.budget().usage(Instant::now().into_std()).in_flight
}

type Layered = RetryLayer<RetryErrors, CloneRequest>;

/// A call in which everything holds one token, and the layer whose budget it is on.
fn call(
    mode: Mode,
    does: Does,
    drop_panics: bool,
) -> (impl Future<Output = Result<u32, BoxError>>, Arc<()>, Layered) {
    let (layer, token) = (RetryLayer::plain().mode(mode).build().unwrap(), Arc::new(()));
    let mut service = layer.layer(Holding { token: Arc::clone(&token) });
    let future = service.call(Ask { does, drop_panics, _token: Arc::clone(&token) });
    (future, token, layer)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_answered_keeps_nothing_and_stays_pending() {
    for mode in [Mode::Enforce, Mode::Observe, Mode::Off] {
        for does in [Does::Answers, Does::Fails] {
            let (future, token, layer) = call(mode, does, false);
            let mut future = task::spawn(future);
            if (mode, does) == (Mode::Enforce, Does::Fails) {
                (&mut *future).await.unwrap_err();
            } else {
                assert_eq!(assert_ready!(future.poll()).is_ok(), does == Does::Answers);
            }
            assert_eq!((Arc::strong_count(&token), in_flight(&layer)), (1, 0), "{mode:?}, {does:?}");
            assert_pending!(future.poll(), "{mode:?}, {does:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_keeps_nothing() {
    for mode in [Mode::Enforce, Mode::Observe, Mode::Off] {
        for does in [Does::Answers, Does::Fails, Does::Waits] {
            let (future, token, _) = call(mode, does, false);
            drop(future);
            assert_eq!(Arc::strong_count(&token), 1, "{mode:?}, {does:?}, never polled");
            let (future, token, layer) = call(mode, does, false);
            let mut future = task::spawn(future);
            let _ = future.poll();
            drop(future);
            assert_eq!((Arc::strong_count(&token), in_flight(&layer)), (1, 0), "{mode:?}, {does:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_whose_drop_panics_loses_nothing_of_the_call() {
    for mode in [Mode::Enforce, Mode::Observe, Mode::Off] {
        for does in [Does::Answers, Does::Fails, Does::Waits] {
            for polls in 0..2 {
                let (future, token, layer) = call(mode, does, true);
                let panicked = catch_unwind(AssertUnwindSafe(|| {
                    let mut future = task::spawn(future);
                    (0..polls).for_each(|_| drop(future.poll()));
                }));
                assert!(panicked.is_err());
                assert_eq!(
                    (Arc::strong_count(&token), in_flight(&layer)),
                    (1, 0),
                    "{mode:?}, {does:?}, polled {polls} times"
                );
            }
        }
    }
}
