use std::sync::{Arc, Mutex};
use std::time::Duration;

use buttress_core::Signal;
use buttress_idempotency::testing::claim;
use buttress_idempotency::{Claim, Claimed, Stepped, Store, StoreErrorKind};
use buttress_redis::{RedisRecords, RedisRecordsBuilder};
use buttress_testkit::patience::until;
use buttress_testkit::redis::{RedisCluster, RedisServer};

use super::{complete, completion, insist, other, owned, refusal, step};

/// Counts what a store tells.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<&'static str>>>);

impl Ear {
    fn on(&self, builder: RedisRecordsBuilder) -> RedisRecordsBuilder {
        let ear = Arc::clone(&self.0);
        let builder = builder.call_timeout(Duration::from_secs(20));
        builder.observer(move |signal: &Signal<'_>| ear.lock().unwrap().push(signal.code))
    }

    fn heard(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_server_killed_and_restarted_with_its_data_has_lost_nothing() {
    let mut server = RedisServer::start();
    let ear = Ear::default();
    let store = ear.on(RedisRecords::builder(server.url())).connect().await.unwrap();
    let [done, running] = [claim(), claim()];
    let owner = owned(&store, &done).await;
    assert_eq!(step(&store, &owner, complete("done")).await, Stepped::Done);
    let runs = owned(&store, &running).await;
    server.kill();
    assert_eq!(refusal(&store, &other(&done)).await, StoreErrorKind::Unreachable);
    server.restart();
    let again = insist(async || store.claim(&other(&running)).await).await;
    assert!(matches!(again, Claimed::InFlight { .. }), "{again:?}");
    assert_eq!(completion(&store, &done).await.attempt, 1);
    assert_eq!(step(&store, &runs, complete("late")).await, Stepped::Done);
    assert_eq!((store.health().losses, store.health().restarts), (0, 1));
    assert_eq!(ear.heard(), ["idempotency_store_restarted"]);
}

#[tokio::test]
async fn a_server_restarted_empty_is_noticed_before_the_next_claim_and_told_once() {
    let mut server = RedisServer::start();
    let ear = Ear::default();
    let store = ear.on(RedisRecords::builder(server.url())).connect().await.unwrap();
    let [done, running] = [claim(), claim()];
    let owner = owned(&store, &done).await;
    step(&store, &owner, complete("done")).await;
    let runs = owned(&store, &running).await;
    server.restart_empty();
    let again = insist(async || store.claim(&other(&done)).await).await;
    assert!(matches!(again, Claimed::Owned(_)), "it runs again: {again:?}");
    assert_eq!(store.health().losses, 1, "and that was known before it ran");
    assert_eq!(step(&store, &runs, complete("late")).await, Stepped::Gone);
    let Claimed::Owned(again) = again else { unreachable!() };
    assert!(again.ticket.epoch > owner.ticket.epoch, "epochs grow all the same");
    for _ in 0..3 {
        store.look().await.unwrap();
        owned(&store, &claim()).await;
    }
    assert_eq!((store.health().losses, store.health().restarts), (1, 1));
    assert_eq!(ear.heard(), ["idempotency_data_lost", "idempotency_store_restarted"]);
}

#[tokio::test]
async fn a_flushed_server_is_noticed_by_the_next_look_of_every_process() {
    let server = RedisServer::start();
    let ear = Ear::default();
    let quick = |builder: RedisRecordsBuilder| builder.look_every(Duration::from_millis(100));
    let first = quick(ear.on(RedisRecords::builder(server.url()))).connect().await.unwrap();
    let second = quick(ear.on(RedisRecords::builder(server.url()))).connect().await.unwrap();
    server.ask(&["FLUSHALL"]);
    for store in [&first, &second] {
        until("a claim looks", async || {
            store.claim(&claim()).await.unwrap();
            store.health().losses == 1
        })
        .await;
    }
    first.look().await.unwrap();
    second.look().await.unwrap();
    assert_eq!(ear.heard(), ["idempotency_data_lost"; 2]);
    // One that comes later knows of nothing that was lost.
    let third = RedisRecords::connect(server.url()).await.unwrap();
    assert_eq!(third.look().await.unwrap().losses, 0);
}

#[tokio::test]
async fn claims_wait_out_the_owners_of_lost_records_where_that_is_asked_for() {
    let mut server = RedisServer::start();
    let builder = Ear::default().on(RedisRecords::builder(server.url()));
    let store = builder.refuse_after_loss(Duration::from_millis(500)).connect().await.unwrap();
    let running = Claim { lease: Duration::from_millis(500), ..claim() };
    let runs = owned(&store, &running).await;
    server.restart_empty();
    until("the loss is noticed", async || {
        let claimed = store.claim(&other(&running)).await;
        assert!(claimed.is_err(), "nobody runs beside the owner");
        claimed.is_err_and(|error| error.kind() == StoreErrorKind::Unfit)
    })
    .await;
    assert_eq!(step(&store, &runs, complete("late")).await, Stepped::Gone, "its steps are answered");
    until("claims are served again", async || store.claim(&other(&running)).await.is_ok()).await;
}

#[tokio::test]
async fn one_server_of_a_cluster_that_lost_its_data_is_noticed() {
    let mut cluster = RedisCluster::start();
    let ear = Ear::default();
    let store = ear.on(RedisRecords::builder(&*cluster.urls()[0])).connect().await.unwrap();
    for place in 0..3 {
        let lost = store.health().losses;
        assert_eq!(cluster.nodes()[place].ask(&["FLUSHALL"]), "OK");
        assert_eq!(store.look().await.unwrap().losses, lost + 1, "server {place}");
    }
    assert_eq!(store.look().await.unwrap().losses, 3);
    assert_eq!(ear.heard(), ["idempotency_data_lost"; 3]);
}

/// A Cluster of which one server is gone serves the records of the others: nothing that is asked of all comes first.
#[tokio::test]
async fn one_server_of_a_cluster_that_is_gone_holds_up_its_own_records_alone() {
    let mut cluster = RedisCluster::start();
    for node in cluster.nodes() {
        node.ask(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    let builder = RedisRecords::builder(&*cluster.urls()[0]).look_every(Duration::from_secs(3_600));
    let store = builder.call_timeout(Duration::from_secs(1)).connect().await.unwrap();
    cluster.nodes()[2].kill();
    let (mut served, mut refused) = (0, 0);
    until("many are served", async || {
        match store.claim(&claim()).await {
            Ok(_) => served += 1,
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Unreachable);
                refused += 1;
            }
        }
        served >= 20 && refused >= 2
    })
    .await;
}

#[tokio::test]
async fn a_cluster_has_a_mark_in_each_256_of_its_slots() {
    let mut cluster = RedisCluster::start();
    RedisRecords::connect(&*cluster.urls()[0]).await.unwrap();
    let mut parts = Vec::new();
    for node in cluster.nodes() {
        for mark in node.ask(&["KEYS", "buttress:generation:*"]).lines() {
            parts.push(node.ask(&["CLUSTER", "KEYSLOT", mark]).parse::<u32>().unwrap() / 256);
            assert_eq!(node.ask(&["TTL", mark]), "-1");
        }
    }
    parts.sort_unstable();
    assert_eq!(parts, (0..64).collect::<Vec<_>>());
}
