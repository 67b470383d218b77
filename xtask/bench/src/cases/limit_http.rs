//! A rate limit as a layer around an HTTP handler, by the address of the peer.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum_governor::extractor::PeerIp;
use buttress_http::PeerAddr;
use buttress_rate_limit::{Fields, Policy, Quota, RateLimitLayer, key};
use http::{Request, Response, StatusCode};
use tower::{Layer, Service, ServiceExt};
use tower_governor::governor::GovernorConfigBuilder;
use tower_resilience_ratelimiter::RateLimiterLayer as PeerLayer;

use super::bare::{Handler, get};
use super::built;
use super::limit::{PLENTY, as_governor};
use crate::budget::Budget;
use crate::drive::service;
use crate::subject::{Case, Shared, Subject};

pub(crate) const SILENT: Case = Case {
    name: "limit-http",
    what: "rate limit around a handler, six headers, by peer address, responses left as they are",
    bare: Subject::bare("bare service", || service(Served, from_peer)),
    rows: &[
        Subject::ours("buttress", || admitting(ours(PLENTY, Fields::none())))
            .within(Budget::instructions(700).allocations(0)),
        Subject::peer("tower_governor", || admitting(tower_governor(PLENTY))),
        Subject::peer("tower-resilience, one count for all", || admitting(resilience(PLENTY))),
    ],
};

pub(crate) const FIELDS: Case = Case {
    name: "limit-http-fields",
    what: "the same, responses say what is left",
    bare: Subject::bare("bare service", || service(Served, from_peer)),
    rows: &[
        Subject::ours("buttress, RateLimit and RateLimit-Policy", || admitting(ours(PLENTY, Fields::all())))
            .within(Budget::instructions(2_500)),
        Subject::ours("buttress, and three X-RateLimit fields", || {
            admitting(ours(PLENTY, Fields::all().with_legacy()))
        }),
        Subject::peer("tower_governor, two X-RateLimit fields", || admitting(tower_governor_fields(PLENTY))),
        Subject::peer("axum-governor, both and three X-RateLimit fields", || {
            admitting(axum_governor(PLENTY))
        }),
    ],
};

pub(crate) const REFUSED: Case = Case {
    name: "limit-http-refused",
    what: "the same, the request is refused",
    bare: Subject::bare("the request, made and dropped", || service(Dropped, from_peer)),
    rows: &[
        Subject::ours("buttress, problem document, RateLimit and RateLimit-Policy", || {
            refusing(ours(ONCE, Fields::all()))
        })
        .within(Budget::NONE.alone(1_000)),
        Subject::ours("buttress, problem document", || refusing(ours(ONCE, Fields::none())))
            .within(Budget::NONE.alone(1_000)),
        Subject::peer("tower_governor, a line of text", || refusing(tower_governor(ONCE))),
        Subject::peer("tower_governor, a line of text and four fields", || {
            refusing(tower_governor_fields(ONCE))
        }),
        Subject::peer("axum-governor, a line of text and six fields", || refusing(axum_governor(ONCE))),
        Subject::peer("tower-resilience, an error", || refusing(resilience(ONCE))),
    ],
};

/// One request in an hour.
const ONCE: Quota = Quota::per_hour(1);

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)), 49_152);

/// A service that is limited, or could be.
trait Limited: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static {}

impl<S> Limited for S where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static
{
}

fn admitting(limited: impl Limited) -> Shared {
    assert_eq!(answer(limited.clone()), Some(StatusCode::OK), "a layer refuses what is measured as admitted");
    service(limited, from_peer)
}

/// The layer after it has admitted all that it will.
fn refusing(limited: impl Limited) -> Shared {
    assert_eq!(answer(limited.clone()), Some(StatusCode::OK), "a layer refuses the first request");
    assert_ne!(answer(limited.clone()), Some(StatusCode::OK), "a layer admits what is measured as refused");
    service(limited, from_peer)
}

/// The status of an answer that is there at once.
fn answer(limited: impl Limited) -> Option<StatusCode> {
    match pin!(limited.oneshot(from_peer())).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => Some(response.status()),
        Poll::Ready(Err(_)) | Poll::Pending => None,
    }
}

fn ours(quota: Quota, fields: Fields) -> impl Limited {
    let policy = Policy::named("per-address").key(key::client_addr()).quota(quota);
    built(RateLimitLayer::inbound().policy(policy).fields(fields).build()).layer(Served)
}

fn tower_governor(quota: Quota) -> impl Limited {
    let (mut builder, quota) = (GovernorConfigBuilder::default(), as_governor(quota));
    let builder = builder.period(quota.replenish_interval()).burst_size(quota.burst_size().get());
    tower_governor::GovernorLayer::new(built(builder.finish().ok_or(ZERO))).layer(Served)
}

fn tower_governor_fields(quota: Quota) -> impl Limited {
    let (mut builder, quota) = (GovernorConfigBuilder::default(), as_governor(quota));
    let builder = builder.period(quota.replenish_interval()).burst_size(quota.burst_size().get());
    tower_governor::GovernorLayer::new(built(builder.use_headers().finish().ok_or(ZERO))).layer(Served)
}

const ZERO: &str = "a burst or a period of zero";

/// Without its task that sweeps every minute, which has no runtime here that drives it.
fn axum_governor(quota: Quota) -> impl Limited {
    let builder = axum_governor::GovernorConfigBuilder::default()
        .with_extractor(PeerIp::default())
        .expect_connect_info()
        .quota_default(as_governor(quota).into())
        .gc_disable();
    axum_governor::GovernorLayer::new(built(builder.finish())).layer(Served)
}

fn resilience(quota: Quota) -> impl Limited {
    let layer = PeerLayer::builder()
        .limit_for_period(usize::try_from(quota.burst_units()).unwrap_or(usize::MAX))
        .refresh_period(quota.window())
        .timeout_duration(Duration::ZERO);
    built(layer.build()).layer(Served)
}

/// The request with the address of the peer, where each of the layers looks for it.
fn from_peer() -> Request<Body> {
    let mut request = get::<Body>();
    request.extensions_mut().insert(ConnectInfo(PEER));
    request.extensions_mut().insert(PeerAddr(PEER));
    request
}

/// The handler of the other cases, with the body that some of the layers insist on.
#[derive(Clone)]
struct Served;

impl Service<Request<Body>> for Served {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        ready(Handler.call(request).into_inner().map(|response| response.map(|_| Body::empty())))
    }
}

/// Drops the request and answers nothing: what is left of the operation when everything is refused.
#[derive(Clone)]
struct Dropped;

impl Service<Request<Body>> for Dropped {
    type Response = ();
    type Error = Infallible;
    type Future = Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Ok(()))
    }
}
