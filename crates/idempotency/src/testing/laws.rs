use std::time::Duration;

use buttress_core::Entropy;

use super::{claim, response};
use crate::{
    After, Checkpoint, Claim, Claimed, Completion, Fingerprint, Invalidated, Owned, OwnerToken, Step,
    Stepped, Store, StoredResponse, WhenAbandoned,
};

/// A lease or retention that ends while somebody watches.
const SHORT: Duration = Duration::from_millis(40);

/// Long enough for what is [`SHORT`] to be over.
const OVER: Duration = Duration::from_millis(120);

const HOUR: Duration = Duration::from_secs(3_600);

/// Checks the laws of [`Store`] against a store, one after the other, under records of its own.
///
/// `wait` lets time pass by the store's clock: a sleep for a server, an advance of paused time for a store in this
/// process. At the end the store is cleared; give it one, or a namespace, that nobody else needs.
///
/// # Panics
///
/// With the first law that does not hold.
pub async fn check_store<S: Store>(store: &S, wait: impl AsyncFn(Duration)) {
    let bench = Bench { store, wait };
    bench.a_first_claim_is_owned_and_a_second_hears_what_is_left_of_the_lease().await;
    bench.a_claim_sent_again_has_the_same_answer().await;
    bench.another_payload_is_told_so_in_every_state_and_changes_nothing().await;
    bench.a_completion_is_replayed_byte_for_byte_and_never_changes().await;
    bench.a_tombstone_keeps_status_and_headers_without_a_body().await;
    bench.large_responses_come_back_whole().await;
    bench.a_release_leaves_the_payload_and_the_count_behind().await;
    bench.what_was_abandoned_is_taken_over_or_refused_as_the_claim_says().await;
    bench.a_lease_that_ends_lets_one_take_over_and_fences_the_one_before().await;
    bench.a_renewed_lease_goes_on().await;
    bench.a_late_owner_goes_on_if_nobody_took_over().await;
    bench.a_checkpoint_is_handed_to_the_next_attempt_and_gone_after_completion().await;
    bench.who_did_not_claim_cannot_step().await;
    bench.what_has_expired_is_absent().await;
    bench.a_record_outlives_its_lease().await;
    bench.a_late_owner_never_sees_the_answer_to_another_payload().await;
    bench.an_invalidation_forgets_all_but_what_runs().await;
    bench.clearing_forgets_all_but_what_runs().await;
}

struct Bench<'a, S, W> {
    store: &'a S,
    wait: W,
}

impl<S: Store, W: AsyncFn(Duration)> Bench<'_, S, W> {
    async fn claim(&self, claim: &Claim) -> Claimed {
        self.store.claim(claim).await.unwrap_or_else(|error| panic!("{error}: {:?}", error.kind()))
    }

    async fn owned(&self, claim: &Claim) -> Owned {
        match self.claim(claim).await {
            Claimed::Owned(owned) => owned,
            other => panic!("not owned: {other:?}"),
        }
    }

    async fn completion(&self, claim: &Claim) -> Completion {
        match self.claim(claim).await {
            Claimed::Completed(completion) => completion,
            other => panic!("not completed: {other:?}"),
        }
    }

    async fn step(&self, owned: &Owned, step: Step) -> Stepped {
        let stepped = self.store.step(&owned.ticket, &step).await;
        stepped.unwrap_or_else(|error| panic!("{error}: {:?}", error.kind()))
    }

    async fn done(&self, owned: &Owned, step: Step) {
        assert_eq!(self.step(owned, step.clone()).await, Stepped::Done, "{step:?}");
    }

    async fn invalidate(&self, claim: &Claim) -> Invalidated {
        let invalidated = self.store.invalidate(claim.id).await;
        invalidated.unwrap_or_else(|error| panic!("{error}: {:?}", error.kind()))
    }

    async fn pass(&self) {
        (self.wait)(OVER).await;
    }

    async fn a_first_claim_is_owned_and_a_second_hears_what_is_left_of_the_lease(&self) {
        let claim = claim();
        let owned = self.owned(&claim).await;
        assert_eq!((owned.attempt, owned.after, &owned.checkpoint), (1, After::Nothing, &None));
        assert_eq!((owned.ticket.id, owned.ticket.owner), (claim.id, claim.owner));
        assert_eq!(owned.ticket.fingerprint, claim.fingerprint);
        assert!(owned.ticket.epoch > 0);
        let Claimed::InFlight { remaining } = self.claim(&other(&claim)).await else { panic!("two owners") };
        assert!(remaining > Duration::ZERO && remaining <= HOUR, "{remaining:?}");
    }

    async fn a_claim_sent_again_has_the_same_answer(&self) {
        let claim = claim();
        let owned = self.owned(&claim).await;
        assert_eq!(self.owned(&claim).await, owned);
        self.done(&owned, Step::Abandon).await;
        let next = other(&claim);
        let second = self.owned(&next).await;
        assert_eq!(self.owned(&next).await, second, "with what was before");
        self.done(&second, complete("once")).await;
    }

    async fn another_payload_is_told_so_in_every_state_and_changes_nothing(&self) {
        let claim = claim();
        let wrong = Claim { fingerprint: Fingerprint::from_bytes([8; 32]), ..other(&claim) };
        let owned = self.owned(&claim).await;
        assert_eq!(self.claim(&wrong).await, Claimed::Mismatch, "in flight");
        let same_owner = Claim { owner: claim.owner, ..wrong.clone() };
        assert_eq!(self.claim(&same_owner).await, Claimed::Mismatch, "from the owner himself");
        self.done(&owned, Step::Abandon).await;
        assert_eq!(self.claim(&wrong).await, Claimed::Mismatch, "abandoned");
        let owned = self.owned(&other(&claim)).await;
        self.done(&owned, Step::Release { retain: HOUR }).await;
        assert_eq!(self.claim(&wrong).await, Claimed::Mismatch, "released");
        let owned = self.owned(&other(&claim)).await;
        assert_eq!(owned.attempt, 3, "the wrong ones were not counted");
        self.done(&owned, complete("right")).await;
        assert_eq!(self.claim(&wrong).await, Claimed::Mismatch, "completed");
        assert_eq!(self.completion(&claim).await.response, response("right"));
    }

    async fn a_completion_is_replayed_byte_for_byte_and_never_changes(&self) {
        let claim = claim();
        let owned = self.owned(&claim).await;
        self.done(&owned, complete("first")).await;
        self.done(&owned, complete("first")).await;
        let kept = self.completion(&other(&claim)).await;
        assert_eq!((&kept.response, kept.attempt), (&response("first"), 1));
        assert!(kept.completed_at >= owned.created_at && kept.expires_at > kept.completed_at, "{kept:?}");
        let renew = Step::Renew { lease: HOUR, retain: 2 * HOUR };
        let checkpoint = Step::Checkpoint(checkpoint("late"));
        let release = Step::Release { retain: HOUR };
        for step in [renew, checkpoint, release, Step::Abandon] {
            assert_eq!(self.step(&owned, step).await, Stepped::Fenced(Some(kept.clone())));
        }
        self.done(&owned, complete("second")).await;
        assert_eq!(self.completion(&claim).await, kept, "even for the claim that completed it");
    }

    async fn a_tombstone_keeps_status_and_headers_without_a_body(&self) {
        let claim = claim();
        let owned = self.owned(&claim).await;
        let headers = response("").headers().clone();
        let tombstone = StoredResponse::without_body(204, headers);
        self.done(&owned, Step::Complete { response: tombstone.clone().into(), retain: HOUR }).await;
        assert_eq!(*self.completion(&claim).await.response, tombstone);
    }

    async fn large_responses_come_back_whole(&self) {
        for size in [0, 1, 100_000, 1 << 20] {
            let claim = claim();
            let owned = self.owned(&claim).await;
            let body: Vec<u8> = (0_u8..=255).cycle().take(size).collect();
            self.done(&owned, complete(body.clone())).await;
            assert_eq!(self.completion(&claim).await.response, response(body), "{size} bytes");
        }
    }

    async fn a_release_leaves_the_payload_and_the_count_behind(&self) {
        let claim = claim();
        let first = self.owned(&claim).await;
        self.done(&first, Step::Checkpoint(checkpoint("half"))).await;
        self.done(&first, Step::Release { retain: HOUR }).await;
        self.done(&first, Step::Release { retain: HOUR }).await;
        let late = Claimed::InFlight { remaining: Duration::ZERO };
        assert_eq!(
            self.claim(&claim).await,
            late,
            "it was released, and arrives once more: nobody waits for it"
        );
        let second = self.owned(&other(&claim)).await;
        assert_eq!((second.attempt, second.after), (2, After::Release));
        assert_eq!(second.checkpoint, Some(checkpoint("half")));
        assert_eq!(second.created_at, first.created_at);
        assert!(second.ticket.epoch > first.ticket.epoch);
        assert_eq!(self.step(&first, complete("late")).await, Stepped::Fenced(None));
        assert_eq!(self.step(&first, Step::Abandon).await, Stepped::Fenced(None));
        self.done(&second, complete("right")).await;
        let Stepped::Fenced(Some(kept)) = self.step(&first, complete("late")).await else {
            panic!("the one before was not fenced, or did not hear the answer");
        };
        assert_eq!(kept.response, response("right"));
    }

    async fn what_was_abandoned_is_taken_over_or_refused_as_the_claim_says(&self) {
        let claim = claim();
        let first = self.owned(&claim).await;
        self.done(&first, Step::Abandon).await;
        for step in [complete("late"), Step::Renew { lease: HOUR, retain: HOUR }] {
            assert_eq!(self.step(&first, step).await, Stepped::Fenced(None), "he has given up");
        }
        let careful = Claim { when_abandoned: WhenAbandoned::Refuse, ..other(&claim) };
        assert_eq!(self.claim(&careful).await, Claimed::Abandoned { attempt: 1 });
        assert_eq!(self.claim(&careful).await, Claimed::Abandoned { attempt: 1 }, "for good");
        let second = self.owned(&other(&claim)).await;
        assert_eq!((second.attempt, second.after), (2, After::Abandonment));
        assert!(matches!(self.claim(&careful).await, Claimed::InFlight { .. }), "it is taken over");
    }

    async fn a_lease_that_ends_lets_one_take_over_and_fences_the_one_before(&self) {
        let claim = Claim { lease: SHORT, ..claim() };
        let first = self.owned(&claim).await;
        self.pass().await;
        let careful = Claim { when_abandoned: WhenAbandoned::Refuse, ..other(&claim) };
        assert_eq!(self.claim(&careful).await, Claimed::Abandoned { attempt: 1 });
        let second = self.owned(&Claim { lease: HOUR, ..other(&claim) }).await;
        assert_eq!((second.attempt, second.after), (2, After::Abandonment));
        assert!(second.ticket.epoch > first.ticket.epoch);
        assert!(matches!(self.claim(&other(&claim)).await, Claimed::InFlight { .. }), "one takes over");
        let renew = Step::Renew { lease: HOUR, retain: HOUR };
        let checkpoint = Step::Checkpoint(checkpoint("late"));
        let release = Step::Release { retain: HOUR };
        for step in [renew, checkpoint, complete("late"), release, Step::Abandon] {
            assert_eq!(self.step(&first, step.clone()).await, Stepped::Fenced(None), "{step:?}");
        }
        self.done(&second, complete("right")).await;
        let kept = self.completion(&claim).await;
        assert_eq!((&kept.response, kept.attempt), (&response("right"), 2));
        assert_eq!(self.step(&first, complete("late")).await, Stepped::Fenced(Some(kept)));
    }

    async fn a_renewed_lease_goes_on(&self) {
        let claim = Claim { lease: SHORT, ..claim() };
        let owned = self.owned(&claim).await;
        self.done(&owned, Step::Renew { lease: HOUR, retain: HOUR }).await;
        self.pass().await;
        assert!(matches!(self.claim(&other(&claim)).await, Claimed::InFlight { .. }));
        self.done(&owned, complete("in time")).await;
    }

    async fn a_late_owner_goes_on_if_nobody_took_over(&self) {
        let claim = Claim { lease: SHORT, ..claim() };
        let owned = self.owned(&claim).await;
        self.pass().await;
        self.done(&owned, Step::Renew { lease: HOUR, retain: HOUR }).await;
        assert!(matches!(self.claim(&other(&claim)).await, Claimed::InFlight { .. }));
        self.done(&owned, complete("late")).await;
    }

    async fn a_checkpoint_is_handed_to_the_next_attempt_and_gone_after_completion(&self) {
        let claim = claim();
        let mut owned = self.owned(&claim).await;
        let large = vec![9; Checkpoint::MAX_BYTES];
        for content in [&b""[..], b"half", &large] {
            self.done(&owned, Step::Checkpoint(checkpoint("replaced"))).await;
            self.done(&owned, Step::Checkpoint(checkpoint(content))).await;
            self.done(&owned, Step::Renew { lease: HOUR, retain: HOUR }).await;
            self.done(&owned, Step::Abandon).await;
            owned = self.owned(&other(&claim)).await;
            assert_eq!(owned.checkpoint, Some(checkpoint(content)));
        }
        self.done(&owned, complete("done")).await;
    }

    async fn who_did_not_claim_cannot_step(&self) {
        let claim = claim();
        let owned = self.owned(&claim).await;
        let mut stranger = owned.clone();
        stranger.ticket.owner = other(&claim).owner;
        assert_eq!(self.step(&stranger, complete("wrong")).await, Stepped::Fenced(None), "another owner");
        let mut older = owned.clone();
        older.ticket.epoch -= 1;
        assert_eq!(self.step(&older, complete("wrong")).await, Stepped::Fenced(None), "another epoch");
        self.done(&owned, complete("right")).await;
        let mut nowhere = owned;
        nowhere.ticket.id = super::claim().id;
        assert_eq!(self.step(&nowhere, complete("wrong")).await, Stepped::Gone);
    }

    async fn what_has_expired_is_absent(&self) {
        let claim = claim();
        let owned = self.owned(&claim).await;
        self.done(&owned, Step::Complete { response: response("short"), retain: SHORT }).await;
        self.pass().await;
        assert_eq!(self.step(&owned, complete("late")).await, Stepped::Gone);
        let wrong = Claim { fingerprint: Fingerprint::from_bytes([8; 32]), ..other(&claim) };
        let again = self.owned(&wrong).await;
        assert_eq!((again.attempt, again.after), (1, After::Nothing));
        assert!(again.ticket.epoch > owned.ticket.epoch, "the epoch grows all the same");
        self.done(&again, Step::Release { retain: SHORT }).await;
        self.pass().await;
        assert_eq!(self.owned(&other(&claim)).await.attempt, 1, "a stub expires too");
    }

    async fn a_record_outlives_its_lease(&self) {
        // A retention that is shorter than the lease does not shorten it.
        let claim = Claim { retain: SHORT, ..claim() };
        let owned = self.owned(&claim).await;
        self.pass().await;
        assert!(matches!(self.claim(&other(&claim)).await, Claimed::InFlight { .. }));
        self.done(&owned, Step::Renew { lease: HOUR, retain: SHORT }).await;
        self.pass().await;
        assert!(matches!(self.claim(&other(&claim)).await, Claimed::InFlight { .. }));
        self.done(&owned, complete("long")).await;
    }

    async fn a_late_owner_never_sees_the_answer_to_another_payload(&self) {
        let claim = Claim { lease: SHORT, retain: SHORT, ..claim() };
        let late = self.owned(&claim).await;
        self.pass().await;
        let wrong = Claim { fingerprint: Fingerprint::from_bytes([8; 32]), lease: HOUR, ..other(&claim) };
        let second = self.owned(&wrong).await;
        assert_eq!(self.step(&late, complete("late")).await, Stepped::Fenced(None));
        self.done(&second, complete("another")).await;
        assert_eq!(self.step(&late, complete("late")).await, Stepped::Fenced(None));
        assert_eq!(self.completion(&wrong).await.response, response("another"));
    }

    async fn an_invalidation_forgets_all_but_what_runs(&self) {
        let claim = claim();
        assert_eq!(self.invalidate(&claim).await, Invalidated::Absent);
        let owned = self.owned(&claim).await;
        assert_eq!(self.invalidate(&claim).await, Invalidated::InFlight);
        self.done(&owned, complete("kept")).await;
        assert_eq!(self.invalidate(&claim).await, Invalidated::Removed);
        assert_eq!(self.step(&owned, complete("again")).await, Stepped::Gone);
        let owned = self.owned(&other(&claim)).await;
        assert_eq!(owned.attempt, 1);
        self.done(&owned, Step::Abandon).await;
        assert_eq!(self.invalidate(&claim).await, Invalidated::Removed, "nobody runs it");
    }

    async fn clearing_forgets_all_but_what_runs(&self) {
        let (running, ended) = (claim(), claim());
        let runner = self.owned(&running).await;
        let owned = self.owned(&ended).await;
        self.done(&owned, complete("kept")).await;
        let cleared = self.store.clear().await.unwrap_or_else(|error| panic!("{error}"));
        assert!(cleared >= 1, "{cleared}");
        assert_eq!(self.owned(&other(&ended)).await.attempt, 1);
        self.done(&runner, complete("still there")).await;
    }
}

/// The same request, sent once more.
fn other(claim: &Claim) -> Claim {
    Claim { owner: OwnerToken::draw(&Entropy::system()), ..claim.clone() }
}

fn complete(body: impl Into<bytes::Bytes>) -> Step {
    Step::Complete { response: response(body), retain: HOUR }
}

fn checkpoint(content: impl AsRef<[u8]>) -> Checkpoint {
    Checkpoint::new(content.as_ref()).unwrap_or_else(|error| panic!("{error}"))
}
