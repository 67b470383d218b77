//! What is forgotten, and what is not.

use std::time::Duration;

use super::bench::{Bench, HOUR, SHORT, complete, other};
use crate::testing::{claim, response};
use crate::{After, Claim, Claimed, Fingerprint, Invalidated, Step, Stepped, Store};

impl<S: Store, W: AsyncFn(Duration)> Bench<'_, S, W> {
    pub(super) async fn what_has_expired_is_absent(&self) {
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

    pub(super) async fn a_record_outlives_its_lease(&self) {
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

    pub(super) async fn an_invalidation_forgets_all_but_what_runs(&self) {
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

    pub(super) async fn clearing_forgets_all_but_what_runs(&self) {
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
