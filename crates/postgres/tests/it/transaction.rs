use std::sync::Arc;
use std::time::Duration;

use buttress_idempotency::testing::{claim, response};
use buttress_idempotency::{
    After, Claim, Claimed, Invalidated, Owned, Step, Stepped, Store, StoreErrorKind, StoredResponse,
    WhenAbandoned,
};
use buttress_postgres::{CompleteError, Draft, PostgresStore, Transacted, TransactionError};
use buttress_testkit::patience::until;
use tokio::sync::oneshot;
use tokio_postgres::{IsolationLevel, Transaction};

use crate::bench::{
    HOUR, ask, builder, complete, connect, migrated, other, owned, server, sql, store, until_waiting,
};
use crate::clock;

/// A store beside a table that handlers write to.
async fn shop() -> PostgresStore {
    let store = store().await;
    sql(&store, "create table buttress.orders (name text); select 1").await;
    store
}

async fn order(store: &PostgresStore, transaction: &Transaction<'_>, name: &str) {
    let statement = format!("insert into {}.orders values ($1)", store.schema());
    transaction.execute(&statement, &[&name]).await.unwrap();
}

async fn orders(store: &PostgresStore) -> i64 {
    ask(store, "select count(*) from buttress.orders").await
}

async fn records(store: &PostgresStore) -> i64 {
    ask(store, "select count(*) from buttress.records").await
}

#[tokio::test]
async fn effect_message_and_response_are_committed_together_and_replayed() {
    let store = shop().await;
    let claim = claim();
    let run = async |transaction: &Transaction<'_>, owned: &Owned| {
        assert_eq!((owned.attempt, owned.after), (1, After::Nothing));
        order(&store, transaction, "one").await;
        let draft = Draft { topic: "orders", key: Some("one"), payload: b"ordered" };
        store.put_message(transaction, &draft).await?;
        Ok::<_, buttress_idempotency::StoreError>(response("done"))
    };
    let transacted = store.transaction(&claim, run).await.unwrap();
    assert_eq!(transacted, Transacted::Committed(response("done")));
    assert_eq!((orders(&store).await, records(&store).await), (1, 1));
    assert_eq!(ask::<i64>(&store, "select count(*) from buttress.outbox").await, 1);
    let again = store.transaction(&other(&claim), async |_, _| panic!("twice")).await;
    let Transacted::Refused(Claimed::Completed(kept)) = again.map_err(|_: TransactionError<()>| ()).unwrap()
    else {
        panic!("not completed");
    };
    assert_eq!((kept.response, kept.attempt), (response("done"), 1));
    assert_eq!(store.pool().status().size, 1, "the connection went back each time");
}

#[tokio::test]
async fn a_handler_that_fails_leaves_nothing_and_the_next_attempt_is_the_first() {
    let store = shop().await;
    let claim = claim();
    let failed = store
        .transaction(&claim, async |transaction, _| {
            order(&store, transaction, "one").await;
            Err::<Arc<StoredResponse>, _>("sold out")
        })
        .await;
    assert!(matches!(failed, Err(TransactionError::Handler("sold out"))));
    assert_eq!((orders(&store).await, records(&store).await), (0, 0));
    let run = async |_: &Transaction<'_>, owned: &Owned| {
        assert_eq!(owned.attempt, 1);
        Ok::<_, ()>(response("done"))
    };
    store.transaction(&other(&claim), run).await.unwrap();
    assert_eq!(store.pool().status().size, 1);
}

/// A transaction in the middle of its handler, in a task.
#[expect(clippy::disallowed_methods, reason = "each test awaits its task")]
async fn in_the_middle(
    store: &PostgresStore,
    claim: &Claim,
) -> (tokio::task::JoinHandle<Transacted>, oneshot::Sender<()>) {
    let (began, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let (store, claim) = (store.clone(), claim.clone());
    let task = tokio::task::spawn(async move {
        let run = async |transaction: &Transaction<'_>, _: &Owned| {
            order(&store, transaction, "one").await;
            began.send(()).unwrap();
            may_go_on.await.unwrap();
            Ok::<_, ()>(response("done"))
        };
        store.transaction(&claim, run).await.unwrap()
    });
    has_begun.await.unwrap();
    (task, go_on)
}

#[tokio::test]
async fn whoever_asks_while_it_runs_hears_at_once_that_it_is_in_flight_in_both_modes() {
    // It would be seen if somebody waited: nothing ends the locks.
    let store = shop().await;
    clock::fake(&store).await;
    clock::set(&store, 1_000_000).await;
    let second = Duration::from_secs(1);
    let claim = Claim { lease: second, retain: second, ..claim() };
    let (task, go_on) = in_the_middle(&store, &claim).await;
    clock::set(&store, 5_000_000).await;
    let refuse = Claim { when_abandoned: WhenAbandoned::Refuse, ..other(&claim) };
    for claim in [&other(&claim), &refuse] {
        assert!(matches!(store.claim(claim).await.unwrap(), Claimed::InFlight { .. }));
        let again = store.transaction(claim, async |_, _| Err(())).await.unwrap();
        assert!(matches!(again, Transacted::Refused(Claimed::InFlight { .. })), "{again:?}");
    }
    assert_eq!(records(&store).await, 0, "no lease was written");
    go_on.send(()).unwrap();
    assert_eq!(task.await.unwrap(), Transacted::Committed(response("done")), "however long it took");
    let Claimed::Completed(kept) = store.claim(&other(&claim)).await.unwrap() else {
        panic!("not completed")
    };
    assert_eq!(kept.expires_at.as_millis(), 5_001_000, "from the completion on");
}

#[tokio::test]
async fn a_record_of_the_same_name_in_another_schema_is_another_one() {
    let (store, elsewhere) = (shop().await, shop().await);
    let claim = claim();
    let (task, go_on) = in_the_middle(&store, &claim).await;
    owned(&elsewhere, &claim).await;
    go_on.send(()).unwrap();
    task.await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_is_dropped_or_panics_leaves_nothing_and_holds_up_nobody() {
    let store = shop().await;
    let claim = claim();
    let (task, _go_on) = in_the_middle(&store, &claim).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let free = async || matches!(store.claim(&other(&claim)).await.unwrap(), Claimed::Owned(_));
    until("the key is free", free).await;
    assert_eq!(orders(&store).await, 0);

    let claim = self::claim();
    let (task, go_on) = in_the_middle(&store, &claim).await;
    drop(go_on);
    assert!(task.await.unwrap_err().is_panic());
    until("the key is free", async || {
        matches!(store.claim(&other(&claim)).await.unwrap(), Claimed::Owned(_))
    })
    .await;
    assert_eq!(orders(&store).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once_have_one_effect_and_all_others_hear_of_it() {
    let store = shop().await;
    let claim = claim();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (store, claim) = (store.clone(), other(&claim));
        tasks.spawn(async move {
            let run = async |transaction: &Transaction<'_>, _: &Owned| {
                order(&store, transaction, "one").await;
                Ok::<_, ()>(response("done"))
            };
            store.transaction(&claim, run).await.unwrap()
        });
    }
    let mut committed = 0;
    for transacted in tasks.join_all().await {
        match transacted {
            Transacted::Committed(_) => committed += 1,
            Transacted::Refused(Claimed::InFlight { .. }) => {}
            Transacted::Refused(Claimed::Completed(kept)) => assert_eq!(kept.response, response("done")),
            Transacted::Refused(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((committed, orders(&store).await), (1, 1));
}

#[tokio::test]
async fn a_run_that_was_claimed_by_lease_completes_in_its_own_transaction_and_again_afterwards() {
    let store = shop().await;
    let claim = claim();
    let owned = owned(&store, &claim).await;
    let mut client = connect(&server().url()).await;
    let transaction = client.transaction().await.unwrap();
    order(&store, &transaction, "one").await;
    store.complete_in(&transaction, &owned.ticket, &response("done"), HOUR).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(
        store.step(&owned.ticket, &complete("what the layer would keep")).await.unwrap(),
        Stepped::Done
    );
    let Claimed::Completed(kept) = store.claim(&other(&claim)).await.unwrap() else {
        panic!("not completed")
    };
    assert_eq!((kept.response, orders(&store).await), (response("done"), 1));
}

#[tokio::test]
async fn a_transaction_that_is_run_again_after_its_commit_is_not_done_twice() {
    let store = shop().await;
    let owned = owned(&store, &claim()).await;
    let mut client = connect(&server().url()).await;
    for is_first in [true, false] {
        let transaction = client.transaction().await.unwrap();
        order(&store, &transaction, "one").await;
        let completed = store.complete_in(&transaction, &owned.ticket, &response("done"), HOUR).await;
        match completed {
            Ok(()) => transaction.commit().await.unwrap(),
            Err(CompleteError::Fenced(Some(kept))) => {
                assert_eq!((is_first, kept.response), (false, response("done")));
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(orders(&store).await, 1);
}

#[tokio::test]
async fn a_handler_that_hides_the_failure_of_a_statement_commits_nothing() {
    let store = shop().await;
    let run = async |transaction: &Transaction<'_>, _: &Owned| {
        order(&store, transaction, "one").await;
        transaction.execute("select 1 / 0", &[]).await.unwrap_err();
        Ok::<_, ()>(response("done"))
    };
    let failed = store.transaction(&claim(), run).await;
    assert!(matches!(failed, Err(TransactionError::Store(_))), "{failed:?}");
    assert_eq!((orders(&store).await, records(&store).await), (0, 0));
}

#[tokio::test]
async fn a_completion_that_is_rolled_back_never_was() {
    let store = shop().await;
    let owned = owned(&store, &claim()).await;
    let mut client = connect(&server().url()).await;
    let transaction = client.transaction().await.unwrap();
    store.complete_in(&transaction, &owned.ticket, &response("done"), HOUR).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(store.step(&owned.ticket, &complete("after all")).await.unwrap(), Stepped::Done);
}

#[tokio::test]
async fn a_zombie_s_transaction_is_fenced_and_its_effect_is_rolled_back_i9_i20() {
    let store = shop().await;
    let claim = Claim { lease: Duration::from_millis(1), ..claim() };
    let zombie = owned(&store, &claim).await;
    let mut client = connect(&server().url()).await;
    let transaction = client.transaction().await.unwrap();
    order(&store, &transaction, "by the zombie").await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let second = owned(&store, &Claim { lease: HOUR, ..other(&claim) }).await;
    assert_eq!((second.attempt, second.after), (2, After::Abandonment));
    let fenced = store.complete_in(&transaction, &zombie.ticket, &response("late"), HOUR).await.unwrap_err();
    assert!(matches!(fenced, CompleteError::Fenced(None)));
    drop(transaction);
    let transaction = client.transaction().await.unwrap();
    order(&store, &transaction, "by the second").await;
    store.complete_in(&transaction, &second.ticket, &response("right"), HOUR).await.unwrap();
    transaction.commit().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    let fenced = store.complete_in(&transaction, &zombie.ticket, &response("late"), HOUR).await.unwrap_err();
    let CompleteError::Fenced(Some(kept)) = fenced else { panic!("{fenced:?}") };
    assert_eq!((kept.response, kept.attempt), (response("right"), 2));
    drop(transaction);
    assert_eq!(ask::<String>(&store, "select name from buttress.orders").await, "by the second");
}

#[tokio::test]
async fn nobody_takes_over_while_a_late_owner_commits_and_nobody_waits_for_that() {
    let store = store().await;
    let claim = Claim { lease: Duration::from_millis(1), ..claim() };
    let late = owned(&store, &claim).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut client = connect(&server().url()).await;
    let transaction = client.transaction().await.unwrap();
    store.complete_in(&transaction, &late.ticket, &response("just in time"), HOUR).await.unwrap();
    assert!(matches!(store.claim(&other(&claim)).await.unwrap(), Claimed::InFlight { .. }));
    transaction.commit().await.unwrap();
    assert!(matches!(store.claim(&other(&claim)).await.unwrap(), Claimed::Completed(_)));
}

#[tokio::test]
async fn what_is_gone_is_not_completed() {
    let store = store().await;
    let owned = owned(&store, &claim()).await;
    store.step(&owned.ticket, &Step::Abandon).await.unwrap();
    store.invalidate(owned.ticket.id).await.unwrap();
    let mut client = connect(&server().url()).await;
    let transaction = client.transaction().await.unwrap();
    let error = store.complete_in(&transaction, &owned.ticket, &response("done"), HOUR).await.unwrap_err();
    assert!(matches!(error, CompleteError::Gone));
}

#[tokio::test]
async fn a_record_taken_away_by_its_own_handler_rolls_all_back() {
    let store = shop().await;
    let statement = format!("delete from {}.records", store.schema());
    let run = async |transaction: &Transaction<'_>, _: &Owned| {
        order(&store, transaction, "one").await;
        transaction.execute(&statement, &[]).await.unwrap();
        Ok::<_, ()>(response("done"))
    };
    assert!(matches!(store.transaction(&claim(), run).await, Err(TransactionError::Lost)));
    assert_eq!(orders(&store).await, 0);
}

async fn begin(client: &mut tokio_postgres::Client, isolation: IsolationLevel) -> Transaction<'_> {
    client.build_transaction().isolation_level(isolation).start().await.unwrap()
}

#[tokio::test]
async fn a_duplicate_in_a_stricter_isolation_fails_and_never_runs_twice() {
    let store = shop().await;
    let claim = claim();
    let (mut first, mut second) = (connect(&server().url()).await, connect(&server().url()).await);
    for isolation in [IsolationLevel::RepeatableRead, IsolationLevel::Serializable] {
        let claim = Claim { id: self::claim().id, ..claim.clone() };
        let (one, two) = (begin(&mut first, isolation).await, begin(&mut second, isolation).await);
        // Its view of the world is from before.
        two.query("select 1 from pg_class limit 1", &[]).await.unwrap();
        let Claimed::Owned(owned) = store.claim_in(&one, &claim).await.unwrap() else { panic!("not owned") };
        order(&store, &one, "one").await;
        store.complete_in(&one, &owned.ticket, &response("done"), HOUR).await.unwrap();
        one.commit().await.unwrap();
        let error = store.claim_in(&two, &other(&claim)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unreachable, "to be sent again");
        drop(two);
        let transaction = begin(&mut second, isolation).await;
        let again = store.claim_in(&transaction, &other(&claim)).await.unwrap();
        assert!(matches!(again, Claimed::Completed(_)), "{again:?}");
    }
    assert_eq!(orders(&store).await, 2);
}

#[tokio::test]
async fn a_renewal_is_a_conflict_for_a_completion_in_a_stricter_isolation_and_none_in_read_committed() {
    let store = shop().await;
    let mut client = connect(&server().url()).await;
    for isolation in
        [IsolationLevel::RepeatableRead, IsolationLevel::Serializable, IsolationLevel::ReadCommitted]
    {
        let owned = owned(&store, &claim()).await;
        let transaction = begin(&mut client, isolation).await;
        order(&store, &transaction, "one").await;
        let renew = Step::Renew { lease: HOUR, retain: HOUR };
        assert_eq!(store.step(&owned.ticket, &renew).await.unwrap(), Stepped::Done);
        match store.complete_in(&transaction, &owned.ticket, &response("done"), HOUR).await {
            Ok(()) => transaction.commit().await.unwrap(),
            Err(CompleteError::Store(error)) => assert_eq!(error.kind(), StoreErrorKind::Unreachable),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(orders(&store).await, 1);
}

#[tokio::test]
async fn a_pool_of_the_program_s_own_is_taken_as_it_is_whatever_its_isolation() {
    let url = format!("{}?options=-c%20default_transaction_isolation%3Dserializable", server().url());
    let pool = migrated(builder()).await;
    let pool = PostgresStore::builder(url).schema(pool.schema()).without_session_settings().build().unwrap();
    let store = PostgresStore::builder(pool.pool().clone()).schema(pool.schema()).call_timeout(HOUR / 100);
    let store = store.build().unwrap();
    let isolation: String = ask(&store, "select current_setting('transaction_isolation')").await;
    assert_eq!(isolation, "serializable");
    // Somebody else writes the same record, and this one has looked before that is committed.
    let claim = claim();
    let mut client = connect(&server().url()).await;
    let transaction = client.transaction().await.unwrap();
    let insert = format!(
        "insert into {}.records (id, fingerprint, state, owner, epoch, attempt, prior, created_at, lease_until,
            lease_millis, expires_at) values ($1, $2, 1, 'x', 1, 1, 0, 0, 4e15, 1000, 4e15)",
        store.schema()
    );
    let (id, fingerprint) = (&claim.id.as_bytes()[..], &claim.fingerprint.as_bytes()[..]);
    transaction.execute(&insert, &[&id, &fingerprint]).await.unwrap();
    let commit = async {
        until_waiting(&store, "claim", 1).await;
        transaction.commit().await.unwrap();
    };
    let (claimed, ()) = tokio::join!(store.claim(&claim), commit);
    assert!(matches!(claimed.unwrap(), Claimed::InFlight { .. }), "asked again after the conflict");
    let run = async |transaction: &Transaction<'_>, _: &Owned| {
        let row = transaction.query_one("select current_setting('transaction_isolation')", &[]).await?;
        assert_eq!(row.get::<_, String>(0), "read committed", "where the store begins the transaction");
        Ok::<_, tokio_postgres::Error>(response("done"))
    };
    store.transaction(&self::claim(), run).await.unwrap();
}

#[tokio::test]
async fn a_process_that_hangs_in_a_transaction_loses_its_session_after_a_minute() {
    let setting = "select current_setting('idle_in_transaction_session_timeout')";
    assert_eq!(ask::<String>(&store().await, setting).await, "1min");
}

#[tokio::test]
async fn nothing_is_left_in_a_session_that_a_pooler_would_have_to_remember() {
    let store = migrated(builder().connections(1)).await;
    let claim = claim();
    let ticket = owned(&store, &claim).await.ticket;
    store.step(&ticket, &complete("done")).await.unwrap();
    let run = async |_: &Transaction<'_>, _: &Owned| Ok::<_, ()>(response("done"));
    store.transaction(&self::claim(), run).await.unwrap();
    store.invalidate(claim.id).await.unwrap();
    store.prune().await.unwrap();
    store.deliver(None, 1, async |_| Ok::<_, ()>(())).await.unwrap();
    let left = "select (select count(*) from pg_prepared_statements where not from_sql)
        + (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())";
    let client = store.pool().get().await.unwrap();
    let left = client.simple_query(left).await.unwrap();
    let left = left.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    assert_eq!(left.as_deref(), Some("0"));
}

#[tokio::test]
async fn what_runs_in_a_transaction_is_neither_invalidated_nor_cleared_and_nobody_waits_for_it() {
    // It would be seen if somebody waited: nothing ends the locks.
    let store = store().await;
    let (claim, ended) = (claim(), claim());
    let before = owned(&store, &claim).await;
    store.step(&before.ticket, &Step::Abandon).await.unwrap();
    let done = owned(&store, &ended).await;
    store.step(&done.ticket, &complete("done")).await.unwrap();
    let mut client = connect(&server().url()).await;
    let transaction = client.transaction().await.unwrap();
    let claimed = store.claim_in(&transaction, &other(&claim)).await.unwrap();
    let Claimed::Owned(running) = claimed else { panic!("{claimed:?}") };
    assert_eq!(store.invalidate(claim.id).await.unwrap(), Invalidated::InFlight);
    assert_eq!(store.clear().await.unwrap(), 1, "the other one");
    store.complete_in(&transaction, &running.ticket, &response("done"), HOUR).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.invalidate(claim.id).await.unwrap(), Invalidated::Removed);
    assert_eq!(store.invalidate(ended.id).await.unwrap(), Invalidated::Absent);
}
