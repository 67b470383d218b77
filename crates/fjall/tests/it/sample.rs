//! What the tests share: claims and steps with the answer they expect, and a clock that is set by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use buttress_core::Entropy;
use buttress_fjall::{FjallStore, FjallStoreBuilder};
use buttress_idempotency::testing::response;
use buttress_idempotency::{
    Claim, Claimed, Completion, Owned, OwnerToken, Step, Stepped, Store, StoreErrorKind, Timestamp,
};

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

/// The same request, sent once more.
pub(crate) fn other(claim: &Claim) -> Claim {
    Claim { owner: OwnerToken::draw(&Entropy::system()), ..claim.clone() }
}

pub(crate) fn complete(body: impl Into<bytes::Bytes>) -> Step {
    Step::Complete { response: response(body), retain: HOUR }
}

pub(crate) async fn owned(store: &FjallStore, claim: &Claim) -> Owned {
    match store.claim(claim).await.unwrap() {
        Claimed::Owned(owned) => owned,
        other => panic!("not owned: {other:?}"),
    }
}

pub(crate) async fn completion(store: &FjallStore, claim: &Claim) -> Completion {
    match store.claim(claim).await.unwrap() {
        Claimed::Completed(completion) => completion,
        other => panic!("not completed: {other:?}"),
    }
}

pub(crate) async fn done(store: &FjallStore, owned: &Owned, step: Step) {
    assert_eq!(store.step(&owned.ticket, &step).await.unwrap(), Stepped::Done);
}

/// A record that is completed and kept for so long.
pub(crate) async fn completed(store: &FjallStore, claim: &Claim, body: Vec<u8>, retain: Duration) {
    let owned = owned(store, claim).await;
    done(store, &owned, Step::Complete { response: response(body), retain }).await;
}

pub(crate) async fn refused(store: &FjallStore, claim: &Claim) -> StoreErrorKind {
    store.claim(claim).await.expect_err("it is refused").kind()
}

/// A clock that shows what it is set to.
#[derive(Clone)]
pub(crate) struct Hand(Arc<AtomicU64>);

impl Hand {
    pub(crate) fn at(millis: u64) -> Self {
        Self(Arc::new(AtomicU64::new(millis)))
    }

    pub(crate) fn set(&self, millis: u64) {
        self.0.store(millis, Ordering::Relaxed);
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }

    pub(crate) fn on(&self, builder: FjallStoreBuilder) -> FjallStoreBuilder {
        let millis = Arc::clone(&self.0);
        builder.clock(move || Timestamp::from_millis(millis.load(Ordering::Relaxed)))
    }
}

/// Lets a call get into line, and drops it there; or just after it, where the writer is quicker.
pub(crate) async fn polled_once(call: impl Future) {
    tokio::select! {
        biased;
        _ = call => {}
        () = std::future::ready(()) => {}
    }
}
