use std::error::Error;
use std::fmt;

use buttress_idempotency::{StoreError, StoreErrorKind};
use redis::RedisError;

/// What a server's refusal means for a call; whatever is not known may have happened.
pub(super) fn failure(error: RedisError) -> StoreError {
    let kind = match error.code() {
        Some("OOM") => StoreErrorKind::Full,
        Some("CORRUPT" | "WRONGTYPE") => StoreErrorKind::Corrupt,
        Some("NOPERM" | "NOAUTH" | "WRONGPASS") => StoreErrorKind::Unfit,
        _ => StoreErrorKind::Unreachable,
    };
    StoreError::with_source(kind, error)
}

/// An answer that no script of ours gives.
pub(super) fn strange() -> StoreError {
    StoreError::with_source(StoreErrorKind::Unreachable, "the server's answer cannot be read")
}

/// Why no claim is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// The server may throw records away.
    Evicts {
        /// Its `maxmemory-policy`.
        policy: String,
    },
    /// The data was lost a moment ago, and owners may still run of which nothing is known any more.
    LostData,
}

impl From<Unfit> for StoreError {
    fn from(unfit: Unfit) -> Self {
        Self::with_source(StoreErrorKind::Unfit, unfit)
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evicts { policy } => {
                write!(f, "the server may evict records: its maxmemory-policy is {policy}, not noeviction")
            }
            Self::LostData => f.write_str("the server lost its data, and what ran then may still run"),
        }
    }
}

impl Error for Unfit {}
