use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use buttress_rate_limit::{Fate, Quota};
use buttress_testkit::patience::until;
use buttress_testkit::redis::RedisServer;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::fleet::{Node, ask, builder, claim, decide, key, patient};

/// Twenty times the budget, for a machine that has other things to do.
const NOBODY_WAITS: Duration = Duration::from_secs(1);
const BURST: u64 = 30_000;
/// No unit drips while the test runs.
const QUOTA: Quota = Quota::per_day(1).burst(BURST);

/// What the requests of one node came to.
#[derive(Debug, Default)]
struct Tally {
    stop: AtomicBool,
    by_the_store: AtomicU64,
    by_the_stand_in: AtomicU64,
    slowest_micros: AtomicU64,
}

async fn keep_asking(node: Arc<Node>, tally: Arc<Tally>) {
    while !tally.stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        let verdicts = decide(&node, [claim("all", QUOTA, 1)]).await.unwrap();
        let took = u64::try_from(start.elapsed().as_micros()).unwrap();
        tally.slowest_micros.fetch_max(took, Ordering::Relaxed);
        let counter = if verdicts.degraded { &tally.by_the_stand_in } else { &tally.by_the_store };
        counter.fetch_add(u64::from(verdicts.admitted()), Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn nodes(url: &str) -> [Arc<Node>; 3] {
    let node = async || builder(url).await.build().unwrap();
    [node().await, node().await, node().await].map(Arc::new)
}

fn all(nodes: &[Arc<Node>], holds: impl Fn(&Node) -> bool) -> bool {
    nodes.iter().all(|node| holds(node))
}

/// Until every node has lost the store, and has probed it in vain.
async fn until_lost(nodes: &[Arc<Node>]) {
    until("the store is lost", async || all(nodes, |node| node.stats().down)).await;
    let failures: Vec<u64> = nodes.iter().map(|node| node.stats().failures).collect();
    let probed = || nodes.iter().zip(&failures).all(|(node, before)| node.stats().failures > before + 1);
    until("probes fail", async || probed()).await;
}

/// Until every node has the store again, and has had an answer from it.
async fn until_back(nodes: &[Arc<Node>], tally: &Tally) {
    until("the store is back", async || all(nodes, |node| !node.stats().down)).await;
    let before = tally.by_the_store.load(Ordering::Relaxed);
    until("the store decides", async || tally.by_the_store.load(Ordering::Relaxed) > before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_paused_and_restarted_holds_nobody_up_and_the_limits_hold() {
    let mut server = RedisServer::start();
    let nodes = nodes(&server.url()).await;
    let tally = Arc::new(Tally::default());
    let mut tasks = JoinSet::new();
    for node in &nodes {
        for _ in 0..4 {
            tasks.spawn(keep_asking(Arc::clone(node), Arc::clone(&tally)));
        }
    }
    until_back(&nodes, &tally).await;

    tokio::task::block_in_place(|| server.kill());
    until_lost(&nodes).await;
    tokio::task::block_in_place(|| server.restart());
    until_back(&nodes, &tally).await;

    tokio::task::block_in_place(|| server.pause());
    until_lost(&nodes).await;
    tokio::task::block_in_place(|| server.resume());
    until_back(&nodes, &tally).await;

    tally.stop.store(true, Ordering::Relaxed);
    tasks.join_all().await;
    let slowest = Duration::from_micros(tally.slowest_micros.load(Ordering::Relaxed));
    assert!(slowest < NOBODY_WAITS, "{slowest:?}");
    let (store, stand_in) = (&tally.by_the_store, &tally.by_the_stand_in);
    let (store, stand_in) = (store.load(Ordering::Relaxed), stand_in.load(Ordering::Relaxed));
    assert!(store > 0 && store <= BURST, "{store} by the store");
    assert!(stand_in > 0 && stand_in <= BURST, "{stand_in}: three shares of a third");
    for node in &nodes {
        let stats = node.stats();
        assert_eq!((stats.outages, stats.recoveries, stats.down), (2, 2, false), "{stats:?}");
    }
}

#[tokio::test]
async fn a_small_share_is_all_that_an_outage_admits_on_three_nodes() {
    let mut server = RedisServer::start();
    let nodes = nodes(&server.url()).await;
    server.kill();
    let quota = Quota::per_day(1).burst(30);
    let mut admitted = 0;
    for node in &nodes {
        for _ in 0..40 {
            admitted += u64::from(ask(node, "all", quota).await);
        }
        assert!(node.stats().down);
    }
    assert_eq!(admitted, 30);
}

#[tokio::test]
async fn a_step_of_the_server_s_clock_locks_nobody_out_and_gives_no_burst_away() {
    let server = RedisServer::start();
    let node = patient(&server.url()).await;
    let name = |name: &str| format!("buttress:{{{:032x}}}", key(name).to_bits());
    let seconds: u64 = server.ask(&["TIME"]).lines().next().unwrap().parse().unwrap();
    let write =
        |key: &str, seconds: u64| server.ask(&["SET", &name(key), &(seconds * 1_000_000).to_string()]);

    // The clock went back an hour, so what is stored lies an hour ahead.
    write("ahead", seconds + 3_600);
    let quota = Quota::per_second(4).burst(4);
    let verdicts = decide(&node, [claim("ahead", quota, 4)]).await.unwrap();
    let Fate::Denied { wait } = verdicts.positions[0].fate else { panic!("{verdicts:?}") };
    assert!(wait <= Duration::from_secs(1), "one allowance: {wait:?}");
    until("the key is admitted again", async || ask(&node, "ahead", quota).await).await;

    // It went forward an hour, so what is stored lies an hour back.
    write("behind", seconds - 3_600);
    let quota = Quota::per_day(1).burst(4);
    let mut admitted = 0;
    for _ in 0..20 {
        admitted += u64::from(ask(&node, "behind", quota).await);
    }
    assert_eq!(admitted, 4, "a burst, and nothing for the hour");
}

#[tokio::test]
async fn a_key_that_holds_something_else_is_decided_by_the_stand_in_and_counted() {
    let server = RedisServer::start();
    let node = patient(&server.url()).await;
    server.ask(&["RPUSH", &format!("buttress:{{{:032x}}}", key("spoilt").to_bits()), "1"]);
    let quota = Quota::per_day(1).burst(30);
    let mut admitted = 0;
    for _ in 0..20 {
        admitted += u64::from(ask(&node, "spoilt", quota).await);
    }
    let stats = node.stats();
    assert_eq!((admitted, stats.degraded, stats.down, stats.failures), (10, 20, false, 0));
    assert!(stats.garbage >= 20, "{stats:?}");
    assert!(ask(&node, "well", quota).await);
    assert_eq!(node.stats().degraded, 20);
}

#[tokio::test]
async fn a_server_that_answers_and_will_not_decide_is_one_outage_until_it_decides_again() {
    let server = RedisServer::start();
    let node = Arc::new(builder(&server.url()).await.build().unwrap());
    // A replica of nobody: it answers `PING`, and refuses whatever writes.
    server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    until("the store is lost", async || {
        ask(&node, "all", QUOTA).await;
        node.stats().down
    })
    .await;
    let before = node.stats().failures;
    until("three probes fail", async || node.stats().failures >= before + 3).await;
    assert_eq!((node.stats().outages, node.stats().recoveries), (1, 0), "{:?}", node.stats());

    server.ask(&["REPLICAOF", "NO", "ONE"]);
    until("the store is back", async || !node.stats().down).await;
    assert_eq!((node.stats().outages, node.stats().recoveries), (1, 1), "{:?}", node.stats());
}
