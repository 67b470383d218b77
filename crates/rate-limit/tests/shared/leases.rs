use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use buttress_rate_limit::testing::MemoryStore;
use buttress_rate_limit::{
    Answer, Ask, ChargedBy, Claim, Leases, Quota, Reply, SharedTier, Store, StoreError, Take, Tier,
};
use buttress_testkit::{allocations_during, clock};

use crate::fleet::{SECRET, ask, builder, claim, claims, decide, hammer, node};

const MILLI: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn a_hot_key_costs_a_call_per_lease_and_not_per_request() {
    let store = MemoryStore::default();
    let node = node(&store);
    let quota = Quota::per_second(10_000);
    assert_eq!(hammer(&node, "hot", quota, MILLI, 5_000).await, 5_000);
    let stats = node.stats();
    assert!(stats.round_trips < 150, "{stats:?}");
    assert_eq!(stats.round_trips, store.calls());
}

#[tokio::test(start_paused = true)]
async fn a_cold_key_is_decided_by_the_store_alone() {
    let store = MemoryStore::default();
    let node = node(&store);
    assert_eq!(hammer(&node, "cold", Quota::per_second(10_000), 60 * MILLI, 100).await, 100);
    assert_eq!((node.stats().leased, node.stats().round_trips), (0, 100));
}

#[tokio::test(start_paused = true)]
async fn without_leases_each_admitted_request_is_a_call() {
    let store = MemoryStore::default();
    let node = builder(&store).leases(Leases::off()).build().unwrap();
    assert_eq!(hammer(&node, "hot", Quota::per_second(10_000), MILLI, 500).await, 500);
    assert_eq!((node.stats().leased, node.stats().round_trips), (0, 500));
}

#[tokio::test(start_paused = true)]
async fn nodes_with_leases_admit_a_burst_to_the_unit() {
    let store = MemoryStore::default();
    let nodes = [node(&store), node(&store), node(&store)];
    let quota = Quota::per_day(1).burst(1_000);
    let mut admitted = 0;
    for _ in 0..2_000 {
        for node in &nodes {
            admitted += u64::from(ask(node, "all", quota, 1).await);
        }
        clock::advance(MILLI).await;
    }
    assert_eq!(admitted, 1_000);
    assert!(nodes.iter().all(|node| node.stats().leased > 0), "leases were at work");
}

#[tokio::test(start_paused = true)]
async fn what_is_parked_is_at_most_half_a_burst_and_comes_back_when_nobody_spends_it() {
    let store = MemoryStore::default();
    let nodes = [node(&store), node(&store), node(&store)];
    let quota = Quota::per_day(1).burst(1_000);
    for _ in 0..100 {
        for node in &nodes {
            assert!(ask(node, "all", quota, 1).await);
        }
        clock::settle().await;
    }
    let parked: u64 = nodes.iter().map(|node| node.stats().parked).sum();
    assert!(parked > 0 && parked <= 500, "{parked}");
    clock::advance(400 * MILLI).await;
    assert_eq!(nodes.iter().map(|node| node.stats().parked).sum::<u64>(), 0);
    let cold = node(&store);
    assert!(ask(&cold, "all", quota, 700).await, "all that was not spent is there again");
    assert!(!ask(&cold, "all", quota, 1).await);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_parked_for_a_second_even_if_somebody_spends_from_it() {
    let store = MemoryStore::default();
    let node = node(&store);
    let quota = Quota::per_day(1).burst(1_000);
    assert_eq!(hammer(&node, "all", quota, MILLI, 100).await, 100);
    assert!(node.stats().parked > 4);
    // Often enough for the lease not to be idle, at no cost; a last refill comes in half a second after the crowd.
    for _ in 0..10 {
        assert!(ask(&node, "all", quota, 0).await);
        clock::advance(200 * MILLI).await;
    }
    assert_eq!(node.stats().parked, 0);
    assert!(ask(&node, "all", quota, 900).await && !ask(&node, "all", quota, 1).await, "all of it is back");
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_not_given_up_for_other_keys() {
    let store = MemoryStore::default();
    let node = builder(&store).keys(8).build().unwrap();
    let quota = Quota::per_day(1).burst(1_000);
    assert_eq!(hammer(&node, "hot", quota, MILLI, 50).await, 50);
    let parked = node.stats().parked;
    assert!(parked > 0);
    for name in 0..20 {
        assert!(ask(&node, &name.to_string(), quota, 1).await);
    }
    assert_eq!(node.stats().parked, parked);
}

#[tokio::test(start_paused = true)]
async fn a_key_at_its_limit_is_collected_and_admitted_at_its_rate() {
    let store = MemoryStore::default();
    let node = node(&store);
    let quota = Quota::per_second(1_000).burst(100);
    hammer(&node, "limit", quota, MILLI / 4, 4_000).await;
    let (before, start) = (node.stats().round_trips, tokio::time::Instant::now());
    let admitted = hammer(&node, "limit", quota, MILLI / 4, 8_000).await;
    assert!((1_900..=2_010).contains(&admitted), "{admitted} in {:?}", start.elapsed());
    let calls = node.stats().round_trips - before;
    assert!(calls < 300, "{calls} calls for {admitted} units");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_a_lease_pays_answers_at_once_and_allocates_nothing() {
    let store = MemoryStore::default();
    let node = node(&store);
    let hot = claims([claim("hot", Quota::per_second(10_000), 1)]);
    for _ in 0..100 {
        decide(&node, &hot).await.1.unwrap();
        clock::advance(MILLI).await;
    }
    let now = tokio::time::Instant::now().into_std();
    let ((), report) = allocations_during(|| {
        for _ in 0..10 {
            assert!(is_admitted_at_once(&node.decide(&hot, now)));
        }
    });
    assert_eq!(report.count, 0, "{report:?}");
}

fn is_admitted_at_once(answer: &Answer) -> bool {
    matches!(answer, Answer::Now(Ok(verdicts)) if verdicts.admitted())
}

#[tokio::test(start_paused = true)]
async fn what_a_lease_paid_goes_back_when_another_policy_refuses() {
    let store = MemoryStore::default();
    let node = node(&store);
    let (wide, narrow) = (Quota::per_day(1).burst(600), Quota::per_day(1));
    for _ in 0..50 {
        assert!(ask(&node, "wide", wide, 1).await);
        clock::settle().await;
    }
    assert!(ask(&node, "narrow", narrow, 1).await);
    let parked = node.stats().parked;
    assert!(parked > 2);
    let both = [claim("wide", wide, 1), claim("narrow", narrow, 1)];
    let reversed: Vec<Claim> = both.iter().rev().copied().collect();
    for claims in [claims(both), claims(reversed)] {
        // By memory, and with nothing remembered by the store.
        for _ in 0..2 {
            assert!(!decide(&node, &claims).await.1.unwrap().admitted());
            assert_eq!(node.stats().parked, parked);
            node.refund(
                &claim("narrow", narrow, 0),
                0,
                ChargedBy::Tier,
                tokio::time::Instant::now().into_std(),
            );
            clock::settle().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_lease_paid_goes_back_when_the_caller_leaves() {
    let store = MemoryStore::default();
    let node = node(&store);
    let wide = Quota::per_day(1).burst(600);
    for _ in 0..50 {
        assert!(ask(&node, "wide", wide, 1).await);
        clock::settle().await;
    }
    let parked = node.stats().parked;
    store.set_latency(30 * MILLI);
    let both = claims([claim("wide", wide, 1), claim("other", wide, 1)]);
    let left = tokio::time::timeout(5 * MILLI, decide(&node, &both)).await;
    assert!(left.is_err());
    assert_eq!(node.stats().parked, parked);
}

#[tokio::test(start_paused = true)]
async fn shutdown_gives_everything_back_and_takes_nothing_more() {
    let store = MemoryStore::default();
    let quota = Quota::per_day(1).burst(600);
    let node = node(&store);
    for _ in 0..50 {
        assert!(ask(&node, "hot", quota, 1).await);
        clock::settle().await;
    }
    assert!(node.stats().parked > 0);
    node.shutdown().await;
    assert_eq!(node.stats().parked, 0);
    for _ in 0..50 {
        assert!(ask(&node, "hot", quota, 1).await, "it still decides");
        clock::settle().await;
    }
    assert_eq!(node.stats().parked, 0);
    assert!(ask(&node, "hot", quota, 500).await && !ask(&node, "hot", quota, 1).await, "to the unit");
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_is_dropped_gives_back_and_leaves_no_task() {
    let store = MemoryStore::default();
    let quota = Quota::per_day(1).burst(600);
    let dropped = node(&store);
    for _ in 0..50 {
        assert!(ask(&dropped, "hot", quota, 1).await);
        clock::settle().await;
    }
    drop(dropped);
    clock::settle().await;
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
    let next = node(&store);
    assert!(ask(&next, "hot", quota, 550).await, "nothing was lost with it");
}

#[tokio::test(start_paused = true)]
async fn a_refund_and_a_charge_reach_the_store() {
    let store = MemoryStore::default();
    let node = node(&store);
    let quota = Quota::per_day(1).burst(10);
    let now = tokio::time::Instant::now().into_std();
    assert!(ask(&node, "one", quota, 10).await);
    assert!(!ask(&node, "one", quota, 1).await);
    node.refund(&claim("one", quota, 1), 4, ChargedBy::Tier, now);
    clock::settle().await;
    assert!(ask(&node, "one", quota, 1).await, "what the store said before is forgotten");
    assert_eq!(node.charge(&claim("one", quota, 1), 2, ChargedBy::Tier, now), 0);
    clock::settle().await;
    assert!(!ask(&node, "one", quota, 2).await);
    assert!(ask(&node, "one", quota, 1).await);
}

/// Panics at the first refill.
#[derive(Debug)]
struct Panicky {
    store: MemoryStore,
    panicked: AtomicBool,
}

impl Store for Panicky {
    async fn decide(&self, asks: &[Ask]) -> Result<Vec<Reply>, StoreError> {
        let refills = asks.iter().any(|ask| matches!(ask.take, Take::UpTo(_)));
        assert!(!refills || self.panicked.swap(true, Ordering::Relaxed), "for once");
        self.store.decide(asks).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_refill_that_was_lost_with_its_task_is_asked_for_again() {
    let store = Panicky { store: MemoryStore::default(), panicked: AtomicBool::new(false) };
    let node = SharedTier::builder(store).hash_secret(SECRET).nodes(3).build().unwrap();
    let hot = claims([claim("hot", Quota::per_second(10_000), 1)]);
    for _ in 0..400 {
        let Answer::Later(answer) = node.decide(&hot, tokio::time::Instant::now().into_std()) else {
            break;
        };
        assert!(answer.await.unwrap().admitted());
        clock::advance(MILLI).await;
    }
    let stats = node.stats();
    assert!(node.store().panicked.load(Ordering::Relaxed) && stats.leased > 0, "{stats:?}");
    assert_eq!((stats.dropped, stats.degraded), (1, 0));
}

#[test]
fn a_tier_outlives_the_runtime_that_it_was_first_used_in() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let first = runtime();
    let tier = first.block_on(async {
        let tier = node(&MemoryStore::default());
        assert_eq!(hammer(&tier, "hot", Quota::per_second(10_000), MILLI, 100).await, 100);
        tier
    });
    let leased = tier.stats().leased;
    assert!(leased > 0);
    drop(first);
    assert_eq!(runtime().block_on(hammer(&tier, "another", Quota::per_second(10_000), MILLI, 100)), 100);
    assert!(tier.stats().leased > leased, "its task runs again");
}
