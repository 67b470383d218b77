//! The handle, without Tower.

use std::cell::Cell;

use buttress_bulkhead::{Bulkhead, Cause};
use buttress_core::{Kind, Rejection};
use buttress_testkit::{drop_at_every_poll, poll_bounded};
use tokio_test::{assert_pending, assert_ready, task};

use crate::{SECOND, fill, for_calls, gauge, one_with_queue};

/// N2: full is not late.
#[test]
fn a_full_bulkhead_refuses_at_once_and_says_that_it_is_full() {
    let bulkhead = for_calls(2).retry_after(3 * SECOND).build().unwrap();
    let permits = fill(&bulkhead);
    assert_eq!(permits.len(), 2);
    let refusal = bulkhead.try_acquire().unwrap_err();
    assert_eq!(
        (refusal.cause(), refusal.code(), refusal.kind()),
        (Cause::Full, "bulkhead_full", Kind::Overloaded)
    );
    assert_eq!((refusal.name(), refusal.in_flight(), refusal.max_concurrent()), ("reports", 2, 2));
    assert_eq!((refusal.retry_after(), refusal.reached_inner()), (Some(3 * SECOND), false));
    drop(permits);
    assert!(bulkhead.try_acquire().is_ok());
    assert_eq!((gauge(&bulkhead), bulkhead.snapshot().full()), ((0, 0), 2));
}

/// N3: the default waits for nobody.
#[test]
fn without_a_queue_nobody_waits() {
    let bulkhead = for_calls(1).build().unwrap();
    let _permit = bulkhead.try_acquire().unwrap();
    // No runtime, so no timer either.
    assert_eq!(assert_ready!(task::spawn(bulkhead.acquire()).poll()).unwrap_err().cause(), Cause::Full);
    assert_eq!(bulkhead.enqueue().unwrap_err().cause(), Cause::Full);
    assert_eq!(assert_ready!(task::spawn(bulkhead.run(async {})).poll()).unwrap_err().cause(), Cause::Full);
    assert_eq!(gauge(&bulkhead), (1, 0));
}

#[test]
fn clones_share_and_a_fresh_one_does_not() {
    let bulkhead = for_calls(1).build().unwrap();
    bulkhead.set_max_concurrent(2).unwrap();
    let (clone, fresh) = (bulkhead.clone(), bulkhead.fresh());
    let permits = fill(&bulkhead);
    assert_eq!((clone.in_flight(), fresh.in_flight()), (2, 0));
    assert_eq!(fresh.max_concurrent(), 2, "the limit in force");
    fresh.mode().set(buttress_core::Mode::Off);
    assert!(clone.try_acquire().is_err(), "the switch is not shared");
    drop(permits);
}

#[test]
fn a_future_runs_under_a_permit_and_is_gone_before_the_permit_returns() {
    struct Guard<'a>(&'a Bulkhead, &'a Cell<Option<u32>>);
    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            self.1.set(Some(self.0.in_flight()));
        }
    }
    /// Ends at once, and lives on until it is dropped.
    struct Ends<'a>(#[expect(dead_code, reason = "dropped")] Guard<'a>);
    impl Future for Ends<'_> {
        type Output = u8;
        fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<u8> {
            std::task::Poll::Ready(7)
        }
    }
    let bulkhead = for_calls(1).build().unwrap();
    let at_drop = Cell::new(None);
    let mut run = task::spawn(bulkhead.run(Ends(Guard(&bulkhead, &at_drop))));
    assert_eq!(gauge(&bulkhead), (0, 0), "nothing is held before it is polled");
    assert_eq!(assert_ready!(run.poll()).unwrap(), 7);
    assert_eq!((at_drop.get(), gauge(&bulkhead)), (Some(1), (0, 0)), "while `run` is still there");
}

#[tokio::test(start_paused = true)]
async fn running_futures_wait_for_one_another_in_the_queue() {
    let bulkhead = one_with_queue(2);
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut first = task::spawn(bulkhead.run(told));
    let mut second = task::spawn(bulkhead.run(async { 2 }));
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    assert_eq!(gauge(&bulkhead), (1, 1));
    tell.send(1).unwrap();
    assert_eq!(assert_ready!(first.poll()).unwrap(), Ok(1));
    assert!(second.is_woken());
    assert_eq!(assert_ready!(second.poll()).unwrap(), 2);
    assert_eq!(gauge(&bulkhead), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_at_any_poll_leaves_nothing() {
    let bulkhead = one_with_queue(2);
    for is_full in [false, true] {
        let busy = is_full.then(|| bulkhead.try_acquire().unwrap());
        let running = u32::from(is_full);
        let work = || {
            bulkhead.run(async {
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
            })
        };
        drop_at_every_poll(work, |_| assert_eq!(gauge(&bulkhead), (running, 0))).await;
        drop(busy);
    }
}

#[test]
fn more_room_wakes_waiters_in_order_and_less_lets_the_running_finish() {
    let bulkhead = one_with_queue(5);
    let mut running = fill(&bulkhead);
    let mut places: Vec<_> = (0..5).map(|_| task::spawn(bulkhead.enqueue().unwrap())).collect();
    for place in &mut places {
        assert_pending!(place.poll());
    }
    bulkhead.set_max_concurrent(4).unwrap();
    let woken: Vec<_> = places.iter().map(task::Spawn::is_woken).collect();
    assert_eq!((woken, gauge(&bulkhead)), (vec![true, true, true, false, false], (4, 2)));
    running.extend(places.drain(..3).map(|mut place| assert_ready!(place.poll())));

    bulkhead.set_max_concurrent(2).unwrap();
    assert_eq!(gauge(&bulkhead), (4, 2), "those that run are let finish");
    running.truncate(2);
    assert_eq!(gauge(&bulkhead), (2, 2), "nobody is admitted over the new limit");
    running.pop();
    assert_eq!(gauge(&bulkhead), (2, 1));
    drop((running, places));
    assert_eq!(gauge(&bulkhead), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_waits_for_a_place_needs_no_poll_in_between() {
    let bulkhead = one_with_queue(1);
    let permit = bulkhead.try_acquire().unwrap();
    let place = bulkhead.enqueue().unwrap();
    drop(permit);
    assert_eq!(gauge(&bulkhead), (1, 0), "granted while nobody looked");
    assert!(bulkhead.try_acquire().is_err());
    drop(poll_bounded(place, 1).await.unwrap());
    assert_eq!(gauge(&bulkhead), (0, 0));
}
