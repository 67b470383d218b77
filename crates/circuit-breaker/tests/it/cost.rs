//! What a call may cost.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use buttress_circuit_breaker::{
    Breaker, BreakerConfig, CircuitBreakerLayer, KeyLimits, KeyedBreakers, Window,
};
use buttress_core::{BoxError, Outcome, Ratio};
use buttress_testkit::{allocations_during, allocations_of};
use tower::{Layer, Service, ServiceExt};

use crate::{SECOND, open, two_failures};

#[derive(Clone)]
struct AtOnce;

impl Service<u32> for AtOnce {
    type Response = u32;
    type Error = BoxError;
    type Future = Ready<Result<u32, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u32) -> Self::Future {
        ready(Ok(request))
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_through_a_closed_breaker_allocates_nothing() {
    for config in [
        BreakerConfig::new(),
        BreakerConfig::new().slow_call_after(SECOND).hung_after(SECOND),
        BreakerConfig::new().window(Window::Calls(100)),
        BreakerConfig::only_consecutive_failures(5),
    ] {
        let layer = CircuitBreakerLayer::plain("inner").config(config).build().unwrap();
        let mut service = layer.layer(AtOnce);
        service.ready().await.unwrap().call(0).await.unwrap();
        let calls = async {
            for mark in 0..100 {
                service.ready().await.unwrap().call(mark).await.unwrap();
            }
        };
        let ((), report) = allocations_of(calls).await;
        assert_eq!(report.count, 0, "{config:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn outcomes_of_every_kind_allocate_nothing() {
    let config = BreakerConfig::new().without_consecutive_failures().failure_ratio(Ratio::ONE).min_calls(500);
    let breaker = Breaker::new("inner", &config).unwrap();
    breaker.try_admit().unwrap().settle(Outcome::Success);
    let ((), report) = allocations_during(|| {
        for _ in 0..100 {
            for outcome in [Outcome::Failure, Outcome::Success, Outcome::Throttled, Outcome::Ignored] {
                breaker.try_admit().unwrap().settle(outcome);
            }
            drop(breaker.try_admit().unwrap());
        }
    });
    assert_eq!(report.count, 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_allocates_nothing_before_the_answer_is_built() {
    let breaker = Breaker::new("inner", &two_failures()).unwrap();
    open(&breaker);
    let ((), report) = allocations_during(|| {
        for _ in 0..100 {
            assert!(breaker.try_admit().is_err());
        }
    });
    assert_eq!(report.count, 0);
}

#[tokio::test(start_paused = true)]
async fn changes_allocate_nothing_while_nobody_listens() {
    let breaker = Breaker::new("inner", &two_failures()).unwrap();
    let ((), report) = allocations_during(|| {
        for _ in 0..10 {
            open(&breaker);
            breaker.reset();
        }
    });
    assert_eq!(report.count, 0);
}

#[tokio::test(start_paused = true)]
async fn looking_up_a_key_that_is_known_allocates_nothing() {
    let hosts: KeyedBreakers<String> = Breaker::builder("hosts").keyed(KeyLimits::new()).unwrap();
    hosts.get("a.example");
    let ((), report) = allocations_during(|| {
        for _ in 0..100 {
            hosts.get("a.example").try_admit().unwrap().settle(Outcome::Success);
        }
    });
    assert_eq!(report.count, 0);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_of_many_is_small() {
    let hosts: KeyedBreakers<String> = Breaker::builder("hosts").keyed(KeyLimits::new()).unwrap();
    hosts.get("first.example");
    let ((), report) = allocations_during(|| {
        for key in 0..1_000 {
            hosts.get(format!("{key}.example").as_str());
        }
    });
    let bytes = report.bytes / 1_000;
    assert!(bytes <= 2_500, "{bytes} bytes for each key, the growth of the tables included");
}

/// A million outcomes in one window take no memory, so they cannot take longer and longer.
#[tokio::test(start_paused = true)]
async fn a_window_that_holds_a_million_calls_costs_what_an_empty_one_does() {
    let config = BreakerConfig::new().without_consecutive_failures().failure_ratio(Ratio::ONE);
    let breaker = Breaker::new("inner", &config).unwrap();
    breaker.try_admit().unwrap().settle(Outcome::Success);
    let ((), report) = allocations_during(|| {
        for call in 0..1_000_000_u32 {
            let outcome = if call % 4 == 0 { Outcome::Failure } else { Outcome::Success };
            breaker.try_admit().unwrap().settle(outcome);
        }
    });
    assert_eq!((report.count, breaker.snapshot().counts().calls()), (0, 1_000_001));
}
