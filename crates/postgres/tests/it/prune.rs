use std::time::Duration;

use buttress_idempotency::testing::claim;
use buttress_idempotency::{Claimed, Step, Stepped, Store};
use buttress_postgres::PostgresStore;
use buttress_testkit::patience::until;

use crate::bench::{
    HOUR, ask, builder, complete, connect, migrated, other, owned, server, sql, store, until_waiting,
};
use crate::clock;

const NOW: u64 = 1_800_000_000_000;

async fn records(store: &PostgresStore) -> i64 {
    ask(store, "select count(*) from buttress.records").await
}

/// Records that have been expired for long.
async fn fill(store: &PostgresStore, number: u32) {
    let statement = format!(
        "insert into buttress.records
        (id, fingerprint, state, epoch, attempt, prior, created_at, lease_until, lease_millis, expires_at)
        select sha256(n::text::bytea), 'f', 2, 1, 1, 1, 0, 0, 1, n from generate_series(1, {number}) n; select 1"
    );
    sql(store, &statement).await;
}

#[tokio::test]
async fn only_what_has_expired_is_pruned_and_that_within_a_minute_or_so() {
    let store = store().await;
    clock::fake(&store).await;
    clock::set(&store, NOW).await;
    let short = Duration::from_secs(10);
    let (live, kept, released, done) = (claim(), claim(), claim(), claim());
    let renewed = owned(&store, &live).await;
    // Its expiry moves with its lease.
    store.step(&renewed.ticket, &Step::Renew { lease: HOUR, retain: short }).await.unwrap();
    let keeper = owned(&store, &kept).await;
    store.step(&keeper.ticket, &complete("kept")).await.unwrap();
    let owner = owned(&store, &released).await;
    store.step(&owner.ticket, &Step::Release { retain: short }).await.unwrap();
    let owner = owned(&store, &done).await;
    let response = buttress_idempotency::testing::response("done");
    store.step(&owner.ticket, &Step::Complete { response, retain: short }).await.unwrap();
    clock::set(&store, NOW + 9_999).await;
    assert_eq!((store.prune().await.unwrap(), records(&store).await), (Some(0), 4));
    clock::set(&store, NOW + 10_000 + 66_000).await;
    assert_eq!((store.prune().await.unwrap(), records(&store).await), (Some(2), 2));
    assert!(matches!(store.claim(&other(&live)).await.unwrap(), Claimed::InFlight { .. }));
    assert!(matches!(store.claim(&other(&kept)).await.unwrap(), Claimed::Completed(_)));
    assert_eq!(store.step(&renewed.ticket, &complete("done")).await.unwrap(), Stepped::Done);
}

#[tokio::test]
async fn a_batch_is_as_large_as_it_says_and_takes_the_oldest() {
    let store = migrated(builder().prune_batch(3)).await;
    fill(&store, 5).await;
    sql(&store, "update buttress.records set expires_at = expires_at << 20; select 1").await;
    assert_eq!(store.prune().await.unwrap(), Some(3));
    assert_eq!(ask::<i64>(&store, "select min(expires_at) >> 20 from buttress.records").await, 4);
    assert_eq!(store.prune().await.unwrap(), Some(2));
}

#[tokio::test]
async fn what_is_locked_stays_and_one_prunes_at_a_time() {
    let store = store().await;
    fill(&store, 5).await;
    let mut client = connect(&server().url()).await;
    let transaction = client.transaction().await.unwrap();
    let lock = format!("select from {}.records where expires_at = 3 for update", store.schema());
    transaction.query(&lock, &[]).await.unwrap();
    assert_eq!((store.prune().await.unwrap(), records(&store).await), (Some(4), 1));
    transaction.commit().await.unwrap();
    // One is held up in the middle; another does not wait for that.
    let transaction = client.transaction().await.unwrap();
    let lock = format!("lock table {}.records in access exclusive mode", store.schema());
    transaction.batch_execute(&lock).await.unwrap();
    let others = async {
        until_waiting(&store, "prune", 1).await;
        assert_eq!(store.prune().await.unwrap(), None);
        transaction.commit().await.unwrap();
    };
    let (pruned, ()) = tokio::join!(store.prune(), others);
    assert_eq!(pruned.unwrap(), Some(1));
}

#[tokio::test]
async fn a_pruner_catches_up_without_a_pause_and_ends_when_it_is_stopped() {
    let store = migrated(builder().prune_batch(10).prune_every(HOUR)).await;
    fill(&store, 95).await;
    let pruner = store.start_pruner().unwrap();
    until("all are gone", async || records(&store).await == 0).await;
    until("all are counted", async || pruner.removed() == 95).await;
    assert_eq!(pruner.failures(), 0);
    pruner.stop().await;
    fill(&store, 5).await;
    let pruner = store.start_pruner().unwrap();
    until("it works", async || pruner.removed() == 5).await;
    drop(pruner);
}

#[tokio::test]
async fn pruning_looks_into_the_index_and_never_through_the_table() {
    let store = migrated(builder().connections(1)).await;
    fill(&store, 20_000).await;
    let keep = "update buttress.records set expires_at = 4e15 where expires_at > 10; analyze buttress.records;
        select pg_stat_force_next_flush(); select pg_stat_reset_single_table_counters('buttress.records'::regclass)";
    sql(&store, keep).await;
    assert_eq!(store.prune().await.unwrap(), Some(10));
    sql(&store, "select pg_stat_force_next_flush()").await;
    let scans = "select idx_scan, seq_scan from pg_stat_all_tables
        where relname = 'records' and schemaname = 'buttress'";
    until("the statistics are there", async || {
        let row = sql(&store, scans).await.unwrap();
        assert_eq!(row.get::<_, i64>(1), 0);
        row.get::<_, i64>(0) > 0
    })
    .await;
}

#[test]
fn a_pruner_without_a_runtime_is_refused() {
    let store = builder().build().unwrap();
    assert!(store.start_pruner().is_err());
}
