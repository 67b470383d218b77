use std::time::Duration;

use buttress_idempotency::{Claim, RecordId, Step, StoredResponse, Ticket, Timestamp, WhenAbandoned};
use tokio_postgres::types::Type;

use crate::link::Argument;
use crate::schema::Schema;

/// 34,000 years, so that the sum with the time of day stays far below what a `bigint` holds.
const LONGEST_MILLIS: u64 = 1 << 50;

/// Whether a call is a transaction of its own or part of a longer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    Itself,
    ATransaction,
}

/// What the function `claim` is given.
pub(crate) struct ClaimArguments<'a> {
    id: &'a [u8],
    lock: i64,
    fingerprint: &'a [u8],
    owner: Vec<u8>,
    lease: i64,
    retain: i64,
    takes_over: bool,
    is_in_transaction: bool,
}

impl<'a> ClaimArguments<'a> {
    pub(crate) fn new(schema: &Schema, claim: &'a Claim, within: Within) -> Self {
        Self {
            id: claim.id.as_bytes(),
            lock: lock_of(schema, claim.id),
            fingerprint: claim.fingerprint.as_bytes(),
            owner: claim.owner.to_bits().to_be_bytes().to_vec(),
            lease: lease_millis(claim.lease),
            retain: millis(claim.retain),
            takes_over: claim.when_abandoned == WhenAbandoned::TakeOver,
            is_in_transaction: within == Within::ATransaction,
        }
    }

    pub(crate) fn list(&self) -> [Argument<'_>; 8] {
        [
            (&self.id, Type::BYTEA),
            (&self.lock, Type::INT8),
            (&self.fingerprint, Type::BYTEA),
            (&self.owner, Type::BYTEA),
            (&self.lease, Type::INT8),
            (&self.retain, Type::INT8),
            (&self.takes_over, Type::BOOL),
            (&self.is_in_transaction, Type::BOOL),
        ]
    }
}

/// What the function `step` is given.
pub(crate) struct StepArguments<'a> {
    id: &'a [u8],
    fingerprint: &'a [u8],
    owner: Vec<u8>,
    epoch: i64,
    kind: i16,
    lease: Option<i64>,
    retain: Option<i64>,
    content: Option<Vec<u8>>,
    lock: Option<i64>,
}

impl<'a> StepArguments<'a> {
    pub(crate) fn new(ticket: &'a Ticket, step: &Step) -> Self {
        let (kind, lease, retain, content) = match step {
            Step::Renew { lease, retain } => (1, Some(*lease), Some(*retain), None),
            Step::Checkpoint(left) => (2, None, None, Some(left.as_bytes().to_vec())),
            Step::Complete { response, retain } => (3, None, Some(*retain), Some(response.encode().into())),
            Step::Release { retain } => (4, None, Some(*retain), None),
            Step::Abandon => (5, None, None, None),
        };
        let (lease, retain) = (lease.map(lease_millis), retain.map(millis));
        Self { kind, lease, retain, content, ..Self::of(ticket) }
    }

    /// The completion within the transaction of what was done.
    pub(crate) fn completion(
        schema: &Schema,
        ticket: &'a Ticket,
        response: &StoredResponse,
        retain: Duration,
    ) -> Self {
        let (content, retain, lock) = (response.encode().into(), millis(retain), lock_of(schema, ticket.id));
        Self { kind: 3, content: Some(content), retain: Some(retain), lock: Some(lock), ..Self::of(ticket) }
    }

    fn of(ticket: &'a Ticket) -> Self {
        Self {
            id: ticket.id.as_bytes(),
            fingerprint: ticket.fingerprint.as_bytes(),
            owner: ticket.owner.to_bits().to_be_bytes().to_vec(),
            // No record has an epoch past this, so such a ticket is nobody's.
            epoch: i64::try_from(ticket.epoch).unwrap_or(-1),
            kind: 0,
            lease: None,
            retain: None,
            content: None,
            lock: None,
        }
    }

    pub(crate) fn list(&self) -> [Argument<'_>; 9] {
        [
            (&self.id, Type::BYTEA),
            (&self.fingerprint, Type::BYTEA),
            (&self.owner, Type::BYTEA),
            (&self.epoch, Type::INT8),
            (&self.kind, Type::INT2),
            (&self.lease, Type::INT8),
            (&self.retain, Type::INT8),
            (&self.content, Type::BYTEA),
            (&self.lock, Type::INT8),
        ]
    }
}

/// What keeps a transaction that runs an operation apart from others who claim it. Locks belong to the database, so it is
/// another one in another schema. Part of a hash, so that two records never share one in practice; if they did, one
/// caller would be told that his request is in flight.
fn lock_of(schema: &Schema, id: RecordId) -> i64 {
    let part = id.as_bytes().first_chunk().map_or(0, |first| i64::from_be_bytes(*first));
    part ^ schema.lock("record")
}

/// Whole milliseconds, rounded up.
fn millis(span: Duration) -> i64 {
    let whole = Timestamp::default().after(span).as_millis().min(LONGEST_MILLIS);
    i64::try_from(whole).unwrap_or(i64::MAX)
}

/// The length of a lease as records keep it: 1 ms to 49 days.
fn lease_millis(lease: Duration) -> i64 {
    millis(lease).clamp(1, u32::MAX.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_round_up_and_end_somewhere() {
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::ZERO), 0);
        assert_eq!(millis(Duration::MAX), 1 << 50);
        assert_eq!(lease_millis(Duration::ZERO), 1);
        assert_eq!(lease_millis(Duration::MAX), i64::from(u32::MAX));
    }
}
