mod builder;

use std::sync::Arc;

use buttress_bulkhead::{Bulkhead, BulkheadLayer, BulkheadService, UntilBodyEnd};
use buttress_circuit_breaker::{Breaker, CircuitBreaker, CircuitBreakerLayer};
use buttress_core::AsError;
use buttress_correlation_id::{PropagateCorrelationId, PropagateCorrelationIdLayer};
use buttress_http::ClassifyHttp;
use buttress_idempotency::{KeyInjector, KeyInjectorLayer};
use buttress_rate_limit::throttle::{ByAuthority, HttpFeedback, Throttle, ThrottleHandle, ThrottleLayer};
use buttress_retry::{AsReplayBody, ResendHttp, Retry, RetryLayer, StandardPolicy};
use buttress_timeout::{
    AttemptLimit, DeadlineLayer, DeadlineService, ForwardDeadline, ForwardDeadlineLayer, FromExtensions,
    Timeout, TimeoutLayer,
};
use tower::util::{Either, option_layer};
use tower_layer::Layer;

pub use self::builder::OutboundBuilder;

/// The stack between a client and its transport, as one layer.
///
/// Outermost first:
///
/// ```text
/// correlation ID > idempotency key > deadline and total timeout > retry > throttle > bulkhead > circuit breaker > attempt timeout
/// > deadline sent along > your transport
/// ```
///
/// Idempotency key, throttle and bulkhead are there if asked for. All attempts at a call have one key. Each attempt takes its turn at both, and gives its place back while
/// the call waits for the next one.
///
/// The transport is any `Service<http::Request<W::Out>>` whose error can hold a refusal, as a boxed error can; `W`
/// says what it takes as body. Response bodies become [`HeldBody`](buttress_bulkhead::HeldBody), because a call is over
/// when its body is. For reqwest, [`client`](crate::client()) builds all of it.
///
/// One value is one breaker, one retry budget and one set of modes, however often it is cloned or layered.
#[derive(Clone, Debug)]
pub struct Outbound<W = AsReplayBody> {
    correlation_id: PropagateCorrelationIdLayer,
    keys: KeyInjectorLayer,
    deadline: DeadlineLayer<AsError>,
    retry: HttpRetry<W>,
    throttle: Option<OutboundThrottleLayer>,
    bulkhead: OutboundBulkheadLayer,
    breaker: CircuitBreakerLayer<ClassifyHttp, AsError>,
    attempt: AttemptTimeoutLayer,
    forward: ForwardDeadlineLayer,
}

type HttpRetry<W> = RetryLayer<StandardPolicy, ResendHttp<W>>;
type OutboundThrottleLayer = ThrottleLayer<ByAuthority, HttpFeedback, AsError>;
type OutboundBulkheadLayer = BulkheadLayer<AsError, UntilBodyEnd>;
type AttemptTimeoutLayer = TimeoutLayer<AsError, FromExtensions<AttemptLimit>>;
type Attempt<S> = Timeout<ForwardDeadline<S>, AsError, FromExtensions<AttemptLimit>>;

/// The service that [`Outbound`] makes of a transport.
pub type OutboundService<S, W = AsReplayBody> =
    PropagateCorrelationId<KeyInjector<DeadlineService<Calls<S, W>, AsError>>>;

/// Correlation ID and idempotency key.
#[cfg(feature = "reqwest")]
type Marks = tower_layer::Stack<KeyInjectorLayer, PropagateCorrelationIdLayer>;

/// The part of the stack that turns one call into attempts.
type Calls<S, W> = Retry<Shaped<S>, StandardPolicy, ResendHttp<W>>;

/// What the throttle is put around, or not.
type Shaped<S> = Either<Throttle<Roomy<S>, ByAuthority, HttpFeedback, AsError>, Roomy<S>>;
type Roomy<S> = BulkheadService<CircuitBreaker<Attempt<S>, ClassifyHttp, AsError>, AsError, UntilBodyEnd>;

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

    /// The throttle, if it was asked for: who waits, and its quota.
    pub fn throttle(&self) -> Option<&ThrottleHandle> {
        self.throttle.as_ref().map(ThrottleLayer::throttle)
    }

    /// The bulkhead. Unless it was asked for it is off: it counts what runs, and refuses nothing until its mode is
    /// changed.
    pub fn bulkhead(&self) -> &Bulkhead {
        self.bulkhead.bulkhead()
    }

    /// The layer that bounds each attempt; its mode can be changed while it runs.
    pub fn attempt_timeout(&self) -> &TimeoutLayer<AsError, FromExtensions<AttemptLimit>> {
        &self.attempt
    }

    /// What a call is given before it is logged, the total timeout, and the part that turns a call into attempts.
    #[cfg(feature = "reqwest")]
    pub(crate) fn parts<S>(self, transport: S) -> (Marks, DeadlineLayer<AsError>, Calls<S, W>)
    where
        W: Clone,
    {
        let calls = self.calls(transport);
        (Marks::new(self.keys, self.correlation_id), self.deadline, calls)
    }

    fn calls<S>(&self, transport: S) -> Calls<S, W>
    where
        W: Clone,
    {
        let watched = self.breaker.layer(self.attempt.layer(self.forward.layer(transport)));
        let shaped = option_layer(self.throttle.as_ref()).layer(self.bulkhead.layer(watched));
        self.retry.layer(shaped)
    }
}

impl<S, W: Clone> Layer<S> for Outbound<W> {
    type Service = OutboundService<S, W>;

    fn layer(&self, transport: S) -> Self::Service {
        self.correlation_id.layer(self.keys.layer(self.deadline.layer(self.calls(transport))))
    }
}
