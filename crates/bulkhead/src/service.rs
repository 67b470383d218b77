use std::fmt;
use std::task::{Context, Poll};

use buttress_core::Reject;
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::hold::Hold;
use crate::{Bulkhead, BulkheadLayer};

/// A service that runs so many calls at once; made by [`BulkheadLayer`](crate::BulkheadLayer).
///
/// It is ready when the inner service is, and holds nothing until it is called: a handle that is ready and idle takes
/// no permit from anybody. A call that has to wait takes the inner service along, which is why that must be `Clone`.
#[derive(Clone)]
pub struct BulkheadService<S, J, H> {
    inner: S,
    layer: BulkheadLayer<J, H>,
}

impl<S, J, H> BulkheadService<S, J, H> {
    pub(crate) fn new(inner: S, layer: BulkheadLayer<J, H>) -> Self {
        Self { inner, layer }
    }

    /// The bulkhead.
    pub fn bulkhead(&self) -> &Bulkhead {
        self.layer.bulkhead()
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the bulkhead.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, J, H, Req> Service<Req> for BulkheadService<S, J, H>
where
    S: Service<Req> + Clone,
    J: Reject<S::Response, S::Error> + Clone,
    H: Hold<Req, S::Response> + Clone,
{
    type Response = H::Held;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req, J, H>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let BulkheadLayer { bulkhead, reject, hold } = &self.layer;
        ResponseFuture::begin(&mut self.inner, request, bulkhead, reject, hold)
    }
}

impl<S, J, H> fmt::Debug for BulkheadService<S, J, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadService").field("bulkhead", self.bulkhead()).finish_non_exhaustive()
    }
}
