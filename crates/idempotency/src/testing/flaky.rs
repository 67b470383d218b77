use std::future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::{
    Claim, Claimed, Invalidated, RecordId, Step, Stepped, Store, StoreError, StoreErrorKind, Ticket,
};

/// A store in front of another that fails as it is told, and counts the calls. Clones share.
#[derive(Clone, Debug)]
pub struct Flaky<S> {
    store: S,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    sickness: Option<Sickness>,
    claims: u64,
    steps: u64,
}

/// How a store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sickness {
    /// Calls fail, and nothing happens.
    Fails(StoreErrorKind),
    /// Calls happen, and their answers are lost.
    LosesAnswers,
    /// Calls neither happen nor return.
    Hangs,
    /// Claims succeed, and steps fail.
    FailsSteps,
    /// Calls happen at once, and their answers take so long.
    Lags(Duration),
}

impl<S: Store> Flaky<S> {
    /// A store that is well, for now.
    pub fn new(store: S) -> Self {
        Self { store, state: Arc::default() }
    }

    /// The store behind.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Fails from now on.
    pub fn fall_sick(&self, sickness: Sickness) {
        self.state.lock().sickness = Some(sickness);
    }

    /// Is well again.
    pub fn heal(&self) {
        self.state.lock().sickness = None;
    }

    /// How many claims have arrived, those that failed included.
    pub fn claims(&self) -> u64 {
        self.state.lock().claims
    }

    /// How many steps have arrived, those that failed included.
    pub fn steps(&self) -> u64 {
        self.state.lock().steps
    }

    async fn suffer<A>(
        &self,
        is_step: bool,
        call: impl Future<Output = Result<A, StoreError>>,
    ) -> Result<A, StoreError> {
        let sickness = self.state.lock().sickness;
        match sickness {
            Some(Sickness::Fails(kind)) => Err(StoreError::with_source(kind, "it was told to fail")),
            Some(Sickness::FailsSteps) if is_step => Err(StoreError::new(StoreErrorKind::Unreachable)),
            Some(Sickness::LosesAnswers) => {
                call.await?;
                Err(StoreError::with_source(StoreErrorKind::Unreachable, "it was told to lose answers"))
            }
            Some(Sickness::Hangs) => future::pending().await,
            Some(Sickness::Lags(time)) => {
                let answer = call.await;
                tokio::time::sleep(time).await;
                answer
            }
            Some(Sickness::FailsSteps) | None => call.await,
        }
    }
}

impl<S: Store> Store for Flaky<S> {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.state.lock().claims += 1;
        self.suffer(false, self.store.claim(claim)).await
    }

    async fn step(&self, ticket: &Ticket, step: &Step) -> Result<Stepped, StoreError> {
        self.state.lock().steps += 1;
        self.suffer(true, self.store.step(ticket, step)).await
    }

    async fn invalidate(&self, id: RecordId) -> Result<Invalidated, StoreError> {
        self.suffer(false, self.store.invalidate(id)).await
    }

    async fn clear(&self) -> Result<u64, StoreError> {
        self.suffer(false, self.store.clear()).await
    }
}
