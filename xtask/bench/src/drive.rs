//! The loop that every subject runs in.

use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};

use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio::sync::Notify;
use tower::Service;

use crate::subject::{Shared, Subject, Worker};

/// A layer around a service: each worker drives a clone of the service, as each connection of a server does.
pub(crate) fn service<S, Req>(service: S, request: fn() -> Req) -> Shared
where
    S: Service<Req> + Clone + Send + Sync + 'static,
    Req: 'static,
{
    Box::new(move || {
        let mut service = service.clone();
        each(move |poller| {
            let ready = poller.wait(|cx| service.poll_ready(cx));
            black_box(ready.is_ok());
            let outcome = poller.finish(pin!(service.call(black_box(request()))));
            black_box(&outcome);
        })
    })
}

/// A layer that works in tasks of its own: each worker drives a clone of the service in a runtime of its own, as each
/// core of a server does.
pub(crate) fn spawning<S, Req>(service: S, request: fn() -> Req) -> Shared
where
    S: Service<Req> + Clone + Send + Sync + 'static,
    Req: 'static,
{
    Box::new(move || {
        let (mut service, runtime) = (service.clone(), new_runtime());
        Box::new(move |times| {
            runtime.block_on(async {
                for _ in 0..times {
                    let ready = poll_fn(|cx| service.poll_ready(cx)).await;
                    black_box(ready.is_ok());
                    let outcome = service.call(black_box(request())).await;
                    black_box(&outcome);
                }
            });
        })
    })
}

/// A breaker, say, that is asked without a service; `make` gives each worker its operation.
pub(crate) fn operation<F>(make: impl Fn() -> F + Send + Sync + 'static) -> Shared
where
    F: FnMut(&mut Poller<'_>) + Send + 'static,
{
    Box::new(move || each(make()))
}

fn each(mut operation: impl FnMut(&mut Poller<'_>) + Send + 'static) -> Worker {
    Box::new(move |times| {
        let woken = Arc::new(Woken(Notify::new()));
        let waker = Waker::from(Arc::clone(&woken));
        let mut poller = Poller { cx: Context::from_waker(&waker), woken: &woken };
        for _ in 0..times {
            operation(&mut poller);
        }
    })
}

/// Polls to the end.
pub(crate) struct Poller<'a> {
    cx: Context<'a>,
    woken: &'a Woken,
}

impl Poller<'_> {
    #[inline]
    pub(crate) fn finish<F: Future>(&mut self, mut future: Pin<&mut F>) -> F::Output {
        self.wait(|cx| future.as_mut().poll(cx))
    }

    /// Polls again at once for what waits once; for another thread or a timer it sleeps in the runtime.
    #[inline]
    fn wait<T>(&mut self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
        let mut has_waited = false;
        loop {
            // One call, so that what is measured is inlined as it would be in a program that awaits it once.
            match poll(&mut self.cx) {
                Poll::Ready(value) => return value,
                Poll::Pending if has_waited => self.woken.sleep(),
                Poll::Pending => has_waited = true,
            }
        }
    }
}

struct Woken(Notify);

impl Woken {
    #[cold]
    fn sleep(&self) {
        runtime().block_on(self.0.notified());
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.notify_one();
    }
}

/// Does one subject's operation so many times, and nothing else: what the counter of instructions looks at.
pub(crate) fn run_here(subject: &Subject, times: u64) {
    let _runtime = enter();
    let worker = (subject.build)()();
    counted(worker, times);
}

/// Its instructions are counted, and nothing outside.
#[inline(never)]
fn counted(mut worker: Worker, times: u64) {
    worker(times);
}

/// Lets this thread make timers, which are those of one runtime, as in a server.
pub(crate) fn enter() -> EnterGuard<'static> {
    runtime().enter()
}

/// Waits, outside what is measured.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    new_runtime().block_on(future)
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(new_runtime)
}

#[expect(clippy::expect_used, reason = "without a runtime there is nothing to measure")]
fn new_runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime needs no more than memory")
}
