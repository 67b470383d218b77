use std::time::Duration;

use buttress_rate_limit::testing::MemoryStore;
use buttress_rate_limit::{Fate, Quota};
use buttress_testkit::clock;

use tokio::time::Instant;

use crate::fleet::{ask, builder, claim, claims, decide, fate, hammer, node};

const MILLI: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn a_caller_over_his_limit_costs_one_call_per_wait() {
    let store = MemoryStore::default();
    let node = node(&store);
    let quota = Quota::per_second(1).burst(1);
    assert_eq!(hammer(&node, "abusive", quota, MILLI, 5_000).await, 5);
    assert!(store.calls() <= 6, "{} calls for 5,000 requests", store.calls());
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_is_looked_at_again_after_ten_seconds() {
    let store = MemoryStore::default();
    let node = node(&store);
    let quota = Quota::per_day(1);
    assert_eq!(hammer(&node, "abusive", quota, 100 * MILLI, 300).await, 1);
    assert!((3..=4).contains(&store.calls()), "{} calls in 30 s", store.calls());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_remembered_when_memory_is_off() {
    let store = MemoryStore::default();
    let node = builder(&store).remember_for(Duration::ZERO).build().unwrap();
    hammer(&node, "abusive", Quota::per_day(1), MILLI, 10).await;
    assert_eq!(store.calls(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_told_is_enough() {
    let store = MemoryStore::default();
    let node = node(&store);
    for quota in [Quota::per_second(3), Quota::per_minute(7).burst(2), Quota::per_second(900).burst(5)] {
        let name = format!("{quota:?}");
        while ask(&node, &name, quota, 2).await {}
        for _ in 0..20 {
            let Fate::Denied { wait } = fate(&node, &name, quota, 2).await else { panic!("{quota:?}") };
            clock::advance(wait.saturating_sub(Duration::from_micros(1))).await;
            assert!(!ask(&node, &name, quota, 2).await, "a microsecond early: {quota:?}");
            // Paused time moves by whole milliseconds.
            clock::advance(Duration::from_millis(1)).await;
            assert!(ask(&node, &name, quota, 2).await, "{quota:?}");
            while ask(&node, &name, quota, 2).await {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cost_that_can_never_fit_is_refused_without_a_call_and_without_a_wait_r17() {
    let store = MemoryStore::default();
    let node = node(&store);
    assert_eq!(fate(&node, "large", Quota::per_second(5), 6).await, Fate::Never);
    assert_eq!(store.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn more_keys_than_there_is_room_for_are_decided_all_the_same() {
    let store = MemoryStore::default();
    let node = builder(&store).keys(8).build().unwrap();
    let quota = Quota::per_day(1).burst(3);
    for round in 0..4 {
        for name in 0..100 {
            assert_eq!(ask(&node, &name.to_string(), quota, 1).await, round < 3);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_policies_of_a_request_are_decided_together_and_each_says_where_it_stands() {
    let store = MemoryStore::default();
    let node = node(&store);
    let (wide, narrow) = (Quota::per_day(1).burst(10), Quota::per_day(1).burst(2));
    let both = claims([claim("wide", wide, 1), claim("narrow", narrow, 1)]);
    let mut seen = Vec::new();
    for _ in 0..4 {
        let verdicts = decide(&node, &both).await.1.unwrap();
        seen.push((verdicts.admitted(), verdicts.positions[0].remaining, verdicts.positions[1].remaining));
        assert_eq!(verdicts.positions[0].fate, Fate::Admitted);
    }
    assert_eq!(seen, [(true, 9, 1), (true, 8, 0), (false, 8, 0), (false, 8, 0)]);
    assert_eq!(store.calls(), 2, "the others were remembered");
}

#[tokio::test(start_paused = true)]
async fn one_key_in_two_policies_is_charged_for_both_or_refused() {
    let store = MemoryStore::default();
    let node = node(&store);
    let quota = Quota::per_day(1).burst(3);
    let twice = claims([claim("one", quota, 2), claim("one", quota, 2)]);
    assert!(!decide(&node, &twice).await.1.unwrap().admitted(), "each fits, and both do not");
    assert!(ask(&node, "one", quota, 3).await, "nothing was charged");
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_for_one_key_holds_up_no_other_r18() {
    let store = MemoryStore::default();
    let node = node(&store);
    let quota = Quota::per_day(1).burst(600);
    assert_eq!(hammer(&node, "leased", quota, MILLI, 50).await, 50);
    store.set_latency(40 * MILLI);
    let start = Instant::now();
    let [first, second, third] = ["first", "second", "third"].map(|name| ask(&node, name, quota, 1));
    let leased = async {
        assert!(ask(&node, "leased", quota, 1).await);
        start.elapsed()
    };
    let (_, _, _, leased) = tokio::join!(first, second, third, leased);
    assert_eq!(leased, Duration::ZERO, "a lease waits for nobody");
    assert!(start.elapsed() < 45 * MILLI, "all at once, and not one after the other: {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_full_burst_does_not_wobble_between_the_store_and_memory_r23() {
    let store = MemoryStore::default();
    let node = builder(&store).remember_for(20 * MILLI).build().unwrap();
    let quota = Quota::per_minute(6).burst(3);
    let one = claims([claim("one", quota, 1)]);
    while decide(&node, &one).await.1.unwrap().admitted() {}
    let (start, mut told) = (Instant::now(), Vec::new());
    let before = store.calls();
    for _ in 0..100 {
        let position = decide(&node, &one).await.1.unwrap().positions[0];
        told.push(start.elapsed() + position.full);
        clock::advance(7 * MILLI).await;
    }
    let calls = store.calls() - before;
    assert!((10..90).contains(&calls), "some by the store, some from memory: {calls}");
    assert!(told.iter().all(|full| *full == told[0]), "{told:?}");
}
