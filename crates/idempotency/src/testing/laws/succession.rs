//! Who comes after an owner that released, left or is late, and with what.

use std::time::Duration;

use super::bench::{Bench, HOUR, SHORT, checkpoint, complete, other};
use crate::testing::{claim, response};
use crate::{After, Checkpoint, Claim, Claimed, Fingerprint, Step, Stepped, Store, WhenAbandoned};

impl<S: Store, W: AsyncFn(Duration)> Bench<'_, S, W> {
    pub(super) async fn a_release_leaves_the_payload_and_the_count_behind(&self) {
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

    pub(super) async fn what_was_abandoned_is_taken_over_or_refused_as_the_claim_says(&self) {
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

    pub(super) async fn a_lease_that_ends_lets_one_take_over_and_fences_the_one_before(&self) {
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

    pub(super) async fn a_renewed_lease_goes_on(&self) {
        let claim = Claim { lease: SHORT, ..claim() };
        let owned = self.owned(&claim).await;
        self.done(&owned, Step::Renew { lease: HOUR, retain: HOUR }).await;
        self.pass().await;
        assert!(matches!(self.claim(&other(&claim)).await, Claimed::InFlight { .. }));
        self.done(&owned, complete("in time")).await;
    }

    pub(super) async fn a_late_owner_goes_on_if_nobody_took_over(&self) {
        let claim = Claim { lease: SHORT, ..claim() };
        let owned = self.owned(&claim).await;
        self.pass().await;
        self.done(&owned, Step::Renew { lease: HOUR, retain: HOUR }).await;
        assert!(matches!(self.claim(&other(&claim)).await, Claimed::InFlight { .. }));
        self.done(&owned, complete("late")).await;
    }

    pub(super) async fn a_late_owner_never_sees_the_answer_to_another_payload(&self) {
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

    pub(super) async fn a_checkpoint_is_handed_to_the_next_attempt_and_gone_after_completion(&self) {
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
}
