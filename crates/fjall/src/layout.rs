//! The bytes in the database. Numbers stand with the larger byte first, times in milliseconds.
//!
//! | table | key | value |
//! |---|---|---|
//! | `records` | ID, 32 | scope, 8; the record as [`Record::encode`] has it |
//! | `due` | expires at, 8; ID, 32 | scope, 8; bytes of content, 8; 1 if in flight, else 0 |
//! | `about` | `time` | the latest time that was written down, 8 |
//! | `about` | `compacted` | nothing |
//!
//! A record stands in `due` once, under its own expiry: what is due is found, and what is there is counted, without
//! reading a response.

use buttress_idempotency::{Malformed, Record, RecordId, Scope, State, Timestamp};
use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::budget::Charge;

pub(crate) const TIME: &str = "time";

pub(crate) const COMPACTED: &str = "compacted";

/// What is charged for a record beside its headers, body and checkpoint, in bytes.
pub(crate) const RECORD_BYTES: u64 = 256;

/// A record, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) scope: Scope,
    pub(crate) record: Record,
}

/// What the list of expiries says about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) id: RecordId,
    pub(crate) expires_at: Timestamp,
    pub(crate) scope: Scope,
    pub(crate) content_bytes: u64,
    pub(crate) is_in_flight: bool,
}

impl Kept {
    pub(crate) fn charge(&self) -> Charge {
        charge(self.scope, content_bytes(&self.record))
    }

    pub(crate) fn encode(&self) -> Bytes {
        let record = self.record.encode();
        let mut out = BytesMut::with_capacity(8 + record.len());
        out.put_u64(self.scope.to_bits());
        out.put_slice(&record);
        out.freeze()
    }

    pub(crate) fn decode(mut bytes: Bytes) -> Result<Self, Malformed> {
        // A value that is too short is no record either, and the record says so.
        let scope = Scope::from_bits(bytes.try_get_u64().unwrap_or_default());
        Ok(Self { scope, record: Record::decode(bytes)? })
    }
}

impl Due {
    /// Behind everything in the list.
    pub(crate) const END: [u8; 40] = [0xFF; 40];

    pub(crate) fn of(id: RecordId, kept: &Kept) -> Self {
        Self {
            id,
            expires_at: kept.record.expires_at,
            scope: kept.scope,
            content_bytes: content_bytes(&kept.record),
            is_in_flight: matches!(kept.record.state, State::InFlight { .. }),
        }
    }

    pub(crate) fn charge(&self) -> Charge {
        charge(self.scope, self.content_bytes)
    }

    pub(crate) fn key(expires_at: Timestamp, id: RecordId) -> [u8; 40] {
        let mut key = [0; 40];
        key[..8].copy_from_slice(&expires_at.as_millis().to_be_bytes());
        key[8..].copy_from_slice(id.as_bytes());
        key
    }

    /// The time in a key.
    pub(crate) fn time_of(key: &[u8; 40]) -> Timestamp {
        let time = key.first_chunk().copied().unwrap_or_default();
        Timestamp::from_millis(u64::from_be_bytes(time))
    }

    pub(crate) fn encode(&self) -> [u8; 17] {
        let mut value = [0; 17];
        value[..8].copy_from_slice(&self.scope.to_bits().to_be_bytes());
        value[8..16].copy_from_slice(&self.content_bytes.to_be_bytes());
        value[16] = self.is_in_flight.into();
        value
    }

    pub(crate) fn decode(mut key: &[u8], mut value: &[u8]) -> Option<Self> {
        let expires_at = Timestamp::from_millis(key.try_get_u64().ok()?);
        let id = RecordId::from_bytes(key.try_into().ok()?);
        let scope = Scope::from_bits(value.try_get_u64().ok()?);
        let content_bytes = value.try_get_u64().ok()?;
        let is_in_flight = match value {
            [0] => false,
            [1] => true,
            _ => return None,
        };
        Some(Self { id, expires_at, scope, content_bytes, is_in_flight })
    }
}

fn charge(scope: Scope, content_bytes: u64) -> Charge {
    Charge { scope, bytes: RECORD_BYTES.saturating_add(content_bytes) }
}

fn content_bytes(record: &Record) -> u64 {
    record.content_bytes() as u64
}
