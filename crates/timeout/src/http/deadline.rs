use std::mem;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use buttress_core::{AsError, Context, Deadline, Mode, ModeSwitch, Refused, Reject, Scoped, Verdict};
use buttress_http::{AsProblem, deadline_of};
use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use super::arrival::{Asked, Grant, MalformedTimeout};
use super::deadline_builder::DeadlineBuilder;
use super::header::{Said, TimeoutHeader};
use super::limits::TimeLimit;
use super::trust::{Trust, WhenMalformed};
use crate::on_timeout::{Cancelled, OnTimeout};
use crate::plan::Plan;
use crate::queue::Queue;
use crate::reporter::Reporter;
use crate::watch::Watch;
use crate::{Cancel, ResponseFuture, TimedOut, timer};

/// Gives every request its one [`Deadline`] and enforces it.
///
/// The deadline is in the extensions of the request, for handlers and layers that hold it, and in the
/// [`Context`] while the inner future is polled, so that a call to another service made anywhere inside inherits
/// it. It is the earliest of the layer's own limit, what a trusted header says is left, and a deadline that is in
/// force already. See the [crate documentation](crate).
#[derive(Debug)]
pub struct DeadlineLayer<J = AsProblem>(Arc<DeadlineRules<J>>);

/// What a layer and all its services go by.
#[derive(Clone, Debug)]
pub(super) struct DeadlineRules<J> {
    pub(super) grant: Grant,
    pub(super) trust: Trust,
    pub(super) headers: Box<[TimeoutHeader]>,
    pub(super) when_malformed: WhenMalformed,
    pub(super) mode: ModeSwitch,
    pub(super) reject: J,
    pub(super) reporter: Reporter,
}

impl DeadlineLayer {
    /// Begins a layer for a server: 30 s for a request, refusals are problem documents.
    pub fn inbound() -> DeadlineBuilder<AsProblem> {
        DeadlineBuilder::new(AsProblem::default())
    }

    /// Begins a layer for the whole of a client's call, outside the retries: at most `total`, less if the work that
    /// the call is part of has less; refusals are errors.
    pub fn outbound(total: Duration) -> DeadlineBuilder<AsError> {
        let builder = DeadlineBuilder::new(AsError).name("total").total(total);
        if total > Duration::from_secs(60) { builder.max(total) } else { builder }
    }
}

impl<J> DeadlineLayer<J> {
    pub(super) fn new(rules: Arc<DeadlineRules<J>>) -> Self {
        Self(rules)
    }

    /// The switch between enforce, observe and off.
    pub fn mode(&self) -> &ModeSwitch {
        &self.0.mode
    }

    /// The same layer with a mode switch of its own, in the present position.
    #[must_use]
    pub fn fresh(&self) -> Self
    where
        J: Clone,
    {
        let mode = ModeSwitch::new(self.0.mode.get());
        Self(Arc::new(DeadlineRules { mode, ..DeadlineRules::clone(&self.0) }))
    }
}

impl<J> Clone for DeadlineLayer<J> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, J> Layer<S> for DeadlineLayer<J> {
    type Service = DeadlineService<S, J>;

    fn layer(&self, inner: S) -> Self::Service {
        DeadlineService { inner, rules: Arc::clone(&self.0), queue: Queue::default() }
    }
}

/// A service whose requests have a deadline; made by [`DeadlineLayer`].
#[derive(Debug)]
pub struct DeadlineService<S, J = AsProblem> {
    inner: S,
    rules: Arc<DeadlineRules<J>>,
    queue: Queue,
}

impl<S: Clone, J> Clone for DeadlineService<S, J> {
    /// The clone has not waited for anything.
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), rules: Arc::clone(&self.rules), queue: Queue::default() }
    }
}

impl<S, J, B> Service<Request<B>> for DeadlineService<S, J>
where
    S: Service<Request<B>>,
    J: Reject<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<Cancelled<Scoped<S::Future>>, J>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        if self.queue.is_overdue() {
            return Poll::Ready(Ok(()));
        }
        match self.inner.poll_ready(cx) {
            Poll::Ready(ready) => {
                self.queue.granted();
                Poll::Ready(ready)
            }
            Poll::Pending => {
                let DeadlineRules { grant, mode, reporter, .. } = &*self.rules;
                self.queue.poll_waiting(cx, grant.total, mode.get(), reporter).map(Ok)
            }
        }
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let queue = mem::take(&mut self.queue);
        let mode = self.rules.mode.get();
        let (reject, reporter) = (self.rules.reject.clone(), self.rules.reporter.clone());
        let plan = match self.rules.admit(&queue, &request, mode) {
            Ok(plan) => plan,
            Err(why) => return ResponseFuture::refused(why, reject, reporter),
        };
        let mut context = Context::current();
        if let (Some(plan), Mode::Enforce) = (plan, mode) {
            let deadline = Deadline::at(plan.until());
            request.extensions_mut().insert(deadline);
            context = context.with_deadline(deadline);
        }
        // Within the context as well, for inner services that look at the deadline when they are called.
        let call = context.clone().run(|| self.inner.call(request));
        let watch = plan.map_or(Watch::Off, |plan| Watch::Planned { plan });
        ResponseFuture::working(Cancel.begin(context.scope(call)), watch, mode, reject, reporter)
    }
}

impl<J> DeadlineRules<J> {
    /// The time that a request has, `None` if nobody is to watch it.
    fn admit<B>(&self, queue: &Queue, request: &Request<B>, mode: Mode) -> Result<Option<Plan>, Refused> {
        let waited = match queue {
            Queue::Overdue(late) => return Err(Refused::new(*late)),
            Queue::Excused => return Ok(None),
            _ if mode == Mode::Off => return Ok(None),
            Queue::Granted(waited) => *waited,
            Queue::Open | Queue::Waiting(_) => Duration::ZERO,
        };
        let asked = self.asked(request, mode)?;
        match self.grant.decide(timer::now(), waited, asked) {
            Ok(plan) => Ok(Some(plan)),
            Err(late) => self.too_late(late, mode),
        }
    }

    fn too_late(&self, late: TimedOut, mode: Mode) -> Result<Option<Plan>, Refused> {
        if mode == Mode::Enforce {
            return Err(Refused::new(late));
        }
        self.reporter.would_refuse(&late);
        Ok(None)
    }

    fn asked<B>(&self, request: &Request<B>, mode: Mode) -> Result<Asked, Refused> {
        Ok(Asked {
            limit: request.extensions().get().map(|TimeLimit(limit)| *limit),
            header: self.said(request, mode)?,
            inherited: deadline_of(request.extensions()),
        })
    }

    /// What the caller's headers say, if the caller is believed.
    fn said<B>(&self, request: &Request<B>, mode: Mode) -> Result<Option<Duration>, Refused> {
        if !self.trust.believes(request.headers(), request.extensions()) {
            return Ok(None);
        }
        let said = Said::read(&self.headers, request.headers());
        if let Some(name) = said.malformed {
            let verdict = match (self.when_malformed, mode) {
                (WhenMalformed::Ignore, _) => Verdict::Passed,
                (WhenMalformed::Refuse, Mode::Enforce) => {
                    return Err(Refused::new(MalformedTimeout::new(name)));
                }
                (WhenMalformed::Refuse, _) => Verdict::WouldRefuse,
            };
            self.reporter.tell(verdict, MalformedTimeout::CODE);
        }
        Ok(said.shortest)
    }
}
