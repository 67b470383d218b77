use std::time::Duration;

use buttress_backoff::{Backoff, Jitter};

use super::Written;
use crate::sink::{Feeder, FeederBuilder, FeederHandle, FeederStatus, Sink};

/// Far longer than anything takes that works, servers that are started again included.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);
const SOON_AGAIN: Duration = Duration::from_millis(20);

/// A feeder with small batches that loses no time between attempts.
pub fn feeder<K: Sink>(sink: K) -> FeederBuilder<K> {
    let backoff = Backoff::constant(SOON_AGAIN).jitter(Jitter::None).build();
    Feeder::builder(sink).batch_records(100).backoff(backoff.unwrap_or_else(|error| panic!("{error}")))
}

/// Begins to hand on what is in the log.
pub async fn feed<K: Sink>(sink: K, written: &Written) -> FeederHandle {
    let feeder = feeder(sink).build().unwrap_or_else(|error| panic!("{error}"));
    feeder.start(&written.log).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Hands everything on that is in the log.
pub async fn feed_all<K: Sink>(sink: K, written: &Written) {
    let end = written.end();
    let status = feed(sink, written).await.stop(PATIENCE).await;
    assert_eq!((status.confirmed, status.lag), (end, 0), "{status:?}");
}

/// Waits that end, so that a fault fails a test and does not hang it.
pub trait Until {
    /// Waits until something holds of a feeder, or it is at its end; for five minutes at most.
    fn until(
        &self,
        what: &str,
        holds: impl FnMut(&FeederStatus) -> bool,
    ) -> impl Future<Output = FeederStatus>;

    /// Waits until a record is confirmed, or the feeder is at its end; for five minutes at most.
    fn until_confirmed(&self, seq: u64) -> impl Future<Output = FeederStatus>;
}

impl Until for FeederHandle {
    async fn until(&self, what: &str, holds: impl FnMut(&FeederStatus) -> bool) -> FeederStatus {
        let reached = tokio::time::timeout(PATIENCE, self.reached(holds)).await;
        let late = |_| panic!("still not so after {PATIENCE:?}: {what}; there is {:?}", self.status());
        reached.unwrap_or_else(late)
    }

    async fn until_confirmed(&self, seq: u64) -> FeederStatus {
        self.until(&format!("record {seq} is confirmed"), |status| status.confirmed >= seq).await
    }
}
