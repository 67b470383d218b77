//! A time limit around a call that keeps it.

use std::time::Duration;

use buttress_core::BoxError;
use buttress_timeout::TimeoutLayer;
use http::StatusCode;
use tower::timeout::TimeoutLayer as TowerTimeoutLayer;
use tower::{Layer, Service};
use tower_http::timeout::TimeoutLayer as TowerHttpTimeoutLayer;
use tower_resilience_timelimiter::TimeLimiterLayer;

use super::bare::{Body, Echo, EchoLater, Handler, get, number};
use super::built;
use crate::budget::Budget;
use crate::drive::service;
use crate::subject::{Case, Shared, Subject};

const LIMIT: Duration = Duration::from_secs(10);

pub(crate) const READY: Case = Case {
    name: "timeout-ready",
    what: "time limit, the service answers at once",
    bare: Subject::bare("bare service", || service(Echo, number)),
    rows: &[
        Subject::ours("buttress", || ours(Echo)).within(Budget::instructions(20).allocations(0)),
        Subject::peer("tower", || service(TowerTimeoutLayer::new(LIMIT).layer(Echo), number)),
        Subject::peer("tower-resilience", || peer_limiter(Echo)),
    ],
};

pub(crate) const WAITS: Case = Case {
    name: "timeout-waits",
    what: "time limit, the service waits once",
    bare: Subject::bare("bare service", || service(EchoLater, number)),
    rows: &[
        Subject::ours("buttress", || ours(EchoLater)).within(Budget::instructions(660).allocations(0)),
        Subject::peer("tower", || service(TowerTimeoutLayer::new(LIMIT).layer(EchoLater), number)),
        Subject::peer("tower-resilience", || peer_limiter(EchoLater)),
    ],
};

pub(crate) const HTTP: Case = Case {
    name: "timeout-http",
    what: "time limit around a handler, six headers, answered at once",
    bare: Subject::bare("bare service", || service(Handler, get::<Body>)),
    rows: &[
        Subject::ours("buttress", || {
            service(built(TimeoutLayer::inbound(LIMIT).build()).layer(Handler), get::<Body>)
        }),
        Subject::peer("tower-http", || {
            let layer = TowerHttpTimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, LIMIT);
            service(layer.layer(Handler), get::<Body>)
        }),
    ],
};

fn ours<S>(inner: S) -> Shared
where
    S: Service<u64, Response = u64, Error = BoxError, Future: Send> + Clone + Send + Sync + 'static,
{
    service(built(TimeoutLayer::builder(LIMIT).build()).layer(inner), number)
}

fn peer_limiter<S>(inner: S) -> Shared
where
    S: Service<u64, Response = u64, Error = BoxError, Future: Send> + Clone + Send + Sync + 'static,
{
    service(TimeLimiterLayer::builder().timeout_duration(LIMIT).build().layer(inner), number)
}
