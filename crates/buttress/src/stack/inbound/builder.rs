use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "audit")]
use buttress_audit::{AuditBuilder, AuditLayer, Recorder};
use buttress_bulkhead::{Bulkhead, BulkheadLayer, BulkheadLayerBuilder, UntilBodyEnd};
use buttress_core::{Checks, ConfigError, ModeSwitch, Observer};
use buttress_correlation_id::{CorrelationIdBuilder, CorrelationIdLayer};
use buttress_http::AsProblem;
use buttress_idempotency::{IdempotencyBuilder, IdempotencyLayer, Store};
use buttress_rate_limit::{Http, RateLimitBuilder, RateLimitLayer};
use buttress_timeout::{BodyTimeoutBuilder, BodyTimeoutLayer, DeadlineBuilder, DeadlineLayer, Responses};
use tower_layer::Identity;

use super::part::Part;
use super::{Inbound, InboundBulkheadLayer};

/// The name that the stack's bulkhead bears in signals.
const NAME: &str = "inbound";

/// Builds an [`Inbound`] stack.
///
/// | option | default | range | effect |
/// |---|---|---|---|
/// | `telemetry` | none | | a layer that watches, such as `telemetry::RequestLogLayer` |
/// | `audit` | none | | every option of `AuditLayer::inbound`; with the feature `audit` |
/// | `total` | 30 s | 1 ms to 1 day | the time from arrival to the end of the response |
/// | `body_idle` | 15 s | 1 ms to 1 day | the longest gap in a response body |
/// | `rate_limit` | none | 1 to 8 policies | every option of [`RateLimitLayer::inbound`] |
/// | `authentication` | none | | a layer of your own |
/// | `idempotency` | none | needs a scope | every option of [`IdempotencyLayer::inbound`] |
/// | `bulkhead` | none | | every option of [`BulkheadLayer::inbound`] |
/// | `mode` | enforce | | one switch for the layers that can refuse |
/// | `observer` | nobody | | hears the signals of all layers |
/// | `correlation_id` | [`CorrelationIdLayer::builder`] | | every option of that layer |
/// | `deadline` | [`DeadlineLayer::inbound`] | | every option of that layer |
/// | `body` | [`BodyTimeoutLayer::responses`] | | every option of that layer |
#[must_use = "a builder does nothing until `build`"]
pub struct InboundBuilder<A = Identity, I = Identity, U = Identity, W = Identity> {
    telemetry: W,
    audit: U,
    authentication: A,
    idempotency: I,
    rest: Rest,
}

/// What is of the same type in every stack.
struct Rest {
    mode: Option<ModeSwitch>,
    observer: Option<Arc<dyn Observer>>,
    correlation_id: CorrelationIdBuilder,
    deadline: DeadlineBuilder,
    rate_limit: Option<InboundRateLimitBuilder>,
    bulkhead: Option<InboundBulkheadBuilder>,
    body: BodyTimeoutBuilder<Responses>,
}

type InboundRateLimitBuilder = RateLimitBuilder<Http, AsProblem>;
type InboundBulkheadBuilder = BulkheadLayerBuilder<AsProblem, UntilBodyEnd>;

impl InboundBuilder {
    pub(super) fn new() -> Self {
        let rest = Rest {
            mode: None,
            observer: None,
            correlation_id: CorrelationIdLayer::builder(),
            deadline: DeadlineLayer::inbound(),
            rate_limit: None,
            bulkhead: None,
            body: BodyTimeoutLayer::responses(),
        };
        Self {
            telemetry: Identity::new(),
            audit: Identity::new(),
            authentication: Identity::new(),
            idempotency: Identity::new(),
            rest,
        }
    }
}

impl<A, I, U, W> InboundBuilder<A, I, U, W> {
    /// Puts a layer that watches requests into its place, right inside the correlation ID and outside of all that
    /// refuses: access lines, spans, metrics. The latest wins; several are one by [`Stack`](tower_layer::Stack).
    pub fn telemetry<V>(self, layer: V) -> InboundBuilder<A, I, U, V> {
        let Self { audit, authentication, idempotency, rest, .. } = self;
        InboundBuilder { telemetry: layer, audit, authentication, idempotency, rest }
    }

    /// Puts your own authentication into its place; what it has put into the extensions of a request is known to all
    /// that stands inside. The latest wins; several are one by [`Stack`](tower_layer::Stack).
    ///
    /// Who it finds out to ask it announces ([`Principal::announce`](buttress_core::Principal::announce)), so that what
    /// stands outside can write it down.
    pub fn authentication<B>(self, layer: B) -> InboundBuilder<B, I, U, W> {
        let Self { telemetry, audit, idempotency, rest, .. } = self;
        InboundBuilder { telemetry, audit, authentication: layer, idempotency, rest }
    }

    /// Records every request, however it ends: in a log that loses nothing it acknowledged, or wherever else.
    ///
    /// ```
    /// use buttress::Inbound;
    /// use buttress::audit::{Action, MemoryRecorder, Rule};
    ///
    /// let inbound = Inbound::builder()
    ///     .audit(MemoryRecorder::new(), |audit| audit.rule(Rule::path("/login").action(Action::LOGIN)))
    ///     .build()?;
    /// # Ok::<(), buttress::ConfigError>(())
    /// ```
    #[cfg(feature = "audit")]
    pub fn audit<R: Recorder, J, T>(
        self,
        recorder: R,
        change: impl FnOnce(AuditBuilder<R>) -> AuditBuilder<R, J, T>,
    ) -> InboundBuilder<A, I, AuditBuilder<R, J, T>, W> {
        let Self { telemetry, authentication, idempotency, rest, .. } = self;
        let audit = change(AuditLayer::inbound(recorder).name(NAME));
        InboundBuilder { telemetry, audit, authentication, idempotency, rest }
    }

    /// Runs requests with a key once, with their records in this store. Whose keys they are must be said.
    ///
    /// ```
    /// use buttress::Inbound;
    /// use buttress::idempotency::MemoryStore;
    /// # #[derive(Clone)] struct Tenant(String);
    ///
    /// let inbound = Inbound::builder()
    ///     .idempotency(MemoryStore::default(), |keys| {
    ///         keys.scope(|head| head.extensions.get().map(|Tenant(name)| name.clone()))
    ///     })
    ///     .build()?;
    /// assert_eq!(inbound.idempotency().handle().stats().totals().in_flight(), 0);
    /// # Ok::<(), buttress::ConfigError>(())
    /// ```
    pub fn idempotency<T: Store, J>(
        self,
        store: impl Into<Arc<T>>,
        change: impl FnOnce(IdempotencyBuilder<T>) -> IdempotencyBuilder<T, J>,
    ) -> InboundBuilder<A, IdempotencyBuilder<T, J>, U, W> {
        let Self { telemetry, audit, authentication, rest, .. } = self;
        let idempotency = change(IdempotencyLayer::inbound(store).name(NAME));
        InboundBuilder { telemetry, audit, authentication, idempotency, rest }
    }

    /// The time from the arrival of a request to the end of its response.
    pub fn total(self, total: Duration) -> Self {
        self.deadline(|deadline| deadline.total(total))
    }

    /// The longest gap in a response body.
    pub fn body_idle(self, idle: Duration) -> Self {
        self.body(|body| body.idle(idle))
    }

    /// Limits how often callers may ask; a limit needs at least one policy.
    pub fn rate_limit(self, change: impl FnOnce(InboundRateLimitBuilder) -> InboundRateLimitBuilder) -> Self {
        self.rest(|rest| {
            let limit = rest.rate_limit.unwrap_or_else(RateLimitLayer::inbound);
            Rest { rate_limit: Some(change(limit)), ..rest }
        })
    }

    /// Limits how many requests are in the app at once.
    pub fn bulkhead(self, change: impl FnOnce(InboundBulkheadBuilder) -> InboundBulkheadBuilder) -> Self {
        self.rest(|rest| {
            let bulkhead = rest.bulkhead.unwrap_or_else(|| BulkheadLayer::inbound(NAME));
            Rest { bulkhead: Some(change(bulkhead)), ..rest }
        })
    }

    /// A mode for every layer that can refuse, or a switch that something else turns. It holds for all of them,
    /// whatever was said to one.
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        self.rest(|rest| Rest { mode: Some(mode.into()), ..rest })
    }

    /// Lets somebody hear the signals of all layers, for metrics; whatever was said to one of them.
    pub fn observer(self, observer: impl Observer) -> Self {
        self.rest(|rest| Rest { observer: Some(Arc::new(observer)), ..rest })
    }

    /// Changes the layer of correlation IDs.
    pub fn correlation_id(self, change: impl FnOnce(CorrelationIdBuilder) -> CorrelationIdBuilder) -> Self {
        self.rest(|rest| Rest { correlation_id: change(rest.correlation_id), ..rest })
    }

    /// Changes the layer of the deadline.
    pub fn deadline(self, change: impl FnOnce(DeadlineBuilder) -> DeadlineBuilder) -> Self {
        self.rest(|rest| Rest { deadline: change(rest.deadline), ..rest })
    }

    /// Changes the layer that puts clocks on response bodies.
    pub fn body(
        self,
        change: impl FnOnce(BodyTimeoutBuilder<Responses>) -> BodyTimeoutBuilder<Responses>,
    ) -> Self {
        self.rest(|rest| Rest { body: change(rest.body), ..rest })
    }

    fn rest(self, change: impl FnOnce(Rest) -> Rest) -> Self {
        Self { rest: change(self.rest), ..self }
    }

    /// The stack.
    ///
    /// # Errors
    ///
    /// Lists everything that is wrong with the settings of all its layers.
    pub fn build(self) -> Result<Inbound<A, I::Layer, U::Layer, W>, ConfigError>
    where
        I: Part,
        U: Part,
    {
        let Self { telemetry, audit, authentication, idempotency, rest } = self.overseen();
        let mut checks = Checks::of("inbound");
        let correlation_id = checks.absorb(rest.correlation_id.build());
        let audit = checks.absorb(audit.build());
        let deadline = checks.absorb(rest.deadline.build());
        let rate_limit = checks.absorb(rest.rate_limit.map(RateLimitBuilder::build).transpose());
        let idempotency = checks.absorb(idempotency.build());
        let bulkhead = rest.bulkhead.map_or_else(|| Ok(unlimited()), BulkheadLayerBuilder::build);
        let bulkhead = checks.absorb(bulkhead);
        let body = checks.absorb(rest.body.build());
        let outer = correlation_id.zip(audit).zip(deadline.zip(rate_limit));
        let inner = idempotency.zip(bulkhead).zip(body);
        checks.finish_with(outer.zip(inner).map(|(outer, inner)| {
            let ((correlation_id, audit), (deadline, rate_limit)) = outer;
            let ((idempotency, bulkhead), body) = inner;
            Inbound {
                correlation_id,
                telemetry,
                audit,
                deadline,
                rate_limit,
                authentication,
                idempotency,
                bulkhead,
                body,
            }
        }))
    }

    /// The same builder with the mode and the observer of the whole stack in every layer.
    fn overseen(self) -> Self
    where
        I: Part,
        U: Part,
    {
        let Self { telemetry, mut audit, authentication, mut idempotency, mut rest } = self;
        if let Some(mode) = rest.mode.clone() {
            audit = audit.moded(&mode);
            idempotency = idempotency.moded(&mode);
            rest = rest.moded(&mode);
        }
        if let Some(observer) = rest.observer.clone() {
            audit = audit.observed(&observer);
            idempotency = idempotency.observed(&observer);
            rest = rest.observed(&observer);
        }
        Self { telemetry, audit, authentication, idempotency, rest }
    }
}

impl Rest {
    fn moded(self, mode: &ModeSwitch) -> Self {
        Self {
            deadline: self.deadline.mode(mode.clone()),
            rate_limit: self.rate_limit.map(|limit| limit.mode(mode.clone())),
            bulkhead: self.bulkhead.map(|bulkhead| bulkhead.mode(mode.clone())),
            body: self.body.mode(mode.clone()),
            ..self
        }
    }

    fn observed(self, observer: &Arc<dyn Observer>) -> Self {
        Self {
            correlation_id: self.correlation_id.observer(Arc::clone(observer)),
            deadline: self.deadline.observer(Arc::clone(observer)),
            rate_limit: self.rate_limit.map(|limit| limit.observer(Arc::clone(observer))),
            bulkhead: self.bulkhead.map(|bulkhead| bulkhead.observer(Arc::clone(observer))),
            body: self.body.observer(Arc::clone(observer)),
            ..self
        }
    }
}

impl Default for Inbound {
    fn default() -> Self {
        Self {
            correlation_id: CorrelationIdLayer::default(),
            telemetry: Identity::new(),
            audit: Identity::new(),
            deadline: DeadlineLayer::default(),
            rate_limit: None,
            authentication: Identity::new(),
            idempotency: Identity::new(),
            bulkhead: unlimited(),
            body: BodyTimeoutLayer::default(),
        }
    }
}

/// The bulkhead of a stack that was not asked for one.
fn unlimited() -> InboundBulkheadLayer {
    BulkheadLayer::with_bulkhead(Bulkhead::off(NAME), AsProblem::default(), UntilBodyEnd)
}

impl<A, I, U, W> fmt::Debug for InboundBuilder<A, I, U, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundBuilder")
            .field("correlation_id", &self.rest.correlation_id)
            .field("deadline", &self.rest.deadline)
            .field("rate_limit", &self.rest.rate_limit)
            .field("bulkhead", &self.rest.bulkhead)
            .field("body", &self.rest.body)
            .finish_non_exhaustive()
    }
}
