use std::sync::Arc;
use std::time::Duration;

use buttress_rate_limit::testing::MemoryStore;
use buttress_rate_limit::{Leases, Quota};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::fleet::{Node, ask, builder, node};

const MILLI: Duration = Duration::from_millis(1);
const BUDGET: Duration = Duration::from_millis(50);

/// So many tasks that ask once, each so much later than the one before; what they heard, and how long it took.
async fn crowd(node: &Arc<Node>, tasks: u32, apart: Duration, quota: Quota) -> Vec<(bool, Duration)> {
    let mut crowd = JoinSet::new();
    for task in 0..tasks {
        let node = Arc::clone(node);
        crowd.spawn(async move {
            sleep(apart * task).await;
            let start = Instant::now();
            (ask(&node, "one", quota, 1).await, start.elapsed())
        });
    }
    crowd.join_all().await
}

fn admitted(heard: &[(bool, Duration)]) -> usize {
    heard.iter().filter(|(admitted, _)| *admitted).count()
}

#[tokio::test(start_paused = true)]
async fn tasks_that_never_stop_asking_for_an_exhausted_key_share_their_calls() {
    // A burst of 10 is too small for leases that are worth a call; one of 600 is not.
    for (rate, burst, most) in [(10, 10, 60), (100, 10, 350), (1_000, 10, 2_500), (1_000, 600, 500)] {
        let store = MemoryStore::default();
        store.set_latency(2 * MILLI);
        let node = Arc::new(node(&store));
        let quota = Quota::per_second(rate).burst(burst);
        let mut tasks = JoinSet::new();
        for _ in 0..64 {
            let node = Arc::clone(&node);
            tasks.spawn(async move {
                let (start, mut admitted) = (Instant::now(), 0);
                while start.elapsed() < Duration::from_secs(2) {
                    admitted += u64::from(ask(&node, "one", quota, 1).await);
                    sleep(MILLI).await;
                }
                admitted
            });
        }
        let admitted: u64 = tasks.join_all().await.iter().sum();
        let exact = 2 * rate + burst;
        // The last ones who ask are answered a little later.
        assert!((exact * 9 / 10..=exact + rate / 100).contains(&admitted), "{admitted} of {exact}");
        assert!(store.calls() <= most, "{} calls for {rate} units per second in 2 s", store.calls());
        assert_eq!(node.stats().degraded, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_requests_for_a_key_wait_for_one_answer_and_fly_as_far_as_it_has_room() {
    let store = MemoryStore::default();
    store.set_latency(5 * MILLI);
    let node = Arc::new(node(&store));
    let heard = crowd(&node, 64, Duration::ZERO, Quota::per_day(1).burst(10)).await;
    assert_eq!(admitted(&heard), 10);
    assert!(store.calls() <= 12, "{} calls", store.calls());
    assert!(heard.iter().all(|(_, waited)| *waited <= 15 * MILLI), "{heard:?}");
    assert_eq!(node.stats().degraded, 0);
}

#[tokio::test(start_paused = true)]
async fn where_there_is_room_nobody_waits_for_another() {
    let store = MemoryStore::default();
    let node = Arc::new(node(&store));
    let quota = Quota::per_day(1).burst(1_000);
    assert!(ask(&node, "one", quota, 1).await);
    store.set_latency(20 * MILLI);
    let heard = crowd(&node, 15, Duration::ZERO, quota).await;
    assert_eq!(admitted(&heard), 15);
    assert!(heard.iter().all(|(_, waited)| *waited <= 21 * MILLI), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn without_memory_everybody_asks_for_himself_at_once() {
    let store = MemoryStore::default();
    let node = Arc::new(builder(&store).remember_for(Duration::ZERO).leases(Leases::off()).build().unwrap());
    store.set_latency(20 * MILLI);
    let heard = crowd(&node, 64, Duration::ZERO, Quota::per_day(1).burst(10)).await;
    assert_eq!((admitted(&heard), store.calls()), (10, 64));
    assert!(heard.iter().all(|(_, waited)| *waited <= 21 * MILLI), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn one_who_asks_for_others_and_leaves_hands_over_at_once() {
    let store = MemoryStore::default();
    store.set_latency(20 * MILLI);
    let node = Arc::new(node(&store));
    let quota = Quota::per_day(1).burst(10);
    let leaves = timeout(5 * MILLI, ask(&node, "one", quota, 1));
    let (left, heard) = tokio::join!(leaves, crowd(&node, 8, Duration::ZERO, quota));
    assert!(left.is_err());
    assert_eq!(admitted(&heard), 8);
    assert!(heard.iter().all(|(_, waited)| *waited < BUDGET), "{heard:?}");
    assert_eq!(node.stats().degraded, 0);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_an_answer_that_never_comes_wait_for_no_other_and_the_outage_is_noticed() {
    let store = MemoryStore::default();
    store.hang();
    let node = Arc::new(node(&store));
    let start = Instant::now();
    let heard = crowd(&node, 400, MILLI, Quota::per_day(1).burst(30)).await;
    assert!(heard.iter().all(|(_, waited)| *waited <= BUDGET + 2 * MILLI), "{heard:?}");
    let stats = node.stats();
    assert!(stats.down && stats.degraded == 400, "{stats:?} after {:?}", start.elapsed());
    assert_eq!(admitted(&heard), 10, "the share of one node");
    assert!(store.calls() <= 8, "{} calls", store.calls());
}

#[tokio::test(start_paused = true)]
async fn one_who_wants_more_than_the_others_is_not_left_behind_by_them() {
    let store = MemoryStore::default();
    store.set_latency(4 * MILLI);
    let node = Arc::new(node(&store));
    let quota = Quota::per_second(500).burst(60);
    assert!(ask(&node, "one", quota, 20).await);
    let mut small = JoinSet::new();
    for task in 0..40 {
        let node = Arc::clone(&node);
        small.spawn(async move {
            sleep(task * MILLI).await;
            ask(&node, "one", quota, 1).await
        });
    }
    sleep(MILLI / 2).await;
    let start = Instant::now();
    assert!(ask(&node, "one", quota, 20).await);
    assert!(start.elapsed() <= 13 * MILLI, "{:?}", start.elapsed());
    assert_eq!(node.stats().degraded, 0);
    small.join_all().await;
}
