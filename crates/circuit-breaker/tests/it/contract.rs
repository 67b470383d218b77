//! Every law, in every mode.

use std::convert::Infallible;
use std::mem;

use axum::body::Body;
use buttress_circuit_breaker::{
    Breaker, BreakerConfig, CircuitBreakerLayer, KeyLimits, KeyWith, ProbeRule, State, Window,
};
use buttress_core::{AsError, BoxError, ErrorsFail, Mode, Outcome, Ratio};
use buttress_http::{AsProblem, ClassifyHttp};
use buttress_testkit::Reply;
use buttress_testkit::contract::{self, Suite, Wiring};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

use crate::{SECOND, now};

/// Counts everything and opens for nothing that a law does.
fn patient() -> BreakerConfig {
    BreakerConfig::new().without_consecutive_failures().failure_ratio(Ratio::ONE).min_calls(1_000_000)
}

type PlainLayer = CircuitBreakerLayer<ErrorsFail, AsError>;
type HttpLayer<J> = CircuitBreakerLayer<ClassifyHttp, J>;

fn plain(config: BreakerConfig) -> PlainLayer {
    CircuitBreakerLayer::plain("inner").config(config).build().unwrap()
}

fn http() -> HttpLayer<AsProblem> {
    CircuitBreakerLayer::inbound("inner").config(patient()).build().unwrap()
}

fn nothing_in_flight<C, J>(layer: &CircuitBreakerLayer<C, J>) {
    assert_eq!(layer.breaker().in_flight(), 0, "calls in flight");
}

fn force_open<C, J>(layer: &CircuitBreakerLayer<C, J>) {
    layer.breaker().force_open();
}

/// Half-opens a breaker without waiting, by a probe from the future that tells nothing.
fn half_open(breaker: &Breaker) {
    while breaker.state() == State::Closed {
        breaker.try_admit().unwrap().settle(Outcome::Failure);
    }
    breaker.try_admit_at(now() + 3_600 * SECOND).unwrap().settle(Outcome::Ignored);
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[test]
fn a_closed_breaker_keeps_the_contract_with_every_window() {
    for config in [
        patient(),
        patient().window(Window::Calls(1_000_000)),
        patient().slow_call_after(SECOND).hung_after(SECOND),
        BreakerConfig::only_consecutive_failures(1_000_000),
    ] {
        contract::plain(move || plain(config))
            .named(format!("closed, {config:?}"))
            .quiet(nothing_in_flight)
            .refusing(force_open)
            .refusing_leaves_inner_alone()
            .run();
    }
}

#[test]
fn an_http_breaker_keeps_the_contract_on_both_sides() {
    contract::server(http).quiet(nothing_in_flight).refusing(force_open).refusing_leaves_inner_alone().run();
    let client = || CircuitBreakerLayer::outbound("inner").config(patient()).build().unwrap();
    contract::client(client)
        .quiet(nothing_in_flight)
        .refusing(force_open)
        .refusing_leaves_inner_alone()
        .run();
}

#[test]
fn a_breaker_that_opens_by_itself_keeps_the_contract() {
    contract::plain(|| plain(BreakerConfig::only_consecutive_failures(40)))
        .named("open")
        .quiet(nothing_in_flight)
        .refuses_after(40, |_| Reply::Err(BoxError::from("out of order")))
        .refusing_leaves_inner_alone()
        .run();
}

#[test]
fn a_half_open_breaker_keeps_the_contract() {
    let config = patient()
        .consecutive_failures(1_000)
        .half_open_permits(1_000)
        .probe_rule(ProbeRule::Rate(Ratio::ONE))
        .half_open_max(86_400 * SECOND);
    let probing = move || {
        let layer = plain(config);
        half_open(layer.breaker());
        layer
    };
    contract::plain(probing).named("half-open").quiet(nothing_in_flight).run();
}

#[test]
fn a_half_open_breaker_without_a_permit_left_keeps_the_contract() {
    let config = patient().consecutive_failures(1_000).half_open_permits(1).half_open_max(86_400 * SECOND);
    contract::plain(move || plain(config))
        .named("half-open and full")
        .refusing(|layer: &PlainLayer| {
            half_open(layer.breaker());
            // The one permit, taken for good.
            mem::forget(layer.breaker().try_admit().unwrap());
        })
        .run();
}

#[test]
fn a_breaker_that_may_not_refuse_keeps_the_contract() {
    for mode in [Mode::Observe, Mode::Off] {
        let open = move || {
            let layer = CircuitBreakerLayer::plain("inner").config(patient()).mode(mode).build().unwrap();
            layer.breaker().force_open();
            layer
        };
        contract::plain(open).named(format!("{mode:?}, forced open")).quiet(nothing_in_flight).run();
    }
    let disabled = || {
        let layer = plain(patient());
        layer.breaker().disable();
        layer
    };
    contract::plain(disabled).named("disabled").quiet(nothing_in_flight).run();
}

#[test]
fn a_breaker_per_key_keeps_the_contract() {
    let keyed = || {
        let key = KeyWith(|mark: &u32| Some(mark % 2));
        CircuitBreakerLayer::plain("inner").config(patient()).keyed::<u32, _>(key, KeyLimits::new()).unwrap()
    };
    contract::plain(keyed)
        .quiet(|layer| assert!(layer.breakers().breakers().iter().all(|breaker| breaker.in_flight() == 0)))
        .run();
}

#[test]
fn a_breaker_that_watches_bodies_keeps_the_contract() {
    type Served = Wiring<Request<Full<Bytes>>, Request<Full<Bytes>>, Response<Body>, Infallible>;
    let watching = || http().watching_bodies(Body::new);
    Suite::<_, Served>::new(watching)
        .quiet(|layer| assert_eq!(layer.breaker().in_flight(), 0, "calls in flight"))
        .refusing(|layer| layer.breaker().force_open())
        .refusing_leaves_inner_alone()
        .run();
}
