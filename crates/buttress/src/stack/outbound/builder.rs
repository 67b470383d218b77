use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_bulkhead::{Bulkhead, BulkheadLayer, BulkheadLayerBuilder, UntilBodyEnd};
use buttress_circuit_breaker::{
    Breaker, BreakerBuilder, BreakerConfig, BreakerRegistry, CircuitBreakerLayer, RegistryError,
};
use buttress_core::{AsError, Checks, ConfigError, ModeSwitch, Observer};
use buttress_correlation_id::{PropagateCorrelationIdBuilder, PropagateCorrelationIdLayer};
use buttress_http::ClassifyHttp;
use buttress_idempotency::KeyInjectorLayer;
use buttress_rate_limit::throttle::{ByAuthority, HttpFeedback, ThrottleBuilder, ThrottleLayer};
use buttress_retry::{AsReplayBody, ResendHttp, RetryBuilder, RetryLayer, StandardPolicy};
use buttress_timeout::{
    AttemptLimit, DeadlineBuilder, DeadlineLayer, ForwardDeadlineBuilder, ForwardDeadlineLayer,
    FromExtensions, TimeoutBuilder, TimeoutLayer,
};

use super::{AttemptTimeoutLayer, Outbound, OutboundBulkheadLayer};
use crate::Profile;

/// Builds an [`Outbound`] stack.
///
/// | option | default | range | effect |
/// |---|---|---|---|
/// | `timeout` | 30 s | 1 ms to 1 day | the whole call: retries, waits, and where there are body clocks the body |
/// | `attempt_timeout` | 10 s | 1 ms to 1 day, shorter than `timeout` | one attempt, up to its response head |
/// | `retry` | 3 attempts, budget of 20 % | | every option of [`RetryLayer::builder`] |
/// | `circuit_breaker` | 50 % of 20 calls in 30 s, or 5 in a row | | every option of [`BreakerConfig`] |
/// | `idempotency_keys` | none | | which calls get a key, see [`KeyInjectorLayer`] |
/// | `throttle` | none | needs a quota | every option of [`ThrottleLayer::outbound`] |
/// | `bulkhead` | none | | every option of [`BulkheadLayer::outbound`] |
/// | `profile` | none | | breaker and retry by the name of what is called |
/// | `registry` | none | | lists the breaker with others, under the stack's name |
/// | `correlation_id`, `deadline`, `attempt`, `forward_deadline` | those of the layers | | every option of the layer |
/// | `mode` | enforce | | one switch for every layer that can refuse or repeat |
/// | `observer` | nobody | | hears the signals of all layers |
///
/// Where two of them set the same thing, the later one wins.
#[must_use = "a builder does nothing until `build`"]
pub struct OutboundBuilder<W = AsReplayBody> {
    retry: RetryBuilder<StandardPolicy, ResendHttp<W>>,
    rest: Rest,
}

/// What does not depend on the type of bodies.
struct Rest {
    name: Arc<str>,
    registry: Option<BreakerRegistry>,
    mode: Option<ModeSwitch>,
    observer: Option<Arc<dyn Observer>>,
    correlation_id: PropagateCorrelationIdBuilder,
    keys: KeyInjectorLayer,
    deadline: DeadlineBuilder<AsError>,
    throttle: Option<OutboundThrottleBuilder>,
    bulkhead: Option<OutboundBulkheadBuilder>,
    breaker: BreakerConfig,
    attempt: AttemptBuilder,
    forward: ForwardDeadlineBuilder,
}

type OutboundThrottleBuilder = ThrottleBuilder<ByAuthority, HttpFeedback, AsError>;
type OutboundBulkheadBuilder = BulkheadLayerBuilder<AsError, UntilBodyEnd>;
type AttemptBuilder = TimeoutBuilder<AsError, FromExtensions<AttemptLimit>>;

impl OutboundBuilder {
    /// The default of [`timeout`](Self::timeout).
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
    /// The default of [`attempt_timeout`](Self::attempt_timeout).
    pub const DEFAULT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

    pub(super) fn new(name: Arc<str>) -> Self {
        let retry = RetryLayer::builder().name(&*name);
        let rest = Rest {
            registry: None,
            mode: None,
            observer: None,
            correlation_id: PropagateCorrelationIdLayer::builder(),
            keys: KeyInjectorLayer::new().methods([]),
            deadline: DeadlineLayer::outbound(Self::DEFAULT_TIMEOUT).name(Arc::clone(&name)),
            throttle: None,
            bulkhead: None,
            breaker: BreakerConfig::new(),
            attempt: TimeoutLayer::attempt(Self::DEFAULT_ATTEMPT_TIMEOUT).name(Arc::clone(&name)),
            forward: ForwardDeadlineLayer::builder()
                .at_most(Self::DEFAULT_ATTEMPT_TIMEOUT)
                .name(Arc::clone(&name)),
            name,
        };
        Self { retry, rest }
    }
}

impl<W> OutboundBuilder<W> {
    /// Bounds the whole call, retries and waits included.
    pub fn timeout(self, limit: Duration) -> Self {
        self.deadline(|deadline| deadline.total(limit))
    }

    /// Bounds one attempt, up to the head of its response.
    pub fn attempt_timeout(self, limit: Duration) -> Self {
        // The next service is told of no more, or it would work on for a caller who has begun another attempt.
        self.attempt(|attempt| attempt.limit(limit)).forward_deadline(|forward| forward.at_most(limit))
    }

    /// Changes the retry layer.
    pub fn retry<V>(
        self,
        change: impl FnOnce(
            RetryBuilder<StandardPolicy, ResendHttp<W>>,
        ) -> RetryBuilder<StandardPolicy, ResendHttp<V>>,
    ) -> OutboundBuilder<V> {
        OutboundBuilder { retry: change(self.retry), rest: self.rest }
    }

    /// Changes the settings of the circuit breaker.
    pub fn circuit_breaker(self, change: impl FnOnce(BreakerConfig) -> BreakerConfig) -> Self {
        self.rest(|rest| Rest { breaker: change(rest.breaker), ..rest })
    }

    /// Gives each call an idempotency key, the same for all its attempts, unless the caller has set one.
    ///
    /// Only for services that honour such keys: a request with a key counts as safe to repeat, so a POST that had no
    /// answer is sent again.
    pub fn idempotency_keys(self, keys: KeyInjectorLayer) -> Self {
        self.rest(|rest| Rest { keys, ..rest })
    }

    /// Sends attempts no faster than a quota allows, which must be given: what comes too early waits for its turn.
    pub fn throttle(self, change: impl FnOnce(OutboundThrottleBuilder) -> OutboundThrottleBuilder) -> Self {
        self.rest(|rest| {
            let throttle = rest.throttle.unwrap_or_else(|| ThrottleLayer::outbound(Arc::clone(&rest.name)));
            Rest { throttle: Some(change(throttle)), ..rest }
        })
    }

    /// Limits how many attempts are under way at once, response bodies included.
    pub fn bulkhead(self, change: impl FnOnce(OutboundBulkheadBuilder) -> OutboundBulkheadBuilder) -> Self {
        self.rest(|rest| {
            let bulkhead = rest.bulkhead.unwrap_or_else(|| BulkheadLayer::outbound(Arc::clone(&rest.name)));
            Rest { bulkhead: Some(change(bulkhead)), ..rest }
        })
    }

    /// Takes the settings of breaker and retry from a profile.
    pub fn profile(self, profile: Profile) -> Self {
        let with_breaker = self.circuit_breaker(|_| profile.breaker);
        match profile.retry {
            Some(schedule) => with_breaker.retry(|retry| retry.profile(schedule)),
            None => with_breaker,
        }
    }

    /// Lists the breaker in a registry, under the name of the stack.
    ///
    /// A breaker that is there already under this name is used as it is, with its own settings, mode and observer, so
    /// that two clients of one service share it.
    pub fn registry(self, registry: &BreakerRegistry) -> Self {
        self.rest(|rest| Rest { registry: Some(registry.clone()), ..rest })
    }

    /// Changes how the correlation ID is sent along.
    pub fn correlation_id(
        self,
        change: impl FnOnce(PropagateCorrelationIdBuilder) -> PropagateCorrelationIdBuilder,
    ) -> Self {
        self.rest(|rest| Rest { correlation_id: change(rest.correlation_id), ..rest })
    }

    /// Changes the layer of the deadline.
    pub fn deadline(self, change: impl FnOnce(DeadlineBuilder<AsError>) -> DeadlineBuilder<AsError>) -> Self {
        self.rest(|rest| Rest { deadline: change(rest.deadline), ..rest })
    }

    /// Changes the layer that bounds each attempt.
    pub fn attempt(self, change: impl FnOnce(AttemptBuilder) -> AttemptBuilder) -> Self {
        self.rest(|rest| Rest { attempt: change(rest.attempt), ..rest })
    }

    /// Changes how the deadline is sent along.
    pub fn forward_deadline(
        self,
        change: impl FnOnce(ForwardDeadlineBuilder) -> ForwardDeadlineBuilder,
    ) -> Self {
        self.rest(|rest| Rest { forward: change(rest.forward), ..rest })
    }

    /// A mode for every layer that can refuse or repeat, or a switch that something else turns. It holds for all of
    /// them, whatever was said to one.
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        self.rest(|rest| Rest { mode: Some(mode.into()), ..rest })
    }

    /// Lets somebody hear the signals of all layers, for metrics; whatever was said to one of them.
    pub fn observer(self, observer: impl Observer) -> Self {
        self.rest(|rest| Rest { observer: Some(Arc::new(observer)), ..rest })
    }

    fn rest(self, change: impl FnOnce(Rest) -> Rest) -> Self {
        Self { rest: change(self.rest), ..self }
    }

    /// The mode and the observer that the whole stack was given.
    #[cfg(feature = "reqwest")]
    pub(crate) fn oversight(&self) -> (Option<ModeSwitch>, Option<Arc<dyn Observer>>) {
        (self.rest.mode.clone(), self.rest.observer.clone())
    }

    /// The stack.
    ///
    /// # Errors
    ///
    /// Lists everything that is wrong with the settings of all layers, and with the two timeouts together.
    pub fn build(self) -> Result<Outbound<W>, ConfigError> {
        let Self { retry, rest } = self.overseen();
        let Rest { name, registry, mode, observer, breaker, .. } = rest;
        let mut watcher = Breaker::builder(Arc::clone(&name)).config(breaker);
        if let Some(mode) = mode {
            watcher = watcher.mode(mode);
        }
        if let Some(observer) = observer {
            watcher = watcher.observer(observer);
        }
        let mut checks = Checks::of("outbound");
        let correlation_id = checks.absorb(rest.correlation_id.build());
        let deadline = checks.absorb(rest.deadline.build());
        let retry = checks.absorb(retry.build());
        let throttle = checks.absorb(rest.throttle.map(ThrottleBuilder::build).transpose());
        let bulkhead = rest.bulkhead.map_or_else(|| Ok(unlimited(name)), BulkheadLayerBuilder::build);
        let bulkhead = checks.absorb(bulkhead);
        let breaker = breaker_of(watcher, registry.as_ref(), &mut checks);
        let attempt = checks.absorb(rest.attempt.build());
        let forward = checks.absorb(rest.forward.build());
        check_timeouts(deadline.as_ref(), attempt.as_ref(), &mut checks);
        let outer = correlation_id.zip(deadline).zip(retry);
        let limits = throttle.zip(bulkhead);
        let inner = breaker.zip(attempt).zip(forward);
        checks.finish_with(outer.zip(limits).zip(inner).map(|((outer, limits), inner)| {
            let ((correlation_id, deadline), retry) = outer;
            let (throttle, bulkhead) = limits;
            let ((breaker, attempt), forward) = inner;
            let breaker = CircuitBreakerLayer::with_breaker(breaker, ClassifyHttp::default(), AsError);
            let keys = rest.keys;
            Outbound { correlation_id, keys, deadline, retry, throttle, bulkhead, breaker, attempt, forward }
        }))
    }

    /// The same builder with the mode and the observer of the whole stack in every layer but the breaker.
    fn overseen(self) -> Self {
        let Self { mut retry, mut rest } = self;
        if let Some(mode) = rest.mode.clone() {
            retry = retry.mode(mode.clone());
            rest = rest.moded(&mode);
        }
        if let Some(observer) = rest.observer.clone() {
            retry = retry.observer(Arc::clone(&observer));
            rest = rest.observed(&observer);
        }
        Self { retry, rest }
    }
}

impl Rest {
    fn moded(self, mode: &ModeSwitch) -> Self {
        Self {
            deadline: self.deadline.mode(mode.clone()),
            throttle: self.throttle.map(|throttle| throttle.mode(mode.clone())),
            bulkhead: self.bulkhead.map(|bulkhead| bulkhead.mode(mode.clone())),
            attempt: self.attempt.mode(mode.clone()),
            forward: self.forward.mode(mode.clone()),
            ..self
        }
    }

    fn observed(self, observer: &Arc<dyn Observer>) -> Self {
        Self {
            deadline: self.deadline.observer(Arc::clone(observer)),
            throttle: self.throttle.map(|throttle| throttle.observer(Arc::clone(observer))),
            bulkhead: self.bulkhead.map(|bulkhead| bulkhead.observer(Arc::clone(observer))),
            attempt: self.attempt.observer(Arc::clone(observer)),
            forward: self.forward.observer(Arc::clone(observer)),
            ..self
        }
    }
}

/// The bulkhead of a stack that was not asked for one.
fn unlimited(name: Arc<str>) -> OutboundBulkheadLayer {
    BulkheadLayer::with_bulkhead(Bulkhead::off(name), AsError, UntilBodyEnd)
}

fn check_timeouts(
    total: Option<&DeadlineLayer<AsError>>,
    attempt: Option<&AttemptTimeoutLayer>,
    checks: &mut Checks,
) {
    if let (Some(total), Some(attempt)) = (total.map(DeadlineLayer::total), attempt.map(TimeoutLayer::limit))
    {
        let allowed = format!("less than timeout, which is {total:?}");
        checks.require(attempt < total, "attempt_timeout", format_args!("{attempt:?}"), allowed);
    }
}

fn breaker_of(
    builder: BreakerBuilder,
    registry: Option<&BreakerRegistry>,
    checks: &mut Checks,
) -> Option<Breaker> {
    let Some(registry) = registry else { return checks.absorb(builder.build()) };
    match registry.get_or_build(builder) {
        Ok(breaker) => Some(breaker),
        Err(RegistryError::Config(error)) => checks.absorb(Err(error)),
        Err(error) => {
            checks.require(false, "registry", error, "a registry with room for this name");
            None
        }
    }
}

impl<W> fmt::Debug for OutboundBuilder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundBuilder").field("name", &self.rest.name).finish_non_exhaustive()
    }
}
