use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use buttress_core::{Mode, Reject};
use tower_service::Service;

use super::feedback::Feedback;
use super::future::{Held, ResponseFuture};
use super::key::ThrottleKey;
use super::layer::Core;
use super::state::{Admission, ThrottleHandle};

/// A service whose calls wait for their turn; made by [`ThrottleLayer`](crate::ThrottleLayer).
///
/// It is ready when the inner service is. A slot is taken when a call is made and never before, so a handle that lies
/// idle holds none.
pub struct Throttle<S, K, L, J> {
    inner: S,
    core: Arc<Core<K, L, J>>,
}

impl<S, K, L, J> Throttle<S, K, L, J> {
    pub(super) fn new(inner: S, core: Arc<Core<K, L, J>>) -> Self {
        Self { inner, core }
    }

    /// The handle to look at the throttle and to steer it.
    pub fn throttle(&self) -> &ThrottleHandle {
        &self.core.throttle
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the throttle.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, K, L, J, Req> Service<Req> for Throttle<S, K, L, J>
where
    S: Service<Req> + Clone,
    K: ThrottleKey<Req>,
    L: Feedback<Req, S::Response, S::Error>,
    J: Reject<S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, Held<S, Req>, Core<K, L, J>>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let Core { throttle, key, feedback, .. } = &*self.core;
        let core = Arc::clone(&self.core);
        if throttle.mode().get() == Mode::Off {
            return ResponseFuture::unheard(self.inner.call(request), core);
        }
        let hash = throttle.key(|hasher| key.write(&request, hasher));
        match throttle.admit(hash, || feedback.deadline(&request)) {
            Admission::Now => ResponseFuture::running(self.inner.call(request), hash, core),
            Admission::Later(ticket) => {
                // The instance that is ready leaves with the call; the clone has yet to become so.
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                ResponseFuture::waiting(Held::new(ready, request, ticket), hash, core)
            }
            Admission::Refused(refused) => ResponseFuture::refused(refused, hash, core),
        }
    }
}

impl<S: Clone, K, L, J> Clone for Throttle<S, K, L, J> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), core: Arc::clone(&self.core) }
    }
}

impl<S, K, L, J> fmt::Debug for Throttle<S, K, L, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").field("throttle", self.throttle()).finish_non_exhaustive()
    }
}
