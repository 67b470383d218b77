use std::path::Path;

use buttress_fjall::FjallStore;
use buttress_idempotency::testing::{claim, response};
use buttress_idempotency::{RecordId, Store, StoreErrorKind};
use fjall::{Database, KeyspaceCreateOptions, PersistMode};

use crate::sample::{HOUR, Hand, complete, completed, completion, done, other, owned, refused};

/// Writes something else in the place of a record, behind the store's back.
fn spoil(folder: &Path, id: RecordId) {
    let database = Database::builder(folder.join("v1")).open().unwrap();
    let records = database.keyspace("records", KeyspaceCreateOptions::default).unwrap();
    assert!(records.contains_key(id.as_bytes()).unwrap());
    records.insert(id.as_bytes(), b"not a record").unwrap();
    database.persist(PersistMode::SyncAll).unwrap();
}

#[tokio::test]
async fn a_record_that_is_damaged_is_corrupt_and_does_not_concern_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let [running, ended, well] = [claim(), claim(), claim()];
    let hand = Hand::at(1_000_000);
    let open = || hand.on(FjallStore::builder(&folder)).open().unwrap();
    let store = open();
    let ticket = owned(&store, &running).await;
    completed(&store, &ended, b"ended".to_vec(), HOUR).await;
    completed(&store, &well, b"well".to_vec(), 2 * HOUR).await;
    drop(store);
    spoil(folder.path(), running.id);
    spoil(folder.path(), ended.id);

    let store = open();
    for damaged in [&running, &ended] {
        assert_eq!(refused(&store, &other(damaged)).await, StoreErrorKind::Corrupt);
        assert_eq!(store.invalidate(damaged.id).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    }
    let error = store.step(&ticket.ticket, &complete("late")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert_eq!(completion(&store, &well).await.response, response("well"));
    let new = claim();
    let runs = owned(&store, &new).await;

    // Nobody knows whether the owner of a damaged one runs, so it stays, and that is told.
    assert_eq!(store.clear().await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    assert_eq!(store.occupancy().records, 2, "it, and what runs");
    done(&store, &runs, complete("and the store goes on")).await;
    assert_eq!(refused(&store, &other(&running)).await, StoreErrorKind::Corrupt);
    owned(&store, &other(&ended)).await;
    hand.pass(100 * HOUR);
    store.sweep().await.unwrap();
    assert_eq!(store.occupancy().records, 0, "it leaves when its time has come");
}
