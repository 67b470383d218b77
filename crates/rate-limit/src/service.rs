use std::fmt;
use std::mem;
use std::task::{Context, Poll};

use buttress_core::Reject;
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::policies::{Decision, Look};
use crate::subject::Limits;
use crate::waiting::Waiting;
use crate::{RateLimitLayer, Subject};

/// A service whose callers are limited; made by [`RateLimitLayer`](crate::RateLimitLayer).
///
/// It is ready when the inner service is, because whether a request is refused cannot be known before it is there. It
/// is decided in `call`, before the inner service hears of it: a refusal leaves the inner service as it was, ready.
pub struct RateLimit<S, W: Subject, J> {
    inner: S,
    layer: RateLimitLayer<W, J>,
}

impl<S, W: Subject, J> RateLimit<S, W, J> {
    pub(crate) fn new(inner: S, layer: RateLimitLayer<W, J>) -> Self {
        Self { inner, layer }
    }

    /// The layer that made it.
    pub fn layer(&self) -> &RateLimitLayer<W, J> {
        &self.layer
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the limits.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, W, J, Req> Service<Req> for RateLimit<S, W, J>
where
    S: Service<Req> + Clone,
    W: Limits<Req, S::Response>,
    J: Reject<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req, W, J>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let look = self.layer.look::<Req, S::Response>(&request);
        if let Look::Passes = look {
            return ResponseFuture::running(self.inner.call(request));
        }
        match self.layer.decide::<Req, S::Response>(look, &request) {
            Decision::Passes => ResponseFuture::running(self.inner.call(request)),
            Decision::Followed(after) => ResponseFuture::followed(self.inner.call(request), after),
            Decision::Refused(why, mark) => {
                ResponseFuture::answered(refuse::<W, J, Req, _, _>(self.layer.reject(), why, mark))
            }
            Decision::Waits(docket) => {
                // The instance that was polled ready waits along; a clone of it takes its place.
                let spare = self.inner.clone();
                let ready = mem::replace(&mut self.inner, spare);
                ResponseFuture::waiting(Waiting::new(docket, ready, request, self.layer.clone()))
            }
        }
    }
}

/// Builds what the caller sees of a refusal.
#[cold]
pub(crate) fn refuse<W, J, Req, Res, E>(
    reject: &J,
    why: buttress_core::Refused,
    mark: W::Mark,
) -> Result<Res, E>
where
    W: Limits<Req, Res>,
    J: Reject<Res, E>,
{
    let mut answer = reject.reject(why);
    if let Ok(response) = &mut answer {
        W::stamp(mark, response);
    }
    answer
}

impl<S: Clone, W: Subject, J: Clone> Clone for RateLimit<S, W, J> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, W: Subject, J> fmt::Debug for RateLimit<S, W, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").field("layer", &self.layer).finish_non_exhaustive()
    }
}
