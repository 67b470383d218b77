use std::time::Duration;

use buttress_fjall::FjallStore;
use buttress_idempotency::testing::{claim, response};
use buttress_idempotency::{After, Checkpoint, Claim, Claimed, Step, Stepped, Store, WhenAbandoned};

use crate::sample::{HOUR, Hand, complete, completed, completion, done, other, owned};

#[tokio::test]
async fn what_was_in_flight_is_taken_over_at_once_after_a_restart_and_its_owner_is_fenced() {
    let folder = tempfile::tempdir().unwrap();
    let claim = claim();
    let store = FjallStore::open(&folder).unwrap();
    let before = owned(&store, &claim).await;
    let checkpoint = Checkpoint::new(&b"half"[..]).unwrap();
    done(&store, &before, Step::Checkpoint(checkpoint.clone())).await;
    drop(store);

    let store = FjallStore::open(&folder).unwrap();
    let refusing = Claim { when_abandoned: WhenAbandoned::Refuse, ..other(&claim) };
    assert_eq!(store.claim(&refusing).await.unwrap(), Claimed::Abandoned { attempt: 1 });
    let after = owned(&store, &other(&claim)).await;
    assert_eq!((after.attempt, after.after), (2, After::Abandonment));
    assert_eq!(after.checkpoint, Some(checkpoint));
    assert!(after.ticket.epoch > before.ticket.epoch);
    assert_eq!(store.step(&before.ticket, &complete("late")).await.unwrap(), Stepped::Fenced(None));
    assert!(matches!(store.claim(&other(&claim)).await.unwrap(), Claimed::InFlight { .. }), "once");
}

#[tokio::test]
async fn who_is_given_up_at_a_restart_stays_so_at_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let claim = claim();
    owned(&FjallStore::open(&folder).unwrap(), &claim).await;
    drop(FjallStore::open(&folder).unwrap());
    let store = FjallStore::open(&folder).unwrap();
    assert_eq!(owned(&store, &claim).await.attempt, 2, "even for the claim that was there before");
}

#[tokio::test]
async fn completed_tombstones_and_stubs_outlive_a_restart_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, bare, released) = (claim(), claim(), claim());
    let store = FjallStore::open(&folder).unwrap();
    completed(&store, &whole, vec![7; 1 << 20], HOUR).await;
    let headers = response("").headers().clone();
    let tombstone = buttress_idempotency::StoredResponse::without_body(204, headers);
    let running = owned(&store, &bare).await;
    done(&store, &running, Step::Complete { response: tombstone.clone().into(), retain: HOUR }).await;
    let running = owned(&store, &released).await;
    done(&store, &running, Step::Release { retain: HOUR }).await;
    let (kept, occupancy) = (completion(&store, &whole).await, store.occupancy());
    drop(store);

    let store = FjallStore::open(&folder).unwrap();
    assert_eq!(store.occupancy(), occupancy);
    assert_eq!(completion(&store, &other(&whole)).await, kept);
    assert_eq!(kept.response, response(vec![7; 1 << 20]));
    assert_eq!(*completion(&store, &bare).await.response, tombstone);
    let again = owned(&store, &other(&released)).await;
    assert_eq!((again.attempt, again.after), (2, After::Release));
}

#[tokio::test]
async fn limits_that_were_lowered_forget_nothing_and_refuse_only_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let (running, ended) = (claim(), claim());
    let store = FjallStore::open(&folder).unwrap();
    owned(&store, &running).await;
    completed(&store, &ended, vec![1; 100_000], HOUR).await;
    drop(store);

    let store = FjallStore::builder(&folder).max_records(1).max_bytes(65_536).open().unwrap();
    assert_eq!(store.occupancy().records, 2);
    assert_eq!(crate::sample::refused(&store, &claim()).await, buttress_idempotency::StoreErrorKind::Full);
    assert_eq!(completion(&store, &ended).await.response, response(vec![1; 100_000]));
    let owned = owned(&store, &other(&running)).await;
    done(&store, &owned, Step::Renew { lease: HOUR, retain: HOUR }).await;
    let stepped = store.step(&owned.ticket, &complete("no room")).await.unwrap();
    assert_eq!(stepped, Stepped::StatusOnly);
}

#[tokio::test]
async fn a_clock_that_went_back_while_the_store_was_closed_changes_no_order() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::at(50_000_000);
    let open = || hand.on(FjallStore::builder(&folder)).open().unwrap();
    let (ended, again) = (claim(), claim());
    let store = open();
    completed(&store, &ended, b"kept".to_vec(), Duration::from_secs(10)).await;
    let before = owned(&store, &again).await;
    assert_eq!(store.invalidate(ended.id).await.unwrap(), buttress_idempotency::Invalidated::Removed);
    completed(&store, &ended, b"kept".to_vec(), Duration::from_secs(10)).await;
    drop(store);

    hand.set(1_000);
    let store = open();
    assert_eq!(completion(&store, &ended).await.completed_at.as_millis(), 50_000_000);
    let fresh = owned(&store, &claim()).await;
    assert_eq!(fresh.created_at.as_millis(), 50_000_000, "time begins where it was");
    assert!(owned(&store, &other(&again)).await.ticket.epoch > before.ticket.epoch);
    hand.set(50_010_000);
    assert_eq!(
        owned(&store, &other(&ended)).await.attempt,
        1,
        "and it goes on when the clock is there again"
    );
}

#[tokio::test]
async fn a_renewal_counts_after_a_restart_although_it_was_not_awaited_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::at(1_000_000);
    let open = || hand.on(FjallStore::builder(&folder)).open().unwrap();
    let claim = Claim { lease: Duration::from_secs(1), retain: Duration::from_secs(1), ..claim() };
    let store = open();
    let running = owned(&store, &claim).await;
    done(&store, &running, Step::Renew { lease: HOUR, retain: HOUR }).await;
    drop(store);
    hand.pass(Duration::from_secs(60));
    assert_eq!(owned(&open(), &other(&claim)).await.attempt, 2);
}
