use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_circuit_breaker::{
    Breaker, BreakerConfig, BreakerRegistry, CircuitBreaker, CircuitBreakerLayer, RegistryError,
};
use buttress_core::{AsError, Checks, ConfigError, Observer, Signal};
use buttress_correlation_id::{
    PropagateCorrelationId, PropagateCorrelationIdBuilder, PropagateCorrelationIdLayer,
};
use buttress_http::ClassifyHttp;
use buttress_retry::{AsReplayBody, ResendHttp, Retry, RetryBuilder, RetryLayer, StandardPolicy};
use buttress_timeout::{
    AttemptLimit, DeadlineBuilder, DeadlineLayer, DeadlineService, ForwardDeadline, ForwardDeadlineBuilder,
    ForwardDeadlineLayer, FromExtensions, Timeout, TimeoutLayer,
};
use tower_layer::Layer;

/// The stack between a client and its transport, as one layer.
///
/// Outermost first:
///
/// ```text
/// correlation ID > deadline and total timeout > retry > circuit breaker > attempt timeout
/// > deadline sent along > your transport
/// ```
///
/// The transport is any `Service<http::Request<W::Out>>` whose error can hold a refusal, as a boxed error can; `W`
/// says what it takes as body. For reqwest, [`client`](crate::client()) builds all of it.
///
/// One value is one breaker, one retry budget and one set of modes, however often it is cloned or layered.
#[derive(Clone, Debug)]
pub struct Outbound<W = AsReplayBody> {
    correlation_id: PropagateCorrelationIdLayer,
    deadline: DeadlineLayer<AsError>,
    retry: HttpRetry<W>,
    breaker: CircuitBreakerLayer<ClassifyHttp, AsError>,
    attempt: AttemptTimeoutLayer,
    forward: ForwardDeadlineLayer,
}

type HttpRetry<W> = RetryLayer<StandardPolicy, ResendHttp<W>>;
type AttemptTimeoutLayer = TimeoutLayer<AsError, FromExtensions<AttemptLimit>>;
type Attempt<S> = Timeout<ForwardDeadline<S>, AsError, FromExtensions<AttemptLimit>>;

/// The service that [`Outbound`] makes of a transport.
pub type OutboundService<S, W = AsReplayBody> = PropagateCorrelationId<DeadlineService<Calls<S, W>, AsError>>;

/// The part of the stack that turns one call into attempts.
type Calls<S, W> = Retry<CircuitBreaker<Attempt<S>, ClassifyHttp, AsError>, StandardPolicy, ResendHttp<W>>;

impl Outbound {
    /// Begins the stack for a service so named; the breaker and the signals of all layers bear the name.
    pub fn named(name: impl Into<Arc<str>>) -> OutboundBuilder {
        OutboundBuilder::new(name.into())
    }
}

impl<W> Outbound<W> {
    /// The circuit breaker: its state, and the means to force, reset and observe it.
    pub fn breaker(&self) -> &Breaker {
        self.breaker.breaker()
    }

    /// The layer of the deadline; its mode can be changed while it runs.
    pub fn deadline(&self) -> &DeadlineLayer<AsError> {
        &self.deadline
    }

    /// The retry layer, with its budget; its mode can be changed while it runs.
    pub fn retry(&self) -> &RetryLayer<StandardPolicy, ResendHttp<W>> {
        &self.retry
    }

    /// The layer that bounds each attempt; its mode can be changed while it runs.
    pub fn attempt_timeout(&self) -> &TimeoutLayer<AsError, FromExtensions<AttemptLimit>> {
        &self.attempt
    }

    /// The outer part of the stack, and the inner one that turns a call into attempts.
    #[cfg(feature = "reqwest")]
    pub(crate) fn halves<S>(
        self,
        transport: S,
    ) -> (PropagateCorrelationIdLayer, DeadlineLayer<AsError>, Calls<S, W>)
    where
        W: Clone,
    {
        let calls = self.calls(transport);
        (self.correlation_id, self.deadline, calls)
    }

    fn calls<S>(&self, transport: S) -> Calls<S, W>
    where
        W: Clone,
    {
        self.retry.layer(self.breaker.layer(self.attempt.layer(self.forward.layer(transport))))
    }
}

impl<S, W: Clone> Layer<S> for Outbound<W> {
    type Service = OutboundService<S, W>;

    fn layer(&self, transport: S) -> Self::Service {
        self.correlation_id.layer(self.deadline.layer(self.calls(transport)))
    }
}

/// Builds an [`Outbound`] stack.
///
/// | option | default | range | effect |
/// |---|---|---|---|
/// | `timeout` | 30 s | 1 ms to 1 day | the whole call, retries and waits included |
/// | `attempt_timeout` | 10 s | 1 ms to 1 day, shorter than `timeout` | one attempt, up to its response head |
/// | `retry` | 3 attempts, budget of 20 % | | every option of [`RetryLayer::builder`] |
/// | `circuit_breaker` | 50 % of 20 calls in 30 s, or 5 in a row | | every option of [`BreakerConfig`] |
/// | `registry` | none | | lists the breaker with others, under the stack's name |
/// | `correlation_id`, `deadline`, `forward_deadline` | those of the layers | | every option of the layer |
/// | `observer` | nobody | | hears the signals of all layers |
#[must_use = "a builder does nothing until `build`"]
pub struct OutboundBuilder<W = AsReplayBody> {
    name: Arc<str>,
    registry: Option<BreakerRegistry>,
    observer: Option<Arc<dyn Observer>>,
    correlation_id: PropagateCorrelationIdBuilder,
    timeout: Duration,
    attempt_timeout: Duration,
    deadline: DeadlineBuilder<AsError>,
    retry: RetryBuilder<StandardPolicy, ResendHttp<W>>,
    breaker: BreakerConfig,
    forward: ForwardDeadlineBuilder,
}

impl OutboundBuilder {
    /// The default of [`timeout`](Self::timeout).
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
    /// The default of [`attempt_timeout`](Self::attempt_timeout).
    pub const DEFAULT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

    fn new(name: Arc<str>) -> Self {
        Self {
            retry: RetryLayer::builder().name(&*name),
            name,
            registry: None,
            observer: None,
            correlation_id: PropagateCorrelationIdLayer::builder(),
            timeout: Self::DEFAULT_TIMEOUT,
            attempt_timeout: Self::DEFAULT_ATTEMPT_TIMEOUT,
            deadline: DeadlineLayer::outbound(Self::DEFAULT_TIMEOUT),
            breaker: BreakerConfig::new(),
            forward: ForwardDeadlineLayer::builder(),
        }
    }
}

impl<W> OutboundBuilder<W> {
    /// Bounds the whole call, retries and waits included.
    pub fn timeout(self, limit: Duration) -> Self {
        Self { timeout: limit, ..self }
    }

    /// Bounds one attempt, up to the head of its response.
    pub fn attempt_timeout(self, limit: Duration) -> Self {
        Self { attempt_timeout: limit, ..self }
    }

    /// Changes the retry layer.
    pub fn retry<V>(
        self,
        change: impl FnOnce(
            RetryBuilder<StandardPolicy, ResendHttp<W>>,
        ) -> RetryBuilder<StandardPolicy, ResendHttp<V>>,
    ) -> OutboundBuilder<V> {
        let Self {
            name,
            registry,
            observer,
            correlation_id,
            timeout,
            attempt_timeout,
            deadline,
            retry,
            breaker,
            forward,
        } = self;
        let retry = change(retry);
        OutboundBuilder {
            name,
            registry,
            observer,
            correlation_id,
            timeout,
            attempt_timeout,
            deadline,
            retry,
            breaker,
            forward,
        }
    }

    /// Changes the settings of the circuit breaker.
    pub fn circuit_breaker(self, change: impl FnOnce(BreakerConfig) -> BreakerConfig) -> Self {
        Self { breaker: change(self.breaker), ..self }
    }

    /// Lists the breaker in a registry, under the name of the stack.
    ///
    /// A breaker that is there already under this name is used as it is, so that two clients of one service share it.
    pub fn registry(self, registry: &BreakerRegistry) -> Self {
        Self { registry: Some(registry.clone()), ..self }
    }

    /// Changes how the correlation ID is sent along.
    pub fn correlation_id(
        self,
        change: impl FnOnce(PropagateCorrelationIdBuilder) -> PropagateCorrelationIdBuilder,
    ) -> Self {
        Self { correlation_id: change(self.correlation_id), ..self }
    }

    /// Changes the layer of the deadline.
    pub fn deadline(self, change: impl FnOnce(DeadlineBuilder<AsError>) -> DeadlineBuilder<AsError>) -> Self {
        Self { deadline: change(self.deadline), ..self }
    }

    /// Changes how the deadline is sent along.
    pub fn forward_deadline(
        self,
        change: impl FnOnce(ForwardDeadlineBuilder) -> ForwardDeadlineBuilder,
    ) -> Self {
        Self { forward: change(self.forward), ..self }
    }

    /// Lets somebody hear the signals of all layers, for metrics.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// The stack.
    ///
    /// # Errors
    ///
    /// Lists everything that is wrong with the settings of all layers, and with the two timeouts together.
    pub fn build(self) -> Result<Outbound<W>, ConfigError> {
        let mut checks = Checks::of("outbound");
        checks.require(
            self.attempt_timeout < self.timeout,
            "attempt_timeout",
            format_args!("{:?}", self.attempt_timeout),
            format!("less than timeout, which is {:?}", self.timeout),
        );
        let (name, observer) = (self.name, self.observer);
        let breaker = breaker(&name, self.breaker, self.registry.as_ref(), observer.as_ref(), &mut checks);
        let mut deadline = self.deadline.total(self.timeout);
        let mut attempt = TimeoutLayer::attempt(self.attempt_timeout).name("attempt");
        let (mut retry, mut forward) = (self.retry, self.forward);
        if let Some(observer) = observer {
            deadline = deadline.observer(shared(&observer));
            attempt = attempt.observer(shared(&observer));
            retry = retry.observer(shared(&observer));
            forward = forward.observer(shared(&observer));
        }
        let correlation_id = checks.absorb(self.correlation_id.build());
        let layers = (|| {
            Some(Outbound {
                correlation_id: correlation_id?,
                deadline: checks.absorb(deadline.build())?,
                retry: checks.absorb(retry.build())?,
                breaker: CircuitBreakerLayer::with_breaker(breaker?, ClassifyHttp::default(), AsError),
                attempt: checks.absorb(attempt.build())?,
                forward: checks.absorb(forward.build())?,
            })
        })();
        checks.finish_with(layers)
    }
}

fn breaker(
    name: &Arc<str>,
    config: BreakerConfig,
    registry: Option<&BreakerRegistry>,
    observer: Option<&Arc<dyn Observer>>,
    checks: &mut Checks,
) -> Option<Breaker> {
    let mut builder = Breaker::builder(Arc::clone(name)).config(config);
    if let Some(observer) = observer {
        builder = builder.observer(shared(observer));
    }
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

/// One observer for several layers.
fn shared(observer: &Arc<dyn Observer>) -> impl Observer + use<> {
    let observer = Arc::clone(observer);
    move |signal: &Signal<'_>| observer.observe(signal)
}

impl<W> fmt::Debug for OutboundBuilder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}
