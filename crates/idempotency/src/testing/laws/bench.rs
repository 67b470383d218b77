use std::time::Duration;

use buttress_core::Entropy;

use crate::testing::response;
use crate::{Checkpoint, Claim, Claimed, Completion, Invalidated, Owned, OwnerToken, Step, Stepped, Store};

/// A lease or retention that ends while somebody watches.
pub(super) const SHORT: Duration = Duration::from_millis(40);

/// Long enough for what is [`SHORT`] to be over.
pub(super) const OVER: Duration = Duration::from_millis(120);

pub(super) const HOUR: Duration = Duration::from_secs(3_600);

/// A store, with records of the test's own in it, and a way to let time pass.
pub(super) struct Bench<'a, S, W> {
    pub(super) store: &'a S,
    pub(super) wait: W,
}

impl<S: Store, W: AsyncFn(Duration)> Bench<'_, S, W> {
    pub(super) async fn claim(&self, claim: &Claim) -> Claimed {
        self.store.claim(claim).await.unwrap_or_else(|error| panic!("{error}: {:?}", error.kind()))
    }

    pub(super) async fn owned(&self, claim: &Claim) -> Owned {
        match self.claim(claim).await {
            Claimed::Owned(owned) => owned,
            other => panic!("not owned: {other:?}"),
        }
    }

    pub(super) async fn completion(&self, claim: &Claim) -> Completion {
        match self.claim(claim).await {
            Claimed::Completed(completion) => completion,
            other => panic!("not completed: {other:?}"),
        }
    }

    pub(super) async fn step(&self, owned: &Owned, step: Step) -> Stepped {
        let stepped = self.store.step(&owned.ticket, &step).await;
        stepped.unwrap_or_else(|error| panic!("{error}: {:?}", error.kind()))
    }

    pub(super) async fn done(&self, owned: &Owned, step: Step) {
        assert_eq!(self.step(owned, step.clone()).await, Stepped::Done, "{step:?}");
    }

    pub(super) async fn invalidate(&self, claim: &Claim) -> Invalidated {
        let invalidated = self.store.invalidate(claim.id).await;
        invalidated.unwrap_or_else(|error| panic!("{error}: {:?}", error.kind()))
    }

    pub(super) async fn pass(&self) {
        (self.wait)(OVER).await;
    }
}

/// The same request, sent once more.
pub(super) fn other(claim: &Claim) -> Claim {
    Claim { owner: OwnerToken::draw(&Entropy::system()), ..claim.clone() }
}

pub(super) fn complete(body: impl Into<bytes::Bytes>) -> Step {
    Step::Complete { response: response(body), retain: HOUR }
}

pub(super) fn checkpoint(content: impl AsRef<[u8]>) -> Checkpoint {
    Checkpoint::new(content.as_ref()).unwrap_or_else(|error| panic!("{error}"))
}
