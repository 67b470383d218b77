//! What is kept of an answer.

use std::time::Duration;

use super::bench::{Bench, HOUR, checkpoint, complete, other};
use crate::testing::{claim, response};
use crate::{Step, Stepped, Store, StoredResponse};

impl<S: Store, W: AsyncFn(Duration)> Bench<'_, S, W> {
    pub(super) async fn a_completion_is_replayed_byte_for_byte_and_never_changes(&self) {
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

    pub(super) async fn a_tombstone_keeps_status_and_headers_without_a_body(&self) {
        let claim = claim();
        let owned = self.owned(&claim).await;
        let headers = response("").headers().clone();
        let tombstone = StoredResponse::without_body(204, headers);
        self.done(&owned, Step::Complete { response: tombstone.clone().into(), retain: HOUR }).await;
        assert_eq!(*self.completion(&claim).await.response, tombstone);
    }

    pub(super) async fn large_responses_come_back_whole(&self) {
        for size in [0, 1, 100_000, 1 << 20] {
            let claim = claim();
            let owned = self.owned(&claim).await;
            let body: Vec<u8> = (0_u8..=255).cycle().take(size).collect();
            self.done(&owned, complete(body.clone())).await;
            assert_eq!(self.completion(&claim).await.response, response(body), "{size} bytes");
        }
    }
}
