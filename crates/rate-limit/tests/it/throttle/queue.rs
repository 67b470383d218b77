use buttress_core::{Context, Deadline, Kind, Refused};
use buttress_rate_limit::throttle::WhyThrottled;
use buttress_rate_limit::{KeyHasher, Quota, ThrottleLayer, Throttled};
use buttress_testkit::{Strict, allocations_of, clock};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{MS, SECOND, Upstream, begin, code, plain};

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_burst_go_in_order_and_at_the_interval() {
    let upstream = Upstream::new();
    let layer = plain().build().unwrap();
    let running = begin(&upstream.behind(&layer), 0..6).await;
    assert_eq!(layer.throttle().snapshot().waiting, 4);
    running.join_all().await;
    assert_eq!(upstream.sent(), [(0, 0), (1, 0), (2, 100), (3, 200), (4, 300), (5, 400)]);
    let snapshot = layer.throttle().snapshot();
    assert_eq!((snapshot.waiting, snapshot.at_once, snapshot.delayed), (0, 2, 4));
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_later_never_overtakes_one_who_waits() {
    let upstream = Upstream::new();
    let layer = plain().build().unwrap();
    let client = upstream.behind(&layer);
    let early = begin(&client, 0..4).await;
    tokio::time::sleep(150 * MS).await;
    let late = begin(&client, 4..6).await;
    early.join_all().await;
    late.join_all().await;
    assert_eq!(upstream.sent(), [(0, 0), (1, 0), (2, 100), (3, 200), (4, 300), (5, 400)]);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_tasks_get_the_rate_and_not_one_call_more() {
    let upstream = Upstream::new();
    let layer = plain().quota(Quota::per_second(500).burst(1)).build().unwrap();
    begin(&upstream.behind(&layer), 0..1_000).await.join_all().await;
    let expected: Vec<_> = (0..1_000_u32).map(|call| (call, u64::from(call) * 2)).collect();
    assert_eq!(upstream.sent(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_longest_is_refused_at_once_and_reserves_nothing() {
    let upstream = Upstream::new();
    let layer = plain().max_wait(200 * MS).build().unwrap();
    let client = upstream.behind(&layer);
    let running = begin(&client, 0..4).await;
    for call in 4..6 {
        let error = client.clone().oneshot(call).await.unwrap_err();
        let refused = Refused::in_error(&error).unwrap();
        assert_eq!((refused.code(), refused.kind()), ("throttled", Kind::RateLimited));
        assert_eq!(refused.retry_after(), Some(300 * MS));
        let throttled = refused.downcast_ref::<Throttled>().unwrap();
        assert_eq!((throttled.why(), throttled.name()), (WhyThrottled::TooLong(200 * MS), "upstream"));
    }
    assert_eq!(upstream.now(), 0, "nobody waited for the refusal");
    assert_eq!(layer.throttle().snapshot().refused, 2);
    running.join_all().await;
    client.oneshot(6).await.unwrap();
    assert_eq!(upstream.sent().last(), Some(&(6, 300)));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once_and_has_room_again_when_one_goes() {
    let upstream = Upstream::new();
    let layer = plain().max_waiting(2).build().unwrap();
    let client = upstream.behind(&layer);
    let running = begin(&client, 0..4).await;
    let error = client.clone().oneshot(4).await.unwrap_err();
    let refused = Refused::in_error(&error).unwrap();
    assert_eq!((refused.code(), refused.kind()), ("throttle_queue_full", Kind::Overloaded));
    assert_eq!(upstream.now(), 0);
    clock::advance(101 * MS).await;
    client.oneshot(5).await.unwrap();
    running.join_all().await;
    assert_eq!(upstream.sent()[2..], [(2, 101), (3, 200), (5, 300)]);
}

#[tokio::test(start_paused = true)]
async fn a_slot_after_the_deadline_is_refused_at_once_and_reserves_nothing() {
    let upstream = Upstream::new();
    let layer = plain().build().unwrap();
    let client = upstream.behind(&layer);
    let now = tokio::time::Instant::now().into_std();
    let running = begin(&client, 0..2).await;
    for (left, refused) in [(99, true), (100, true), (101, false)] {
        let context = Context::new().with_deadline(Deadline::after(now, left * MS));
        let mut handle = client.clone();
        handle.ready().await.unwrap();
        let call = context.scope(async move { handle.call(7).await }).await;
        assert_eq!(call.is_err(), refused, "{left} ms");
        if refused {
            assert_eq!((code(call), upstream.now()), ("throttled", 0));
        }
    }
    running.join_all().await;
    assert_eq!(upstream.sent().last(), Some(&(7, 100)), "the slot that the refused ones did not take");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_goes_at_once_is_not_asked_for_its_deadline() {
    let upstream = Upstream::new();
    let client = upstream.behind(&plain().build().unwrap());
    let past = Deadline::at(tokio::time::Instant::now().into_std());
    let call = Context::new().with_deadline(past).scope(client.oneshot(1)).await;
    assert_eq!(call.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_newest_waiter_gives_its_slot_to_the_next() {
    let upstream = Upstream::new();
    let layer = plain().build().unwrap();
    let client = upstream.behind(&layer);
    let running = begin(&client, 0..3).await;
    let mut newest = client.clone();
    let newest = newest.ready().await.unwrap().call(9);
    assert_eq!(layer.throttle().snapshot().waiting, 2);
    drop(newest);
    let snapshot = layer.throttle().snapshot();
    assert_eq!(
        (snapshot.waiting, snapshot.given_back, snapshot.lapsed),
        (1, 1, 0),
        "before the drop returned"
    );
    client.oneshot(3).await.unwrap();
    running.join_all().await;
    assert_eq!(upstream.sent()[2..], [(2, 100), (3, 200)]);
}

#[tokio::test(start_paused = true)]
async fn the_slot_of_a_dropped_older_waiter_lapses() {
    let upstream = Upstream::new();
    let layer = plain().build().unwrap();
    let client = upstream.behind(&layer);
    let burst = begin(&client, 0..2).await;
    let mut older = client.clone();
    let older = older.ready().await.unwrap().call(9);
    let newest = begin(&client, [2]).await;
    drop(older);
    let snapshot = layer.throttle().snapshot();
    assert_eq!((snapshot.waiting, snapshot.given_back, snapshot.lapsed), (1, 0, 1));
    burst.join_all().await;
    newest.join_all().await;
    assert_eq!(upstream.sent()[2..], [(2, 200)], "the newest was told its slot when it came");
}

#[tokio::test(start_paused = true)]
async fn when_all_who_wait_have_left_their_slots_are_free_whoever_left_first() {
    let upstream = Upstream::new();
    let layer = plain().max_wait(SECOND).build().unwrap();
    let client = upstream.behind(&layer);
    begin(&client, 0..2).await.join_all().await;
    let mut crowd = begin(&client, 2..12).await;
    tokio::time::sleep(150 * MS).await;
    assert_eq!(layer.throttle().snapshot().waiting, 9);
    crowd.shutdown().await;
    let snapshot = layer.throttle().snapshot();
    assert_eq!((snapshot.waiting, snapshot.given_back + snapshot.lapsed), (0, 9));
    let next = begin(&client, 12..14).await;
    next.join_all().await;
    assert_eq!(
        upstream.sent()[2..],
        [(2, 100), (12, 200), (13, 300)],
        "one was sent, and no more than the quota is"
    );
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_many_keys_are_bounded_together() {
    let by_call = |call: &u32, key: &mut KeyHasher| key.part(&call.to_le_bytes());
    let upstream = Upstream::new();
    let quota = Quota::per_second(10).burst(1);
    let builder = ThrottleLayer::plain("hosts").quota(quota).key(by_call);
    let layer = builder.max_waiting(2).max_waiting_in_all(3).build().unwrap();
    let client = upstream.behind(&layer);
    let running = begin(&client, [1, 2, 3, 4, 1, 2, 3]).await;
    assert_eq!(layer.throttle().snapshot().waiting, 3);
    let error = client.clone().oneshot(4).await.unwrap_err();
    let refused = Refused::in_error(&error).unwrap();
    assert_eq!((refused.code(), refused.kind()), ("throttle_queue_full", Kind::Overloaded));
    assert_eq!(refused.downcast_ref::<Throttled>().unwrap().why(), WhyThrottled::QueueFull(3));
    running.join_all().await;
    client.oneshot(4).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_handle_that_is_ready_and_idle_holds_no_slot() {
    let upstream = Upstream::new();
    let layer = plain().build().unwrap();
    let client = upstream.behind(&layer);
    let mut idle: Vec<_> = (0..10).map(|_| client.clone()).collect();
    for handle in &mut idle {
        handle.ready().await.unwrap();
    }
    begin(&client, 0..2).await.join_all().await;
    assert_eq!(upstream.sent(), [(0, 0), (1, 0)], "N14: readiness takes nothing");
}

#[tokio::test(start_paused = true)]
async fn the_instance_that_was_ready_is_the_one_that_is_called_after_the_wait() {
    let inner: Strict<u32, u32, buttress_core::BoxError> =
        Strict::with(|_, call: &u32| buttress_testkit::Reply::Ok(*call)).permits(4);
    let probe = inner.probe();
    let service = plain().build().unwrap().layer(inner);
    let mut running = tokio::task::JoinSet::new();
    for call in 0..4 {
        let mut handle = service.clone();
        running.spawn(handle.ready().await.unwrap().call(call));
    }
    running.join_all().await;
    assert_eq!((probe.calls(), probe.counts().permits_held), (4, 0));
    probe.assert_kept();
}

#[tokio::test(start_paused = true)]
async fn keys_wait_for_themselves_only() {
    let odd_or_even = |call: &u32, key: &mut KeyHasher| key.part(&[u8::from(call.is_multiple_of(2))]);
    let upstream = Upstream::new();
    let quota = Quota::per_second(10).burst(1);
    let layer = ThrottleLayer::plain("tenants").quota(quota).key(odd_or_even).build().unwrap();
    begin(&upstream.behind(&layer), [1, 3, 5, 2]).await.join_all().await;
    assert_eq!(upstream.sent(), [(1, 0), (2, 0), (3, 100), (5, 200)]);
    assert_eq!(layer.throttle().snapshot().keys, 2);
}

#[tokio::test(start_paused = true)]
async fn keys_without_a_place_share_one_and_gain_nothing() {
    let upstream = Upstream::new();
    let by_call = |call: &u32, key: &mut KeyHasher| key.part(&call.to_le_bytes());
    let quota = Quota::per(1, SECOND);
    let layer = ThrottleLayer::plain("hosts").quota(quota).key(by_call).max_keys(2).build().unwrap();
    begin(&upstream.behind(&layer), 0..4).await.join_all().await;
    assert_eq!(upstream.sent(), [(0, 0), (1, 0), (2, 0), (3, 1_000)]);
    let snapshot = layer.throttle().snapshot();
    assert_eq!((snapshot.keys, snapshot.crowded), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn every_service_of_one_layer_value_shares_the_timetable_and_a_fresh_one_does_not() {
    let upstream = Upstream::new();
    let layer = plain().build().unwrap();
    begin(&upstream.behind(&layer), 0..2).await.join_all().await;
    begin(&upstream.behind(&layer.clone()), [2]).await.join_all().await;
    assert_eq!(upstream.sent().last(), Some(&(2, 100)));
    begin(&upstream.behind(&layer.fresh()), 3..5).await.join_all().await;
    assert_eq!(upstream.sent()[3..], [(3, 100), (4, 100)]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_goes_at_once_allocates_nothing_and_one_that_waits_its_timer() {
    let inner = service_fn(|call: u32| async move { Ok::<_, buttress_core::BoxError>(call) });
    let mut service = plain().build().unwrap().layer(inner);
    // The first one makes room for its key.
    service.ready().await.unwrap().call(0).await.unwrap();
    for (call, allocations) in [(1, 0), (2, 1)] {
        let (_, report) = allocations_of(async { service.ready().await.unwrap().call(call).await }).await;
        assert_eq!(report.count, allocations, "call {call}: {report:?}");
    }
}
