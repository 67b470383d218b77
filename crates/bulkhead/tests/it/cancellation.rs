//! Callers that leave.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use buttress_bulkhead::{Bulkhead, BulkheadLayer, Place};
use buttress_core::BoxError;
use buttress_testkit::{Reply, Strict, drop_at_every_poll};
use parking_lot::Mutex;
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, Service, ServiceExt, service_fn};

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
    let mut context = Context::from_waker(waker);
    assert!(Pin::new(place).poll(&mut context).is_pending());
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

/// Answers at once or never, and sees in its drop how many calls run; some panic there.
struct Watched {
    answers: bool,
    panics: bool,
    bulkhead: Bulkhead,
    seen: Arc<Mutex<Vec<u32>>>,
}

impl Future for Watched {
    type Output = Result<u32, BoxError>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if self.answers { Poll::Ready(Ok(1)) } else { Poll::Pending }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.seen.lock().push(self.bulkhead.in_flight());
        assert!(!self.panics, "as asked");
    }
}

#[test]
fn a_permit_returns_when_nothing_of_its_call_is_left_even_if_the_rest_panics_as_it_goes() {
    let layer = BulkheadLayer::plain("reports").max_concurrent(1).build().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    for (answers, panics) in [(true, false), (true, true), (false, false), (false, true)] {
        let (bulkhead, seen) = (layer.bulkhead().clone(), Arc::clone(&seen));
        let watched =
            move |(): ()| Watched { answers, panics, bulkhead: bulkhead.clone(), seen: Arc::clone(&seen) };
        let mut call = task::spawn(layer.layer(service_fn(watched)).call(()));
        let run = std::panic::AssertUnwindSafe(move || {
            assert_eq!(call.poll().is_ready(), answers);
            drop(call);
        });
        assert_eq!(std::panic::catch_unwind(run).is_err(), panics);
        assert_eq!(gauge(layer.bulkhead()), (0, 0), "{answers}, {panics}");
    }
    assert_eq!(*seen.lock(), [1; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_has_ended_keeps_nothing_and_stays_pending() {
    let layer = BulkheadLayer::plain("reports").max_concurrent(1).build().unwrap();
    let echo = service_fn(|number: u32| async move { Ok::<_, BoxError>(number) });
    let mut call = task::spawn(layer.layer(echo).call(7));
    assert_eq!(assert_ready!(call.poll()).unwrap(), 7);
    assert_pending!(call.poll());
    let permit = layer.bulkhead().try_acquire().unwrap();
    drop(call);
    assert_eq!(gauge(layer.bulkhead()), (1, 0));
    drop(permit);
}
