use std::sync::{Arc, Mutex};

use buttress_fjall::FjallStore;
use buttress_idempotency::testing::{check_races, check_store, claim, response};
use buttress_idempotency::{Claimed, Step, Store, Timestamp};

use crate::sample::{HOUR, Hand, complete, completion, done, other, owned, polled_once};

#[tokio::test]
async fn the_laws_of_stores_hold() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::at(1_000_000);
    let store = hand.on(FjallStore::builder(&folder)).open().unwrap();
    check_store(&store, async |time| hand.pass(time)).await;
}

#[tokio::test]
async fn the_laws_of_stores_hold_by_the_machines_clock() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::open(&folder).unwrap();
    check_store(&store, tokio::time::sleep).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn races_have_one_winner() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(FjallStore::open(&folder).unwrap());
    check_races(&store).await;
}

#[tokio::test]
#[expect(clippy::await_holding_lock, reason = "it stops the store, and not this thread")]
async fn a_claim_that_nobody_waits_for_any_more_takes_no_lease() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Arc::new(Mutex::new(Timestamp::from_millis(1_000_000)));
    let clock = Arc::clone(&gate);
    let store = FjallStore::builder(&folder).clock(move || *clock.lock().unwrap()).open().unwrap();
    for _ in 0..10 {
        let claim = claim();
        // Nothing is decided while nobody can tell the time.
        let stopped = gate.lock().unwrap();
        polled_once(store.claim(&claim)).await;
        drop(stopped);
        assert_eq!(owned(&store, &other(&claim)).await.attempt, 1, "it left no trace");
    }
}

#[tokio::test]
async fn a_completion_whose_caller_left_is_either_there_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::open(&folder).unwrap();
    for _ in 0..20 {
        let claim = claim();
        let owned = owned(&store, &claim).await;
        let step = complete("left");
        polled_once(store.step(&owned.ticket, &step)).await;
        // It was in line before this one, so it has happened; and sent again it is the same.
        done(&store, &owned, complete("sent again")).await;
        assert_eq!(completion(&store, &other(&claim)).await.response, response("left"));
    }
}

#[tokio::test]
async fn many_records_of_one_batch_are_decided_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::open(&folder).unwrap();
    let claim = claim();
    let (first, second) = (other(&claim), other(&claim));
    // All of them are in line before the first is answered.
    let (one, two, three) = tokio::join!(store.claim(&first), store.claim(&second), store.claim(&first));
    let (Claimed::Owned(one), Claimed::InFlight { .. }, Claimed::Owned(three)) =
        (one.unwrap(), two.unwrap(), three.unwrap())
    else {
        panic!("not in order")
    };
    assert_eq!(one, three);
    let step = complete("once");
    let (done, claimed) = tokio::join!(store.step(&one.ticket, &step), store.claim(&second));
    assert_eq!(done.unwrap(), buttress_idempotency::Stepped::Done);
    assert!(matches!(claimed.unwrap(), Claimed::Completed(_)));
}

#[tokio::test]
#[expect(clippy::await_holding_lock, reason = "it stops the store, and not this thread")]
async fn a_record_that_changes_often_in_one_batch_is_listed_and_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Arc::new(Mutex::new(Timestamp::from_millis(1_000_000)));
    let clock = Arc::clone(&gate);
    let store = FjallStore::builder(&folder).clock(move || *clock.lock().unwrap()).open().unwrap();
    let claim = claim();
    let owned = owned(&store, &claim).await;
    let stopped = gate.lock().unwrap();
    for hours in [2, 3, 4, 5, 6] {
        polled_once(store.step(&owned.ticket, &Step::Renew { lease: HOUR, retain: hours * HOUR })).await;
    }
    drop(stopped);
    done(&store, &owned, Step::Complete { response: response("once"), retain: 7 * HOUR }).await;
    drop(store);
    let early = || Timestamp::from_millis(1_000_000);
    let store = FjallStore::builder(&folder).clock(early).open().unwrap();
    assert_eq!(store.occupancy().records, 1);
    assert_eq!(store.clear().await.unwrap(), 1);
}
