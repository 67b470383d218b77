use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::desk::Desk;
use crate::places::Place;
use crate::{After, Claim, Claimed, Step, Store, StoreError, StoreErrorKind};

/// What became of a claim that was sent.
pub(crate) struct Sent<T: Store> {
    pub(crate) answer: Result<Claimed, StoreError>,
    /// Comes back, unless the ghost has it.
    pub(crate) place: Option<Place>,
    /// If nobody knows whether the claim has happened.
    pub(crate) ghost: Option<Ghost<T>>,
}

/// Claims; once more if the first answer was lost, and not at all if the store is sick.
pub(crate) async fn send<T: Store>(desk: &Arc<Desk<T>>, place: Option<Place>, claim: &Claim) -> Sent<T> {
    if !desk.health.may_ask(claim.id) {
        let answer = Err(StoreError::with_source(StoreErrorKind::Unreachable, Sick));
        return Sent { answer, place, ghost: None };
    }
    let mut ghost = Ghost { desk: Arc::clone(desk), claim: claim.clone(), place, has_run: false };
    let answer = match desk.claim(claim).await {
        Err(error) if error.may_have_happened() && desk.health.may_ask(claim.id) => desk.claim(claim).await,
        answer => answer,
    };
    if answer.as_ref().is_err_and(StoreError::may_have_happened) {
        return Sent { answer, place: None, ghost: Some(ghost) };
    }
    Sent { answer, place: ghost.place.take(), ghost: None }
}

/// The store has not answered for a while, and this request did not ask it.
#[derive(Debug)]
struct Sick;

impl fmt::Display for Sick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it has not answered for a while, and is asked once a second")
    }
}

impl Error for Sick {}

/// A claim whose answer nobody has seen: it may have happened.
///
/// Dropped with its place, it gives up the claim, so that the same request need not wait for the lease to end.
pub(crate) struct Ghost<T: Store> {
    desk: Arc<Desk<T>>,
    claim: Claim,
    place: Option<Place>,
    has_run: bool,
}

/// Between two tries to give up a claim, at first, and at most.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl<T: Store> Ghost<T> {
    /// The handler runs all the same: what it leaves behind must not be taken for nothing.
    pub(crate) fn runs(&mut self) {
        self.has_run = true;
    }
}

impl<T: Store> Drop for Ghost<T> {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            return; // the lease ends it
        }
        let (desk, claim, has_run) = (Arc::clone(&self.desk), self.claim.clone(), self.has_run);
        Desk::<T>::spawn(async move {
            lay(&desk, &claim, has_run).await;
            drop(place);
        });
    }
}

/// Tries for as long as the lease lasts that it may hold; after that, it has ended by itself.
async fn lay<T: Store>(desk: &Desk<T>, claim: &Claim, has_run: bool) {
    let give_up = Instant::now() + claim.lease;
    let mut pause = PAUSE;
    while Instant::now() < give_up {
        if let Ok(claimed) = desk.claim(claim).await {
            let Claimed::Owned(owned) = claimed else { return };
            // It must not be forgotten that an attempt was not finished, be it an earlier one or this.
            let step = if has_run || owned.after == After::Abandonment {
                Step::Abandon
            } else {
                Step::Release { retain: claim.retain }
            };
            if desk.step(&owned.ticket, &step).await.is_ok() {
                return;
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
