use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;

use crate::run::Run;
use crate::shared::Core;
use crate::{Discard, Repeat, Resend, ResponseFuture, RetryPolicy};

/// A service that sends a request again when that is safe and may help; see the [crate](crate).
///
/// The first attempt uses the instance that was polled ready; later ones use a clone, which is polled before it is
/// called.
pub struct Retry<S, P, R> {
    inner: S,
    core: Arc<Core<P>>,
    resend: R,
}

impl<S, P, R> Retry<S, P, R> {
    pub(crate) fn new(inner: S, core: Arc<Core<P>>, resend: R) -> Self {
        Self { inner, core, resend }
    }

    /// The service within.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service within, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Gives the service within back.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, P, R, Req> Service<Req> for Retry<S, P, R>
where
    R: Resend<Req>,
    R::Kept: Discard<S::Response>,
    S: Service<R::Sent> + Clone,
    P: RetryPolicy<<R::Kept as Repeat>::Facts, S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, P, R::Kept>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        if self.core.sends_once() {
            return ResponseFuture::once(self.inner.call(self.resend.once(request)));
        }
        let inner = self.inner.clone();
        let (attempt, kept) = self.resend.send(request, |request| self.inner.call(request));
        ResponseFuture::repeatable(attempt, Arc::clone(&self.core), Run { inner, kept })
    }
}

impl<S: Clone, P, R: Clone> Clone for Retry<S, P, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), core: Arc::clone(&self.core), resend: self.resend.clone() }
    }
}

impl<S: fmt::Debug, P: fmt::Debug, R: fmt::Debug> fmt::Debug for Retry<S, P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").field("inner", &self.inner).field("core", &self.core).finish_non_exhaustive()
    }
}
