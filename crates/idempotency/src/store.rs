use std::error::Error;
use std::fmt;
use std::sync::Arc;

use buttress_core::BoxError;

use crate::{Claim, Claimed, Invalidated, RecordId, Step, Stepped, Ticket};

/// Keeps records where all who may run the same operation find them.
///
/// The laws, which the feature `testing` checks against any store:
///
/// - Each call is one decision: in between, nobody else is served about the same record. What the decision is,
///   [`Record::claim`](crate::Record::claim), [`Record::step`](crate::Record::step) and
///   [`Record::invalidate`](crate::Record::invalidate) say; a store may run these or do the same in its own language.
/// - The store's own clock decides, in milliseconds. Nobody sends it a time of his own.
/// - A claim or step whose answer was given is kept as safely as the store's documentation says, and a claim no less
///   safely than a completion.
/// - The same claim, sent again while it is in flight, has the same answer as before, with the same epoch. The same
///   completion, sent again, is [`Stepped::Done`].
/// - What is in flight, and what has not expired, is never forgotten to make room. A store without room refuses claims
///   of new records with [`StoreErrorKind::Full`] or [`StoreErrorKind::ScopeFull`]; renewals and endings are never
///   refused for room. A completion without room becomes [`Stepped::StatusOnly`].
/// - What has expired is as good as absent from that moment on, whether or not it was removed.
/// - A record that cannot be read is [`StoreErrorKind::Corrupt`] and never absent.
/// - A call that failed or was dropped may have happened, unless its kind says that it did not.
///
/// One round trip per claim and per step, except that a response may be fetched by a second one.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Asks to run an operation.
    fn claim(&self, claim: &Claim) -> impl Future<Output = Result<Claimed, StoreError>> + Send;

    /// Does with a record what only its owner may do.
    fn step(&self, ticket: &Ticket, step: &Step) -> impl Future<Output = Result<Stepped, StoreError>> + Send;

    /// Forgets one record, unless its owner runs.
    fn invalidate(&self, id: RecordId) -> impl Future<Output = Result<Invalidated, StoreError>> + Send;

    /// Forgets all records of this store, except where the owner runs, and says how many. Not one decision.
    fn clear(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

impl<S: Store> Store for Arc<S> {
    fn claim(&self, claim: &Claim) -> impl Future<Output = Result<Claimed, StoreError>> + Send {
        S::claim(self, claim)
    }

    fn step(&self, ticket: &Ticket, step: &Step) -> impl Future<Output = Result<Stepped, StoreError>> + Send {
        S::step(self, ticket, step)
    }

    fn invalidate(&self, id: RecordId) -> impl Future<Output = Result<Invalidated, StoreError>> + Send {
        S::invalidate(self, id)
    }

    fn clear(&self) -> impl Future<Output = Result<u64, StoreError>> + Send {
        S::clear(self)
    }
}

/// Why a [`Store`] did not decide.
#[derive(Clone, Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What kind of failure a [`StoreError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// It cannot be reached, or gave no answer that can be used. It may have happened.
    Unreachable,
    /// There is no room for another record. It did not happen.
    Full,
    /// There is no room for another record of this caller. It did not happen.
    ScopeFull,
    /// The record is there and cannot be read: damaged, of a later version, or not ours. It did not happen.
    Corrupt,
    /// The store answers and is not fit: a schema that is missing, a policy that evicts. It did not happen.
    Unfit,
}

impl StoreError {
    /// A failure without a cause further down.
    pub const fn new(kind: StoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// A failure with its cause.
    pub fn with_source(kind: StoreErrorKind, source: impl Into<BoxError>) -> Self {
        Self { kind, source: Some(source.into().into()) }
    }

    /// What kind of failure it is.
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether the call may have happened all the same, so that it is worth sending again with the same owner.
    pub const fn may_have_happened(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Unreachable)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unreachable => "the store of idempotency records gave no usable answer",
            StoreErrorKind::Full => "the store of idempotency records has no room",
            StoreErrorKind::ScopeFull => "the store of idempotency records has no room for this caller",
            StoreErrorKind::Corrupt => "an idempotency record cannot be read",
            StoreErrorKind::Unfit => "the store of idempotency records is not fit for use",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
