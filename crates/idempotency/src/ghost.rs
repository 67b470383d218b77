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
    /// If nobody knows whether the claim has happened; it has the place then.
    pub(crate) ghost: Option<Box<Ghost<T>>>,
}

/// Claims; once more if the first answer was lost, and not at all if the store is sick.
pub(crate) async fn send<T: Store>(desk: &Arc<Desk<T>>, place: &mut Option<Place>, claim: &Claim) -> Sent<T> {
    if !desk.health.may_ask(claim.id) {
        let answer = Err(StoreError::with_source(StoreErrorKind::Unreachable, Sick));
        return Sent { answer, ghost: None };
    }
    let mut unheard = Unheard { desk, claim, place, is_heard: false };
    let mut is_second = false;
    let (answer, is_lost) = loop {
        let answer = desk.claim(claim).await;
        let is_lost = answer.as_ref().is_err_and(StoreError::may_have_happened);
        if !is_lost || is_second || !desk.health.may_ask(claim.id) {
            break (answer, is_lost);
        }
        is_second = true;
    };
    unheard.is_heard = true;
    Sent { answer, ghost: is_lost.then(|| Box::new(unheard.ghost())) }
}

/// A claim that is under way. Dropped before its answer is heard, it leaves a ghost behind.
struct Unheard<'a, T: Store> {
    desk: &'a Arc<Desk<T>>,
    claim: &'a Claim,
    place: &'a mut Option<Place>,
    is_heard: bool,
}

impl<T: Store> Unheard<'_, T> {
    fn ghost(&mut self) -> Ghost<T> {
        let (desk, claim) = (Arc::clone(self.desk), self.claim.clone());
        Ghost { desk, claim, place: self.place.take(), has_run: false }
    }
}

impl<T: Store> Drop for Unheard<'_, T> {
    fn drop(&mut self) {
        if !self.is_heard {
            drop(self.ghost());
        }
    }
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
