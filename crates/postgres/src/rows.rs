use std::sync::Arc;

use buttress_idempotency::{
    After, Checkpoint, Claim, Claimed, Completion, Invalidated, Owned, Stepped, StoreError, StoreErrorKind,
    StoredResponse, Ticket, Timestamp,
};
use bytes::Bytes;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::error::Complaint;

/// What the function `claim` has said.
pub(crate) fn claimed(row: &Row, claim: &Claim) -> Result<Claimed, StoreError> {
    match get::<i16>(row, "verdict")? {
        1 => owned(row, claim).map(Claimed::Owned),
        2 => {
            let remaining = time(row, "o_remaining")?.since(Timestamp::default());
            Ok(Claimed::InFlight { remaining })
        }
        3 => Ok(Claimed::Mismatch),
        4 => completion(row).map(Claimed::Completed),
        5 => Ok(Claimed::Abandoned { attempt: attempt(row)? }),
        _ => Err(unreadable("verdict")),
    }
}

/// What the function `step` has said.
pub(crate) fn stepped(row: &Row) -> Result<Stepped, StoreError> {
    match get::<i16>(row, "verdict")? {
        1 => Ok(Stepped::Done),
        2 if get::<Option<&[u8]>>(row, "o_response")?.is_none() => Ok(Stepped::Fenced(None)),
        2 => completion(row).map(|completion| Stepped::Fenced(Some(completion))),
        3 => Ok(Stepped::Gone),
        _ => Err(unreadable("verdict")),
    }
}

/// What the function `invalidate` has said.
pub(crate) fn invalidated(row: &Row) -> Result<Invalidated, StoreError> {
    match first::<i16>(row)? {
        1 => Ok(Invalidated::Removed),
        2 => Ok(Invalidated::Absent),
        3 => Ok(Invalidated::InFlight),
        _ => Err(unreadable("verdict")),
    }
}

/// The column of that name.
pub(crate) fn get<'a, T: FromSql<'a>>(row: &'a Row, name: &'static str) -> Result<T, StoreError> {
    row.try_get(name).map_err(|_| unreadable(name))
}

/// The only column.
pub(crate) fn first<'a, T: FromSql<'a>>(row: &'a Row) -> Result<T, StoreError> {
    row.try_get(0).map_err(|_| unreadable("answer"))
}

fn owned(row: &Row, claim: &Claim) -> Result<Owned, StoreError> {
    let &Claim { id, fingerprint, owner, .. } = claim;
    let epoch = u64::try_from(get::<i64>(row, "o_epoch")?).map_err(|_| unreadable("epoch"))?;
    let checkpoint = get::<Option<&[u8]>>(row, "o_checkpoint")?.map(Checkpoint::new).transpose();
    Ok(Owned {
        ticket: Ticket { id, fingerprint, owner, epoch },
        attempt: attempt(row)?,
        after: match get::<i16>(row, "o_prior")? {
            0 => After::Nothing,
            1 => After::Release,
            2 => After::Abandonment,
            _ => return Err(unreadable("attempt before")),
        },
        checkpoint: checkpoint.map_err(corrupt)?,
        created_at: time(row, "o_created_at")?,
    })
}

fn completion(row: &Row) -> Result<Completion, StoreError> {
    let response = Bytes::copy_from_slice(get(row, "o_response")?);
    Ok(Completion {
        response: Arc::new(StoredResponse::decode(response).map_err(corrupt)?),
        completed_at: time(row, "o_completed_at")?,
        expires_at: time(row, "o_expires_at")?,
        attempt: attempt(row)?,
    })
}

fn attempt(row: &Row) -> Result<u32, StoreError> {
    u32::try_from(get::<i64>(row, "o_attempt")?).map_err(|_| unreadable("attempt"))
}

fn time(row: &Row, name: &'static str) -> Result<Timestamp, StoreError> {
    let millis = u64::try_from(get::<i64>(row, name)?).map_err(|_| unreadable(name))?;
    Ok(Timestamp::from_millis(millis))
}

fn unreadable(part: &'static str) -> StoreError {
    Complaint::Answer(part).into_error()
}

fn corrupt(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::with_source(StoreErrorKind::Corrupt, Box::new(error) as Box<_>)
}
