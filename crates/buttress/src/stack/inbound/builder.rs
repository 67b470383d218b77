use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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
pub struct InboundBuilder<A = Identity, I = Identity> {
    mode: Option<ModeSwitch>,
    observer: Option<Arc<dyn Observer>>,
    correlation_id: CorrelationIdBuilder,
    deadline: DeadlineBuilder,
    rate_limit: Option<InboundRateLimitBuilder>,
    authentication: A,
    idempotency: I,
    bulkhead: Option<InboundBulkheadBuilder>,
    body: BodyTimeoutBuilder<Responses>,
}

type InboundRateLimitBuilder = RateLimitBuilder<Http, AsProblem>;
type InboundBulkheadBuilder = BulkheadLayerBuilder<AsProblem, UntilBodyEnd>;

impl InboundBuilder {
    pub(super) fn new() -> Self {
        Self {
            mode: None,
            observer: None,
            correlation_id: CorrelationIdLayer::builder(),
            deadline: DeadlineLayer::inbound(),
            rate_limit: None,
            authentication: Identity::new(),
            idempotency: Identity::new(),
            bulkhead: None,
            body: BodyTimeoutLayer::responses(),
        }
    }
}

impl<A, I> InboundBuilder<A, I> {
    /// Puts your own authentication into its place; what it has put into the extensions of a request is known to all
    /// that stands inside. The latest wins; several are one by [`Stack`](tower_layer::Stack).
    pub fn authentication<B>(self, layer: B) -> InboundBuilder<B, I> {
        let Self {
            mode, observer, correlation_id, deadline, rate_limit, idempotency, bulkhead, body, ..
        } = self;
        let authentication = layer;
        InboundBuilder {
            mode,
            observer,
            correlation_id,
            deadline,
            rate_limit,
            authentication,
            idempotency,
            bulkhead,
            body,
        }
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
    ) -> InboundBuilder<A, IdempotencyBuilder<T, J>> {
        let Self {
            mode, observer, correlation_id, deadline, rate_limit, authentication, bulkhead, body, ..
        } = self;
        let idempotency = change(IdempotencyLayer::inbound(store).name(NAME));
        InboundBuilder {
            mode,
            observer,
            correlation_id,
            deadline,
            rate_limit,
            authentication,
            idempotency,
            bulkhead,
            body,
        }
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
        let limit = self.rate_limit.unwrap_or_else(RateLimitLayer::inbound);
        Self { rate_limit: Some(change(limit)), ..self }
    }

    /// Limits how many requests are in the app at once.
    pub fn bulkhead(self, change: impl FnOnce(InboundBulkheadBuilder) -> InboundBulkheadBuilder) -> Self {
        let bulkhead = self.bulkhead.unwrap_or_else(|| BulkheadLayer::inbound(NAME));
        Self { bulkhead: Some(change(bulkhead)), ..self }
    }

    /// A mode for every layer that can refuse, or a switch that something else turns. It holds for all of them,
    /// whatever was said to one.
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        Self { mode: Some(mode.into()), ..self }
    }

    /// Lets somebody hear the signals of all layers, for metrics; whatever was said to one of them.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// Changes the layer of correlation IDs.
    pub fn correlation_id(self, change: impl FnOnce(CorrelationIdBuilder) -> CorrelationIdBuilder) -> Self {
        Self { correlation_id: change(self.correlation_id), ..self }
    }

    /// Changes the layer of the deadline.
    pub fn deadline(self, change: impl FnOnce(DeadlineBuilder) -> DeadlineBuilder) -> Self {
        Self { deadline: change(self.deadline), ..self }
    }

    /// Changes the layer that puts clocks on response bodies.
    pub fn body(
        self,
        change: impl FnOnce(BodyTimeoutBuilder<Responses>) -> BodyTimeoutBuilder<Responses>,
    ) -> Self {
        Self { body: change(self.body), ..self }
    }

    /// The stack.
    ///
    /// # Errors
    ///
    /// Lists everything that is wrong with the settings of all its layers.
    pub fn build(self) -> Result<Inbound<A, I::Layer>, ConfigError>
    where
        I: Part,
    {
        let Self {
            correlation_id, deadline, rate_limit, authentication, idempotency, bulkhead, body, ..
        } = self.overseen();
        let mut checks = Checks::of("inbound");
        let correlation_id = checks.absorb(correlation_id.build());
        let deadline = checks.absorb(deadline.build());
        let rate_limit = checks.absorb(rate_limit.map(RateLimitBuilder::build).transpose());
        let idempotency = checks.absorb(idempotency.build());
        let bulkhead = checks.absorb(bulkhead.map_or_else(|| Ok(unlimited()), BulkheadLayerBuilder::build));
        let body = checks.absorb(body.build());
        let outer = correlation_id.zip(deadline).zip(rate_limit);
        let inner = idempotency.zip(bulkhead).zip(body);
        checks.finish_with(outer.zip(inner).map(|(outer, inner)| {
            let ((correlation_id, deadline), rate_limit) = outer;
            let ((idempotency, bulkhead), body) = inner;
            Inbound { correlation_id, deadline, rate_limit, authentication, idempotency, bulkhead, body }
        }))
    }

    /// The same builder with the mode and the observer of the whole stack in every layer.
    fn overseen(self) -> Self
    where
        I: Part,
    {
        let (mode, observer) = (self.mode.clone(), self.observer.clone());
        let moded = match mode {
            Some(mode) => Self {
                rate_limit: self.rate_limit.map(|limit| limit.mode(mode.clone())),
                idempotency: self.idempotency.moded(&mode),
                bulkhead: self.bulkhead.map(|bulkhead| bulkhead.mode(mode.clone())),
                deadline: self.deadline.mode(mode.clone()),
                body: self.body.mode(mode),
                ..self
            },
            None => self,
        };
        match observer {
            Some(observer) => Self {
                correlation_id: moded.correlation_id.observer(Arc::clone(&observer)),
                rate_limit: moded.rate_limit.map(|limit| limit.observer(Arc::clone(&observer))),
                idempotency: moded.idempotency.observed(&observer),
                bulkhead: moded.bulkhead.map(|bulkhead| bulkhead.observer(Arc::clone(&observer))),
                deadline: moded.deadline.observer(Arc::clone(&observer)),
                body: moded.body.observer(observer),
                ..moded
            },
            None => moded,
        }
    }
}

impl Default for Inbound {
    fn default() -> Self {
        Self {
            correlation_id: CorrelationIdLayer::default(),
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

impl<A, I> fmt::Debug for InboundBuilder<A, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundBuilder")
            .field("correlation_id", &self.correlation_id)
            .field("deadline", &self.deadline)
            .field("rate_limit", &self.rate_limit)
            .field("bulkhead", &self.bulkhead)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
