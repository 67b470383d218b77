use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::desk::{Desk, Place};
use crate::{After, Claim, Claimed, Step, Store, StoreError, StoreErrorKind};

/// Claims; once more if the first answer was lost, and not at all if the store is sick. The place comes back unless the
/// claim has become a ghost.
pub(crate) async fn send<T: Store>(
    desk: &Arc<Desk<T>>,
    place: Option<Place>,
    claim: &Claim,
) -> (Option<Place>, Result<Claimed, StoreError>) {
    if !desk.health.may_ask() {
        return (place, Err(StoreError::with_source(StoreErrorKind::Unreachable, Sick)));
    }
    let mut ghost = Ghost { desk: Arc::clone(desk), claim: claim.clone(), place };
    let answer = match desk.claim(claim).await {
        Err(error) if error.may_have_happened() && desk.health.may_ask() => desk.claim(claim).await,
        answer => answer,
    };
    let is_known = answer.as_ref().err().is_none_or(|error| !error.may_have_happened());
    let place = if is_known { ghost.place.take() } else { None };
    (place, answer)
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

/// A claim whose answer nobody has seen: it may have happened, and nobody runs it.
///
/// Dropped with its place, it gives up the claim, so that the same request need not wait for the lease to end.
struct Ghost<T: Store> {
    desk: Arc<Desk<T>>,
    claim: Claim,
    place: Option<Place>,
}

impl<T: Store> Ghost<T> {
    const TRIES: u32 = 3;
    const PAUSE: Duration = Duration::from_millis(250);
}

impl<T: Store> Drop for Ghost<T> {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            return; // the lease ends it
        }
        let (desk, claim) = (Arc::clone(&self.desk), self.claim.clone());
        self.desk.spawn(async move {
            lay(&desk, &claim).await;
            drop(place);
        });
    }
}

async fn lay<T: Store>(desk: &Desk<T>, claim: &Claim) {
    for _ in 0..Ghost::<T>::TRIES {
        if let Ok(claimed) = desk.claim(claim).await {
            let Claimed::Owned(owned) = claimed else { return };
            // It must not be forgotten that an earlier attempt was not finished.
            let step = match owned.after {
                After::Abandonment => Step::Abandon,
                After::Nothing | After::Release => Step::Release { retain: desk.terms.retain },
            };
            if desk.step(&owned.ticket, &step).await.is_ok() {
                return;
            }
        }
        tokio::time::sleep(Ghost::<T>::PAUSE).await;
    }
}
