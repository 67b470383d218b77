//! Callers that leave.

use std::sync::Arc;
use std::task::{Wake, Waker};

use buttress_bulkhead::{Bulkhead, BulkheadLayer, Place};
use buttress_core::BoxError;
use buttress_testkit::{Reply, Strict, drop_at_every_poll};
use parking_lot::Mutex;
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, ServiceExt};

use crate::{gauge, one_with_queue};

/// N3: the gauge missed calls that were dropped.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_at_any_poll_leaves_the_gauges_at_nothing() {
    let layer = BulkheadLayer::plain("reports").max_concurrent(1).queue(4).build().unwrap();
    let yields = || Strict::<u32, u32, BoxError>::with(|_, request| Reply::Yields(3, Ok(*request)));
    let polls = drop_at_every_poll(
        || layer.layer(yields()).oneshot(1),
        |_| assert_eq!(gauge(layer.bulkhead()), (0, 0)),
    )
    .await;
    assert!(polls > 3);

    let busy = layer.bulkhead().try_acquire().unwrap();
    drop_at_every_poll(|| layer.layer(yields()).oneshot(1), |_| assert_eq!(gauge(layer.bulkhead()), (1, 0)))
        .await;
    drop(busy);
    assert_eq!(gauge(layer.bulkhead()), (0, 0));
}

/// N1: a permit was assigned to a handle that was gone.
#[test]
fn a_waiter_that_is_dropped_when_it_is_granted_hands_the_permit_on() {
    let bulkhead = one_with_queue(3);
    let permit = bulkhead.try_acquire().unwrap();
    let mut places: Vec<_> = (0..3).map(|_| task::spawn(bulkhead.enqueue().unwrap())).collect();
    for place in &mut places {
        assert_pending!(place.poll());
    }
    drop(permit);
    let (granted, mut next, last) = (places.remove(0), places.remove(0), places.remove(0));
    assert!(granted.is_woken() && !next.is_woken());
    drop(granted);
    assert!(next.is_woken() && !last.is_woken());
    assert_eq!(gauge(&bulkhead), (1, 1));
    let permit = assert_ready!(next.poll());
    drop((permit, last));
    assert_eq!((gauge(&bulkhead), bulkhead.snapshot().abandoned()), ((0, 0), 2));
    assert!(bulkhead.try_acquire().is_ok());
}

#[test]
fn a_waiter_in_the_middle_leaves_and_the_order_stays() {
    let bulkhead = one_with_queue(3);
    let permit = bulkhead.try_acquire().unwrap();
    let mut places: Vec<_> = (0..3).map(|_| task::spawn(bulkhead.enqueue().unwrap())).collect();
    for place in &mut places {
        assert_pending!(place.poll());
    }
    drop(places.remove(1));
    assert_eq!(gauge(&bulkhead), (1, 2));
    drop(permit);
    let (mut first, mut last) = (places.remove(0), places.remove(0));
    assert!(first.is_woken() && !last.is_woken());
    drop(assert_ready!(first.poll()));
    drop(assert_ready!(last.poll()));
    assert_eq!(gauge(&bulkhead), (0, 0));
}

#[test]
fn a_place_in_the_queue_is_free_again_when_its_owner_leaves() {
    let bulkhead = one_with_queue(1);
    let _permit = bulkhead.try_acquire().unwrap();
    for _ in 0..1_000 {
        let place = bulkhead.enqueue().unwrap();
        assert!(bulkhead.enqueue().is_err());
        drop(place);
    }
    assert_eq!((gauge(&bulkhead), bulkhead.snapshot().abandoned()), ((1, 0), 1_000));
}

/// A waker that holds a place in the queue, as a task does that is kept by its waker alone.
struct Holds(#[expect(dead_code, reason = "dropped with the waker")] Mutex<Place>);

impl Wake for Holds {
    fn wake(self: Arc<Self>) {}
}

fn waker_with(place: Place) -> Waker {
    Arc::new(Holds(Mutex::new(place))).into()
}

fn poll_with(place: &mut Place, waker: &Waker) {
    let mut context = std::task::Context::from_waker(waker);
    assert!(std::pin::Pin::new(place).poll(&mut context).is_pending());
}

/// A waiter whose waker is the last hold on another waiter of the same bulkhead.
fn waiting_on_each_other(bulkhead: &Bulkhead) -> Place {
    let mut outer = bulkhead.enqueue().unwrap();
    let held = waker_with(bulkhead.enqueue().unwrap());
    poll_with(&mut outer, &held);
    outer
}

#[test]
fn a_waker_that_drops_another_waiter_when_it_is_dropped_does_not_meet_the_lock() {
    let bulkhead = one_with_queue(4);
    let permit = bulkhead.try_acquire().unwrap();
    // Dropped because another waker takes its place.
    let mut outer = waiting_on_each_other(&bulkhead);
    assert_eq!(gauge(&bulkhead), (1, 2));
    poll_with(&mut outer, Waker::noop());
    assert_eq!(gauge(&bulkhead), (1, 1));
    drop(outer);
    // Dropped because the waiter leaves.
    drop(waiting_on_each_other(&bulkhead));
    assert_eq!(gauge(&bulkhead), (1, 0));
    // Dropped because the waiter was woken.
    let outer = waiting_on_each_other(&bulkhead);
    drop(permit);
    assert_eq!(gauge(&bulkhead), (1, 0));
    drop(outer);
    assert_eq!(gauge(&bulkhead), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_returns_its_permit() {
    let layer = BulkheadLayer::plain("reports").max_concurrent(1).build().unwrap();
    for _ in 0..3 {
        let panicking = Strict::<u32, u32, BoxError>::with(|_, _| Reply::Panic);
        let mut call = task::spawn(layer.layer(panicking).oneshot(1));
        let poll = std::panic::AssertUnwindSafe(|| call.poll().is_pending());
        assert!(std::panic::catch_unwind(poll).is_err());
        drop(call);
        assert_eq!(gauge(layer.bulkhead()), (0, 0));
    }
}
