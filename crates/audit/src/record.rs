use std::fmt;
use std::future::Future;
use std::num::NonZeroU8;
use std::time::Duration;

use crate::{Class, Event};

/// What a record has survived when its receipt arrives, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// It waits in memory: a killed process loses it.
    Enqueued,
    /// The operating system has it: a killed process keeps it, a loss of power may lose it.
    Written,
    /// The disk has it: a loss of power keeps it.
    Synced,
    /// So many sinks have confirmed it, besides the disk: the loss of this machine keeps it.
    Replicated(NonZeroU8),
}

/// That a record is kept, where, and how well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The place in the log, from 1; none where nobody numbers, and before it was written.
    pub seq: Option<u64>,
    /// What it has survived.
    pub durability: Durability,
}

impl Receipt {
    /// A receipt for the record with this number.
    pub fn new(seq: Option<u64>, durability: Durability) -> Self {
        Self { seq, durability }
    }
}

/// That an event is not in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotRecorded {
    /// Why.
    pub reason: Reason,
    /// Whether the policy of its class is to go on without it; the log then tells of the loss in a gap record.
    pub shed: bool,
    /// When it makes sense to try again, if that is known.
    pub retry_after: Option<Duration>,
}

impl NotRecorded {
    /// Not recorded, and the policy of its class does not say to go on without it.
    pub fn new(reason: Reason) -> Self {
        Self { reason, shed: false, retry_after: None }
    }

    /// The policy is to go on without it.
    #[must_use]
    pub fn shed(self) -> Self {
        Self { shed: true, ..self }
    }

    /// It makes sense to try again after so long.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }
}

/// Why an event was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Too many events wait already.
    QueueFull,
    /// The disk is full, or so nearly that only more important classes are written.
    DiskFull,
    /// Writing or syncing failed.
    Failed,
    /// The event is larger than a record may be.
    TooLarge,
    /// The log is closed.
    Closed,
    /// No receipt came in time. The event is on its way, and may be recorded yet.
    NoReceipt,
}

impl Reason {
    /// The reason as one word for records, problem documents and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::DiskFull => "disk_full",
            Self::Failed => "failed",
            Self::TooLarge => "too_large",
            Self::Closed => "closed",
            Self::NoReceipt => "no_receipt",
        }
    }
}

impl fmt::Display for NotRecorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.reason {
            Reason::QueueFull => "too many wait already",
            Reason::DiskFull => "the disk is full",
            Reason::Failed => "it could not be written",
            Reason::TooLarge => "it is larger than a record may be",
            Reason::Closed => "the log is closed",
            Reason::NoReceipt => "no receipt came in time",
        };
        write!(f, "an audit event was not recorded: {why}")
    }
}

impl std::error::Error for NotRecorded {}

/// Where events are recorded: the log of this crate, or one of your own.
///
/// Recording has two steps, so that a request can be refused before it is handled, and so that its end can be recorded
/// without waiting, from a drop. [`reserve`](Self::reserve) waits for room, as long as the policy of the class says;
/// what it gives has room for one event, which [`Reservation::record`] hands over at once.
pub trait Recorder: Send + Sync + 'static {
    /// Room for one event. Dropped unused it gives the room back.
    type Reservation: Reservation;
    /// The wait for room. Dropped, it gives up its turn.
    type Reserving: Future<Output = Result<Self::Reservation, NotRecorded>> + Send + 'static;

    /// Asks for room for one event of a class.
    fn reserve(&self, class: Class) -> Self::Reserving;

    /// Whether nothing of a class may happen that cannot be recorded: the layer then records a request before it is
    /// handled too, and keeps back an answer whose record failed.
    fn fails_closed(&self, class: Class) -> bool {
        class.is_fail_closed_by_default()
    }

    /// Records an event: waits for room, hands it over and waits for the receipt.
    fn record(&self, event: Event) -> impl Future<Output = Result<Receipt, NotRecorded>> + Send
    where
        Self: Sized,
    {
        let reserving = self.reserve(event.class());
        async move { reserving.await?.record(event).await }
    }
}

/// Room for one event.
pub trait Reservation: Send + 'static {
    /// The wait for the receipt. The event is on its way when [`record`](Self::record) returns; dropping this waits
    /// for nothing and takes nothing back.
    type Recording: Future<Output = Result<Receipt, NotRecorded>> + Send + 'static;

    /// Hands the event over.
    fn record(self, event: Event) -> Self::Recording;
}
