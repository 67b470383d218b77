use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use buttress_rate_limit::{Ask, Leases, Quota, Rate, Store, Take};
use buttress_redis::RedisStore;
use buttress_testkit::patience::{PATIENCE, until};
use buttress_testkit::redis::{RedisCluster, RedisServer};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::fleet::{ask, builder, claim, decide, key, patient};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_tasks_on_three_nodes_with_leases_admit_a_burst_to_the_unit() {
    let server = RedisServer::start();
    let url = server.url();
    let nodes = [patient(&url).await, patient(&url).await, patient(&url).await].map(Arc::new);
    let (quota, burst) = (Quota::per_day(1).burst(3_000), 3_000);
    let admitted = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for task in 0..64 {
        let (node, admitted) = (Arc::clone(&nodes[task % 3]), Arc::clone(&admitted));
        tasks.spawn(async move {
            for _ in 0..100 {
                let one = u64::from(ask(&node, "all", quota).await);
                admitted.fetch_add(one, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
    }
    tasks.join_all().await;
    assert!(admitted.load(Ordering::Relaxed) <= burst);
    until("what was parked comes back, and the whole burst is used", async || {
        let one = u64::from(ask(&nodes[0], "all", quota).await);
        admitted.fetch_add(one, Ordering::Relaxed) + one == burst
    })
    .await;
    for node in &nodes {
        assert!(!ask(node, "all", quota).await, "and not one more");
        let stats = node.stats();
        assert!(stats.leased > 0 && stats.degraded == 0, "{stats:?}");
    }
}

const CHILD: &str = "BUTTRESS_REDIS_TEST_CHILD";
const ATTEMPTS: u64 = 4_000;
const BURST: u64 = 6_000;
const DAILY: Quota = Quota::per_day(1).burst(BURST);

/// Not a test by itself: what the next one runs in processes of their own.
#[tokio::test]
async fn a_process_asks_for_a_while() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let node = patient(&url).await;
    let mut admitted = 0;
    for _ in 0..ATTEMPTS {
        admitted += u64::from(ask(&node, "all", DAILY).await);
        tokio::task::yield_now().await;
    }
    node.shutdown().await;
    let stats = node.stats();
    println!("\nadmitted={admitted} leased={} degraded={}", stats.leased, stats.degraded);
}

fn start_process(url: &str) -> Child {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args(["--exact", "exactness::a_process_asks_for_a_while", "--nocapture"]).env(CHILD, url);
    process.stdout(Stdio::piped()).spawn().unwrap()
}

#[tokio::test]
async fn three_processes_with_leases_admit_no_more_than_the_limit_and_lose_none_of_it() {
    let server = RedisServer::start();
    let processes = [(); 3].map(|()| start_process(&server.url()));
    let mut total = 0;
    for process in processes {
        let output = process.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let number = |name: &str| -> u64 {
            said.split_whitespace().find_map(|word| word.strip_prefix(name)).expect(&said).parse().unwrap()
        };
        assert!(number("leased=") > 0 && number("degraded=") == 0, "{said}");
        total += number("admitted=");
    }
    assert!(total <= BURST, "{total}");
    // What they held and did not spend, they gave back at their end.
    let store = RedisStore::connect(server.url()).await.unwrap();
    let key = key("all");
    let rate = Rate::in_micros(&DAILY).unwrap();
    let rest =
        store.decide(&[Ask { key, scope: key, rate, take: Take::UpTo(BURST) }]).await.unwrap()[0].granted;
    assert_eq!(total + rest, BURST);
}

#[tokio::test]
async fn policies_on_different_nodes_of_a_cluster_are_decided_all_or_nothing() {
    let cluster = RedisCluster::start();
    let node = patient(&cluster.urls()[0]).await;
    let (wide, narrow) = (Quota::per_day(1).burst(50), Quota::per_day(1).burst(7));
    let mut admitted = 0;
    for name in 0..20 {
        // Another wide key each time, so that all servers have a part in it.
        let wide = claim(&format!("wide {name}"), wide, 50);
        admitted += u64::from(decide(&node, [wide, claim("narrow", narrow, 1)]).await.unwrap().admitted());
    }
    assert_eq!(admitted, 7);
    for name in 7..20 {
        let alone = decide(&node, [claim(&format!("wide {name}"), wide, 50)]);
        assert!(alone.await.unwrap().admitted(), "the refused calls charged nothing");
    }
    assert!(tokio::time::timeout(PATIENCE, node.shutdown()).await.is_ok());
    assert_eq!((node.stats().degraded, node.stats().failures), (0, 0));
}

#[tokio::test]
async fn a_thousand_decisions_about_a_hot_key_cost_a_few_round_trips() {
    let server = RedisServer::start();
    let quota = Quota::per_second(1_000_000);
    let mut spent = Vec::new();
    for leases in [Leases::off(), Leases::default()] {
        let node = builder(&server.url()).await.time_budget(PATIENCE / 10).leases(leases).build().unwrap();
        let start = Instant::now();
        for _ in 0..20_000 {
            assert!(ask(&node, "hot", quota).await);
            // As requests would: the tasks in the background run in between.
            tokio::task::yield_now().await;
        }
        spent.push((node.stats().round_trips / 20, start.elapsed()));
    }
    println!("per thousand decisions, without leases and with: {spent:?}");
    assert_eq!(spent[0].0, 1_000);
    assert!(spent[1].0 < 100, "{spent:?}");
}
