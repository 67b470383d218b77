//! A throttle around a call that may go at once.

use std::future::Ready;
use std::task::{Context, Poll};
use std::time::Duration;

use buttress_core::BoxError;
use buttress_rate_limit::ThrottleLayer;
use tower::limit::{RateLimit, RateLimitLayer as TowerLayer};
use tower::{Layer, Service};
use tower_resilience_ratelimiter::RateLimiterLayer as PeerLayer;

use super::bare::{Body, Echo, Upstream, get, number};
use super::built;
use super::limit::PLENTY;
use crate::drive::service;
use crate::subject::{Case, Subject};

pub(crate) const AT_ONCE: Case = Case {
    name: "throttle",
    what: "throttle, the call goes at once",
    bare: Subject::bare("bare service", || service(Echo, number)),
    rows: &[
        Subject::ours("buttress, one timetable", || {
            service(built(ThrottleLayer::plain("bench").quota(PLENTY).build()).layer(Echo), number)
        }),
        Subject::peer("tower rate limit, each thread its own", || service(Alone::default(), number)),
        Subject::peer("tower-resilience, waiting in poll_ready", || {
            let layer = PeerLayer::builder().limit_for_period(MANY).refresh_period(SECOND).backpressure();
            service(built(layer.build()).layer(Echo), number)
        }),
    ],
};

pub(crate) const HTTP: Case = Case {
    name: "throttle-http",
    what: "throttle around a client, a timetable for each host, six headers, the call goes at once",
    bare: Subject::bare("bare client", || service(Upstream, get::<Body>)),
    rows: &[Subject::ours("buttress", || {
        service(built(ThrottleLayer::outbound("bench").quota(PLENTY).build()).layer(Upstream), get::<Body>)
    })],
};

const SECOND: Duration = Duration::from_secs(1);
const MANY: usize = u32::MAX as usize;

/// tower's rate limit cannot be cloned, so whoever clones this gets another one.
struct Alone(RateLimit<Echo>);

impl Default for Alone {
    fn default() -> Self {
        Self(TowerLayer::new(MANY as u64, SECOND).layer(Echo))
    }
}

impl Clone for Alone {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<u64> for Alone {
    type Response = u64;
    type Error = BoxError;
    type Future = Ready<Result<u64, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: u64) -> Self::Future {
        self.0.call(request)
    }
}
