//! A store in memory holds no more than it may, and forgets nothing that it must keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use buttress_idempotency::{
    Checkpoint, Claim, Claimed, MemoryStore, MemoryStoreBuilder, Owned, Scope, Step, Stepped, Store,
    StoreError, StoreErrorKind,
};

use crate::sample::{LEASE, RETAIN, at, claim, of_record, owned, response};

/// A clock that a test turns.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn turn(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

fn store(builder: MemoryStoreBuilder) -> (MemoryStore, Hand) {
    let hand = Hand(Arc::new(AtomicU64::new(1_000)));
    let now = hand.clone();
    (builder.clock(move || at(now.0.load(Ordering::Relaxed))).build().unwrap(), hand)
}

fn of(number: u64) -> Claim {
    of_record(number, &claim(1 + u128::from(number), 1))
}

async fn full(store: &MemoryStore, claim: &Claim) -> Option<StoreErrorKind> {
    store.claim(claim).await.err().map(|error: StoreError| error.kind())
}

async fn own(store: &MemoryStore, claim: &Claim) -> Owned {
    owned(store.claim(claim).await.unwrap())
}

async fn complete(store: &MemoryStore, owned: &Owned, body: &str, retain: Duration) -> Stepped {
    store.step(&owned.ticket, &Step::Complete { response: response(body), retain }).await.unwrap()
}

#[tokio::test]
async fn a_full_store_refuses_new_records_and_goes_on_with_those_it_has_i6() {
    let (store, hand) = store(MemoryStore::builder().max_records(3));
    let running = own(&store, &of(0)).await;
    let done = own(&store, &of(1)).await;
    assert_eq!(complete(&store, &done, "kept", RETAIN).await, Stepped::Done);
    let released = own(&store, &of(2)).await;
    store.step(&released.ticket, &Step::Release { retain: RETAIN }).await.unwrap();
    assert_eq!(full(&store, &of(3)).await, Some(StoreErrorKind::Full));
    assert_eq!(store.occupancy().records, 3);
    // Nothing was forgotten to make room.
    let again = |number: u64| of_record(number, &claim(100, 1));
    assert!(matches!(store.claim(&again(0)).await.unwrap(), Claimed::InFlight { .. }));
    assert!(matches!(store.claim(&again(1)).await.unwrap(), Claimed::Completed(_)));
    assert_eq!(own(&store, &again(2)).await.attempt, 2, "a new attempt needs no room");
    let renew = Step::Renew { lease: LEASE, retain: RETAIN };
    assert_eq!(store.step(&running.ticket, &renew).await.unwrap(), Stepped::Done);
    // What has expired makes room, whichever shard it was in.
    hand.turn(10_000);
    for number in 10..13 {
        assert_eq!(own(&store, &of(number)).await.attempt, 1);
    }
    assert_eq!(full(&store, &of(13)).await, Some(StoreErrorKind::Full));
}

#[tokio::test]
async fn only_bytes_that_are_there_are_charged_so_many_may_run_at_once_i6() {
    let (store, _) = store(MemoryStore::builder().max_bytes(64 << 10));
    let room = (64 << 10) / MemoryStore::RECORD_BYTES;
    for number in 0..room {
        own(&store, &of(number)).await;
    }
    assert_eq!(full(&store, &of(room)).await, Some(StoreErrorKind::Full));
    let occupancy = store.occupancy();
    assert_eq!(
        (occupancy.records, occupancy.bytes),
        (room, room * MemoryStore::RECORD_BYTES),
        "what was refused took nothing"
    );
}

#[tokio::test]
async fn a_completion_without_room_keeps_the_status_and_is_never_run_again() {
    let (store, hand) = store(MemoryStore::builder().max_bytes(64 << 10));
    let body = "x".repeat(40_000);
    let (first, second) = (own(&store, &of(1)).await, own(&store, &of(2)).await);
    assert_eq!(complete(&store, &first, &body, LEASE).await, Stepped::Done);
    assert_eq!(complete(&store, &second, &body, RETAIN).await, Stepped::StatusOnly);
    let Claimed::Completed(kept) = store.claim(&of(2)).await.unwrap() else { panic!("not completed") };
    assert_eq!((kept.response.status(), kept.response.body()), (200, None));
    // Once the other has expired there is room again.
    let third = own(&store, &of(3)).await;
    hand.turn(1_000);
    assert_eq!(complete(&store, &third, &body, RETAIN).await, Stepped::Done);
}

#[tokio::test]
async fn a_checkpoint_without_room_is_refused_and_the_owner_goes_on() {
    let (store, _) = store(MemoryStore::builder().max_bytes(64 << 10));
    let first = own(&store, &of(1)).await;
    assert_eq!(complete(&store, &first, &"x".repeat(64_500), RETAIN).await, Stepped::Done);
    let second = own(&store, &of(2)).await;
    let checkpoint = Step::Checkpoint(Checkpoint::new(vec![0; 4_096]).unwrap());
    let refused = store.step(&second.ticket, &checkpoint).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Full);
    assert!(!refused.may_have_happened());
    assert_eq!(complete(&store, &second, "", RETAIN).await, Stepped::Done);
}

#[tokio::test]
async fn one_caller_cannot_fill_the_store() {
    let (store, hand) = store(MemoryStore::builder().max_records_per_scope(2).max_bytes_per_scope(4 << 10));
    let by = |number: u64, caller: u64| Claim { scope: Scope::from_bits(caller), ..of(number) };
    let first = own(&store, &by(1, 7)).await;
    own(&store, &by(2, 7)).await;
    assert_eq!(full(&store, &by(3, 7)).await, Some(StoreErrorKind::ScopeFull));
    let occupancy = store.occupancy();
    assert_eq!(
        (occupancy.records, occupancy.bytes),
        (2, 2 * MemoryStore::RECORD_BYTES),
        "what was refused took nothing"
    );
    assert_eq!(full(&store, &by(3, 8)).await, None, "others are not concerned");
    assert_eq!(complete(&store, &first, &"x".repeat(5_000), RETAIN).await, Stepped::StatusOnly);
    hand.turn(10_000);
    assert_eq!(full(&store, &by(4, 7)).await, None, "what has expired is not held against anybody");
}

#[tokio::test]
async fn everything_that_was_taken_is_given_back() {
    let (store, hand) = store(MemoryStore::builder().max_records_per_scope(1_000));
    for round in 0..5 {
        for number in 0..200 {
            let owned = own(&store, &of(number)).await;
            let checkpoint = Step::Checkpoint(Checkpoint::new(vec![0; 100]).unwrap());
            store.step(&owned.ticket, &checkpoint).await.unwrap();
            match number % 4 {
                0 => drop(complete(&store, &owned, "kept", RETAIN).await),
                1 => drop(store.step(&owned.ticket, &Step::Release { retain: LEASE }).await.unwrap()),
                2 => drop(store.step(&owned.ticket, &Step::Abandon).await.unwrap()),
                _ => {}
            }
            if number % 8 == 0 {
                store.invalidate(of(number).id).await.unwrap();
            }
        }
        if round == 2 {
            store.clear().await.unwrap();
        }
        hand.turn(20_000);
        store.sweep();
        let occupancy = store.occupancy();
        assert_eq!((occupancy.records, occupancy.bytes), (0, 0), "round {round}");
    }
}

#[tokio::test]
async fn expired_records_leave_as_new_ones_come_i21() {
    let (store, hand) = store(MemoryStore::builder());
    for number in 0..20_000 {
        let owned = own(&store, &of(number)).await;
        complete(&store, &owned, "kept", LEASE).await;
        hand.turn(1);
    }
    let records = store.occupancy().records;
    assert!(records < 1_500, "{records} records are held, and about 1,000 have not expired");
}

#[tokio::test]
async fn a_record_that_is_renewed_for_long_is_not_swept_away() {
    let (store, hand) = store(MemoryStore::builder());
    let owned = own(&store, &Claim { retain: LEASE, ..of(0) }).await;
    for _ in 0..100 {
        hand.turn(900);
        assert_eq!(store.sweep(), 0);
        let renew = Step::Renew { lease: LEASE, retain: LEASE };
        assert_eq!(store.step(&owned.ticket, &renew).await.unwrap(), Stepped::Done);
    }
    assert_eq!(complete(&store, &owned, "done", RETAIN).await, Stepped::Done);
    hand.turn(9_999);
    assert_eq!(store.sweep(), 0, "its end counts from the completion");
    hand.turn(1);
    assert_eq!(store.sweep(), 1);
}

#[tokio::test]
async fn a_shortened_record_leaves_when_it_should_and_notes_do_not_pile_up() {
    let (store, hand) = store(MemoryStore::builder());
    for round in 0..10_000_u64 {
        let claim = of_record(1, &claim(u128::from(round) + 1, 1));
        let owned = own(&store, &claim).await;
        store.step(&owned.ticket, &Step::Release { retain: Duration::from_millis(5) }).await.unwrap();
    }
    assert_eq!(store.occupancy().records, 1);
    hand.turn(5);
    assert_eq!(store.sweep(), 1);
}

#[test]
fn settings_that_are_out_of_range_are_all_told() {
    let builder =
        MemoryStore::builder().max_records(0).max_bytes(1).max_records_per_scope(0).max_bytes_per_scope(1);
    let error = builder.build().unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(buttress_core::Problem::field).collect();
    assert_eq!(fields, ["max_records", "max_bytes", "max_records_per_scope", "max_bytes_per_scope"]);
    assert!(error.to_string().contains("max_bytes is 1 bytes, allowed: 65536 bytes or more"), "{error}");
}

#[test]
fn a_record_is_charged_for_at_least_what_it_takes() {
    let slot = size_of::<buttress_idempotency::Record>() + 32 + 8 + 8 + 8;
    let note = 40;
    // A map may be almost half empty, and of the notes half may not count.
    assert!(slot * 8 / 7 + note < usize::try_from(MemoryStore::RECORD_BYTES).unwrap(), "{slot} bytes");
}
