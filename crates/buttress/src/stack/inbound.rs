mod builder;
mod part;

#[cfg(feature = "audit")]
use buttress_audit::AuditLayer;
use buttress_bulkhead::{Bulkhead, BulkheadLayer, BulkheadService, UntilBodyEnd};
use buttress_correlation_id::{CorrelationIdLayer, CorrelationIdService};
use buttress_http::AsProblem;
use buttress_idempotency::IdempotencyLayer;
use buttress_rate_limit::{Http, RateLimit, RateLimitLayer};
use buttress_timeout::{BodyTimeout, BodyTimeoutLayer, DeadlineLayer, DeadlineService, Responses};
use tower::util::{Either, option_layer};
use tower_layer::{Identity, Layer};

pub use self::builder::InboundBuilder;

/// The stack around an Axum app, as one layer: correlation ID, deadline, clocks on response bodies, and if asked for
/// limits on how often and how much at once, requests with a key that run once, and a record of what became of each.
///
/// ```
/// use axum::{Router, routing::get};
/// use buttress::Inbound;
/// use buttress::rate_limit::{Policy, Quota, key};
///
/// let inbound = Inbound::builder()
///     .rate_limit(|limit| limit.policy(Policy::named("address").key(key::client_addr()).quota(Quota::per_second(50))))
///     .bulkhead(|bulkhead| bulkhead.max_concurrent(200))
///     .build()?;
/// let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(inbound);
/// # Ok::<(), buttress::ConfigError>(())
/// ```
///
/// Outermost first:
///
/// ```text
/// correlation ID and span > telemetry > audit > deadline and total timeout > rate limit > your authentication
/// > idempotency > bulkhead > body clocks > your app
/// ```
///
/// Whoever counts addresses has to be told them: the server puts a [`PeerAddr`](buttress_http::PeerAddr) into the
/// extensions of each request, or the limit gets a resolver that knows where else the peer is found
/// (`.client_addr(ClientAddrResolver::builder().peer_from(..).build()?)`);
/// [`key::client_addr`](buttress_rate_limit::key::client_addr) has the lines for Axum. Else a request has no address,
/// and what becomes of it is the policy's `missing`: by default it is refused.
///
/// Where you give it your [authentication](InboundBuilder::authentication), it stands inside the limit, so that a flood
/// of guesses is refused before it costs anything, and outside idempotency, which must know whose key it is. A limit for
/// each user belongs inside it, in a [`RateLimitLayer`] of its own. [`Inbound::default`] has neither of these.
///
/// It is one layer because Axum boxes the service of each `.layer()` anew. Cloning shares everything; put one value
/// on as many routers as you like.
#[derive(Clone, Debug)]
pub struct Inbound<A = Identity, I = Identity, U = Identity, W = Identity> {
    correlation_id: CorrelationIdLayer,
    telemetry: W,
    audit: U,
    deadline: DeadlineLayer,
    rate_limit: Option<InboundRateLimitLayer>,
    authentication: A,
    idempotency: I,
    bulkhead: InboundBulkheadLayer,
    body: BodyTimeoutLayer<Responses>,
}

type InboundRateLimitLayer = RateLimitLayer<Http, AsProblem>;
type InboundBulkheadLayer = BulkheadLayer<AsProblem, UntilBodyEnd>;

/// The service that [`Inbound`] makes of another.
pub type InboundService<S, A = Identity, I = Identity, U = Identity, W = Identity> =
    CorrelationIdService<<W as Layer<Recorded<S, A, I, U>>>::Service>;

/// What is watched, if there is somebody who watches.
type Recorded<S, A, I, U> = <U as Layer<Timed<S, A, I>>>::Service;
/// What is recorded, if that is asked for.
type Timed<S, A, I> = DeadlineService<Limited<S, A, I>>;

/// What the rate limit is put around, or not.
type Limited<S, A, I> = Either<RateLimit<Known<S, A, I>, Http, AsProblem>, Known<S, A, I>>;
/// What knows who asks.
type Known<S, A, I> = <A as Layer<Once<S, I>>>::Service;
type Once<S, I> = <I as Layer<Roomy<S>>>::Service;
type Roomy<S> = BulkheadService<BodyTimeout<S, Responses>, AsProblem, UntilBodyEnd>;

impl Inbound {
    /// Begins a stack with the defaults of its layers.
    pub fn builder() -> InboundBuilder {
        InboundBuilder::new()
    }
}

impl<A, I, U, W> Inbound<A, I, U, W> {
    /// The layer that takes, mints and echoes correlation IDs.
    pub fn correlation_id(&self) -> &CorrelationIdLayer {
        &self.correlation_id
    }

    /// The layer that stamps and enforces the deadline; its mode can be changed while it runs.
    pub fn deadline(&self) -> &DeadlineLayer {
        &self.deadline
    }

    /// The layer that limits how often callers may ask, if it was asked for; its quotas and modes can be changed
    /// while it runs.
    pub fn rate_limit(&self) -> Option<&RateLimitLayer<Http, AsProblem>> {
        self.rate_limit.as_ref()
    }

    /// The bulkhead. Unless it was asked for it is off: it counts what runs, and refuses nothing until its mode is
    /// changed.
    pub fn bulkhead(&self) -> &Bulkhead {
        self.bulkhead.bulkhead()
    }

    /// The layer that puts clocks on response bodies; its mode can be changed while it runs.
    pub fn body(&self) -> &BodyTimeoutLayer<Responses> {
        &self.body
    }
}

#[cfg(feature = "audit")]
impl<A, I, R, J, T, W> Inbound<A, I, AuditLayer<R, J, T>, W> {
    /// The layer that records what becomes of requests: where it records, and its mode.
    pub fn audit(&self) -> &AuditLayer<R, J, T> {
        &self.audit
    }
}

impl<A, U, W, T, J> Inbound<A, IdempotencyLayer<T, J>, U, W> {
    /// The layer that runs requests with a key once: its statistics, its mode, and the runs to wait for at the end of
    /// the process.
    pub fn idempotency(&self) -> &IdempotencyLayer<T, J> {
        &self.idempotency
    }
}

impl<S, A, I, U, W> Layer<S> for Inbound<A, I, U, W>
where
    A: Layer<Once<S, I>>,
    I: Layer<Roomy<S>>,
    U: Layer<Timed<S, A, I>>,
    W: Layer<Recorded<S, A, I, U>>,
{
    type Service = InboundService<S, A, I, U, W>;

    fn layer(&self, inner: S) -> Self::Service {
        let once = self.idempotency.layer(self.bulkhead.layer(self.body.layer(inner)));
        let limited = option_layer(self.rate_limit.as_ref()).layer(self.authentication.layer(once));
        let recorded = self.audit.layer(self.deadline.layer(limited));
        self.correlation_id.layer(self.telemetry.layer(recorded))
    }
}
