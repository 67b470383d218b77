use std::sync::Arc;
use std::time::Duration;

use buttress_idempotency::testing::{check_races, check_store, claim};
use buttress_idempotency::{Claimed, OwnerToken, RecordId, Stepped, Store};
use buttress_redis::RedisRecords;
use buttress_testkit::redis::{RedisCluster, RedisServer};
use tokio::task::JoinSet;

use super::{complete, connect, other, owned, shared, step};

async fn cluster(cluster: &RedisCluster) -> RedisRecords {
    let [first, second, _] = cluster.urls();
    let builder = RedisRecords::builder(first).or_through(second).call_timeout(Duration::from_secs(20));
    builder.connect().await.unwrap()
}

#[tokio::test]
async fn one_server_keeps_the_laws_of_stores() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    assert!(!store.is_cluster());
    check_store(&store, tokio::time::sleep).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_has_one_winner_of_each_race_among_two_hundred() {
    let server = RedisServer::start();
    check_races(&shared(connect(&server).await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_keeps_the_laws_of_stores_and_has_one_winner_of_each_race() {
    let servers = RedisCluster::start();
    let store = shared(cluster(&servers).await);
    assert!(store.is_cluster());
    check_store(&store, tokio::time::sleep).await;
    check_races(&store).await;
}

/// Each through a store of its own, as processes would.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_first_claims_at_once_over_ten_connections_have_one_owner_i1() {
    let server = RedisServer::start();
    let mut stores = Vec::new();
    for _ in 0..10 {
        stores.push(shared(connect(&server).await));
    }
    let first = claim();
    let mut racers = JoinSet::new();
    for place in 0..200 {
        let (store, claim) = (Arc::clone(&stores[place % 10]), other(&first));
        racers.spawn(async move { store.claim(&claim).await.unwrap() });
    }
    let claimed = racers.join_all().await;
    let owners = claimed.iter().filter(|claimed| matches!(claimed, Claimed::Owned(_))).count();
    let busy = claimed.iter().filter(|claimed| matches!(claimed, Claimed::InFlight { .. })).count();
    assert_eq!((owners, busy), (1, 199));
}

#[tokio::test]
async fn a_cluster_is_cleared_and_counted_on_all_its_servers() {
    let mut servers = RedisCluster::start();
    let store = cluster(&servers).await;
    let mut running = Vec::new();
    for _ in 0..60 {
        let [ends, runs] = [claim(), claim()];
        let owner = owned(&store, &ends).await;
        assert_eq!(step(&store, &owner, complete("done")).await, Stepped::Done);
        running.push(owned(&store, &runs).await);
    }
    let each: Vec<u64> = servers.nodes().iter().map(records_on).collect();
    assert!(each.iter().all(|records| *records > 0), "{each:?}");
    assert_eq!(store.count().await.unwrap(), 120);
    assert_eq!(store.clear().await.unwrap(), 60);
    assert_eq!(store.count().await.unwrap(), 60);
    for owner in &running {
        assert_eq!(step(&store, owner, complete("still there")).await, Stepped::Done);
    }
    assert_eq!(store.clear().await.unwrap(), 60);
}

fn records_on(node: &RedisServer) -> u64 {
    node.ask(&["KEYS", "buttress:idempotency:*"]).lines().count() as u64
}

#[tokio::test]
async fn clearing_a_thousand_records_leaves_what_is_not_ours() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let others = ["buttress:idempotency:words", "buttress:idempotency:{12}", "else:idempotency:{12}"];
    for name in others {
        server.ask(&["SET", name, "1"]);
    }
    for _ in 0..1_000 {
        let owner = owned(&store, &claim()).await;
        step(&store, &owner, complete("done")).await;
    }
    assert_eq!(store.count().await.unwrap(), 1_000);
    assert_eq!(store.clear().await.unwrap(), 1_000);
    assert_eq!(store.count().await.unwrap(), 0);
    for name in others {
        assert_eq!(server.ask(&["GET", name]), "1");
    }
}

#[tokio::test]
async fn a_server_that_forgot_the_scripts_is_told_again() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let claim = claim();
    server.ask(&["SCRIPT", "FLUSH"]);
    let owner = owned(&store, &claim).await;
    server.ask(&["SCRIPT", "FLUSH"]);
    assert_eq!(step(&store, &owner, complete("once")).await, Stepped::Done);
    server.ask(&["SCRIPT", "FLUSH"]);
    assert!(matches!(store.invalidate(claim.id).await, Ok(buttress_idempotency::Invalidated::Removed)));
}

/// Counted by the server: what is not the look at the start is the calls themselves.
#[tokio::test]
async fn a_claim_and_a_step_are_one_call_each() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    owned(&store, &claim()).await; // the scripts are known from here on
    let owner = owned(&store, &claim()).await;
    step(&store, &owner, complete("once")).await;
    server.ask(&["CONFIG", "RESETSTAT"]);
    for _ in 0..10 {
        let claim = claim();
        let owner = owned(&store, &claim).await;
        step(&store, &owner, complete("once")).await;
        assert!(matches!(store.claim(&other(&claim)).await, Ok(Claimed::Completed(_))));
    }
    let stats = server.ask(&["INFO", "commandstats"]);
    let calls = |name: &str| {
        let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{name}:"))).unwrap_or("=0,");
        line.split_once('=').unwrap().1.split(',').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!((calls("evalsha"), calls("eval"), calls("info")), (30, 0, 0), "{stats}");
}

/// As the epochs are larger than what a double prints without an exponent, and all of the token counts.
#[tokio::test]
async fn owners_that_differ_in_one_bit_are_two() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let claim = claim();
    let owner = owned(&store, &claim).await;
    for bit in [0, 63, 127] {
        let mut stranger = owner.clone();
        let bits = owner.ticket.owner.to_bits() ^ (1 << bit);
        stranger.ticket.owner = OwnerToken::from_bits(bits).unwrap();
        assert_eq!(step(&store, &stranger, complete("wrong")).await, Stepped::Fenced(None));
    }
    assert_eq!(step(&store, &owner, complete("right")).await, Stepped::Done);
    let nowhere = RecordId::from_bytes([0; 32]);
    assert!(matches!(store.invalidate(nowhere).await, Ok(buttress_idempotency::Invalidated::Absent)));
}
