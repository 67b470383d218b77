use std::fmt;
use std::task::{Context, Poll};

use buttress_core::{Classify, Refused, Reject};
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::inner::{Fate, Inner};
use crate::{Breaker, CircuitBreakerLayer};

/// A service watched by a [`Breaker`]; made by [`CircuitBreakerLayer`](crate::CircuitBreakerLayer).
///
/// While the breaker refuses, the service is ready to refuse and the inner one is left alone. Whether a call passes
/// is decided when it is made: a handle that became ready while the breaker was open is let through if the breaker
/// has closed since, provided that the inner service is ready at that moment.
pub struct CircuitBreaker<S, C, J> {
    inner: Inner<S>,
    layer: CircuitBreakerLayer<C, J>,
}

impl<S, C, J> CircuitBreaker<S, C, J> {
    pub(crate) fn new(inner: S, layer: CircuitBreakerLayer<C, J>) -> Self {
        Self { inner: Inner::new(inner), layer }
    }

    /// The breaker.
    pub fn breaker(&self) -> &Breaker {
        self.layer.breaker()
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner.service
    }

    /// The inner service, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner.service
    }

    /// The inner service, without the breaker.
    pub fn into_inner(self) -> S {
        self.inner.service
    }
}

impl<S, C, J, Req> Service<Req> for CircuitBreaker<S, C, J>
where
    S: Service<Req>,
    C: Classify<S::Response, S::Error> + Clone,
    J: Reject<S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, C, Result<S::Response, S::Error>>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if self.breaker().circuit().would_refuse() {
            return Poll::Ready(Ok(()));
        }
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let (breaker, classify, _) = self.layer.parts();
        if self.inner.ready
            && let Some(guard) = breaker.admit_closed()
        {
            return ResponseFuture::running(self.inner.call(request), guard, classify.clone());
        }
        self.call_with_care(request)
    }
}

impl<S, C, J> CircuitBreaker<S, C, J> {
    #[inline(never)]
    fn call_with_care<Req>(
        &mut self,
        request: Req,
    ) -> ResponseFuture<S::Future, C, Result<S::Response, S::Error>>
    where
        S: Service<Req>,
        C: Clone,
        J: Reject<S::Response, S::Error>,
    {
        let (breaker, classify, reject) = self.layer.parts();
        match self.inner.fate_of_call(breaker) {
            Fate::Runs(guard) => ResponseFuture::running(self.inner.call(request), guard, classify.clone()),
            Fate::Refused(open) => ResponseFuture::answered(reject.reject(Refused::new(open))),
            Fate::Failed(error) => ResponseFuture::answered(Err(error)),
        }
    }
}

impl<S: Clone, C: Clone, J: Clone> Clone for CircuitBreaker<S, C, J> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, C, J> fmt::Debug for CircuitBreaker<S, C, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker").field("breaker", self.breaker()).finish_non_exhaustive()
    }
}
