use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::fingerprint::Parted;
use crate::lease::Lease;
use crate::{After, Checkpoint, Claim, RecordId, Step, Stepped, Store, StoreError, Ticket};

/// What a handler knows of its run; in the extensions of a request that has a key.
///
/// Clones mean the same run.
#[derive(Clone)]
pub struct Idempotency(Arc<dyn Held>);

type Waiting<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
type Writing<'a> = Pin<Box<dyn Future<Output = Result<Stepped, StoreError>> + Send + 'a>>;

/// A record that is held, whatever its store.
trait Held: Send + Sync {
    fn claim(&self) -> &Claim;
    fn attempt(&self) -> u32;
    fn after(&self) -> After;
    fn checkpoint(&self) -> Option<&Checkpoint>;
    fn ticket(&self) -> Ticket;
    fn is_lost(&self) -> bool;
    fn lost(&self) -> Waiting<'_>;
    fn write<'a>(&'a self, step: &'a Step) -> Writing<'a>;
}

impl<T: Store> Held for Lease<T> {
    fn claim(&self) -> &Claim {
        &self.claim
    }

    fn attempt(&self) -> u32 {
        self.attempt
    }

    fn after(&self) -> After {
        self.after
    }

    fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }

    fn ticket(&self) -> Ticket {
        self.ticket()
    }

    fn is_lost(&self) -> bool {
        self.is_lost()
    }

    #[expect(clippy::disallowed_methods, reason = "a handler need not know the type of the store")]
    fn lost(&self) -> Waiting<'_> {
        Box::pin(self.lost())
    }

    #[expect(clippy::disallowed_methods, reason = "a handler need not know the type of the store")]
    fn write<'a>(&'a self, step: &'a Step) -> Writing<'a> {
        Box::pin(self.step(step))
    }
}

impl Idempotency {
    pub(crate) fn new<T: Store>(lease: Arc<Lease<T>>) -> Self {
        Self(lease)
    }

    /// Which record, for logs.
    pub fn id(&self) -> RecordId {
        self.0.claim().id
    }

    /// Which run this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.0.attempt()
    }

    /// A number that is larger with each run of the operation, as long as its record is kept; if it is made to be
    /// forgotten, by the clock of the store to a millisecond. Whoever has seen a larger one can refuse a smaller one,
    /// and so is safe from a run that was taken for dead.
    pub fn epoch(&self) -> u64 {
        self.0.ticket().epoch
    }

    /// What proves that this run owns its record: for a store that completes it in the transaction of what was done.
    pub fn ticket(&self) -> Ticket {
        self.0.ticket()
    }

    /// How long the layer keeps an answer, for the same purpose.
    pub fn retain(&self) -> Duration {
        self.0.claim().retain
    }

    /// Whether an earlier run did not come to its end, so that its effects may be there.
    pub fn is_recovery(&self) -> bool {
        self.0.after() == After::Abandonment
    }

    /// What an earlier run has saved.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.0.checkpoint()
    }

    /// Saves for the next run how far this one has come, best as what was done and not as what comes next: one whose
    /// saving has failed may arrive later than those after it, and take their place.
    ///
    /// # Errors
    ///
    /// If the run owns its record no more, or the store does not answer.
    pub async fn save(&self, checkpoint: Checkpoint) -> Result<(), CheckpointError> {
        match self.0.write(&Step::Checkpoint(checkpoint)).await {
            Ok(Stepped::Done | Stepped::StatusOnly) => Ok(()),
            Ok(Stepped::Fenced(_) | Stepped::Gone) => Err(CheckpointError::Lost),
            Err(error) => Err(CheckpointError::Store(error)),
        }
    }

    /// Whether another run may own the record by now, so that this one should have no more effects. Once true, it stays
    /// so, even if it turns out that none does.
    pub fn is_lost(&self) -> bool {
        self.0.is_lost()
    }

    /// Waits until another run may own the record; forever if that does not happen.
    pub async fn lost(&self) {
        self.0.lost().await;
    }

    /// A key for a call of the handler's own, the same in each run of the operation and another for each step. Another
    /// request that uses the caller's key when the record has expired has other ones.
    pub fn downstream_key(&self, step: &str) -> String {
        use fmt::Write as _;
        let Claim { id, fingerprint, .. } = self.0.claim();
        let mut key = Parted::of("buttress idempotency downstream 1");
        for part in [&id.as_bytes()[..], fingerprint.as_bytes(), step.as_bytes()] {
            key.add(part);
        }
        key.finish()[..16].iter().fold(String::with_capacity(32), |mut text, byte| {
            let _ = write!(text, "{byte:02x}"); // writing to a string does not fail
            text
        })
    }
}

/// Why a checkpoint was not saved.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The run owns its record no more.
    Lost,
    /// The store did not answer. It may be saved all the same.
    Store(StoreError),
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "the checkpoint was not saved: another run owns the record",
            Self::Store(_) => "the checkpoint was not saved",
        })
    }
}

impl Error for CheckpointError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Lost => None,
            Self::Store(error) => Some(error),
        }
    }
}

impl fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency")
            .field("id", &self.id())
            .field("attempt", &self.attempt())
            .field("epoch", &self.epoch())
            .field("is_recovery", &self.is_recovery())
            .field("is_lost", &self.is_lost())
            .finish_non_exhaustive()
    }
}
