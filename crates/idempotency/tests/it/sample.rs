//! Claims, owners and records to begin with.

use std::sync::Arc;
use std::time::Duration;

use buttress_idempotency::{
    Claim, Claimed, Fingerprint, HeaderList, Owned, OwnerToken, Record, RecordId, Scope, State,
    StoredResponse, Timestamp, WhenAbandoned, Write,
};

pub(crate) const LEASE: Duration = Duration::from_secs(1);
pub(crate) const RETAIN: Duration = Duration::from_secs(10);

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn owner(number: u128) -> OwnerToken {
    OwnerToken::from_bits(number).unwrap()
}

/// The claim of an owner, for a payload.
pub(crate) fn claim(by: u128, payload: u8) -> Claim {
    Claim {
        id: RecordId::from_bytes([1; 32]),
        scope: Scope::from_bits(1),
        fingerprint: Fingerprint::from_bytes([payload; 32]),
        owner: owner(by),
        lease: LEASE,
        retain: RETAIN,
        when_abandoned: WhenAbandoned::TakeOver,
    }
}

pub(crate) fn of_record(number: u64, claim: &Claim) -> Claim {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    id[31] = number.to_be_bytes()[7];
    Claim { id: RecordId::from_bytes(id), ..claim.clone() }
}

pub(crate) fn response(body: &str) -> Arc<StoredResponse> {
    Arc::new(StoredResponse::new(200, HeaderList::default(), body.to_owned().into()).unwrap())
}

pub(crate) fn tombstone() -> Arc<StoredResponse> {
    Arc::new(StoredResponse::without_body(204, HeaderList::default()))
}

pub(crate) fn owned(claimed: Claimed) -> Owned {
    match claimed {
        Claimed::Owned(owned) => owned,
        other => panic!("not owned: {other:?}"),
    }
}

/// What is stored after a decision, if it changed anything.
pub(crate) fn written(write: Option<Write>) -> Option<Record> {
    match write? {
        Write::Put(record) => Some(record),
        Write::Remove => None,
    }
}

/// The record of a first claim at a time.
pub(crate) fn in_flight(claim: &Claim, now: Timestamp) -> Record {
    written(Record::claim(None, claim, now).write).unwrap()
}

pub(crate) fn lease_until(record: &Record) -> Timestamp {
    match record.state {
        State::InFlight { lease_until, .. } => lease_until,
        ref other => panic!("not in flight: {other:?}"),
    }
}
