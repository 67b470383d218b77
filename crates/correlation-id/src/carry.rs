use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use buttress_core::{Context, CorrelationId, Scoped};
use pin_project_lite::pin_project;
use tokio::task::JoinHandle;
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span};

/// What the code that is running knows of its request, taken along to where it would be lost: another task,
/// another thread, the stream of a response body.
///
/// It holds the current [`Context`] (correlation ID, deadline, trail) and the current tracing span. The free
/// functions [`spawn`], [`spawn_blocking`] and [`carried`] drop the deadline, because work in the background may
/// outlive the request. Work that the request waits for keeps it:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tokio::task::JoinError> {
/// use std::time::{Duration, Instant};
/// use buttress_core::{Context, Deadline};
/// use buttress_correlation_id::{Carry, spawn};
///
/// # let now = tokio::time::Instant::now().into_std();
/// let request = Context::new().with_deadline(Deadline::after(now, Duration::from_secs(1)));
/// let (awaited, left_behind) = request.run(|| {
///     let deadline = async { Context::current().deadline() };
///     (Carry::current().spawn(deadline), spawn(async { Context::current().deadline() }))
/// });
/// assert!(awaited.await?.is_some());
/// assert!(left_behind.await?.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Carry {
    context: Context,
    span: Span,
}

impl Carry {
    /// All that is known here, the deadline included.
    pub fn current() -> Self {
        Self { context: Context::current(), span: Span::current() }
    }

    /// The same without the deadline, for work that may outlive the request.
    #[must_use]
    pub fn without_deadline(self) -> Self {
        Self { context: self.context.without_deadline(), ..self }
    }

    /// A future that is polled and dropped knowing this; give it to a `JoinSet` or to a spawner of your own.
    pub fn future<F>(self, future: F) -> Carried<F> {
        Carried { inner: self.context.scope(future).instrument(self.span) }
    }

    /// Runs a closure knowing this; may be called many times, such as once for each chunk of a body.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        self.span.in_scope(|| self.context.clone().run(work))
    }

    /// A closure that runs knowing this, for thread pools.
    pub fn closure<T>(self, work: impl FnOnce() -> T) -> impl FnOnce() -> T {
        move || self.run(work)
    }

    /// Spawns a task that knows this.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, as [`tokio::spawn`] does.
    #[track_caller]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the spawn that carries; the caller owns the handle"
    )]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        tokio::spawn(self.future(future))
    }

    /// Runs a closure that knows this on the threads for blocking work.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, as [`tokio::task::spawn_blocking`] does.
    #[track_caller]
    pub fn spawn_blocking<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        tokio::task::spawn_blocking(self.closure(work))
    }
}

/// Spawns a background task that knows the request it was started for, and not its deadline.
///
/// Correlation ID, trail and tracing span go along, so every line that the task logs bears the request's ID. The
/// span stays open until the task ends. [`Carry`] keeps the deadline as well.
///
/// # Panics
///
/// Outside a tokio runtime, as [`tokio::spawn`] does.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Carry::current().without_deadline().spawn(future)
}

/// Runs blocking work that knows the request it was started for, and not its deadline.
///
/// # Panics
///
/// Outside a tokio runtime, as [`tokio::task::spawn_blocking`] does.
#[track_caller]
pub fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Carry::current().without_deadline().spawn_blocking(work)
}

/// A future that knows the request it was made for, and not its deadline: `set.spawn(carried(work))`.
pub fn carried<F>(future: F) -> Carried<F> {
    Carry::current().without_deadline().future(future)
}

/// A future that works under a correlation ID of its own, for jobs and consumers that no request started.
///
/// It opens a tracing span `correlated` with the field `correlation_id`, so every line logged inside bears the ID.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use buttress_core::Context;
/// use buttress_correlation_id::{Mint, scope};
///
/// let id = Mint::V7.draw();
/// let seen = scope(id.clone(), async { Context::current().correlation_id().cloned() }).await;
/// assert_eq!(seen, Some(id));
/// # }
/// ```
pub fn scope<F>(id: CorrelationId, future: F) -> Carried<F> {
    let span =
        tracing::info_span!(target: "buttress_correlation_id", "correlated", correlation_id = id.as_str());
    scope_in(span, id, future)
}

pub(crate) fn scope_in<F>(span: Span, id: CorrelationId, future: F) -> Carried<F> {
    Carry { context: Context::current_with_id(id), span }.future(future)
}

pin_project! {
    /// A future that is polled and dropped with a context and a tracing span of its own; see [`carried`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Carried<F> {
        #[pin]
        inner: Instrumented<Scoped<F>>,
    }
}

impl<F: Future> Future for Carried<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        self.project().inner.poll(cx)
    }
}
