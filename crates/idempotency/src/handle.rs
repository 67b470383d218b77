use std::sync::Arc;
use std::time::Duration;

use crate::{Invalidated, RecordId, Stats, Store, StoreError, StoreErrorKind};

/// What an operator does with a layer: look at it, and make it forget.
///
/// Clones mean the same layer.
#[derive(Debug)]
pub struct Handle<S> {
    store: Arc<S>,
    stats: Stats,
    time: Duration,
}

/// How long all records together may take to be forgotten.
const CLEAR_TIME: Duration = Duration::from_secs(60);

impl<S: Store> Handle<S> {
    /// A handle on a store and what is counted around it.
    pub const fn new(store: Arc<S>, stats: Stats) -> Self {
        Self::within(store, stats, Duration::from_millis(250))
    }

    /// The same for a store that may take so long for one record.
    pub(crate) const fn within(store: Arc<S>, stats: Stats, time: Duration) -> Self {
        Self { store, stats, time }
    }

    /// What was counted.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The store.
    pub const fn store(&self) -> &Arc<S> {
        &self.store
    }

    /// Forgets one record, unless its owner runs, so that the next request runs as the first.
    ///
    /// # Errors
    ///
    /// If the store does not answer, in the time that the layer gives it for a call.
    pub async fn invalidate(&self, id: RecordId) -> Result<Invalidated, StoreError> {
        in_time(self.time, self.store.invalidate(id)).await
    }

    /// Forgets all records, except where the owner runs, and says how many.
    ///
    /// # Errors
    ///
    /// If the store does not answer in a minute. Some may be forgotten then.
    pub async fn clear(&self) -> Result<u64, StoreError> {
        in_time(CLEAR_TIME, self.store.clear()).await
    }
}

async fn in_time<A>(
    time: Duration,
    call: impl Future<Output = Result<A, StoreError>>,
) -> Result<A, StoreError> {
    let answer = tokio::time::timeout(time, call).await;
    answer.unwrap_or_else(|late| Err(StoreError::with_source(StoreErrorKind::Unreachable, late)))
}

impl<S> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), stats: self.stats.clone(), time: self.time }
    }
}
