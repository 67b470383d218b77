//! The queue: in order, bounded, and within the deadline.

use std::time::Duration;

use buttress_bulkhead::{BulkheadLayer, Cause};
use buttress_core::{BoxError, Context, Deadline, Kind, Rejection};
use buttress_testkit::{Reply, Strict, clock};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, Service, ServiceExt};

use crate::{SECOND, code_of, for_calls, gated, gauge, one_with_queue};

fn in_seconds(seconds: u32) -> Deadline {
    Deadline::after(tokio::time::Instant::now().into_std(), SECOND * seconds)
}

#[tokio::test(start_paused = true)]
async fn calls_run_in_the_order_in_which_they_came() {
    let layer =
        BulkheadLayer::plain("reports").max_concurrent(1).queue(3).max_wait(60 * SECOND).build().unwrap();
    let inner = gated();
    let probe = inner.probe();
    let mut service = layer.layer(inner);
    let mut calls = Vec::new();
    for mark in 0..4 {
        calls.push(task::spawn(service.ready().await.unwrap().call(mark)));
    }
    // Who polls first makes no difference.
    for call in calls.iter_mut().rev() {
        assert_pending!(call.poll());
    }
    assert_eq!((gauge(layer.bulkhead()), probe.calls()), ((1, 3), 1));
    for mark in 0..4 {
        probe.open_gate(1);
        let mut call = calls.remove(0);
        assert_eq!(assert_ready!(call.poll()).unwrap(), mark);
        let woken: Vec<_> = calls.iter().map(task::Spawn::is_woken).collect();
        assert_eq!(woken, [true, false, false][..calls.len()], "one permit, one waiter");
        if let Some(next) = calls.first_mut() {
            assert_pending!(next.poll());
        }
    }
    assert_eq!(gauge(layer.bulkhead()), (0, 0));
}

/// N3: the queue was unbounded.
#[tokio::test(start_paused = true)]
async fn who_finds_the_queue_full_is_refused_at_once() {
    let layer = BulkheadLayer::plain("reports").max_concurrent(1).queue(2).build().unwrap();
    let mut calls: Vec<_> = (0..3).map(|mark| task::spawn(layer.layer(gated()).oneshot(mark))).collect();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    let refused = assert_ready!(task::spawn(layer.layer(gated()).oneshot(9)).poll());
    assert_eq!(code_of(&refused.unwrap_err()), Some("bulkhead_full"));
    assert_eq!(gauge(layer.bulkhead()), (1, 2));
}

/// N2: late is not full, and neither is a timeout of the service.
#[tokio::test(start_paused = true)]
async fn who_has_waited_for_too_long_is_refused_with_a_code_of_its_own() {
    let bulkhead = for_calls(1).queue(2).max_wait(3 * SECOND).build().unwrap();
    let _permit = bulkhead.try_acquire().unwrap();
    let begun = tokio::time::Instant::now();
    let refusal = bulkhead.acquire().await.unwrap_err();
    assert_eq!(begun.elapsed(), 3 * SECOND);
    assert_eq!(
        (refusal.cause(), refusal.code()),
        (Cause::WaitExceeded(3 * SECOND), "bulkhead_wait_exceeded")
    );
    assert_eq!((refusal.kind(), refusal.retry_after()), (Kind::Overloaded, Some(SECOND)));
    let seen = bulkhead.snapshot();
    assert_eq!((gauge(&bulkhead), seen.full(), seen.wait_exceeded(), seen.abandoned()), ((1, 0), 0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_beyond_the_deadline_of_the_request() {
    let bulkhead = for_calls(1).queue(2).max_wait(60 * SECOND).build().unwrap();
    let _permit = bulkhead.try_acquire().unwrap();
    let begun = tokio::time::Instant::now();
    let context = Context::new().with_deadline(in_seconds(2));
    let refusal = context.scope(bulkhead.acquire()).await.unwrap_err();
    assert_eq!((begun.elapsed(), refusal.cause()), (2 * SECOND, Cause::WaitExceeded(2 * SECOND)));
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_deadline_has_passed_does_not_queue_at_all() {
    let bulkhead = one_with_queue(2);
    let permit = bulkhead.try_acquire().unwrap();
    let late = Context::new().with_deadline(in_seconds(0));
    let refusal = assert_ready!(task::spawn(late.clone().scope(bulkhead.acquire())).poll()).unwrap_err();
    assert_eq!((refusal.cause(), gauge(&bulkhead)), (Cause::WaitExceeded(Duration::ZERO), (1, 0)));
    drop(permit);
    // The deadline is for others to enforce: where there is room, it is not even looked at.
    assert!(late.scope(bulkhead.acquire()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_too_late_takes_no_place_from_others() {
    let layer = BulkheadLayer::plain("reports").max_concurrent(1).queue(1).build().unwrap();
    let _permit = layer.bulkhead().try_acquire().unwrap();
    let mut service = layer.layer(gated());
    service.ready().await.unwrap();
    let late = Context::new().with_deadline(in_seconds(0)).run(|| service.call(1));
    assert_eq!(gauge(layer.bulkhead()), (1, 0), "refused before anybody polls it");
    assert_eq!(code_of(&late.await.unwrap_err()), Some("bulkhead_wait_exceeded"));
}

#[tokio::test(start_paused = true)]
async fn what_is_polled_after_its_end_stays_pending_and_takes_nothing() {
    let bulkhead = one_with_queue(1);
    let mut acquire = task::spawn(bulkhead.acquire());
    drop(assert_ready!(acquire.poll()));
    assert_pending!(acquire.poll());
    let mut place = task::spawn(bulkhead.enqueue().unwrap());
    drop(assert_ready!(place.poll()));
    assert_pending!(place.poll());
    assert_eq!(gauge(&bulkhead), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_comes_with_the_end_of_the_wait_is_used() {
    let bulkhead = for_calls(1).queue(2).max_wait(SECOND).build().unwrap();
    let permit = bulkhead.try_acquire().unwrap();
    let mut waits = task::spawn(bulkhead.acquire());
    assert_pending!(waits.poll());
    tokio::time::advance(SECOND).await;
    drop(permit);
    let permit = assert_ready!(waits.poll()).expect("granted before the timer was looked at");
    assert_eq!(gauge(&bulkhead), (1, 0));
    drop(permit);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_comes_after_the_deadline_goes_to_the_next() {
    let bulkhead = for_calls(1).queue(2).max_wait(60 * SECOND).build().unwrap();
    let permit = bulkhead.try_acquire().unwrap();
    let context = Context::new().with_deadline(in_seconds(1));
    let mut late = task::spawn(context.scope(bulkhead.acquire()));
    let mut next = task::spawn(bulkhead.acquire());
    assert_pending!(late.poll());
    assert_pending!(next.poll());
    tokio::time::advance(SECOND).await;
    drop(permit);
    assert_eq!(assert_ready!(late.poll()).unwrap_err().cause(), Cause::WaitExceeded(SECOND));
    assert!(next.is_woken());
    assert!(assert_ready!(next.poll()).is_ok());
    assert_eq!(gauge(&bulkhead), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_does_not_overtake_the_queue() {
    let bulkhead = one_with_queue(2);
    let permit = bulkhead.try_acquire().unwrap();
    let mut waits = task::spawn(bulkhead.enqueue().unwrap());
    assert_pending!(waits.poll());
    drop(permit);
    assert!(bulkhead.try_acquire().is_err(), "the permit is the waiter's");
    assert!(waits.is_woken());
    drop(assert_ready!(waits.poll()));
    assert!(bulkhead.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waited_is_made_by_the_instance_that_was_ready() {
    let layer = BulkheadLayer::plain("reports").max_concurrent(1).queue(2).build().unwrap();
    // Panics when an instance is called that was not polled ready.
    let inner = Strict::<u32, u32, BoxError>::with(|_, request| Reply::Ok(*request)).permits(2);
    let probe = inner.probe();
    let mut service = layer.layer(inner);
    let busy = layer.bulkhead().try_acquire().unwrap();
    let mut call = task::spawn(service.ready().await.unwrap().call(3));
    assert_pending!(call.poll());
    assert_eq!(probe.calls(), 0);
    drop(busy);
    assert_eq!(assert_ready!(call.poll()).unwrap(), 3);
    assert_eq!(service.ready().await.unwrap().call(4).await.unwrap(), 4);
    probe.assert_kept();
}

#[tokio::test(start_paused = true)]
async fn a_waiter_costs_no_polls_while_it_waits() {
    let bulkhead = for_calls(1).queue(2).max_wait(60 * SECOND).build().unwrap();
    let permit = bulkhead.try_acquire().unwrap();
    let mut waits = task::spawn(bulkhead.acquire());
    assert_pending!(waits.poll());
    for _ in 0..50 {
        clock::advance(SECOND).await;
        assert!(!waits.is_woken());
    }
    drop(permit);
    assert!(waits.is_woken());
    assert!(assert_ready!(waits.poll()).is_ok());
}

#[cfg(feature = "http")]
#[tokio::test(start_paused = true)]
async fn over_http_the_deadline_in_the_extensions_counts_and_late_is_a_503() {
    use buttress_testkit::message;
    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::Full;
    type Body = Full<Bytes>;
    let layer =
        BulkheadLayer::inbound("reports").max_concurrent(1).queue(2).max_wait(60 * SECOND).build().unwrap();
    let inner = Strict::<Request<Body>, Response<Body>, std::convert::Infallible>::with(|_, _| {
        Reply::Ok(message::response(http::StatusCode::OK, "fine"))
    });
    let service = layer.layer(inner);
    let _busy = layer.bulkhead().try_acquire().unwrap();
    let mut request = message::get("/");
    request.extensions_mut().insert(in_seconds(2));
    let begun = tokio::time::Instant::now();
    let response = service.oneshot(request).await.unwrap();
    assert_eq!((begun.elapsed(), response.status().as_u16()), (2 * SECOND, 503));
    assert_eq!(response.headers()["retry-after"], "1");
    let refused = buttress_http::refused_in(&response).unwrap();
    assert_eq!(refused.code(), "bulkhead_wait_exceeded");
}
