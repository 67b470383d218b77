use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use buttress_core::{Checks, ConfigError, Mode, ModeSwitch, Observer};
use buttress_http::deadline_of;
use http::{Extensions, Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::body::{BodySide, Clocks, TimeoutBody};
use crate::range;
use crate::rejection::LAYER;
use crate::reporter::Reporter;

const IDLE: Duration = Duration::from_secs(15);

/// Watches bodies of requests; see [`BodyTimeoutLayer::requests`].
#[derive(Clone, Copy, Debug)]
pub struct Requests;

/// Watches bodies of responses; see [`BodyTimeoutLayer::responses`].
#[derive(Clone, Copy, Debug)]
pub struct Responses;

/// Watches the bodies of requests or of responses: how long nothing comes, and the deadline.
///
/// The body becomes a [`TimeoutBody`], which is this layer's whole purpose; no other layer of this crate changes a
/// type. It must stand inside [`DeadlineLayer`](crate::DeadlineLayer) to know the deadline. See the
/// [crate documentation](crate).
pub struct BodyTimeoutLayer<W>(Arc<BodyRules>, PhantomData<fn() -> W>);

#[derive(Clone, Debug)]
struct BodyRules {
    idle: Option<Duration>,
    within_deadline: bool,
    mode: ModeSwitch,
    reporter: Reporter,
}

impl BodyRules {
    fn clocks(&self, side: BodySide, extensions: &Extensions) -> Clocks {
        let mode = self.mode.get();
        let is_on = mode != Mode::Off;
        let deadline = (is_on && self.within_deadline).then(|| deadline_of(extensions)).flatten();
        Clocks { side, idle: self.idle.filter(|_| is_on), deadline, mode, reporter: self.reporter.clone() }
    }
}

impl BodyTimeoutLayer<Requests> {
    /// Begins a layer that watches the bodies of requests as they are read.
    pub fn requests() -> BodyTimeoutBuilder<Requests> {
        BodyTimeoutBuilder::new("request body")
    }
}

impl BodyTimeoutLayer<Responses> {
    /// Begins a layer that watches the bodies of responses.
    pub fn responses() -> BodyTimeoutBuilder<Responses> {
        BodyTimeoutBuilder::new("response body")
    }
}

impl<W> BodyTimeoutLayer<W> {
    /// The switch between enforce, observe and off; it is looked at once for each body.
    pub fn mode(&self) -> &ModeSwitch {
        &self.0.mode
    }

    /// The same layer with a mode switch of its own, in the present position.
    #[must_use]
    pub fn fresh(&self) -> Self {
        let mode = ModeSwitch::new(self.0.mode.get());
        Self(Arc::new(BodyRules { mode, ..BodyRules::clone(&self.0) }), PhantomData)
    }
}

/// A layer for responses with every default; see [`BodyTimeoutLayer::responses`].
impl Default for BodyTimeoutLayer<Responses> {
    fn default() -> Self {
        Self(Arc::new(Self::responses().0), PhantomData)
    }
}

impl<W> Clone for BodyTimeoutLayer<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

impl<W> fmt::Debug for BodyTimeoutLayer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BodyTimeoutLayer").field(&self.0).finish()
    }
}

impl<S, W> Layer<S> for BodyTimeoutLayer<W> {
    type Service = BodyTimeout<S, W>;

    fn layer(&self, inner: S) -> Self::Service {
        BodyTimeout { inner, rules: Arc::clone(&self.0), whose: PhantomData }
    }
}

/// Builds a [`BodyTimeoutLayer`].
#[derive(Debug)]
#[must_use]
pub struct BodyTimeoutBuilder<W>(BodyRules, PhantomData<fn() -> W>);

impl<W> BodyTimeoutBuilder<W> {
    fn new(name: &'static str) -> Self {
        let (mode, reporter) = (ModeSwitch::default(), Reporter::default().named(name));
        Self(BodyRules { idle: Some(IDLE), within_deadline: true, mode, reporter }, PhantomData)
    }

    /// The longest wait for one part of a body. Default: 15 s.
    pub fn idle(self, idle: Duration) -> Self {
        Self(BodyRules { idle: Some(idle), ..self.0 }, PhantomData)
    }

    /// Lets a body stand still, as a stream of rare events does.
    pub fn without_idle(self) -> Self {
        Self(BodyRules { idle: None, ..self.0 }, PhantomData)
    }

    /// Lets a body go on beyond the deadline of the request, as a long download does.
    pub fn without_deadline(self) -> Self {
        Self(BodyRules { within_deadline: false, ..self.0 }, PhantomData)
    }

    /// The name of the layer in signals. Default: `request body` or `response body`.
    pub fn name(self, name: impl Into<Arc<str>>) -> Self {
        Self(BodyRules { reporter: self.0.reporter.named(name), ..self.0 }, PhantomData)
    }

    /// A mode, or a switch that something else turns. Default: enforce.
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        Self(BodyRules { mode: mode.into(), ..self.0 }, PhantomData)
    }

    /// Who hears of bodies that took too long. Default: nobody but the trail of the request.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self(BodyRules { reporter: self.0.reporter.observed_by(observer), ..self.0 }, PhantomData)
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// If the idle time is not between 1 ms and 1 day.
    pub fn build(self) -> Result<BodyTimeoutLayer<W>, ConfigError> {
        let mut checks = Checks::of(LAYER);
        if let Some(idle) = self.0.idle {
            range::check_limit(&mut checks, "body.idle", idle);
        }
        checks.finish()?;
        Ok(BodyTimeoutLayer(Arc::new(self.0), PhantomData))
    }
}

/// A service whose bodies are watched; made by [`BodyTimeoutLayer`].
pub struct BodyTimeout<S, W> {
    inner: S,
    rules: Arc<BodyRules>,
    whose: PhantomData<fn() -> W>,
}

impl<S: Clone, W> Clone for BodyTimeout<S, W> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), rules: Arc::clone(&self.rules), whose: PhantomData }
    }
}

impl<S: fmt::Debug, W> fmt::Debug for BodyTimeout<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, rules, .. } = self;
        f.debug_struct("BodyTimeout").field("inner", inner).field("rules", rules).finish()
    }
}

impl<S, B> Service<Request<B>> for BodyTimeout<S, Requests>
where
    S: Service<Request<TimeoutBody<B>>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        let clocks = self.rules.clocks(BodySide::Request, request.extensions());
        self.inner.call(request.map(|body| TimeoutBody::new(body, clocks)))
    }
}

impl<S, A, B> Service<Request<A>> for BodyTimeout<S, Responses>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = Response<TimeoutBody<B>>;
    type Error = S::Error;
    type Future = BodyTimeoutFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let clocks = Some(self.rules.clocks(BodySide::Response, request.extensions()));
        BodyTimeoutFuture { inner: self.inner.call(request), clocks }
    }
}

pin_project! {
    /// The response of a service whose response bodies are watched.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct BodyTimeoutFuture<F> {
        #[pin]
        inner: F,
        clocks: Option<Clocks>,
    }
}

impl<F, B, E> Future for BodyTimeoutFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<TimeoutBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        match this.clocks.take() {
            Some(clocks) => Poll::Ready(Ok(response.map(|body| TimeoutBody::new(body, clocks)))),
            None => Poll::Pending, // only after the response has been taken
        }
    }
}
