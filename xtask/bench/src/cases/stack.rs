//! The whole stacks of the facade, and the parts of them that have no case of their own.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body as AxumBody;
use axum::routing::get as on_get;
use buttress::{Inbound, Outbound};
use buttress_core::{BoxError, ConfigError};
use buttress_correlation_id::PropagateCorrelationIdLayer;
use buttress_timeout::{BodyTimeoutLayer, DeadlineLayer, ForwardDeadlineLayer};
use http::{HeaderName, Request, StatusCode};
use tower::timeout::TimeoutLayer as TowerTimeoutLayer;
use tower::{Layer, Service, ServiceBuilder};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::{ResponseBodyTimeoutLayer, TimeoutLayer as TowerHttpTimeoutLayer};
use tower_resilience_circuitbreaker::CircuitBreakerLayer as PeerBreakerLayer;
use tower_resilience_retry::RetryLayer as PeerRetryLayer;
use tower_resilience_timelimiter::TimeLimiterLayer;

use super::bare::{Body, Handler, ID_HEADER, Upstream, get};
use super::built;
use super::retry::{peer_budget, tower_retry};
use crate::drive::service;
use crate::subject::{Case, Shared, Subject};

const TOTAL: Duration = Duration::from_secs(30);
const ATTEMPT: Duration = Duration::from_secs(10);

pub(crate) const INBOUND: Case = Case {
    name: "inbound",
    what: "the inbound stack as one layer on an Axum router with one route",
    bare: Subject::bare("bare router", || routed(router())),
    rows: &[
        Subject::ours("buttress: correlation ID, span, deadline, body clocks", || {
            routed(router().layer(Inbound::default()))
        }),
        Subject::peer("tower-http: request ID, timeout, body timeout", || {
            let name = HeaderName::from_static(ID_HEADER);
            let stack = ServiceBuilder::new()
                .layer(SetRequestIdLayer::new(name.clone(), MakeRequestUuid))
                .layer(PropagateRequestIdLayer::new(name))
                .layer(ResponseBodyTimeoutLayer::new(TOTAL))
                .layer(TowerHttpTimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TOTAL));
            routed(router().layer(stack))
        }),
    ],
};

pub(crate) const OUTBOUND: Case = Case {
    name: "outbound",
    what: "the outbound stack over a client that answers at once, six headers",
    bare: Subject::bare("bare client", || service(Upstream, get::<Body>)),
    rows: &[
        Subject::ours(
            "buttress: correlation ID, deadline, retry, breaker, attempt timeout, deadline sent",
            || service(built(Outbound::named("bench").build()).layer(Upstream), get::<Body>),
        ),
        Subject::peer("tower-resilience: time limit, retry, breaker, time limit", || {
            service(peer_outbound(Upstream), get::<Body>)
        }),
        Subject::peer("tower: timeout, retry, timeout; no breaker", || {
            let stack = ServiceBuilder::new()
                .layer(TowerTimeoutLayer::new(TOTAL))
                .layer(tower_retry(true))
                .layer(TowerTimeoutLayer::new(ATTEMPT));
            service(stack.service(Upstream), get::<Body>)
        }),
    ],
};

pub(crate) const PARTS: Case = Case {
    name: "parts",
    what: "what else the stacks are made of, each layer alone, six headers",
    bare: Subject::bare("bare service", || service(Handler, get::<Body>)),
    rows: &[
        Subject::ours("deadline of a request that arrives", || on_handler(DeadlineLayer::inbound().build())),
        Subject::ours("clocks on the response body", || on_handler(BodyTimeoutLayer::responses().build())),
        Subject::ours("deadline of a call that goes out", || {
            on_upstream(DeadlineLayer::outbound(TOTAL).build())
        }),
        Subject::ours("correlation ID sent along", || {
            on_upstream(Ok(PropagateCorrelationIdLayer::default()))
        }),
        Subject::ours("deadline sent along, where there is none", || {
            on_upstream(ForwardDeadlineLayer::builder().build())
        }),
    ],
};

fn router() -> Router {
    Router::new().route("/api/v1/{collection}", on_get(|| async { StatusCode::NO_CONTENT }))
}

fn routed(router: Router) -> Shared {
    service(router, get::<AxumBody>)
}

fn on_handler<L>(layer: Result<L, ConfigError>) -> Shared
where
    L: Layer<Handler>,
    L::Service: Service<Request<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
{
    service(built(layer).layer(Handler), get::<Body>)
}

fn on_upstream<L>(layer: Result<L, ConfigError>) -> Shared
where
    L: Layer<Upstream>,
    L::Service: Service<Request<Body>, Error = BoxError> + Clone + Send + Sync + 'static,
{
    service(built(layer).layer(Upstream), get::<Body>)
}

/// What tower-resilience has of an outbound stack.
pub(super) fn peer_outbound<Req, S>(
    client: S,
) -> impl Service<Req, Response = S::Response, Error: Into<BoxError>, Future: Send> + Clone + Send + Sync
where
    Req: Clone + Send + Sync + 'static,
    S: Service<Req, Response: Send + Sync, Error = BoxError, Future: Send> + Clone + Send + Sync + 'static,
{
    let retry = PeerRetryLayer::<Req, S::Response, _>::builder()
        .max_attempts(3)
        .exponential_backoff(Duration::from_millis(100))
        .budget(peer_budget())
        .build();
    let stack = ServiceBuilder::new()
        .layer(TimeLimiterLayer::builder().timeout_duration(TOTAL).build())
        .layer(retry)
        .layer(built(PeerBreakerLayer::builder().build()))
        .layer(TimeLimiterLayer::builder().timeout_duration(ATTEMPT).build());
    stack.service(client)
}
