//! An open breaker that refuses.

use std::future::{Ready, ready};
use std::hint::black_box;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use buttress_circuit_breaker::{Breaker, BreakerConfig, CircuitBreakerLayer, State};
use buttress_core::{BoxError, Outcome};
use bytes::Bytes;
use failsafe::{CircuitBreaker as _, Config, backoff, failure_policy};
use http::{Response, StatusCode};
use http_body_util::Full;
use recloser::Recloser;
use tower::util::MapResultLayer;
use tower::{Layer, Service};
use tower_resilience_circuitbreaker::{
    CircuitBreaker, CircuitBreakerError, CircuitBreakerLayer as PeerLayer, DefaultClassifier,
};

use super::bare::{Body, Echo, Handler, get, number};
use super::built;
use crate::budget::Budget;
use crate::drive::{operation, service};
use crate::subject::{Case, Shared, Subject};

const NOT_OPEN: &str = "it would be the price of a call that passes";
const LONG: Duration = Duration::from_secs(3_600);

pub(crate) const PLAIN: Case = Case {
    name: "breaker-open",
    what: "circuit breaker open, the call is refused",
    bare: Subject::bare("bare service", || service(Echo, number)),
    rows: &[
        Subject::ours("buttress, before a response is built", ours)
            .within(Budget::instructions(80).allocations(0).alone(20)),
        Subject::ours("buttress, before a response is built, time given", time_given),
        Subject::ours("buttress, as a boxed error", || {
            let layer = built(CircuitBreakerLayer::plain("bench").build());
            open(layer.breaker());
            service(layer.layer(Echo), number)
        }),
        Subject::peer("tower-resilience", || service(peer::<_, u64>(number), number)),
        Subject::peer("failsafe", peer_failsafe),
        Subject::peer("recloser", peer_recloser),
    ],
};

pub(crate) const HTTP: Case = Case {
    name: "breaker-open-http",
    what: "circuit breaker open, the request is answered with 503, six headers",
    bare: Subject::bare("bare service", || service(Handler, get::<Body>)),
    rows: &[
        Subject::ours("buttress, problem document and Retry-After", || {
            let layer = built(CircuitBreakerLayer::inbound("bench").build());
            open(layer.breaker());
            service(layer.layer(Handler), get::<Body>)
        }),
        Subject::peer("tower-resilience, bare 503", || {
            service(MapResultLayer::new(unavailable).layer(peer(get::<Body>)), get::<Body>)
        }),
    ],
};

/// Opens a breaker for an hour, as failures would.
fn open(breaker: &Breaker) {
    built(breaker.reconfigure(&BreakerConfig::only_consecutive_failures(1).open_for_exactly(LONG)));
    built(breaker.try_admit()).settle(Outcome::Failure);
    assert_eq!(breaker.state(), State::Open, "{NOT_OPEN}");
}

fn ours() -> Shared {
    let breaker = built(Breaker::new("bench", &BreakerConfig::new()));
    open(&breaker);
    operation(move || {
        let breaker = breaker.clone();
        move |_| _ = black_box(&breaker.try_admit())
    })
}

/// For a caller who has looked at the clock already.
fn time_given() -> Shared {
    let breaker = built(Breaker::new("bench", &BreakerConfig::new()));
    open(&breaker);
    let now = tokio::time::Instant::now().into_std();
    operation(move || {
        let breaker = breaker.clone();
        move |_| _ = black_box(&breaker.try_admit_at(black_box(now)))
    })
}

/// Its breaker belongs to the service, so the service has to fail once itself.
fn peer<Req, Res>(request: fn() -> Req) -> CircuitBreaker<Down<Res>, DefaultClassifier>
where
    Req: Send + 'static,
    Res: Send + 'static,
{
    let layer = PeerLayer::builder().consecutive_failures(1).wait_duration_in_open(LONG).build();
    let opened = built(layer).layer_fn(Down(PhantomData));
    service(opened.clone(), request)()(1);
    assert!(opened.is_open(), "{NOT_OPEN}");
    opened
}

/// Fails every request.
struct Down<Res>(PhantomData<fn() -> Res>);

impl<Res> Clone for Down<Res> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<Req, Res> Service<Req> for Down<Res> {
    type Response = Res;
    type Error = BoxError;
    type Future = Ready<Result<Res, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Req) -> Self::Future {
        ready(Err("down".into()))
    }
}

fn unavailable(
    answer: Result<Response<Body>, CircuitBreakerError<BoxError>>,
) -> Result<Response<Body>, BoxError> {
    answer.or_else(|_| {
        let mut response = Response::new(Full::new(Bytes::from_static(b"circuit open")));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        Ok(response)
    })
}

fn peer_failsafe() -> Shared {
    let policy = failure_policy::consecutive_failures(1, backoff::constant(LONG));
    let breaker = Config::new().failure_policy(policy).build();
    drop(breaker.call(|| Err::<u64, BoxError>("down".into())));
    assert!(!breaker.is_call_permitted(), "{NOT_OPEN}");
    operation(move || {
        let breaker = breaker.clone();
        move |_| _ = black_box(&breaker.call(|| Ok::<u64, BoxError>(number())))
    })
}

fn peer_recloser() -> Shared {
    let breaker = Arc::new(Recloser::custom().closed_len(1).error_rate(0.01).open_wait(LONG).build());
    for _ in 0..4 {
        drop(breaker.call(|| Err::<u64, BoxError>("down".into())));
    }
    let refused = breaker.call(|| Ok::<u64, BoxError>(number()));
    assert!(matches!(refused, Err(recloser::Error::Rejected)), "{NOT_OPEN}");
    operation(move || {
        let breaker = Arc::clone(&breaker);
        move |_| _ = black_box(&breaker.call(|| Ok::<u64, BoxError>(number())))
    })
}
