//! Who owns a record, and what everybody else is told.

use std::time::Duration;

use super::bench::{Bench, HOUR, complete, other};
use crate::testing::{claim, response};
use crate::{After, Claim, Claimed, Fingerprint, Step, Stepped, Store};

impl<S: Store, W: AsyncFn(Duration)> Bench<'_, S, W> {
    pub(super) async fn a_first_claim_is_owned_and_a_second_hears_what_is_left_of_the_lease(&self) {
        let claim = claim();
        let owned = self.owned(&claim).await;
        assert_eq!((owned.attempt, owned.after, &owned.checkpoint), (1, After::Nothing, &None));
        assert_eq!((owned.ticket.id, owned.ticket.owner), (claim.id, claim.owner));
        assert_eq!(owned.ticket.fingerprint, claim.fingerprint);
        assert!(owned.ticket.epoch > 0);
        let Claimed::InFlight { remaining } = self.claim(&other(&claim)).await else { panic!("two owners") };
        assert!(remaining > Duration::ZERO && remaining <= HOUR, "{remaining:?}");
    }

    pub(super) async fn a_claim_sent_again_has_the_same_answer(&self) {
        let claim = claim();
        let owned = self.owned(&claim).await;
        assert_eq!(self.owned(&claim).await, owned);
        self.done(&owned, Step::Abandon).await;
        let next = other(&claim);
        let second = self.owned(&next).await;
        assert_eq!(self.owned(&next).await, second, "with what was before");
        self.done(&second, complete("once")).await;
    }

    pub(super) async fn another_payload_is_told_so_in_every_state_and_changes_nothing(&self) {
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

    pub(super) async fn who_did_not_claim_cannot_step(&self) {
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
        nowhere.ticket.id = crate::testing::claim().id;
        assert_eq!(self.step(&nowhere, complete("wrong")).await, Stepped::Gone);
    }
}
