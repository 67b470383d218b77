use std::mem;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use buttress_core::{AsError, Context, Deadline, Mode, ModeSwitch, Reject, Scoped, Verdict};
use buttress_http::{AsProblem, deadline_of};
use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use super::arrival::{Asked, Grant, MalformedTimeout};
use super::deadline_builder::DeadlineBuilder;
use super::header::{Said, TimeoutHeader};
use super::limits::TimeLimit;
use super::trust::{Trust, WhenMalformed};
use crate::face::Face;
use crate::on_timeout::{Cancelled, OnTimeout};
use crate::plan::Plan;
use crate::queue::Queue;
use crate::watch::{Count, Why};
use crate::{Cancel, ResponseFuture, timer};

/// Gives every request its one [`Deadline`] and enforces it.
///
/// The deadline is in the extensions of the request, for handlers and layers that hold it, and in the
/// [`Context`] while the inner future is polled, so that a call to another service made anywhere inside inherits
/// it. It is the earliest of the layer's own limit, what a trusted header says is left, and a deadline that is in
/// force already. See the [crate documentation](crate).
#[derive(Debug)]
pub struct DeadlineLayer<J = AsProblem> {
    rules: Arc<DeadlineRules>,
    face: Arc<Face<J>>,
}

/// What a layer and all its services go by.
#[derive(Clone, Debug)]
pub(super) struct DeadlineRules {
    pub(super) grant: Grant,
    pub(super) trust: Trust,
    pub(super) headers: Box<[TimeoutHeader]>,
    pub(super) when_malformed: WhenMalformed,
}

impl DeadlineLayer {
    /// Begins a layer for a server: 30 s for a request, refusals are problem documents.
    pub fn inbound() -> DeadlineBuilder<AsProblem> {
        DeadlineBuilder::new(AsProblem::default(), "deadline")
    }

    /// Begins a layer for the whole of a client's call, outside the retries: at most `total`, less if the work that
    /// the call is part of has less; refusals are errors.
    pub fn outbound(total: Duration) -> DeadlineBuilder<AsError> {
        DeadlineBuilder::new(AsError, "total").total(total)
    }
}

impl<J> DeadlineLayer<J> {
    pub(super) fn new(rules: DeadlineRules, face: Face<J>) -> Self {
        Self { rules: Arc::new(rules), face: Arc::new(face) }
    }

    /// The time of a request that brings no limit of its own.
    pub fn total(&self) -> Duration {
        self.face.limit
    }

    /// The switch between enforce, observe and off.
    pub fn mode(&self) -> &ModeSwitch {
        &self.face.mode
    }

    /// The same layer with a mode switch of its own, in the present position.
    #[must_use]
    pub fn fresh(&self) -> Self
    where
        J: Clone,
    {
        Self { rules: Arc::clone(&self.rules), face: Arc::new(self.face.fresh()) }
    }
}

/// A layer for a server with every default; see [`DeadlineLayer::inbound`].
impl Default for DeadlineLayer {
    fn default() -> Self {
        Self::inbound().assemble()
    }
}

impl<J> Clone for DeadlineLayer<J> {
    fn clone(&self) -> Self {
        Self { rules: Arc::clone(&self.rules), face: Arc::clone(&self.face) }
    }
}

impl<S, J> Layer<S> for DeadlineLayer<J> {
    type Service = DeadlineService<S, J>;

    fn layer(&self, inner: S) -> Self::Service {
        DeadlineService { inner, layer: self.clone(), queue: Queue::default() }
    }
}

/// A service whose requests have a deadline; made by [`DeadlineLayer`].
#[derive(Debug)]
pub struct DeadlineService<S, J = AsProblem> {
    inner: S,
    layer: DeadlineLayer<J>,
    queue: Queue,
}

impl<S: Clone, J> Clone for DeadlineService<S, J> {
    /// The clone has not waited for anything.
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone(), queue: Queue::default() }
    }
}

impl<S, J, B> Service<Request<B>> for DeadlineService<S, J>
where
    S: Service<Request<B>>,
    J: Reject<S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<Cancelled<Scoped<S::Future>>, J>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        if self.queue.is_overdue() {
            return Poll::Ready(Ok(()));
        }
        let ready = self.inner.poll_ready(cx);
        if ready.is_pending() {
            return self.queue.poll_waiting(cx, &self.layer.face).map(Ok);
        }
        if !self.queue.is_open() {
            self.queue.granted();
        }
        ready
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let face = Arc::clone(&self.layer.face);
        let mode = face.mode.get();
        let plan = match self.layer.admit(&mem::take(&mut self.queue), &request, mode) {
            Ok(plan) => plan,
            Err(why) => return ResponseFuture::refused(why, face),
        };
        let mut context = Context::current();
        if let (Some(plan), Mode::Enforce) = (plan, mode) {
            let deadline = Deadline::at(plan.until());
            request.extensions_mut().insert(deadline);
            context = context.with_deadline(deadline);
        }
        // Within the context as well, for inner services that look at the deadline when they are called.
        let call = context.lend(|| self.inner.call(request));
        let count = plan.map_or(Count::Off, Count::Planned);
        ResponseFuture::working(Cancel.begin(context.scope(call)), count, face)
    }
}

impl<J> DeadlineLayer<J> {
    /// The time that a request has, `None` if nobody is to watch it.
    fn admit<B>(&self, queue: &Queue, request: &Request<B>, mode: Mode) -> Result<Option<Plan>, Why> {
        let waited = match queue {
            Queue::Overdue(overdue) => return Err(Why::Late(overdue.late)),
            Queue::Excused => return Ok(None),
            _ if mode == Mode::Off => return Ok(None),
            Queue::Granted(waited) => *waited,
            Queue::Open | Queue::Waiting(_) => Duration::ZERO,
        };
        let asked = self.asked(request, mode)?;
        match self.rules.grant.decide(timer::now(), waited, asked) {
            Ok(plan) => Ok(Some(plan)),
            Err(late) if mode == Mode::Enforce => Err(Why::Late(late)),
            Err(late) => {
                self.face.reporter.would_refuse(&late);
                Ok(None)
            }
        }
    }

    fn asked<B>(&self, request: &Request<B>, mode: Mode) -> Result<Asked, Why> {
        Ok(Asked {
            limit: request.extensions().get().map_or(self.face.limit, |TimeLimit(limit)| *limit),
            header: self.said(request, mode)?,
            inherited: deadline_of(request.extensions()),
        })
    }

    /// What the caller's headers say, if the caller is believed.
    fn said<B>(&self, request: &Request<B>, mode: Mode) -> Result<Option<Duration>, Why> {
        if !self.rules.trust.believes(request.headers(), request.extensions()) {
            return Ok(None);
        }
        let said = Said::read(&self.rules.headers, request.headers());
        if said.is_malformed {
            let verdict = match (self.rules.when_malformed, mode) {
                (WhenMalformed::Ignore, _) => Verdict::Passed,
                (WhenMalformed::Refuse, Mode::Enforce) => {
                    return Err(Why::Malformed(MalformedTimeout));
                }
                (WhenMalformed::Refuse, _) => Verdict::WouldRefuse,
            };
            self.face.reporter.tell(verdict, MalformedTimeout::CODE);
        }
        Ok(said.shortest)
    }
}
