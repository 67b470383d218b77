use std::sync::Mutex;

use buttress_idempotency::StoreErrorKind;
use buttress_postgres::{Draft, Message, PostgresStore};
use buttress_testkit::patience::until;
use tokio::sync::oneshot;

use crate::bench::{ask, connect, server, sql, store};
use crate::clock;

async fn put(store: &PostgresStore, topic: &str, key: Option<&str>, payload: &str) {
    let mut client = connect(&server().url()).await;
    let transaction = client.transaction().await.unwrap();
    let draft = Draft { topic, key, payload: payload.as_bytes() };
    store.put_message(&transaction, &draft).await.unwrap();
    transaction.commit().await.unwrap();
}

fn text(message: &Message) -> String {
    String::from_utf8(message.payload.to_vec()).unwrap()
}

/// Delivers a batch in which some messages fail; what was tried, in its order.
async fn deliver(store: &PostgresStore, topic: Option<&str>, limit: u32, fail: &[&str]) -> Vec<String> {
    let mut tried = Vec::new();
    let send = async |message: &Message| {
        tried.push(text(message));
        if fail.contains(&&*text(message)) { Err(text(message)) } else { Ok(()) }
    };
    let delivered = store.deliver(topic, limit, send).await.unwrap();
    assert_eq!(delivered.sent + delivered.failures.len(), tried.len());
    tried
}

async fn all_are_due(store: &PostgresStore) {
    sql(store, "update buttress.outbox set not_before = 0; select 1").await;
}

#[tokio::test]
async fn a_message_is_there_with_its_transaction_and_gone_once_it_was_sent() {
    let store = store().await;
    let mut client = connect(&server().url()).await;
    let transaction = client.transaction().await.unwrap();
    let draft = Draft { topic: "a", key: Some("k"), payload: b"never" };
    store.put_message(&transaction, &draft).await.unwrap();
    transaction.rollback().await.unwrap();
    put(&store, "a", Some("k"), "one").await;
    put(&store, "b", None, "two").await;
    assert_eq!(deliver(&store, Some("b"), 9, &[]).await, ["two"]);
    assert_eq!(deliver(&store, None, 9, &[]).await, ["one"]);
    assert_eq!(deliver(&store, None, 9, &[]).await, [""; 0]);
}

#[tokio::test]
async fn messages_of_one_key_keep_their_order_behind_one_that_fails() {
    let store = store().await;
    for (key, payload) in [("x", "x1"), ("y", "y1"), ("x", "x2"), ("x", "x3"), ("y", "y2")] {
        put(&store, "t", Some(key), payload).await;
    }
    put(&store, "t", None, "free").await;
    assert_eq!(deliver(&store, None, 9, &["x1"]).await, ["x1", "y1", "y2", "free"]);
    assert_eq!(deliver(&store, None, 9, &[]).await, [""; 0], "not due yet");
    all_are_due(&store).await;
    assert_eq!(ask::<i32>(&store, "select max(failures) from buttress.outbox").await, 1);
    assert_eq!(deliver(&store, None, 2, &["x2"]).await, ["x1", "x2"]);
    all_are_due(&store).await;
    assert_eq!(deliver(&store, None, 9, &[]).await, ["x2", "x3"]);
    assert_eq!(ask::<i64>(&store, "select count(*) from buttress.outbox").await, 0);
}

#[tokio::test]
async fn two_who_deliver_at_once_share_the_keys_and_never_break_an_order() {
    let store = store().await;
    for payload in ["x1", "x2", "y1"] {
        put(&store, "t", Some(&payload[..1]), payload).await;
    }
    let (began, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let channels = Mutex::new(Some((began, may_go_on)));
    let first = store.deliver(Some("t"), 1, async |message| {
        let (began, may_go_on) = channels.lock().unwrap().take().unwrap();
        began.send(text(message)).unwrap();
        may_go_on.await
    });
    let second = async {
        assert_eq!(has_begun.await.unwrap(), "x1");
        assert_eq!(deliver(&store, None, 9, &[]).await, ["y1"], "x2 waits, though nobody has it");
        go_on.send(()).unwrap();
    };
    let (first, ()) = tokio::join!(first, second);
    assert_eq!(first.unwrap().sent, 1);
    assert_eq!(deliver(&store, None, 9, &[]).await, ["x2"]);
}

#[tokio::test]
async fn a_batch_that_is_dropped_is_delivered_again() {
    let store = store().await;
    put(&store, "t", Some("k"), "one").await;
    let never = store.deliver(None, 9, async |_| std::future::pending::<Result<(), ()>>().await);
    tokio::time::timeout(std::time::Duration::from_millis(200), never).await.unwrap_err();
    until("it is free", async || deliver(&store, None, 9, &[]).await == ["one"]).await;
}

#[tokio::test]
async fn a_batch_that_takes_longer_than_a_session_may_idle_is_delivered_again_and_counts_no_failure() {
    let store = store().await;
    put(&store, "t", Some("k"), "one").await;
    let url = format!("{}?options=-c%20idle_in_transaction_session_timeout%3D100", server().url());
    let hasty = PostgresStore::builder(url).schema(store.schema()).build().unwrap();
    let slow = hasty.deliver(None, 9, async |_| {
        let idle = "select count(*) from pg_stat_activity where pid <> pg_backend_pid()
            and query like '%buttress\".take_messages(%'";
        until("it was ended", async || ask::<i64>(&store, idle).await == 0).await;
        Ok::<_, ()>(())
    });
    assert_eq!(slow.await.unwrap_err().kind(), StoreErrorKind::Unreachable);
    assert_eq!(ask::<i32>(&store, "select failures from buttress.outbox").await, 0);
    assert_eq!(deliver(&store, None, 9, &[]).await, ["one"]);
}

#[tokio::test]
async fn positions_of_one_key_are_in_the_order_of_the_commits() {
    let store = store().await;
    let mut slow = connect(&server().url()).await;
    let transaction = slow.transaction().await.unwrap();
    let draft = Draft { topic: "t", key: Some("k"), payload: b"first" };
    store.put_message(&transaction, &draft).await.unwrap();
    let quick = put(&store, "t", Some("k"), "second");
    let commit = async {
        // Until the quick one waits for the slow one.
        let waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted";
        until("it waits", async || ask::<i64>(&store, waiting).await > 0).await;
        assert_eq!(deliver(&store, None, 9, &[]).await, [""; 0]);
        transaction.commit().await.unwrap();
    };
    tokio::join!(quick, commit);
    assert_eq!(deliver(&store, None, 9, &[]).await, ["first", "second"]);
}

#[tokio::test]
async fn a_clock_that_goes_back_holds_up_no_message_for_longer_than_failures_do() {
    let store = store().await;
    clock::fake(&store).await;
    clock::set(&store, 7_200_000).await;
    put(&store, "t", Some("k"), "one").await;
    assert_eq!(deliver(&store, None, 9, &["one"]).await, ["one"]);
    assert_eq!(deliver(&store, None, 9, &[]).await, [""; 0], "not due yet");
    clock::set(&store, 7_200_000 - 299_001).await;
    assert_eq!(deliver(&store, None, 9, &["one"]).await, ["one"]);
    clock::set(&store, 0).await;
    assert_eq!(deliver(&store, None, 9, &[]).await, ["one"]);
}

#[tokio::test]
async fn a_message_that_fails_waits_for_longer_each_time_and_never_for_more_than_five_minutes() {
    let store = store().await;
    clock::fake(&store).await;
    put(&store, "t", None, "one").await;
    for (failures, pause) in [(0, 1_000), (1, 2_000), (2, 4_000), (8, 256_000), (9, 300_000), (60, 300_000)] {
        sql(&store, &format!("update buttress.outbox set not_before = 0, failures = {failures}; select 1"))
            .await;
        assert_eq!(deliver(&store, None, 9, &["one"]).await, ["one"]);
        assert_eq!(ask::<i64>(&store, "select not_before from buttress.outbox").await, pause);
    }
}

#[tokio::test]
async fn two_topics_with_the_same_key_do_not_wait_for_each_other() {
    let store = store().await;
    let mut slow = connect(&server().url()).await;
    let transaction = slow.transaction().await.unwrap();
    store.put_message(&transaction, &Draft { topic: "a", key: Some("k"), payload: b"" }).await.unwrap();
    let other = put(&store, "b", Some("k"), "other");
    tokio::time::timeout(std::time::Duration::from_secs(60), other).await.expect("it does not wait");
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn a_name_that_is_too_long_is_refused() {
    let store = store().await;
    let mut client = connect(&server().url()).await;
    let transaction = client.transaction().await.unwrap();
    let draft = Draft { topic: &"t".repeat(256), key: None, payload: b"" };
    let error = store.put_message(&transaction, &draft).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (StoreErrorKind::Corrupt, false));
}
