use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use buttress_idempotency::testing::{claim, response};
use buttress_idempotency::{After, Claim, Claimed, Step, Stepped, Store, StoreErrorKind};
use buttress_redis::{Eviction, RedisRecords};
use buttress_testkit::patience::until;
use buttress_testkit::redis::RedisServer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{complete, completion, connect, insist, other, owned, refusal, step, until_owned};

#[tokio::test]
async fn a_zombie_that_wakes_up_after_the_takeover_is_fenced_and_hears_the_answer_i9_i20() {
    let server = RedisServer::start();
    let (zombie, living) = (connect(&server).await, connect(&server).await);
    let claim = Claim { lease: Duration::from_millis(50), ..claim() };
    let before = owned(&zombie, &claim).await;
    let after = until_owned(&living, &Claim { lease: Duration::from_secs(60), ..claim.clone() }).await;
    assert_eq!((after.attempt, after.after), (2, After::Abandonment));
    assert!(after.ticket.epoch > before.ticket.epoch);
    let renew = Step::Renew { lease: claim.lease, retain: claim.retain };
    for late in [renew, complete("late"), Step::Release { retain: claim.retain }, Step::Abandon] {
        assert_eq!(step(&zombie, &before, late).await, Stepped::Fenced(None));
    }
    assert_eq!(step(&living, &after, complete("right")).await, Stepped::Done);
    let Stepped::Fenced(Some(kept)) = step(&zombie, &before, complete("late")).await else { panic!("none") };
    assert_eq!((kept.response, kept.attempt), (response("right"), 2));
    assert_eq!(completion(&zombie, &claim).await.response, response("right"));
}

#[tokio::test]
async fn a_server_paused_for_longer_than_the_lease_lets_one_take_over_and_fences_the_one_before() {
    let server = RedisServer::start();
    let builder = || RedisRecords::builder(server.url()).call_timeout(Duration::from_millis(500));
    let (first, second) = (builder().connect().await.unwrap(), builder().connect().await.unwrap());
    let claim = Claim { lease: Duration::from_millis(300), ..claim() };
    let before = owned(&first, &claim).await;
    server.pause();
    let start = Instant::now();
    let error = first.step(&before.ticket, &complete("hung")).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (StoreErrorKind::Unreachable, true));
    assert!(start.elapsed() >= claim.lease && start.elapsed() < Duration::from_secs(10));
    assert_eq!(refusal(&second, &other(&claim)).await, StoreErrorKind::Unreachable);
    server.resume();
    // The completion that hung was carried out after all, unless a claim came before it; both ends are lawful.
    match insist(async || second.claim(&other(&claim)).await).await {
        Claimed::Completed(kept) => assert_eq!(kept.response, response("hung")),
        Claimed::Owned(after) => {
            assert_eq!(after.attempt, 2);
            let late = insist(async || first.step(&before.ticket, &complete("late")).await).await;
            assert_eq!(late, Stepped::Fenced(None));
        }
        Claimed::InFlight { .. } => {} // the claim that hung was carried out, and its owner never knew
        other => panic!("{other:?}"),
    }
}

/// Nothing was under way as the server stood still.
#[tokio::test]
async fn a_lease_that_ended_while_the_server_stood_still_is_over() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let claim = Claim { lease: Duration::from_millis(200), ..claim() };
    let before = owned(&store, &claim).await;
    server.pause();
    tokio::time::sleep(2 * claim.lease).await;
    server.resume();
    let after = owned(&store, &other(&claim)).await;
    assert_eq!((after.attempt, after.after), (2, After::Abandonment));
    assert_eq!(step(&store, &before, complete("late")).await, Stepped::Fenced(None));
}

/// Whoever lost the answer asks again, and owns it as before.
#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_the_same_when_it_is_sent_again() {
    let server = RedisServer::start();
    let store = RedisRecords::builder(server.url()).call_timeout(Duration::from_millis(100));
    let store = store.connect().await.unwrap();
    let claim = claim();
    server.pause();
    assert_eq!(refusal(&store, &claim).await, StoreErrorKind::Unreachable);
    server.resume();
    let Claimed::Owned(owner) = insist(async || store.claim(&claim).await).await else { panic!("not owned") };
    assert_eq!((owner.attempt, owner.after), (1, After::Nothing));
    assert_eq!(insist(async || store.step(&owner.ticket, &complete("once")).await).await, Stepped::Done);
}

#[tokio::test]
async fn a_server_that_only_reads_or_is_loading_is_unreachable() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let running = claim();
    let owner = owned(&store, &running).await;
    server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    assert_eq!(refusal(&store, &claim()).await, StoreErrorKind::Unreachable);
    let error = store.step(&owner.ticket, &complete("done")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    server.ask(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(insist(async || store.step(&owner.ticket, &complete("done")).await).await, Stepped::Done);
    // As a primary that has lost its replicas, where it was told to have some.
    server.ask(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    assert_eq!(refusal(&store, &claim()).await, StoreErrorKind::Unreachable);
}

#[tokio::test]
async fn a_store_that_connects_later_is_there_before_its_server_and_looks_before_it_claims() {
    let mut server = RedisServer::start();
    server.ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    server.ask(&["CONFIG", "SET", "appendonly", "no"]);
    let store = RedisRecords::builder(server.url()).connect_later().unwrap();
    assert_eq!(refusal(&store, &claim()).await, StoreErrorKind::Unfit, "before anything is claimed");
    server.kill();
    let store = RedisRecords::builder(server.url()).connect_later().unwrap();
    assert_eq!(refusal(&store, &claim()).await, StoreErrorKind::Unreachable);
    assert_eq!(store.health().eviction, Eviction::Unknown);
    server.restart();
    assert!(matches!(insist(async || store.claim(&claim()).await).await, Claimed::Owned(_)));
    assert_eq!(store.health().eviction, Eviction::Never);
    assert_eq!(store.health().losses, 0);
}

#[tokio::test]
async fn an_address_where_nobody_answers_is_told_at_the_start() {
    let mut server = RedisServer::start();
    server.kill();
    let url = format!("redis://user:hunter2@127.0.0.1:{}", server.port());
    let error = RedisRecords::connect(url).await.unwrap_err().to_string();
    assert!(error.starts_with("redis: url is redis://***@127.0.0.1:"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_the_connection_to_the_others() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    for _ in 0..50 {
        let claim = claim();
        let dropped = tokio::time::timeout(Duration::ZERO, store.claim(&claim)).await;
        drop(dropped);
        let Claimed::Owned(owner) = store.claim(&claim).await.unwrap() else { panic!("not owned") };
        assert_eq!(owner.attempt, 1);
    }
}

/// A folder in the place of its file is as good as a disk that is full.
#[tokio::test]
async fn a_server_that_cannot_write_its_files_takes_no_claims_and_replays_what_it_has() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let (done, running) = (claim(), claim());
    let owner = owned(&store, &done).await;
    step(&store, &owner, complete("done")).await;
    let runs = owned(&store, &running).await;
    std::fs::create_dir(server.folder().join("dump.rdb")).unwrap();
    server.ask(&["CONFIG", "SET", "save", "3600 1"]);
    server.ask(&["BGSAVE"]);
    until("it has failed", async || server.ask(&["INFO"]).contains("rdb_last_bgsave_status:err")).await;
    assert_eq!(refusal(&store, &claim()).await, StoreErrorKind::Unreachable);
    let error = store.step(&runs.ticket, &complete("late")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    assert_eq!(completion(&store, &done).await.response, response("done"));
    server.ask(&["CONFIG", "SET", "save", ""]);
    assert_eq!(step(&store, &runs, complete("late")).await, Stepped::Done);
}

/// An address that leads to one server and then to another, as a name does after a failover. Connections stay.
async fn address_of(server: &RedisServer) -> (String, Arc<AtomicU16>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let port = Arc::new(AtomicU16::new(server.port()));
    let (leads_to, mut tasks) = (Arc::clone(&port), JoinSet::new());
    tasks.spawn(async move {
        let mut lines = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(("127.0.0.1", port.load(Ordering::SeqCst))).await.unwrap();
            lines.spawn(async move { drop(copy_bidirectional(&mut client, &mut server).await) });
        }
    });
    (url, leads_to, tasks)
}

#[tokio::test]
async fn a_primary_that_was_made_a_replica_is_left_for_the_one_that_its_address_leads_to_now() {
    let (before, after) = (RedisServer::start(), RedisServer::start());
    let (url, leads_to, _tasks) = address_of(&before).await;
    let builder = RedisRecords::builder(url).call_timeout(Duration::from_secs(20));
    let store = builder.connect().await.unwrap();
    owned(&store, &claim()).await;
    before.ask(&["REPLICAOF", "127.0.0.1", &after.port().to_string()]);
    leads_to.store(after.port(), Ordering::SeqCst);
    assert_eq!(refusal(&store, &claim()).await, StoreErrorKind::Unreachable, "nobody closed the connection");
    assert!(matches!(insist(async || store.claim(&claim()).await).await, Claimed::Owned(_)));
    assert_eq!((store.health().losses, store.health().restarts), (1, 1));
}
