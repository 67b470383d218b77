use std::sync::Arc;
use std::time::Duration;

use buttress_idempotency::testing::{check_races, check_store, claim, response};
use buttress_idempotency::{Claim, Claimed, Step, Stepped, Store, StoreErrorKind};
use buttress_postgres::PostgresStore;
use buttress_testkit::patience::until;

use crate::bench::{
    HOUR, ask, builder, complete, connect, migrated, other, owned, server, sql, store, until_waiting,
};
use crate::clock;
use crate::proxy::Proxy;

#[tokio::test]
async fn the_laws_of_stores_hold() {
    check_store(&store().await, async |time| tokio::time::sleep(time).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn races_for_one_record_have_one_winner_i1() {
    check_races(&Arc::new(store().await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_first_claims_over_eight_connections_have_one_owner_and_leave_one_row() {
    let store = store().await;
    let claim = claim();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (store, claim) = (store.clone(), other(&claim));
        tasks.spawn(async move { store.claim(&claim).await.unwrap() });
    }
    let claimed = tasks.join_all().await;
    let owners = claimed.iter().filter(|claimed| matches!(claimed, Claimed::Owned(_))).count();
    let waiting = claimed.iter().filter(|claimed| matches!(claimed, Claimed::InFlight { .. })).count();
    assert_eq!((owners, waiting), (1, 199));
    assert_eq!(ask::<i64>(&store, "select count(*) from buttress.records").await, 1);
    assert!(store.pool().status().size <= 8);
}

#[tokio::test]
async fn two_that_saw_the_same_abandoned_record_do_not_both_take_it_over() {
    let store = store().await;
    let claim = claim();
    let owner = owned(&store, &claim).await;
    store.step(&owner.ticket, &Step::Abandon).await.unwrap();
    let mut client = connect(&server().url()).await;
    let transaction = client.transaction().await.unwrap();
    transaction.execute(&format!("select from {}.records for update", store.schema()), &[]).await.unwrap();
    let go_on = async {
        // Both have looked.
        until_waiting(&store, "claim", 2).await;
        transaction.commit().await.unwrap();
    };
    let (one, two) = (other(&claim), other(&claim));
    let (one, two, ()) = tokio::join!(store.claim(&one), store.claim(&two), go_on);
    let claimed = [one.unwrap(), two.unwrap()];
    let owners = claimed.iter().filter(|claimed| matches!(claimed, Claimed::Owned(_))).count();
    assert_eq!(owners, 1, "{claimed:?}");
}

#[tokio::test]
async fn a_claim_is_one_round_trip_and_so_is_a_step_from_the_first_one_on() {
    let direct = builder();
    let schema = store_name(&migrated(direct).await);
    let proxy = Proxy::start(server().port()).await;
    let store = PostgresStore::builder(proxy.url()).schema(schema).connections(1).build().unwrap();
    drop(store.pool().get().await.unwrap());
    let connected = proxy.round_trips();
    let claim = claim();
    let owned = owned(&store, &claim).await;
    assert_eq!(proxy.round_trips() - connected, 1, "a claim");
    store.step(&owned.ticket, &Step::Renew { lease: HOUR, retain: HOUR }).await.unwrap();
    assert_eq!(proxy.round_trips() - connected, 2, "a renewal");
    store.step(&owned.ticket, &complete("done")).await.unwrap();
    assert_eq!(proxy.round_trips() - connected, 3, "a completion");
    store.claim(&other(&claim)).await.unwrap();
    assert_eq!(proxy.round_trips() - connected, 4, "a replay");
}

fn store_name(store: &PostgresStore) -> String {
    store.schema().to_owned()
}

#[tokio::test]
async fn a_replay_and_a_duplicate_write_nothing() {
    let store = store().await;
    let claim = claim();
    let owned = owned(&store, &claim).await;
    let version = "select xmin::text || ' ' || xmax::text || ' ' || ctid::text from buttress.records";
    let before: String = ask(&store, version).await;
    assert!(matches!(store.claim(&other(&claim)).await.unwrap(), Claimed::InFlight { .. }));
    assert_eq!(ask::<String>(&store, version).await, before);
    store.step(&owned.ticket, &complete("done")).await.unwrap();
    let before: String = ask(&store, version).await;
    assert!(matches!(store.claim(&other(&claim)).await.unwrap(), Claimed::Completed(_)));
    assert_eq!(ask::<String>(&store, version).await, before);
}

#[tokio::test]
async fn claims_and_completions_leave_the_indexes_alone() {
    let store = store().await;
    clock::fake(&store).await;
    // All of them expire in an hour, at the beginning of the same minute or so, and a second later once completed.
    let begin = (27_000_000 << 16) - 3_600_000;
    for _ in 0..50 {
        clock::set(&store, begin).await;
        let owned = owned(&store, &claim()).await;
        clock::set(&store, begin + 1_000).await;
        store.step(&owned.ticket, &complete("done")).await.unwrap();
    }
    sql(&store, "select pg_stat_force_next_flush()").await;
    let question = "select n_tup_upd, n_tup_hot_upd from pg_stat_all_tables
        where relname = 'records' and schemaname = 'buttress'";
    until("the statistics are there", async || {
        let row = sql(&store, question).await.unwrap();
        let (updated, hot): (i64, i64) = (row.get(0), row.get(1));
        assert!(hot >= updated * 9 / 10, "{hot} of {updated}");
        updated == 50
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_goes_back_blocks_nobody_for_longer_than_a_lease() {
    let store = store().await;
    let now = 1_800_000_000_000;
    clock::fake(&store).await;
    clock::set(&store, now).await;
    let lease = Duration::from_secs(30);
    let claim = Claim { lease, ..claim() };
    let first = owned(&store, &claim).await;
    clock::set(&store, now - 3_600_000).await;
    assert_eq!(store.claim(&other(&claim)).await.unwrap(), Claimed::InFlight { remaining: lease });
    clock::set(&store, now - 3_600_000 + 30_000).await;
    let second = owned(&store, &other(&claim)).await;
    assert_eq!((second.attempt, second.ticket.epoch), (2, first.ticket.epoch + 1), "the epoch still grows");
    assert_eq!(store.step(&first.ticket, &complete("late")).await.unwrap(), Stepped::Fenced(None));
}

#[tokio::test]
async fn a_record_that_expired_is_not_undercut_in_its_epoch_by_a_clock_that_went_back() {
    let store = store().await;
    let now = 1_800_000_000_000;
    clock::fake(&store).await;
    clock::set(&store, now).await;
    let claim = claim();
    let first = owned(&store, &claim).await;
    let short = Step::Complete { response: response("short"), retain: Duration::from_secs(1) };
    store.step(&first.ticket, &short).await.unwrap();
    sql(&store, "update buttress.records set expires_at = 0; select 1").await;
    clock::set(&store, now - 3_600_000).await;
    let again = owned(&store, &other(&claim)).await;
    assert_eq!((again.attempt, again.ticket.epoch), (1, first.ticket.epoch + 1));
}

#[tokio::test]
async fn what_somebody_damaged_is_corrupt_and_never_absent() {
    let store = store().await;
    let claim = claim();
    let owned = owned(&store, &claim).await;
    store.step(&owned.ticket, &complete("done")).await.unwrap();
    for damage in ["response = '\\x00'", "response = ''", "attempt = -1"] {
        sql(&store, &format!("update buttress.records set {damage}; select 1")).await;
        let error = store.claim(&other(&claim)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{damage}");
    }
}

#[tokio::test]
async fn clearing_goes_through_all_pages_and_leaves_what_runs_and_what_is_locked() {
    let store = store().await;
    let running = claim();
    let owner = owned(&store, &running).await;
    let fill = "insert into buttress.records
        (id, fingerprint, state, epoch, attempt, prior, created_at, lease_until, lease_millis, expires_at, completed_at, response)
        select sha256(n::text::bytea), 'f', 3, 1, 1, 0, 0, 0, 1,
            buttress.clock_millis() + case when n <= 100 then 0 else 100000 end, 0, 'r' from generate_series(1, 3100) n;
        select 1";
    sql(&store, fill).await;
    assert_eq!(store.clear().await.unwrap(), 3_000, "those that had not expired");
    assert_eq!(ask::<i64>(&store, "select count(*) from buttress.records").await, 1);
    assert_eq!(store.step(&owner.ticket, &complete("done")).await.unwrap(), Stepped::Done);
}
