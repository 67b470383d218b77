use std::time::Duration;

use buttress_rate_limit::testing::MemoryStore;
use buttress_rate_limit::{ChargedBy, Fate, Quota, Tier, Unavailable, WhenGone};
use buttress_testkit::{Recorder, clock};
use tokio::time::Instant;

use crate::fleet::{ask, builder, claim, claims, decide, fate, key, node};

const MILLI: Duration = Duration::from_millis(1);
const BUDGET: Duration = Duration::from_millis(50);

/// Longer than any pause between two probes.
const PROBED: Duration = Duration::from_millis(1_400);

#[tokio::test(start_paused = true)]
async fn no_request_waits_longer_than_the_budget_and_none_once_the_store_is_known_to_be_gone_r20() {
    let store = MemoryStore::default();
    let node = node(&store);
    store.hang();
    let mut waits = Vec::new();
    for name in 0..8 {
        let start = Instant::now();
        assert!(ask(&node, &name.to_string(), Quota::per_day(30), 1).await, "by the local share");
        waits.push(start.elapsed());
    }
    assert!(waits[..5].iter().all(|wait| (BUDGET..BUDGET + 2 * MILLI).contains(wait)), "{waits:?}");
    assert_eq!(waits[5..], [Duration::ZERO; 3]);
    assert!(node.stats().down);
    assert_eq!(node.stats().degraded, 8);
}

#[tokio::test(start_paused = true)]
async fn the_share_of_a_node_holds_during_an_outage_and_over_several() {
    let store = MemoryStore::default();
    let node = node(&store);
    let quota = Quota::per_day(1).burst(30);
    let mut admitted = 0;
    for _ in 0..3 {
        store.fail();
        for _ in 0..100 {
            admitted += u64::from(ask(&node, "one", quota, 1).await);
        }
        assert!(node.stats().down);
        store.heal();
        clock::advance(PROBED).await;
        assert!(!node.stats().down, "by itself, and without a request");
    }
    assert_eq!(admitted, 10, "a third of the burst, once: the debt is kept over outages");
    assert!(ask(&node, "one", quota, 30).await, "and not carried over to the store");
}

#[tokio::test(start_paused = true)]
async fn the_store_is_lost_and_found_by_itself_told_once_and_counted() {
    let (store, recorder) = (MemoryStore::default(), Recorder::new());
    let node = builder(&store).name("fleet").observer(recorder.clone()).build().unwrap();
    for _ in 0..2 {
        store.fail();
        for name in 0..20 {
            ask(&node, &name.to_string(), Quota::per_day(30), 1).await;
        }
        clock::advance(5 * PROBED).await;
        store.heal();
        clock::advance(PROBED).await;
    }
    assert_eq!(
        recorder.codes(),
        ["rate_limit_store_gone", "rate_limit_store_back", "rate_limit_store_gone", "rate_limit_store_back"]
    );
    let stats = node.stats();
    assert_eq!((stats.outages, stats.recoveries, stats.down), (2, 2, false));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_gone_is_asked_by_a_probe_each_second_and_by_nobody_else() {
    let store = MemoryStore::default();
    let node = node(&store);
    store.fail();
    for name in 0..5 {
        ask(&node, &name.to_string(), Quota::per_day(30), 1).await;
    }
    let before = store.calls();
    for name in 0..600 {
        ask(&node, &name.to_string(), Quota::per_day(30), 1).await;
        clock::advance(100 * MILLI).await;
    }
    let probes = store.calls() - before;
    assert!((48..=80).contains(&probes), "{probes} in a minute");
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_between_is_no_outage() {
    let store = MemoryStore::default();
    let node = node(&store);
    for name in 0..40 {
        store.fail();
        if name % 5 == 4 {
            store.heal();
        }
        ask(&node, &name.to_string(), Quota::per_day(30), 1).await;
    }
    assert_eq!((node.stats().outages, node.stats().failures), (0, 32));
}

#[tokio::test(start_paused = true)]
async fn open_admits_and_closed_refuses_as_unavailable_while_the_store_is_gone() {
    let store = MemoryStore::default();
    store.fail();
    let open = builder(&store).when_gone(WhenGone::Open).build().unwrap();
    let closed = builder(&store).when_gone(WhenGone::Closed).build().unwrap();
    let one = claims([claim("one", Quota::per_day(1), 1)]);
    for _ in 0..10 {
        let verdicts = decide(&open, &one).await.1.unwrap();
        assert!(verdicts.admitted() && verdicts.degraded);
        let refused = decide(&closed, &one).await.1;
        assert_eq!(refused, Err(Unavailable { retry_after: Some(Duration::from_secs(1)) }));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_leased_is_spent_first_when_the_store_is_gone() {
    let store = MemoryStore::default();
    let node = builder(&store).when_gone(WhenGone::Closed).build().unwrap();
    let quota = Quota::per_day(1).burst(600);
    for _ in 0..50 {
        assert!(ask(&node, "hot", quota, 1).await);
        clock::settle().await;
    }
    store.fail();
    let parked = node.stats().parked;
    let mut admitted = 0;
    for _ in 0..200 {
        admitted += u64::from(ask(&node, "hot", quota, 1).await);
    }
    assert_eq!(admitted, parked, "and no more");
}

#[tokio::test(start_paused = true)]
async fn a_spoilt_key_is_counted_and_takes_nobody_with_it() {
    let store = MemoryStore::default();
    let node = node(&store);
    store.spoil(key("spoilt"));
    for _ in 0..20 {
        fate(&node, "spoilt", Quota::per_day(30), 1).await;
    }
    let stats = node.stats();
    assert!((20..25).contains(&stats.garbage), "with a refill now and then: {stats:?}");
    assert_eq!((stats.failures, stats.down), (0, false));
    assert_eq!(stats.degraded, 20, "the stand-in decides for it");
    for _ in 0..3 {
        store.fail();
        for name in 0..4 {
            ask(&node, &name.to_string(), Quota::per_day(30), 1).await;
        }
        store.heal();
        ask(&node, "spoilt", Quota::per_day(30), 1).await;
    }
    assert!(!node.stats().down, "even that is an answer");
    assert_eq!(fate(&node, "well", Quota::per_day(30), 1).await, Fate::Admitted);
}

#[tokio::test(start_paused = true)]
async fn what_is_done_for_other_keys_in_one_call_with_a_spoilt_one_is_done() {
    let store = MemoryStore::default();
    let node = node(&store);
    let (quota, now) = (Quota::per_day(1).burst(6), Instant::now().into_std());
    for name in ["well", "spoilt", "charged"] {
        assert!(ask(&node, name, quota, 4).await);
    }
    store.spoil(key("spoilt"));
    let before = store.calls();
    node.refund(&claim("spoilt", quota, 4), 4, ChargedBy::Tier, now);
    node.refund(&claim("well", quota, 4), 4, ChargedBy::Tier, now);
    assert_eq!(node.charge(&claim("charged", quota, 1), 2, ChargedBy::Tier, now), 0);
    clock::settle().await;
    let stats = node.stats();
    assert_eq!((store.calls() - before, stats.garbage, stats.dropped, stats.returned), (1, 1, 1, 4));
    assert!(ask(&node, "well", quota, 6).await && !ask(&node, "charged", quota, 1).await);
}

#[tokio::test(start_paused = true)]
async fn refunds_and_charges_reach_the_stand_in_while_the_store_is_gone_r14() {
    let store = MemoryStore::default();
    let node = node(&store);
    let quota = Quota::per_day(1).burst(6);
    store.fail();
    for _ in 0..5 {
        ask(&node, "other", quota, 1).await;
    }
    let (one, now) = (claim("one", quota, 1), Instant::now().into_std());
    assert!(ask(&node, "one", quota, 2).await);
    node.refund(&one, 1, ChargedBy::StandIn, now);
    assert!(ask(&node, "one", quota, 1).await && !ask(&node, "one", quota, 1).await);
    node.refund(&one, 2, ChargedBy::StandIn, now);
    assert_eq!(node.charge(&one, 3, ChargedBy::StandIn, now), 1);
    store.heal();
    clock::advance(PROBED).await;
    assert!(ask(&node, "one", quota, 6).await, "the store heard of none of it");
}

#[tokio::test(start_paused = true)]
async fn units_go_back_to_whoever_charged_them_whoever_decides_by_then() {
    let store = MemoryStore::default();
    let node = node(&store);
    let (quota, now) = (Quota::per_day(1).burst(6), Instant::now().into_std());
    let charged_by = async |name| {
        let verdicts = decide(&node, &claims([claim(name, quota, 2)])).await.1.unwrap();
        assert!(verdicts.admitted());
        verdicts.positions[0].charged_by
    };
    let early = charged_by("early").await;
    store.fail();
    for _ in 0..5 {
        ask(&node, "other", quota, 1).await;
    }
    let late = charged_by("late").await;
    assert_eq!((early, late), (ChargedBy::Tier, ChargedBy::StandIn));
    // The stand-in has two units of each key to give, and knows nothing of what the store charged.
    assert!(ask(&node, "early", quota, 2).await);
    node.refund(&claim("early", quota, 2), 2, early, now);
    assert!(!ask(&node, "early", quota, 1).await, "the store would have had to hear of it");
    store.heal();
    clock::advance(PROBED).await;
    assert!(ask(&node, "late", quota, 4).await);
    node.refund(&claim("late", quota, 2), 2, late, now);
    clock::settle().await;
    assert!(
        ask(&node, "late", quota, 2).await && !ask(&node, "late", quota, 1).await,
        "the store charged none of it"
    );
}

#[tokio::test(start_paused = true)]
async fn errands_for_a_store_that_is_gone_are_dropped_and_counted_and_the_local_count_stays_r14() {
    let store = MemoryStore::default();
    let node = node(&store);
    let quota = Quota::per_day(1).burst(6);
    assert!(ask(&node, "one", quota, 1).await);
    store.fail();
    let now = Instant::now().into_std();
    for _ in 0..7 {
        node.refund(&claim("one", quota, 1), 1, ChargedBy::Tier, now);
        clock::settle().await;
    }
    let stats = node.stats();
    assert!(stats.down && stats.dropped == 7, "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn errands_do_not_go_on_knocking_at_a_store_that_is_gone() {
    let store = MemoryStore::default();
    let node = node(&store);
    let quota = Quota::per_day(1).burst(6);
    assert!(ask(&node, "one", quota, 1).await);
    store.fail();
    let (before, now) = (store.calls(), Instant::now().into_std());
    for _ in 0..1_000 {
        node.refund(&claim("one", quota, 1), 1, ChargedBy::Tier, now);
    }
    clock::settle().await;
    assert_eq!((store.calls() - before, node.stats().dropped), (5, 1_000));
}

#[tokio::test(start_paused = true)]
async fn what_was_in_line_when_the_store_was_lost_is_not_caught_up_on_later() {
    let store = MemoryStore::default();
    let node = node(&store);
    let quota = Quota::per_day(1).burst(6);
    assert!(ask(&node, "one", quota, 6).await);
    store.hang();
    for name in 0..4 {
        ask(&node, &name.to_string(), quota, 1).await;
    }
    let now = Instant::now().into_std();
    node.refund(&claim("one", quota, 1), 1, ChargedBy::Tier, now);
    clock::advance(BUDGET / 2).await;
    node.refund(&claim("one", quota, 1), 1, ChargedBy::Tier, now);
    clock::advance(BUDGET).await;
    assert!(node.stats().down);
    store.heal();
    clock::advance(PROBED).await;
    assert_eq!((node.stats().down, node.stats().dropped), (false, 2));
    assert!(!ask(&node, "one", quota, 1).await);
}

#[tokio::test(start_paused = true)]
async fn a_tier_dropped_in_an_outage_leaves_no_task() {
    let store = MemoryStore::default();
    let node = node(&store);
    store.hang();
    for name in 0..6 {
        ask(&node, &name.to_string(), Quota::per_day(30), 1).await;
    }
    drop(node);
    clock::advance(2 * BUDGET).await;
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}
