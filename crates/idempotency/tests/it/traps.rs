//! Faults of other implementations, each as a test that this one does not have it.

use std::sync::Arc;
use std::time::Duration;

use buttress_core::Entropy;
use buttress_idempotency::testing::{Flaky, Sickness, claim, response};
use buttress_idempotency::{
    Claim, Claimed, Fingerprint, HeaderList, MemoryStore, OwnerToken, Phase, Record, RecordId, Step, Stepped,
    Store, StoreErrorKind, StoredResponse, WhenAbandoned,
};
use tokio::time::advance;

use crate::sample::{LEASE, RETAIN, at, in_flight, owned};

fn other(claim: &Claim) -> Claim {
    Claim { owner: OwnerToken::draw(&Entropy::system()), ..claim.clone() }
}

fn complete(body: &'static str) -> Step {
    Step::Complete { response: response(body), retain: RETAIN }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_one_runs_i1() {
    buttress_idempotency::testing::check_races(&Arc::new(MemoryStore::default())).await;
}

#[test]
fn headers_of_one_name_and_bytes_that_are_no_text_are_kept_i4() {
    let mut headers = HeaderList::builder();
    let pairs: [(&[u8], &[u8]); 3] = [(b"link", b"<a>"), (b"etag", b"\xff\xfe"), (b"link", b"<b>")];
    for (name, value) in pairs {
        headers.push(name, value).unwrap();
    }
    let kept = StoredResponse::new(200, headers.finish(), "".into()).unwrap();
    let kept = StoredResponse::decode(kept.encode()).unwrap();
    let kept: Vec<_> = kept.headers().iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    assert_eq!(kept, pairs.map(|(name, value)| (name.to_vec(), value.to_vec())));
}

#[tokio::test(start_paused = true)]
async fn a_crash_blocks_a_key_for_one_lease_and_not_for_the_whole_retention_i7_i8() {
    let store = MemoryStore::default();
    let claim = Claim { lease: Duration::from_secs(30), retain: Duration::from_secs(86_400), ..claim() };
    owned(store.claim(&claim).await.unwrap());
    advance(Duration::from_millis(29_999)).await;
    assert!(matches!(store.claim(&other(&claim)).await.unwrap(), Claimed::InFlight { .. }));
    advance(Duration::from_millis(1)).await;
    assert_eq!(owned(store.claim(&other(&claim)).await.unwrap()).attempt, 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_free_again_after_its_retention_whatever_became_of_it_i8() {
    let store = MemoryStore::default();
    for end in [None, Some(complete("kept")), Some(Step::Release { retain: RETAIN }), Some(Step::Abandon)] {
        let claim = Claim { lease: LEASE, retain: RETAIN, ..claim() };
        let owner = owned(store.claim(&claim).await.unwrap());
        if let Some(step) = &end {
            assert_eq!(store.step(&owner.ticket, step).await.unwrap(), Stepped::Done);
        }
        advance(RETAIN).await;
        assert_eq!(owned(store.claim(&other(&claim)).await.unwrap()).attempt, 1, "{end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_overran_neither_overwrites_nor_deletes_what_his_successor_wrote_i9_i20() {
    let store = MemoryStore::default();
    let claim = Claim { lease: LEASE, ..claim() };
    let zombie = owned(store.claim(&claim).await.unwrap());
    advance(LEASE).await;
    let successor = owned(store.claim(&other(&claim)).await.unwrap());
    for step in [complete("zombie"), Step::Release { retain: RETAIN }, Step::Abandon] {
        assert_eq!(store.step(&zombie.ticket, &step).await.unwrap(), Stepped::Fenced(None));
    }
    assert_eq!(store.step(&successor.ticket, &complete("successor")).await.unwrap(), Stepped::Done);
    let Stepped::Fenced(Some(kept)) = store.step(&zombie.ticket, &complete("zombie")).await.unwrap() else {
        panic!("not fenced");
    };
    assert_eq!(kept.response, response("successor"), "the zombie hears the one answer there is");
}

#[test]
fn a_lease_of_zero_is_not_a_lease_without_end_i10() {
    let record = in_flight(&Claim { lease: Duration::ZERO, ..claim() }, at(0));
    assert_eq!(record.phase(at(0)), Some(Phase::InFlight));
    assert_eq!(record.phase(at(1)), Some(Phase::Abandoned));
}

#[tokio::test]
async fn another_payload_is_found_out_while_the_first_still_runs_i11_i12() {
    let store = MemoryStore::default();
    let claim = claim();
    owned(store.claim(&claim).await.unwrap());
    let wrong = Claim { fingerprint: Fingerprint::from_bytes([9; 32]), ..other(&claim) };
    assert_eq!(store.claim(&wrong).await.unwrap(), Claimed::Mismatch);
}

#[tokio::test]
async fn another_payload_is_not_another_record_i13() {
    let store = MemoryStore::default();
    let claim = claim();
    let owner = owned(store.claim(&claim).await.unwrap());
    store.step(&owner.ticket, &Step::Release { retain: RETAIN }).await.unwrap();
    let wrong = Claim { fingerprint: Fingerprint::from_bytes([9; 32]), ..other(&claim) };
    assert_eq!(store.claim(&wrong).await.unwrap(), Claimed::Mismatch, "even after a release");
    assert_eq!(store.occupancy().records, 1);
}

#[tokio::test]
async fn a_ticket_that_is_dropped_frees_nothing_i15() {
    let store = MemoryStore::default();
    let claim = claim();
    let _ = owned(store.claim(&claim).await.unwrap());
    assert!(matches!(store.claim(&other(&claim)).await.unwrap(), Claimed::InFlight { .. }));
}

#[tokio::test(start_paused = true)]
async fn the_epoch_grows_even_where_the_record_was_forgotten_i16() {
    let store = MemoryStore::default();
    let claim = claim();
    let before = owned(store.claim(&claim).await.unwrap());
    store.step(&before.ticket, &complete("kept")).await.unwrap();
    advance(Duration::from_millis(1)).await;
    store.invalidate(claim.id).await.unwrap();
    let after = owned(store.claim(&other(&claim)).await.unwrap());
    assert!(after.ticket.epoch > before.ticket.epoch);
    advance(Duration::from_millis(1)).await;
    let restarted = owned(MemoryStore::default().claim(&other(&claim)).await.unwrap());
    assert!(
        restarted.ticket.epoch + 10 > after.ticket.epoch,
        "a store that lost all begins near the same time"
    );
}

#[tokio::test]
async fn the_record_of_one_caller_is_nothing_to_another_i17() {
    let store = MemoryStore::default();
    let mine = claim();
    let owner = owned(store.claim(&mine).await.unwrap());
    store.step(&owner.ticket, &complete("mine")).await.unwrap();
    // The caller is part of the ID, in each of its bytes.
    for byte in 0..32 {
        let mut id = *mine.id.as_bytes();
        id[byte] ^= 1;
        let theirs = Claim { id: RecordId::from_bytes(id), ..other(&mine) };
        assert_eq!(owned(store.claim(&theirs).await.unwrap()).attempt, 1, "byte {byte}");
    }
}

#[tokio::test]
async fn an_end_is_kept_released_or_unknown_and_unknown_may_be_final_i19() {
    let store = MemoryStore::default();
    let (kept, released, unknown) = (claim(), claim(), claim());
    for (claim, step) in
        [(&kept, complete("500")), (&released, Step::Release { retain: RETAIN }), (&unknown, Step::Abandon)]
    {
        let owner = owned(store.claim(claim).await.unwrap());
        assert_eq!(store.step(&owner.ticket, &step).await.unwrap(), Stepped::Done);
    }
    let careful = |claim: &Claim| Claim { when_abandoned: WhenAbandoned::Refuse, ..other(claim) };
    assert!(matches!(store.claim(&careful(&kept)).await.unwrap(), Claimed::Completed(_)));
    assert_eq!(owned(store.claim(&careful(&released)).await.unwrap()).attempt, 2);
    assert_eq!(store.claim(&careful(&unknown)).await.unwrap(), Claimed::Abandoned { attempt: 1 });
}

#[tokio::test]
async fn who_replays_can_be_told_until_when_the_answer_is_kept_i22() {
    let store = MemoryStore::default();
    let claim = claim();
    let owner = owned(store.claim(&claim).await.unwrap());
    store.step(&owner.ticket, &complete("kept")).await.unwrap();
    let Claimed::Completed(kept) = store.claim(&other(&claim)).await.unwrap() else { panic!("not kept") };
    assert_eq!(kept.expires_at.since(kept.completed_at), RETAIN);
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_renews_is_not_taken_over_however_long_it_takes_i8() {
    let store = MemoryStore::default();
    let claim = Claim { lease: LEASE, retain: RETAIN, ..claim() };
    let owner = owned(store.claim(&claim).await.unwrap());
    for _ in 0..100 {
        advance(LEASE * 9 / 10).await;
        let renew = Step::Renew { lease: LEASE, retain: RETAIN };
        assert_eq!(store.step(&owner.ticket, &renew).await.unwrap(), Stepped::Done);
        assert!(matches!(store.claim(&other(&claim)).await.unwrap(), Claimed::InFlight { .. }));
    }
    assert_eq!(store.step(&owner.ticket, &complete("long")).await.unwrap(), Stepped::Done);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_an_error_and_never_a_first_claim_i3() {
    let store = Flaky::new(MemoryStore::default());
    for kind in [StoreErrorKind::Unreachable, StoreErrorKind::Corrupt, StoreErrorKind::Unfit] {
        store.fall_sick(Sickness::Fails(kind));
        assert_eq!(store.claim(&claim()).await.unwrap_err().kind(), kind);
    }
    assert_eq!(store.store().occupancy().records, 0);
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_owned_when_it_is_sent_again() {
    let store = Flaky::new(MemoryStore::default());
    let claim = claim();
    store.fall_sick(Sickness::LosesAnswers);
    assert!(store.claim(&claim).await.unwrap_err().may_have_happened());
    store.heal();
    assert!(matches!(store.claim(&other(&claim)).await.unwrap(), Claimed::InFlight { .. }), "it happened");
    let owner = owned(store.claim(&claim).await.unwrap());
    assert_eq!(owner.attempt, 1);
    store.fall_sick(Sickness::LosesAnswers);
    assert!(store.step(&owner.ticket, &complete("kept")).await.unwrap_err().may_have_happened());
    store.heal();
    assert_eq!(store.step(&owner.ticket, &complete("kept")).await.unwrap(), Stepped::Done);
}

#[test]
fn neither_key_nor_caller_is_spelled_out_in_a_log() {
    let claim = Claim { id: RecordId::from_bytes([0xab; 32]), ..claim() };
    assert_eq!(
        (format!("{}", claim.id), format!("{:?}", claim.id)),
        ("abababab".into(), "RecordId(abababab..)".into())
    );
    let said = format!("{claim:?} {:?}", Record::claim(None, &claim, at(0)));
    assert!(!said.contains("ababababab"), "{said}");
}
