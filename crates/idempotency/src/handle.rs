use std::sync::Arc;

use crate::{Invalidated, RecordId, Stats, Store, StoreError};

/// What an operator does with a layer: look at it, and make it forget.
///
/// Clones mean the same layer.
#[derive(Debug)]
pub struct Handle<S> {
    store: Arc<S>,
    stats: Stats,
}

impl<S: Store> Handle<S> {
    /// A handle on a store and what is counted around it.
    pub const fn new(store: Arc<S>, stats: Stats) -> Self {
        Self { store, stats }
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
    /// If the store does not answer.
    pub async fn invalidate(&self, id: RecordId) -> Result<Invalidated, StoreError> {
        self.store.invalidate(id).await
    }

    /// Forgets all records, except where the owner runs, and says how many.
    ///
    /// # Errors
    ///
    /// If the store does not answer. Some may be forgotten then.
    pub async fn clear(&self) -> Result<u64, StoreError> {
        self.store.clear().await
    }
}

impl<S> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), stats: self.stats.clone() }
    }
}
