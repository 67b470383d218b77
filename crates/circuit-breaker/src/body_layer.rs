use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use buttress_core::{Classify, Outcome, Refused, Reject};
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::CircuitBreakerLayer;
use crate::body::WatchedBody;
use crate::guard::Guard;
use crate::inner::{Fate, Inner};

/// A [`CircuitBreakerLayer`] for which a call ends with the end of its response body; made by
/// [`CircuitBreakerLayer::watching_bodies`].
#[derive(Clone)]
pub struct BodyWatchingLayer<C, J, W> {
    breaker: CircuitBreakerLayer<C, J>,
    rebuild: W,
}

/// A service whose response bodies a breaker watches; made by [`BodyWatchingLayer`].
#[derive(Clone)]
pub struct BodyWatching<S, C, J, W> {
    inner: Inner<S>,
    layer: BodyWatchingLayer<C, J, W>,
}

impl<C, J> CircuitBreakerLayer<C, J> {
    /// The same breaker, for which a call ends with the end of its response body and not with its head.
    ///
    /// So a body that breaks off is a failure, and a call is slow or hung if its body is. Not for endless streams,
    /// and not free: `rebuild` turns the watched body back into the type that the service's responses have, which
    /// is then boxed: `axum::body::Body::new`, `reqwest::Body::wrap`, `UnsyncBoxBody::new`.
    ///
    /// ```
    /// use buttress_circuit_breaker::CircuitBreakerLayer;
    ///
    /// let layer = CircuitBreakerLayer::inbound("reports").build()?.watching_bodies(axum::body::Body::new);
    /// let router: axum::Router = axum::Router::new().layer(layer);
    /// # Ok::<(), buttress_core::ConfigError>(())
    /// ```
    pub fn watching_bodies<W>(self, rebuild: W) -> BodyWatchingLayer<C, J, W> {
        BodyWatchingLayer { breaker: self, rebuild }
    }
}

impl<C, J, W> BodyWatchingLayer<C, J, W> {
    /// The handle to look at the breaker and to steer it.
    pub fn breaker(&self) -> &crate::Breaker {
        self.breaker.breaker()
    }
}

impl<S, C, J, W> Layer<S> for BodyWatchingLayer<C, J, W>
where
    C: Clone,
    J: Clone,
    W: Clone,
{
    type Service = BodyWatching<S, C, J, W>;

    fn layer(&self, inner: S) -> Self::Service {
        BodyWatching { inner: Inner::new(inner), layer: self.clone() }
    }
}

impl<S, C, J, W, B, Req> Service<Req> for BodyWatching<S, C, J, W>
where
    S: Service<Req, Response = Response<B>>,
    B: Body,
    C: Classify<Response<B>, S::Error> + Clone,
    J: Reject<Response<B>, S::Error>,
    W: Fn(WatchedBody<B>) -> B + Clone,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = BodyWatchingFuture<S::Future, (C, W), Result<Response<B>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if self.layer.breaker().circuit().would_refuse() {
            return Poll::Ready(Ok(()));
        }
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let (breaker, classify, reject) = self.layer.breaker.parts();
        let state = match self.inner.fate_of_call(breaker) {
            Fate::Runs(guard) => State::Running {
                future: self.inner.call(request),
                guard: Some(guard),
                rules: (classify.clone(), self.layer.rebuild.clone()),
            },
            Fate::Refused(open) => State::Answered { answer: Some(reject.reject(Refused::new(open))) },
            Fate::Failed(error) => State::Answered { answer: Some(Err(error)) },
        };
        BodyWatchingFuture { state }
    }
}

pin_project! {
    /// The answer of a [`BodyWatching`] service: the inner service's with a watched body, or the refusal.
    #[must_use = "futures do nothing unless polled"]
    pub struct BodyWatchingFuture<F, R, A> {
        #[pin]
        state: State<F, R, A>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, R, A> {
        Running { #[pin] future: F, guard: Option<Guard>, rules: R },
        Answered { answer: Option<A> },
    }
}

impl<F, C, W, B, E> Future for BodyWatchingFuture<F, (C, W), Result<Response<B>, E>>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    C: Classify<Response<B>, E>,
    W: Fn(WatchedBody<B>) -> B,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Polled again after it was ready, it stays pending for good.
        match self.project().state.project() {
            StateProjection::Answered { answer } => answer.take().map_or(Poll::Pending, Poll::Ready),
            StateProjection::Running { future, guard, rules: (classify, rebuild) } => {
                let Some(watching) = guard else { return Poll::Pending };
                watching.enter();
                let Poll::Ready(result) = future.poll(cx) else {
                    watching.waits();
                    return Poll::Pending;
                };
                Poll::Ready(match guard.take() {
                    Some(guard) => judge_head(result, guard, classify, rebuild),
                    None => result,
                })
            }
        }
    }
}

/// A bad head is the outcome; after a good one the body decides.
fn judge_head<B: Body, E>(
    result: Result<Response<B>, E>,
    mut guard: Guard,
    classify: &impl Classify<Response<B>, E>,
    rebuild: &impl Fn(WatchedBody<B>) -> B,
) -> Result<Response<B>, E> {
    let outcome = classify.classify(result.as_ref());
    match result {
        Ok(response) if outcome == Outcome::Success => {
            guard.leave();
            Ok(response.map(|body| rebuild(WatchedBody::new(body, guard))))
        }
        result => {
            guard.settle(outcome, || classify.retry_after(result.as_ref()));
            result
        }
    }
}

impl<C, J, W> fmt::Debug for BodyWatchingLayer<C, J, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyWatchingLayer").field("breaker", self.breaker()).finish_non_exhaustive()
    }
}

impl<S, C, J, W> fmt::Debug for BodyWatching<S, C, J, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyWatching").field("breaker", self.layer.breaker()).finish_non_exhaustive()
    }
}

impl<F, R, A> fmt::Debug for BodyWatchingFuture<F, R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyWatchingFuture").finish_non_exhaustive()
    }
}
