//! What a call may cost.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use buttress_bulkhead::{BulkheadLayer, KeyLimits, KeyRef, KeyWith};
use buttress_core::{BoxError, Mode};
use buttress_testkit::{allocations_during, allocations_of};
use tower::{Layer, Service, ServiceExt};

use crate::{for_calls, one_with_queue};

#[derive(Clone)]
struct AtOnce;

impl<Req> Service<Req> for AtOnce {
    type Response = Req;
    type Error = BoxError;
    type Future = Ready<Result<Req, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        ready(Ok(request))
    }
}

async fn allocations_of_calls<Req>(
    mut service: impl Service<Req, Error = BoxError>,
    request: impl Fn() -> Req,
) -> u64 {
    let calls = async {
        for _ in 0..100 {
            service.ready().await.unwrap().call(request()).await.unwrap();
        }
    };
    allocations_of(calls).await.1.count
}

#[tokio::test(start_paused = true)]
async fn a_call_that_runs_at_once_allocates_nothing_in_any_mode() {
    for mode in [Mode::Enforce, Mode::Observe, Mode::Off] {
        let layer = BulkheadLayer::plain("reports").mode(mode).queue(8).build().unwrap();
        assert_eq!(allocations_of_calls(layer.layer(AtOnce), || 1_u32).await, 0, "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_of_a_known_key_allocates_nothing_owned_or_borrowed() {
    let key = KeyWith(|tenant: &u32| Some(*tenant));
    let layer = BulkheadLayer::plain("tenants").keyed::<u32, _>(key, KeyLimits::new()).unwrap();
    let _known = layer.bulkheads().get(&7);
    assert_eq!(allocations_of_calls(layer.layer(AtOnce), || 7_u32).await, 0);

    let key = KeyRef::new(|host: &&'static str| Some::<&str>(host));
    let layer = BulkheadLayer::plain("hosts").keyed::<String, _>(key, KeyLimits::new()).unwrap();
    let _known = layer.bulkheads().get("a.example");
    assert_eq!(allocations_of_calls(layer.layer(AtOnce), || "a.example").await, 0);
}

#[test]
fn refusing_allocates_nothing_before_the_answer_is_built() {
    let bulkhead = for_calls(1).build().unwrap();
    let _permit = bulkhead.try_acquire().unwrap();
    let ((), report) = allocations_during(|| (0..100).for_each(|_| assert!(bulkhead.try_acquire().is_err())));
    assert_eq!(report.count, 0);
}

#[test]
fn waiting_allocates_nothing_once_the_queue_has_its_size() {
    let bulkhead = one_with_queue(8);
    let _permit = bulkhead.try_acquire().unwrap();
    let crowd = || (0..8).map(|_| bulkhead.enqueue().unwrap());
    crowd().for_each(drop);
    let all: Vec<_> = crowd().collect();
    drop(all);
    let ((), report) = allocations_during(|| crowd().for_each(drop));
    assert_eq!(report.count, 0);
}
