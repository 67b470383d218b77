use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::desk::Desk;
use crate::fingerprint::Parted;
use crate::{After, Checkpoint, Owned, RecordId, Step, Stepped, Store, StoreError, Ticket};

/// What a handler knows of its run; in the extensions of a request that has a key.
///
/// Clones mean the same run.
#[derive(Clone)]
pub struct Idempotency(Arc<View>);

struct View {
    ticket: Ticket,
    retain: Duration,
    attempt: u32,
    after: After,
    checkpoint: Option<Checkpoint>,
    lost: watch::Receiver<bool>,
    writer: Arc<dyn Write>,
}

type Writing<'a> = Pin<Box<dyn Future<Output = Result<Stepped, StoreError>> + Send + 'a>>;

/// A desk, whatever its store.
trait Write: Send + Sync {
    fn write<'a>(&'a self, ticket: &'a Ticket, step: &'a Step) -> Writing<'a>;
}

impl<T: Store> Write for Desk<T> {
    #[expect(clippy::disallowed_methods, reason = "a handler need not know the type of the store")]
    fn write<'a>(&'a self, ticket: &'a Ticket, step: &'a Step) -> Writing<'a> {
        Box::pin(self.step(ticket, step))
    }
}

impl Idempotency {
    pub(crate) fn new<T: Store>(desk: Arc<Desk<T>>, owned: &Owned, lost: watch::Receiver<bool>) -> Self {
        Self(Arc::new(View {
            ticket: owned.ticket,
            retain: desk.terms.retain,
            attempt: owned.attempt,
            after: owned.after,
            checkpoint: owned.checkpoint.clone(),
            lost,
            writer: desk,
        }))
    }

    /// Which record, for logs.
    pub fn id(&self) -> RecordId {
        self.0.ticket.id
    }

    /// Which run this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// A number that is larger with each run of the operation, as long as its record is kept; if it is made to be
    /// forgotten, by the clock of the store to a millisecond. Whoever has seen a larger one can refuse a smaller one,
    /// and so is safe from a run that was taken for dead.
    pub fn epoch(&self) -> u64 {
        self.0.ticket.epoch
    }

    /// What proves that this run owns its record: for a store that completes it in the transaction of what was done.
    pub fn ticket(&self) -> Ticket {
        self.0.ticket
    }

    /// How long the layer keeps an answer, for the same purpose.
    pub fn retain(&self) -> Duration {
        self.0.retain
    }

    /// Whether an earlier run did not come to its end, so that its effects may be there.
    pub fn is_recovery(&self) -> bool {
        self.0.after == After::Abandonment
    }

    /// What an earlier run has saved.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.0.checkpoint.as_ref()
    }

    /// Saves for the next run how far this one has come. If it fails, it may be saved later than a checkpoint after it:
    /// whoever must not see an older one again writes a number into it, or ends the run.
    ///
    /// # Errors
    ///
    /// If the run owns its record no more, or the store does not answer.
    pub async fn save(&self, checkpoint: Checkpoint) -> Result<(), CheckpointError> {
        match self.0.writer.write(&self.0.ticket, &Step::Checkpoint(checkpoint)).await {
            Ok(Stepped::Done | Stepped::StatusOnly) => Ok(()),
            Ok(Stepped::Fenced(_) | Stepped::Gone) => Err(CheckpointError::Lost),
            Err(error) => Err(CheckpointError::Store(error)),
        }
    }

    /// Whether another run may own the record by now, so that this one should have no more effects. Once true, it stays
    /// so, even if it turns out that none does.
    pub fn is_lost(&self) -> bool {
        *self.0.lost.borrow()
    }

    /// Waits until another run may own the record; forever if that does not happen.
    pub async fn lost(&self) {
        let mut lost = self.0.lost.clone();
        if lost.wait_for(|lost| *lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// A key for a call of the handler's own, the same in each run of the operation and another for each step. Another
    /// request that uses the caller's key when the record has expired has other ones.
    pub fn downstream_key(&self, step: &str) -> String {
        use fmt::Write as _;
        let Ticket { id, fingerprint, .. } = &self.0.ticket;
        let key = Parted::of("buttress idempotency downstream 1").with(id.as_bytes());
        key.with(fingerprint.as_bytes()).with(step.as_bytes()).finish()[..16].iter().fold(
            String::with_capacity(32),
            |mut text, byte| {
                let _ = write!(text, "{byte:02x}"); // writing to a string does not fail
                text
            },
        )
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
