use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use buttress_core::Entropy;
use buttress_idempotency::StoreError;
use tokio::runtime::{Handle, TryCurrentError};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_postgres::types::Type;

use crate::{PostgresStore, rows};

impl PostgresStore {
    /// Removes one batch of expired records, oldest first, and says how many; `None` if somebody else is at it.
    ///
    /// What is live, has not expired, or is locked by a transaction stays.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub async fn prune(&self) -> Result<Option<u64>, StoreError> {
        let shared = self.shared();
        let batch = i32::try_from(shared.prune_batch).unwrap_or(i32::MAX);
        let lock = shared.link.schema.lock("prune");
        let arguments =
            [(&batch as &(dyn tokio_postgres::types::ToSql + Sync), Type::INT4), (&lock, Type::INT8)];
        let row = shared.link.ask(&shared.statements.prune, &arguments).await?;
        Ok(rows::first::<Option<i64>>(&row)?.and_then(|removed| u64::try_from(removed).ok()))
    }

    /// Starts a task that removes expired records: a batch after the other while batches are full, and then a look
    /// every so often. Each process may have one; one of them works at a time.
    ///
    /// # Errors
    ///
    /// If there is no tokio runtime.
    pub fn start_pruner(&self) -> Result<Pruner, TryCurrentError> {
        let runtime = Handle::try_current()?;
        let (stop, stopped) = oneshot::channel();
        let tally = Arc::new(Tally::default());
        let mut task = JoinSet::new();
        task.spawn_on(keep_pruning(self.clone(), Arc::clone(&tally), stopped), &runtime);
        Ok(Pruner { task, stop, tally })
    }
}

/// A task that removes expired records. It ends when this is dropped.
#[must_use]
#[derive(Debug)]
pub struct Pruner {
    task: JoinSet<()>,
    stop: oneshot::Sender<()>,
    tally: Arc<Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    removed: AtomicU64,
    failures: AtomicU64,
}

impl Pruner {
    /// How many records it has removed.
    pub fn removed(&self) -> u64 {
        self.tally.removed.load(Ordering::Relaxed)
    }

    /// How many batches have failed. It tries again at the next look.
    pub fn failures(&self) -> u64 {
        self.tally.failures.load(Ordering::Relaxed)
    }

    /// Lets the batch under way come to its end, and no other begin.
    pub async fn stop(self) {
        let Self { mut task, stop, .. } = self;
        drop(stop);
        // It can have ended by itself only with the runtime.
        let _ = task.join_next().await;
    }
}

async fn keep_pruning(store: PostgresStore, tally: Arc<Tally>, mut stopped: oneshot::Receiver<()>) {
    let entropy = Entropy::system();
    loop {
        let is_behind = if let Ok(removed) = store.prune().await {
            tally.removed.fetch_add(removed.unwrap_or(0), Ordering::Relaxed);
            removed.is_some_and(|removed| removed >= u64::from(store.shared().prune_batch))
        } else {
            tally.failures.fetch_add(1, Ordering::Relaxed);
            false
        };
        let pause = if is_behind { Duration::ZERO } else { jittered(store.shared().prune_every, &entropy) };
        if tokio::time::timeout(pause, &mut stopped).await.is_ok() {
            return;
        }
    }
}

/// Between three quarters and all of it, so that processes which began together do not look together.
fn jittered(pause: Duration, entropy: &Entropy) -> Duration {
    let part = u32::try_from(entropy.draw() % 1_000).unwrap_or(0);
    pause.mul_f64(1.0 - f64::from(part) / 4_000.0)
}
