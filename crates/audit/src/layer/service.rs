use std::fmt;
use std::mem;
use std::task::{Context as Task, Poll};

use buttress_core::{Context, Mode, Reject};
use http::{Request, Response};
use tower_service::Service;

use super::AuditLayer;
use super::entry::Entry;
use super::future::ResponseFuture;
use super::tap::{Heads, Tap};
use crate::record::Recorder;

/// A service whose requests are recorded; made by [`AuditLayer`].
///
/// A request that has to wait for room in the log takes the inner service along, which is why that must be `Clone`.
pub struct AuditService<S, R, J = buttress_http::AsProblem, T = Heads> {
    inner: S,
    layer: AuditLayer<R, J, T>,
}

impl<S, R, J, T> AuditService<S, R, J, T> {
    pub(super) fn new(inner: S, layer: AuditLayer<R, J, T>) -> Self {
        Self { inner, layer }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service on its own.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, R, J, T, B, ResB> Service<Request<B>> for AuditService<S, R, J, T>
where
    S: Service<Request<T::Body>, Response = Response<ResB>> + Clone,
    S::Error: 'static,
    R: Recorder,
    J: Reject<Response<ResB>, S::Error> + Clone,
    T: Tap<B>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Request<T::Body>, R, J>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let AuditLayer { shared, reject, tap } = &self.layer;
        if shared.mode.get() == Mode::Off {
            let request = request.map(|body| tap.tap(body, None));
            return ResponseFuture::plain(self.inner.call(request), reject.clone());
        }
        let mut context = Context::current();
        let (mut head, body) = request.into_parts();
        let mut entry = Entry::new(shared, &mut head, &mut context);
        let request = Request::from_parts(head, tap.tap(body, entry.seen()));
        let reject = reject.clone();
        let begins = match entry.asks_for_room() {
            None => false,
            Some(Ok(())) => !entry.wants_received(),
            Some(Err(why)) if entry.is_refused_for(&why) => {
                return ResponseFuture::refused(why, entry, context, reject);
            }
            Some(Err(_)) => true,
        };
        if begins {
            return ResponseFuture::begun(&mut self.inner, request, entry, context, reject);
        }
        // The instance that is ready waits along; the handle goes on with one that is not.
        let spare = self.inner.clone();
        let ready = mem::replace(&mut self.inner, spare);
        ResponseFuture::waiting(ready, request, entry, context, reject)
    }
}

impl<S: Clone, R, J: Clone, T: Clone> Clone for AuditService<S, R, J, T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, R, J, T> fmt::Debug for AuditService<S, R, J, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditService").field("layer", &self.layer).finish_non_exhaustive()
    }
}
