//! The bytes that stores keep.
//!
//! Numbers stand with the larger byte first, times in milliseconds.
//!
//! | a record | bytes |
//! |---|---|
//! | version, 1 | 1 |
//! | state: 1 in flight, 2 stub, 3 completed | 1 |
//! | fingerprint | 32 |
//! | owner, 0 for nobody | 16 |
//! | epoch, 1 to 2^63 - 1 | 8 |
//! | attempt, from 1 | 4 |
//! | created at, expires at | 8 each |
//! | length of the checkpoint plus 1, 0 for none | 2 |
//! | the checkpoint | that many |
//! | in flight: lease until | 8 |
//! | in flight: length of the lease, from 1 | 4 |
//! | in flight: what was before: 0 nothing, 1 release, 2 abandonment | 1 |
//! | completed: at | 8 |
//! | completed: the response | the rest |
//!
//! | a response | bytes |
//! |---|---|
//! | version, 1 | 1 |
//! | 1 with a body, 0 without | 1 |
//! | status, 100 to 999 | 2 |
//! | length of the headers | 4 |
//! | the headers, as a [`HeaderList`] has them | that many |
//! | the body | the rest |
//!
//! By hand, and not by a format crate: a body is taken out of the bytes without a copy, nothing that is not written here
//! is accepted, and stores in other languages can be written from this table.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{
    After, Checkpoint, Fingerprint, HeaderList, OwnerToken, Record, State, StoredResponse, Timestamp,
};

const VERSION: u8 = 1;

/// The fixed parts of an encoded record, at most.
const FIXED_BYTES: usize = 128;

const IN_FLIGHT: u8 = 1;
const STUB: u8 = 2;
const COMPLETED: u8 = 3;

/// Bytes that are not what they should be: damaged, of a later version, or somebody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    part: &'static str,
}

impl Malformed {
    pub(crate) const fn new(part: &'static str) -> Self {
        Self { part }
    }

    /// The part that could not be read.
    pub const fn part(&self) -> &'static str {
        self.part
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} of an idempotency record cannot be read", self.part)
    }
}

impl Error for Malformed {}

impl Record {
    /// The bytes of this record.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(FIXED_BYTES + self.content_bytes());
        out.put_u8(VERSION);
        out.put_u8(match self.state {
            State::InFlight { .. } => IN_FLIGHT,
            State::Stub => STUB,
            State::Completed { .. } => COMPLETED,
        });
        out.put_slice(self.fingerprint.as_bytes());
        out.put_u128(self.owner.map_or(0, OwnerToken::to_bits));
        out.put_u64(self.epoch);
        out.put_u32(self.attempt);
        out.put_u64(self.created_at.as_millis());
        out.put_u64(self.expires_at.as_millis());
        put_checkpoint(&mut out, self.checkpoint.as_ref());
        put_state(&mut out, &self.state);
        out.freeze()
    }

    /// The record that was [encoded](Self::encode) so; its response shares the memory of the bytes.
    ///
    /// # Errors
    ///
    /// If these are not the bytes of a record of this version, from the first to the last.
    pub fn decode(bytes: Bytes) -> Result<Self, Malformed> {
        let mut rest = bytes;
        version(&mut rest)?;
        let state = take(rest.try_get_u8(), "state")?;
        let mut fingerprint = [0; 32];
        take(rest.try_copy_to_slice(&mut fingerprint), "fingerprint")?;
        let record = Self {
            fingerprint: Fingerprint::from_bytes(fingerprint),
            owner: OwnerToken::from_bits(take(rest.try_get_u128(), "owner")?),
            epoch: within(rest.try_get_u64(), 1..=i64::MAX.unsigned_abs(), "epoch")?,
            attempt: within(rest.try_get_u32(), 1..=u32::MAX, "attempt")?,
            created_at: time(&mut rest, "creation")?,
            expires_at: time(&mut rest, "expiry")?,
            checkpoint: checkpoint(&mut rest)?,
            state: decode_state(state, &mut rest)?,
        };
        if rest.is_empty() { Ok(record) } else { Err(Malformed::new("end")) }
    }
}

impl StoredResponse {
    /// The bytes of this response, for stores that keep it beside the rest of a record.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(8 + self.bytes());
        self.put(&mut out);
        out.freeze()
    }

    /// The response that was [encoded](Self::encode) so; it shares the memory of the bytes.
    ///
    /// # Errors
    ///
    /// If these are not the bytes of a response of this version, from the first to the last.
    pub fn decode(bytes: Bytes) -> Result<Self, Malformed> {
        let mut rest = bytes;
        version(&mut rest)?;
        let has_body = take(rest.try_get_u8(), "response")?;
        let status = within(rest.try_get_u16(), 100..=999, "status")?;
        let headers = within(rest.try_get_u32(), 0..=u32::MAX, "headers")?;
        let headers = usize::try_from(headers).map_err(|_| Malformed::new("headers"))?;
        let headers = HeaderList::from_bytes(split(&mut rest, headers, "headers")?)?;
        match has_body {
            0 if rest.is_empty() => Ok(Self::without_body(status, headers)),
            1 => Self::new(status, headers, rest).map_err(|_| Malformed::new("body")),
            _ => Err(Malformed::new("body")),
        }
    }

    fn put(&self, out: &mut BytesMut) {
        out.put_u8(VERSION);
        out.put_u8(self.body().is_some().into());
        out.put_u16(self.status());
        let headers = self.headers().as_bytes();
        // A list of headers is never longer than its limit, which fits.
        out.put_u32(u32::try_from(headers.len()).unwrap_or(u32::MAX));
        out.put_slice(headers);
        out.put_slice(self.body().map_or(&[], |body| body));
    }
}

fn put_checkpoint(out: &mut BytesMut, checkpoint: Option<&Checkpoint>) {
    let Some(checkpoint) = checkpoint else { return out.put_u16(0) };
    let content = checkpoint.as_bytes();
    // A checkpoint is never longer than its limit, which fits.
    out.put_u16(u16::try_from(content.len() + 1).unwrap_or(u16::MAX));
    out.put_slice(content);
}

fn put_state(out: &mut BytesMut, state: &State) {
    match state {
        State::InFlight { lease_until, lease_millis, after } => {
            out.put_u64(lease_until.as_millis());
            out.put_u32(*lease_millis);
            out.put_u8(match after {
                After::Nothing => 0,
                After::Release => 1,
                After::Abandonment => 2,
            });
        }
        State::Stub => {}
        State::Completed { at, response } => {
            out.put_u64(at.as_millis());
            response.put(out);
        }
    }
}

fn version(rest: &mut Bytes) -> Result<(), Malformed> {
    within(rest.try_get_u8(), VERSION..=VERSION, "version").map(drop)
}

fn checkpoint(rest: &mut Bytes) -> Result<Option<Checkpoint>, Malformed> {
    let Some(length) = usize::from(take(rest.try_get_u16(), "checkpoint")?).checked_sub(1) else {
        return Ok(None);
    };
    let content = split(rest, length, "checkpoint")?;
    Checkpoint::new(&content[..]).map(Some).map_err(|_| Malformed::new("checkpoint"))
}

fn decode_state(state: u8, rest: &mut Bytes) -> Result<State, Malformed> {
    match state {
        IN_FLIGHT => Ok(State::InFlight {
            lease_until: time(rest, "lease")?,
            lease_millis: within(rest.try_get_u32(), 1..=u32::MAX, "lease")?,
            after: match take(rest.try_get_u8(), "attempt")? {
                0 => After::Nothing,
                1 => After::Release,
                2 => After::Abandonment,
                _ => return Err(Malformed::new("attempt")),
            },
        }),
        STUB => Ok(State::Stub),
        COMPLETED => {
            let at = time(rest, "completion")?;
            let response = Arc::new(StoredResponse::decode(rest.split_off(0))?);
            Ok(State::Completed { at, response })
        }
        _ => Err(Malformed::new("state")),
    }
}

fn time(rest: &mut Bytes, part: &'static str) -> Result<Timestamp, Malformed> {
    take(rest.try_get_u64(), part).map(Timestamp::from_millis)
}

fn split(rest: &mut Bytes, length: usize, part: &'static str) -> Result<Bytes, Malformed> {
    if length > rest.len() { Err(Malformed::new(part)) } else { Ok(rest.split_to(length)) }
}

fn take<T, E>(read: Result<T, E>, part: &'static str) -> Result<T, Malformed> {
    read.map_err(|_| Malformed::new(part))
}

fn within<T: PartialOrd, E>(
    read: Result<T, E>,
    range: std::ops::RangeInclusive<T>,
    part: &'static str,
) -> Result<T, Malformed> {
    let value = take(read, part)?;
    if range.contains(&value) { Ok(value) } else { Err(Malformed::new(part)) }
}
