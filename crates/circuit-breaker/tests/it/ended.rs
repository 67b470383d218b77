//! What is left of a call that has ended, and of one whose future panics as it goes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use buttress_circuit_breaker::{Abandoned, Breaker, BreakerConfig, CircuitBreakerLayer, State};
use buttress_core::{AsError, BoxError, ErrorsFail, Observer, Refused, RejectWith, Signal};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, Service, service_fn};

/// Answers at once or never, holds something, and may panic as it is dropped.
struct Inner {
    answer: Option<Result<u32, BoxError>>,
    panics: bool,
    _held: Arc<()>,
}

impl Future for Inner {
    type Output = Result<u32, BoxError>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        self.answer.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        assert!(!self.panics, "as asked");
    }
}

fn abandoned_fail() -> BreakerConfig {
    BreakerConfig::new().abandoned(Abandoned::Failure)
}

/// How many calls were counted, how many of them failed, and how many are under way.
fn seen(breaker: &Breaker) -> (u64, u64, usize) {
    let snapshot = breaker.snapshot();
    (snapshot.counts().calls(), snapshot.counts().failed(), snapshot.in_flight())
}

#[tokio::test(start_paused = true)]
async fn a_call_that_has_ended_keeps_nothing_and_stays_pending() {
    let (held, breaker) = (Arc::new(()), Breaker::new("inner", &abandoned_fail()).unwrap());
    let inner = || Inner { answer: Some(Ok(7)), panics: false, _held: Arc::clone(&held) };
    let layer = CircuitBreakerLayer::with_breaker(breaker.clone(), ErrorsFail, AsError);
    for recorded in [1, 0] {
        let mut call = task::spawn(layer.layer(service_fn(|(): ()| inner())).call(()));
        let mut bare = task::spawn(breaker.call(inner(), ErrorsFail).unwrap());
        assert_eq!((Arc::strong_count(&held), breaker.in_flight()), (3, 2));
        assert_eq!(assert_ready!(call.poll()).unwrap(), 7);
        assert_eq!(assert_ready!(bare.poll()).unwrap(), 7);
        for _ in 0..2 {
            assert_eq!((Arc::strong_count(&held), seen(&breaker)), (1, (2 * recorded, 0, 0)));
            assert_pending!(call.poll());
            assert_pending!(bare.poll());
        }
        drop((call, bare));
        assert_eq!(seen(&breaker), (2 * recorded, 0, 0), "dropping them tells nothing more");
        breaker.disable();
    }
}

#[test]
fn every_call_is_told_of_once_even_if_its_future_panics_as_it_goes() {
    let ok: fn() -> Option<Result<u32, BoxError>> = || Some(Ok(7));
    let table =
        [(ok, true, 0), (|| Some(Err("no".into())), true, 1), (|| None, true, 1), (|| None, false, 1)];
    for (number, (answer, polled, failed)) in table.into_iter().enumerate() {
        for panics in [false, true] {
            let layer = CircuitBreakerLayer::plain("inner").config(abandoned_fail()).build().unwrap();
            let held = Arc::new(());
            let inner = |(): ()| Inner { answer: answer(), panics, _held: Arc::clone(&held) };
            let mut call = task::spawn(layer.layer(service_fn(inner)).call(()));
            let run = std::panic::AssertUnwindSafe(move || {
                if polled {
                    let _ = call.poll();
                }
                drop(call);
            });
            assert_eq!(std::panic::catch_unwind(run).is_err(), panics, "row {number}");
            assert_eq!(seen(layer.breaker()), (1, failed, 0), "row {number}, panics: {panics}");
            assert_eq!(Arc::strong_count(&held), 1, "row {number}");
        }
    }
}

#[test]
fn a_probe_whose_future_panics_as_it_is_dropped_returns_its_permit() {
    let config =
        BreakerConfig::only_consecutive_failures(1).half_open_permits(1).abandoned(Abandoned::Ignore);
    let layer =
        CircuitBreakerLayer::plain("inner").config(config.open_for_exactly(crate::SECOND)).build().unwrap();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        crate::fail(layer.breaker(), 1);
        for _ in 0..3 {
            tokio::time::advance(2 * crate::SECOND).await;
            let inner = |(): ()| Inner { answer: None, panics: true, _held: Arc::new(()) };
            let mut call = task::spawn(layer.layer(service_fn(inner)).call(()));
            assert_pending!(call.poll());
            assert_eq!(layer.breaker().state(), State::HalfOpen);
            assert!(layer.breaker().try_admit().is_err(), "the only permit is taken");
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(call))).is_err());
            drop(layer.breaker().try_admit().unwrap());
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_given_once_and_dropped_with_its_call_if_nobody_asks() {
    let answer = Arc::new(());
    let given = Arc::clone(&answer);
    let reject = RejectWith(move |_: Refused| Ok::<_, BoxError>(Arc::clone(&given)));
    let layer = CircuitBreakerLayer::plain("inner").reject_with(reject).build().unwrap();
    layer.breaker().force_open();
    let never = service_fn(|(): ()| std::future::pending::<Result<Arc<()>, BoxError>>());
    for polled in [false, true] {
        let mut call = task::spawn(layer.layer(never).call(()));
        assert_eq!(Arc::strong_count(&answer), 3);
        if polled {
            drop(assert_ready!(call.poll()).unwrap());
            assert_pending!(call.poll());
        }
        drop(call);
        assert_eq!(Arc::strong_count(&answer), 2, "polled: {polled}");
    }
}

struct Panics;

impl Observer for Panics {
    fn observe(&self, _: &Signal<'_>) {
        panic!("as asked");
    }
}

#[test]
fn a_call_whose_observer_panics_is_not_told_of_again() {
    let config = BreakerConfig::only_consecutive_failures(1);
    let layer = CircuitBreakerLayer::plain("inner").config(config).observer(Panics).build().unwrap();
    let inner = |(): ()| Inner { answer: Some(Err("no".into())), panics: false, _held: Arc::new(()) };
    let mut call = task::spawn(layer.layer(service_fn(inner)).call(()));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| call.poll().is_ready())).is_err());
    drop(call);
    let seen = layer.breaker().snapshot();
    assert_eq!((seen.state(), seen.stale(), seen.in_flight()), (State::Open, 0, 0));
}
