use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{Fate, Position};

/// What a key has left, on the quota that leaves it least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    remaining: u64,
    next: Duration,
    full: Duration,
}

/// A call that went beyond a quota. Nothing was charged for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    quota: Arc<str>,
    remaining: u64,
    retry_after: Option<Duration>,
}

impl Admitted {
    pub(super) fn at(position: Option<&Position>) -> Self {
        let (remaining, next, full) = position
            .map_or((u64::MAX, Duration::ZERO, Duration::ZERO), |at| (at.remaining, at.next, at.full));
        Self { remaining, next, full }
    }

    /// Units that would be admitted at once.
    pub const fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Until there is one unit more; zero if there is a whole burst.
    pub const fn next(&self) -> Duration {
        self.next
    }

    /// Until there is a whole burst.
    pub const fn full(&self) -> Duration {
        self.full
    }
}

impl Denied {
    /// Speaks for the quota that denies longest.
    pub(super) fn by<'a>(positions: impl Iterator<Item = (&'a Arc<str>, &'a Position)>) -> Self {
        let wait = |position: &Position| match position.fate {
            Fate::Admitted => Some(Duration::ZERO),
            Fate::Denied { wait } => Some(wait),
            Fate::Never => None,
        };
        let longest = positions.max_by_key(|(_, position)| wait(position).unwrap_or(Duration::MAX));
        match longest {
            Some((quota, position)) => {
                Self { quota: Arc::clone(quota), remaining: position.remaining, retry_after: wait(position) }
            }
            None => Self { quota: Arc::default(), remaining: 0, retry_after: None },
        }
    }

    /// The name of the quota; if several deny, of the one that denies longest.
    pub fn quota(&self) -> &str {
        &self.quota
    }

    /// Units that this quota would have admitted at once.
    pub const fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Until the same call would be admitted, if nobody else spends meanwhile; `None` if it asks for more than a
    /// burst and so never will be.
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quota, retry_after, .. } = self;
        match retry_after {
            Some(wait) => write!(f, "beyond the quota `{quota}`, room in {wait:?}"),
            None => write!(f, "beyond the burst of the quota `{quota}`"),
        }
    }
}

impl Error for Denied {}
