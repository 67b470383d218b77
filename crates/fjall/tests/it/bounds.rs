use std::time::Duration;

use buttress_fjall::FjallStore;
use buttress_idempotency::testing::{claim, response};
use buttress_idempotency::{Checkpoint, Claim, Scope, Step, Stepped, Store, StoreErrorKind};

use crate::sample::{HOUR, Hand, complete, completed, completion, done, other, owned, refused};

#[tokio::test]
async fn a_full_store_refuses_what_is_new_and_goes_on_with_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::builder(&folder).max_records(2).open().unwrap();
    let (running, ended) = (claim(), claim());
    let ticket = owned(&store, &running).await;
    completed(&store, &ended, b"kept".to_vec(), HOUR).await;
    assert_eq!(refused(&store, &claim()).await, StoreErrorKind::Full);
    done(&store, &ticket, Step::Renew { lease: HOUR, retain: HOUR }).await;
    assert_eq!(completion(&store, &other(&ended)).await.response, response("kept"));
    done(&store, &ticket, complete("ended")).await;
    assert_eq!(store.occupancy().records, 2);
}

#[tokio::test]
async fn a_completion_without_room_becomes_a_tombstone_and_a_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::builder(&folder).max_bytes(65_536).open().unwrap();
    let claims = [claim(), claim()];
    completed(&store, &claims[0], vec![1; 62_000], HOUR).await;
    let running = owned(&store, &claims[1]).await;
    let checkpoint = Step::Checkpoint(Checkpoint::new(vec![2; 4_096]).unwrap());
    let error = store.step(&running.ticket, &checkpoint).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full);
    let stepped = store.step(&running.ticket, &complete(vec![3; 10_000])).await.unwrap();
    assert_eq!(stepped, Stepped::StatusOnly);
    let kept = completion(&store, &claims[1]).await.response;
    assert_eq!((kept.status(), kept.body(), kept.headers().iter().count()), (201, None, 0));
}

#[tokio::test]
async fn one_caller_cannot_fill_the_store_alone_and_the_count_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let open =
        || FjallStore::builder(&folder).max_records_per_scope(2).max_bytes_per_scope(4_096).open().unwrap();
    let of = |scope| Claim { scope: Scope::from_bits(scope), ..claim() };
    let store = open();
    completed(&store, &of(1), vec![1; 1_000], HOUR).await;
    let second = of(1);
    owned(&store, &second).await;
    drop(store);

    let store = open();
    assert_eq!(refused(&store, &of(1)).await, StoreErrorKind::ScopeFull);
    owned(&store, &of(2)).await;
    let running = owned(&store, &second).await;
    let stepped = store.step(&running.ticket, &complete(vec![1; 3_000])).await.unwrap();
    assert_eq!(stepped, Stepped::StatusOnly, "its bytes are bounded too");
    assert_eq!(store.invalidate(second.id).await.unwrap(), buttress_idempotency::Invalidated::Removed);
    owned(&store, &of(1)).await;
}

#[tokio::test]
async fn what_has_expired_makes_room_for_what_comes() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::at(1_000_000);
    let store = hand.on(FjallStore::builder(&folder)).max_records(3_000).open().unwrap();
    let second = Duration::from_secs(1);
    let fill = async |count: usize| {
        let claims: Vec<_> = (0..count).map(|_| Claim { lease: second, retain: second, ..claim() }).collect();
        for claim in &claims {
            owned(&store, claim).await;
        }
    };
    // Released rather than awaited one by one, this would be a benchmark; a part is enough to be more than one look.
    fill(1_500).await;
    hand.pass(second);
    let store = &store;
    let large = FjallStore::RECORD_BYTES;
    assert_eq!(store.occupancy().bytes, 1_500 * large);
    owned(store, &claim()).await;
    assert!(store.occupancy().records < 1_501, "{:?}", store.occupancy());
    store.sweep().await.unwrap();
    assert_eq!((store.occupancy().records, store.occupancy().bytes), (1, large));
}

#[tokio::test]
async fn a_full_store_finds_room_behind_any_number_of_expired_records_in_one_claim() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::at(1_000_000);
    let store = hand.on(FjallStore::builder(&folder)).max_records(4).open().unwrap();
    for round in 0..5 {
        for _ in 0..4 {
            completed(&store, &claim(), vec![round], Duration::from_secs(1)).await;
        }
        hand.pass(Duration::from_millis(999));
        assert_eq!(refused(&store, &claim()).await, StoreErrorKind::Full);
        hand.pass(Duration::from_millis(1));
    }
}

#[tokio::test]
async fn what_expired_and_comes_again_is_counted_once_and_for_its_new_caller() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::at(1_000_000);
    let store = hand.on(FjallStore::builder(&folder)).max_records_per_scope(1).open().unwrap();
    let first = Claim { scope: Scope::from_bits(1), ..claim() };
    completed(&store, &first, vec![1; 100], Duration::from_secs(1)).await;
    hand.pass(Duration::from_secs(1));
    let second = Claim { scope: Scope::from_bits(2), ..other(&first) };
    assert_eq!(owned(&store, &second).await.attempt, 1);
    assert_eq!((store.occupancy().records, store.occupancy().bytes), (1, FjallStore::RECORD_BYTES));
    assert_eq!(refused(&store, &Claim { id: claim().id, ..other(&second) }).await, StoreErrorKind::ScopeFull);
    owned(&store, &Claim { id: claim().id, ..other(&first) }).await;
}

#[tokio::test]
async fn a_record_counts_for_its_first_caller_for_as_long_as_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::builder(&folder).max_records_per_scope(1).open().unwrap();
    let of = |scope, claim: Claim| Claim { scope: Scope::from_bits(scope), ..claim };
    let first = of(1, claim());
    let before = owned(&store, &first).await;
    done(&store, &before, Step::Abandon).await;
    assert_eq!(owned(&store, &of(2, other(&first))).await.attempt, 2);
    assert_eq!(refused(&store, &of(1, claim())).await, StoreErrorKind::ScopeFull);
    owned(&store, &of(2, claim())).await;
}
