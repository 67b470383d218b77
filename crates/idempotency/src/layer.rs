use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::ModeSwitch;
use buttress_http::AsProblem;
use tower_layer::Layer;

use crate::desk::Desk;
use crate::{Handle, IdempotencyBuilder, IdempotencyService, RecordId, Store};

/// Runs requests with a key once and gives their answer again; see the [crate documentation](crate#the-layer).
///
/// Clones share all; [`fresh`](Self::fresh) shares the store alone.
pub struct IdempotencyLayer<T, J = AsProblem> {
    desk: Arc<Desk<T>>,
    reject: J,
}

impl<T: Store> IdempotencyLayer<T> {
    /// Begins a layer around HTTP handlers that keeps its records in this store.
    pub fn inbound(store: impl Into<Arc<T>>) -> IdempotencyBuilder<T> {
        IdempotencyBuilder::new(store.into())
    }
}

impl<T: Store, J> IdempotencyLayer<T, J> {
    pub(crate) fn new(desk: Desk<T>, reject: J) -> Self {
        Self { desk: Arc::new(desk), reject }
    }

    /// The same layer on the same store, with statistics, tasks and a mode switch of its own.
    #[must_use]
    pub fn fresh(&self) -> Self
    where
        J: Clone,
    {
        let Desk { store, terms, mode, .. } = &*self.desk;
        let mode = ModeSwitch::new(mode.get());
        Self::new(Desk::new(Arc::clone(store), terms.clone(), mode), self.reject.clone())
    }

    /// The switch between enforce, observe and off.
    pub fn mode(&self) -> &ModeSwitch {
        &self.desk.mode
    }

    /// Which record a caller's key means, for [`Handle::invalidate`].
    ///
    /// ```
    /// # use buttress_idempotency::{IdempotencyLayer, Invalidated, MemoryStore};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = MemoryStore::default();
    /// let layer = IdempotencyLayer::inbound(store).scope(|_| Some("tenant 7")).build()?;
    /// let record = layer.record_id("tenant 7", "8e03978e-40d5-43e8-bc93-6894a57f9324");
    /// assert_eq!(layer.handle().invalidate(record).await?, Invalidated::Absent);
    /// # Ok(())
    /// # }
    /// ```
    pub fn record_id(&self, caller: impl AsRef<[u8]>, key: &str) -> RecordId {
        self.desk.hashes.record_id(caller.as_ref(), key)
    }

    /// Statistics, and what an operator can make the store forget.
    pub fn handle(&self) -> Handle<T> {
        Handle::within(Arc::clone(&self.desk.store), self.desk.stats.clone(), self.desk.terms.store_time)
    }

    /// Waits until nothing is worked on, or the time is up, and answers how much still is. For the end of a process,
    /// after the server takes no more requests; what is left then ends with the runtime, and its leases with time.
    pub async fn shutdown(&self, limit: Duration) -> usize {
        self.desk.drain(limit).await
    }
}

impl<S, T: Store, J: Clone> Layer<S> for IdempotencyLayer<T, J> {
    type Service = IdempotencyService<S, T, J>;

    fn layer(&self, inner: S) -> Self::Service {
        IdempotencyService::new(inner, Arc::clone(&self.desk), self.reject.clone())
    }
}

impl<T, J: Clone> Clone for IdempotencyLayer<T, J> {
    fn clone(&self) -> Self {
        Self { desk: Arc::clone(&self.desk), reject: self.reject.clone() }
    }
}

impl<T: Store, J> fmt::Debug for IdempotencyLayer<T, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyLayer").field("desk", &self.desk).finish_non_exhaustive()
    }
}
