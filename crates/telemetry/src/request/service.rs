use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::layer::Settings;
use super::{OpenRecord, ResponseFuture, Until};

/// The service that [`RequestLogLayer`](super::RequestLogLayer) makes.
#[derive(Clone, Debug)]
pub struct RequestLog<S, U> {
    inner: S,
    settings: Arc<Settings>,
    until: U,
}

impl<S, U> RequestLog<S, U> {
    pub(super) fn new(inner: S, settings: Arc<Settings>, until: U) -> Self {
        Self { inner, settings, until }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, alone again.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, A, B, U> Service<Request<A>> for RequestLog<S, U>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Error: 'static,
    U: Until<B> + Clone,
{
    type Response = Response<U::Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, U>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let mut record = OpenRecord::open(&self.settings, &request);
        let response = record.run(|| self.inner.call(request));
        ResponseFuture::new(response, record, self.until.clone())
    }
}
