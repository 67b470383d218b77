//! A handle holds nothing between `poll_ready` and `call`.

use buttress_bulkhead::BulkheadLayer;
use buttress_core::BoxError;
use buttress_testkit::{Reply, Strict};
use tower::{Layer, Service, ServiceExt};

use crate::{code_of, fill, gated, gauge};

fn echo() -> Strict<u32, u32, BoxError> {
    Strict::<u32, u32, BoxError>::with(|_, request| Reply::Ok(*request)).permits(100)
}

/// N1: handles that were shed stayed in the queue of the limit, and took its permits without a call.
/// N14: so did idle handles that had been polled ready.
#[tokio::test(start_paused = true)]
async fn with_nothing_in_flight_every_handle_is_admitted_however_many_are_ready() {
    for queue in [None, Some(8)] {
        let builder = BulkheadLayer::plain("reports").max_concurrent(1);
        let layer = queue.map_or(builder.clone(), |queue| builder.queue(queue)).build().unwrap();
        let service = layer.layer(echo());
        let mut idle: Vec<_> = (0..10).map(|_| service.clone()).collect();
        for handle in &mut idle {
            handle.ready().await.unwrap();
        }
        assert_eq!(gauge(layer.bulkhead()), (0, 0));
        assert_eq!(service.clone().oneshot(7).await.unwrap(), 7);
        for handle in &mut idle {
            assert_eq!(handle.call(1).await.unwrap(), 1);
        }
        assert_eq!(gauge(layer.bulkhead()), (0, 0));
    }
}

/// N1: what was shed leaves nothing in the queue.
#[tokio::test(start_paused = true)]
async fn a_handle_that_was_refused_takes_nothing_from_the_next_one() {
    let layer = BulkheadLayer::plain("reports").max_concurrent(1).build().unwrap();
    let service = layer.layer(echo());
    let mut refused = service.clone();
    let busy = layer.bulkhead().try_acquire().unwrap();
    refused.ready().await.unwrap();
    assert_eq!(code_of(&refused.call(1).await.unwrap_err()), Some("bulkhead_full"));
    refused.ready().await.unwrap();
    drop(busy);
    assert_eq!(gauge(layer.bulkhead()), (0, 0));
    assert_eq!(service.oneshot(2).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_taken_by_the_call_and_not_by_its_first_poll() {
    let layer = BulkheadLayer::plain("reports").max_concurrent(1).build().unwrap();
    let inner = gated();
    let probe = inner.probe();
    let mut service = layer.layer(inner);
    let call = service.ready().await.unwrap().call(1);
    assert_eq!((gauge(layer.bulkhead()), probe.calls()), ((1, 0), 1));
    drop(call);
    assert_eq!(gauge(layer.bulkhead()), (0, 0));
}

/// N8: the algorithm was shared and the limit was not.
#[tokio::test(start_paused = true)]
async fn one_layer_value_is_one_limit_for_all_services_that_it_makes() {
    let layer = BulkheadLayer::plain("reports").max_concurrent(3).build().unwrap();
    let mut running = Vec::new();
    let mut refused = 0;
    for _ in 0..12 {
        let mut call = tokio_test::task::spawn(layer.clone().layer(gated()).oneshot(1));
        match call.poll() {
            std::task::Poll::Pending => running.push(call),
            std::task::Poll::Ready(result) => {
                assert_eq!(code_of(&result.unwrap_err()), Some("bulkhead_full"));
                refused += 1;
            }
        }
    }
    assert_eq!((running.len(), refused, gauge(layer.bulkhead())), (3, 9, (3, 0)));
    assert_eq!(fill(layer.fresh().bulkhead()).len(), 3, "a fresh layer has permits of its own");
}
