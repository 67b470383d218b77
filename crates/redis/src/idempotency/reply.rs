use std::sync::Arc;
use std::time::Duration;
use std::vec::IntoIter;

use buttress_idempotency::{
    After, Checkpoint, Claim, Claimed, Completion, HeaderList, Invalidated, Malformed, Owned, Stepped,
    StoreError, StoreErrorKind, StoredResponse, Ticket, Timestamp,
};
use bytes::Bytes;

use super::failure::strange;

/// What a script answers: a word, and what belongs to it.
pub(super) type Raw = Vec<Option<Vec<u8>>>;

pub(super) fn claimed(raw: Raw, claim: &Claim) -> Result<Claimed, StoreError> {
    let mut reply = Reply(raw.into_iter());
    match &*reply.word()? {
        b"owned" => reply.owned(claim).map(Claimed::Owned),
        b"in_flight" => Ok(Claimed::InFlight { remaining: Duration::from_millis(reply.number()?) }),
        b"mismatch" => Ok(Claimed::Mismatch),
        b"completed" => reply.completion().map(Claimed::Completed),
        b"abandoned" => Ok(Claimed::Abandoned { attempt: reply.attempt()? }),
        _ => Err(strange()),
    }
}

pub(super) fn stepped(raw: Raw) -> Result<Stepped, StoreError> {
    let mut reply = Reply(raw.into_iter());
    match &*reply.word()? {
        b"done" => Ok(Stepped::Done),
        b"status_only" => Ok(Stepped::StatusOnly),
        b"gone" => Ok(Stepped::Gone),
        b"fenced" if reply.0.len() == 0 => Ok(Stepped::Fenced(None)),
        b"fenced" => reply.completion().map(|completion| Stepped::Fenced(Some(completion))),
        _ => Err(strange()),
    }
}

pub(super) fn invalidated(raw: Raw) -> Result<Invalidated, StoreError> {
    match &*Reply(raw.into_iter()).word()? {
        b"removed" => Ok(Invalidated::Removed),
        b"absent" => Ok(Invalidated::Absent),
        b"in_flight" => Ok(Invalidated::InFlight),
        _ => Err(strange()),
    }
}

struct Reply(IntoIter<Option<Vec<u8>>>);

impl Reply {
    /// What may be missing: the reply goes on with nothing in its place.
    fn part(&mut self) -> Result<Option<Bytes>, StoreError> {
        self.0.next().map(|part| part.map(Bytes::from)).ok_or_else(strange)
    }

    fn word(&mut self) -> Result<Bytes, StoreError> {
        self.part()?.ok_or_else(strange)
    }

    fn number(&mut self) -> Result<u64, StoreError> {
        number(&self.word()?).ok_or_else(strange)
    }

    fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.number().map(Timestamp::from_millis)
    }

    fn attempt(&mut self) -> Result<u32, StoreError> {
        self.number().map(|attempt| u32::try_from(attempt).unwrap_or(u32::MAX))
    }

    fn owned(&mut self, claim: &Claim) -> Result<Owned, StoreError> {
        let Claim { id, fingerprint, owner, .. } = *claim;
        let (epoch, attempt) = (self.number()?, self.attempt()?);
        let after = match &*self.word()? {
            b"nothing" => After::Nothing,
            b"release" => After::Release,
            b"abandonment" => After::Abandonment,
            _ => return Err(strange()),
        };
        let created_at = self.time()?;
        let checkpoint = self.part()?.map(|content| Checkpoint::new(&content[..])).transpose();
        let checkpoint =
            checkpoint.map_err(|error| StoreError::with_source(StoreErrorKind::Corrupt, error))?;
        Ok(Owned { ticket: Ticket { id, fingerprint, owner, epoch }, attempt, after, checkpoint, created_at })
    }

    fn completion(&mut self) -> Result<Completion, StoreError> {
        let (completed_at, expires_at, attempt) = (self.time()?, self.time()?, self.attempt()?);
        let response = Arc::new(self.response()?);
        Ok(Completion { response, completed_at, expires_at, attempt })
    }

    fn response(&mut self) -> Result<StoredResponse, StoreError> {
        let (status, headers, body) = (self.part()?, self.part()?, self.part()?);
        let status = status.as_deref().and_then(number).and_then(|status| u16::try_from(status).ok());
        let status = status.filter(|status| (100..=999).contains(status));
        let (Some(status), Some(headers)) = (status, headers) else {
            return Err(StoreError::with_source(
                StoreErrorKind::Corrupt,
                "a response has no status or headers",
            ));
        };
        let spoilt = |error: Malformed| StoreError::with_source(StoreErrorKind::Corrupt, error);
        let headers = HeaderList::from_bytes(headers).map_err(spoilt)?;
        let Some(body) = body else { return Ok(StoredResponse::without_body(status, headers)) };
        StoredResponse::new(status, headers, body)
            .map_err(|error| StoreError::with_source(StoreErrorKind::Corrupt, error))
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
