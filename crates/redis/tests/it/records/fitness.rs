use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use buttress_core::{Problem, Signal};
use buttress_idempotency::testing::{claim, response};
use buttress_idempotency::{
    Checkpoint, Claimed, HeaderList, Step, Stepped, Store, StoreErrorKind, StoredResponse,
};
use buttress_redis::{Eviction, RedisRecords};
use buttress_testkit::patience::until;
use buttress_testkit::redis::{RedisCluster, RedisServer};

use super::{HOUR, complete, completion, connect, other, owned, refusal, step};

fn set(server: &RedisServer, setting: &str, value: &str) {
    assert_eq!(server.ask(&["CONFIG", "SET", setting, value]), "OK");
}

#[tokio::test]
async fn a_server_without_room_refuses_what_is_new_and_lets_what_runs_go_on_and_end() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let [first, second, third, fourth, left] = [claim(), claim(), claim(), claim(), claim()];
    let runs = owned(&store, &first).await;
    let ends = owned(&store, &second).await;
    let releases = owned(&store, &third).await;
    let abandons = owned(&store, &fourth).await;
    let done = owned(&store, &left).await;
    step(&store, &done, complete("done")).await;
    set(&server, "maxmemory", "1");

    let error = store.claim(&claim()).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (StoreErrorKind::Full, false));
    assert!(error.source().is_some_and(|cause| cause.to_string().contains("no room")), "{error:?}");
    assert_eq!(step(&store, &runs, Step::Renew { lease: HOUR, retain: HOUR }).await, Stepped::Done);
    let checkpoint = Step::Checkpoint(Checkpoint::new(&b"half"[..]).unwrap());
    assert_eq!(store.step(&runs.ticket, &checkpoint).await.unwrap_err().kind(), StoreErrorKind::Full);
    assert_eq!(step(&store, &ends, complete("no room")).await, Stepped::StatusOnly);
    assert_eq!(step(&store, &releases, Step::Release { retain: HOUR }).await, Stepped::Done);
    assert_eq!(step(&store, &abandons, Step::Abandon).await, Stepped::Done);
    assert_eq!(completion(&store, &left).await.response, response("done"), "replays need no room");
    let tombstone = Arc::new(StoredResponse::without_body(201, HeaderList::default()));
    assert_eq!(completion(&store, &second).await.response, tombstone);
    assert_eq!(owned(&store, &other(&third)).await.attempt, 2, "it is there already");
    assert_eq!(owned(&store, &other(&fourth)).await.attempt, 2);
    assert!(matches!(store.claim(&other(&first)).await.unwrap(), Claimed::InFlight { .. }));

    set(&server, "maxmemory", "0");
    assert_eq!(owned(&store, &claim()).await.attempt, 1);
    assert_eq!(step(&store, &runs, complete("there is room")).await, Stepped::Done);
    assert_eq!(completion(&store, &first).await.response, response("there is room"));
}

#[tokio::test]
async fn a_server_that_evicts_is_refused_at_the_start_unless_it_is_accepted() {
    let server = RedisServer::start();
    for policy in ["allkeys-lru", "volatile-ttl"] {
        set(&server, "maxmemory-policy", policy);
        let error = RedisRecords::connect(server.url()).await.unwrap_err();
        let fields: Vec<&str> = error.problems().iter().map(Problem::field).collect();
        assert_eq!(fields, ["maxmemory-policy"]);
        assert_eq!(error.problems()[0].value(), policy);
    }
    let store = RedisRecords::builder(server.url()).accept_eviction().connect().await.unwrap();
    assert_eq!(store.health().eviction, Eviction::Policy("volatile-ttl".to_owned()));
    owned(&store, &claim()).await;
    set(&server, "maxmemory-policy", "noeviction");
    let store = connect(&server).await;
    assert_eq!(store.health().eviction, Eviction::Never);
    assert_eq!(store.health().append_only, Some(true));
}

#[tokio::test]
async fn one_server_of_a_cluster_that_evicts_is_enough() {
    let mut cluster = RedisCluster::start();
    set(&cluster.nodes()[2], "maxmemory-policy", "allkeys-random");
    let error = RedisRecords::connect(&*cluster.urls()[0]).await.unwrap_err();
    assert_eq!(error.problems()[0].value(), "allkeys-random");
}

#[tokio::test]
async fn a_server_that_begins_to_evict_gets_no_more_claims_and_what_runs_ends() {
    let server = RedisServer::start();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let observer =
        move |signal: &Signal<'_>| ear.lock().unwrap().push((signal.instance.to_owned(), signal.code));
    let builder = RedisRecords::builder(server.url()).name("orders").observer(observer);
    let store = builder.look_every(Duration::from_millis(100)).connect().await.unwrap();
    let running = claim();
    let owner = owned(&store, &running).await;
    set(&server, "maxmemory-policy", "allkeys-lru");
    until("claims are refused", async || {
        store.claim(&claim()).await.is_err_and(|error| error.kind() == StoreErrorKind::Unfit)
    })
    .await;
    assert_eq!(store.check().await.unwrap_err().kind(), StoreErrorKind::Unfit);
    assert_eq!(step(&store, &owner, complete("done")).await, Stepped::Done);
    let error = store.claim(&running).await.unwrap_err();
    assert!(error.source().unwrap().to_string().contains("allkeys-lru"), "{error:?}");
    assert!(!error.may_have_happened());
    assert_eq!(*heard.lock().unwrap(), [("orders".to_owned(), "idempotency_store_evicts")]);

    set(&server, "maxmemory-policy", "noeviction");
    store.check().await.unwrap();
    until("claims are served again", async || store.claim(&claim()).await.is_ok()).await;
    assert_eq!(completion(&store, &running).await.response, response("done"));
}

#[tokio::test]
async fn a_server_that_does_not_say_whether_it_evicts_is_used_and_that_is_told() {
    let server = RedisServer::start();
    let rules = ["on", ">open", "~*", "+@all", "-info", "-config"];
    server.ask(&[&["ACL", "SETUSER", "app"], &rules[..]].concat());
    let url = format!("redis://app:open@127.0.0.1:{}", server.port());
    let store = RedisRecords::connect(url).await.unwrap();
    assert_eq!((store.health().eviction, store.health().append_only), (Eviction::Unknown, None));
    owned(&store, &claim()).await;
    // And one who may not run scripts is told so, and not that it may have happened.
    server.ask(&["ACL", "SETUSER", "app", "-evalsha"]);
    assert_eq!(refusal(&store, &claim()).await, StoreErrorKind::Unfit);
}

#[tokio::test]
async fn the_permissions_that_the_documentation_names_are_enough() {
    let server = RedisServer::start();
    let commands = [
        "+eval",
        "+evalsha",
        "+time",
        "+hmget",
        "+hset",
        "+hdel",
        "+exists",
        "+persist",
        "+pexpireat",
        "+del",
        "+mget",
        "+set",
        "+info",
        "+ping",
        "+scan",
    ];
    server.ask(&[&["ACL", "SETUSER", "app", "on", ">open", "~buttress:*"], &commands[..]].concat());
    let url = format!("redis://app:open@127.0.0.1:{}", server.port());
    let store = RedisRecords::connect(url).await.unwrap();
    let claim = claim();
    let owner = owned(&store, &claim).await;
    step(&store, &owner, Step::Abandon).await;
    let owner = owned(&store, &other(&claim)).await;
    step(&store, &owner, complete("done")).await;
    assert_eq!(store.count().await.unwrap(), 1);
    assert_eq!(store.clear().await.unwrap(), 1);
    assert_eq!(store.look().await.unwrap().losses, 0);
    assert_eq!(server.ask(&["KEYS", "*"]), "buttress:generation:{0}", "nothing else is left");
}

#[tokio::test]
async fn all_settings_that_cannot_be_used_are_named_at_once_without_the_password() {
    let builder = RedisRecords::builder("http://user:hunter2@nowhere").or_through("else").prefix("");
    let builder = builder.connect_timeout(Duration::ZERO).call_timeout(Duration::from_secs(61));
    let builder = builder.look_every(Duration::ZERO).refuse_after_loss(Duration::from_secs(86_401));
    assert!(!format!("{builder:?}").contains("hunter2"), "{builder:?}");
    let error = builder.connect().await.unwrap_err();
    let fields: Vec<&str> = error.problems().iter().map(Problem::field).collect();
    let expected =
        ["url", "url", "prefix", "connect_timeout", "call_timeout", "look_every", "refuse_after_loss"];
    assert_eq!(fields, expected);
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
