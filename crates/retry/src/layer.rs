use std::fmt;
use std::future::Future;
use std::sync::Arc;

use buttress_core::{Attempt, ModeSwitch};
use tokio::time::Instant;
use tower_layer::Layer;

use crate::run::Run;
use crate::shared::Core;
use crate::work::{Numbered, Work};
use crate::{Budget, CloneRequest, ResponseFuture, Retry, RetryBuilder, RetryErrors, RetryPolicy, Schedule};

/// Retries the calls of every service it wraps, on one budget; see the [crate](crate).
///
/// Clones share the budget and the mode, and so do all services that one layer value makes.
pub struct RetryLayer<P, R> {
    core: Arc<Core<P>>,
    resend: R,
}

impl RetryLayer<RetryErrors, CloneRequest> {
    /// Settings for services that are not HTTP, whose requests are cloned.
    pub fn plain() -> RetryBuilder<RetryErrors, CloneRequest> {
        RetryBuilder::new(RetryErrors::default(), CloneRequest)
    }
}

impl<P, R> RetryLayer<P, R> {
    pub(crate) fn new(core: Core<P>, resend: R) -> Self {
        Self { core: Arc::new(core), resend }
    }

    /// Retries work that is not a service: a closure that begins one attempt each time it is called.
    ///
    /// It shares the layer's budget, mode and policy with the services that the layer makes. The policy sees no
    /// request.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// use buttress_retry::{Profile, RetryLayer};
    ///
    /// let retry = RetryLayer::plain().profile(Profile::Database).build().unwrap();
    /// let rows = retry.call(|attempt| async move {
    ///     if attempt.number() < 3 { Err(std::io::Error::other("failing over")) } else { Ok(42) }
    /// });
    /// assert_eq!(rows.await.unwrap(), 42);
    /// # }
    /// ```
    pub fn call<F, Fut, T, E>(&self, mut work: F) -> ResponseFuture<Work<F>, P, Numbered>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        P: RetryPolicy<(), T, E>,
    {
        let first = work(Attempt::FIRST);
        if self.core.sends_once() {
            return ResponseFuture::once(first);
        }
        let run = Run { inner: Work(work), kept: Numbered };
        ResponseFuture::repeatable(first, Arc::clone(&self.core), run)
    }

    /// The budget that all calls share.
    pub fn budget(&self) -> &Budget {
        &self.core.budget
    }

    /// The switch between enforcing, observing and off.
    pub fn mode(&self) -> &ModeSwitch {
        &self.core.mode
    }

    /// How often and when this layer retries.
    pub fn schedule(&self) -> &Schedule {
        &self.core.schedule
    }

    /// A layer with the same settings that shares neither budget nor mode.
    #[must_use]
    pub fn fresh(&self) -> Self
    where
        P: Clone,
        R: Clone,
    {
        let mut core = Core::clone(&self.core);
        core.budget = core.budget.fresh(Instant::now().into_std());
        core.mode = ModeSwitch::new(core.mode.get());
        core.gate = Core::<P>::gate(&core.schedule, &core.mode);
        Self::new(core, self.resend.clone())
    }
}

impl<S, P, R: Clone> Layer<S> for RetryLayer<P, R> {
    type Service = Retry<S, P, R>;

    fn layer(&self, inner: S) -> Retry<S, P, R> {
        Retry::new(inner, Arc::clone(&self.core), self.resend.clone())
    }
}

impl<P, R: Clone> Clone for RetryLayer<P, R> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core), resend: self.resend.clone() }
    }
}

impl<P: fmt::Debug, R: fmt::Debug> fmt::Debug for RetryLayer<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryLayer").field("core", &self.core).field("resend", &self.resend).finish()
    }
}
