use buttress_idempotency::{StoreError, StoreErrorKind};

use super::Ledger;
use crate::layout::Due;
use crate::request::{Answer, Reply};
use crate::round::Round;
use crate::tables::Failure;

/// How many records a round looks at.
const PER_ROUND: usize = 1_024;

/// Everything is being forgotten but what runs, a part in each round, so that others are served in between.
#[derive(Debug)]
pub(crate) struct Clearing {
    next: [u8; 40],
    gone: u64,
    /// Why one of those that may run stays.
    spoilt: Option<StoreError>,
    pub(crate) reply: Reply<u64>,
}

impl Clearing {
    pub(crate) const fn new(reply: Reply<u64>) -> Self {
        Self { next: [0; 40], gone: 0, spoilt: None, reply }
    }

    /// How many have left, or that there is one that could not be read.
    pub(crate) fn answer(self) -> Answer {
        Answer::Counted(self.spoilt.map_or(Ok(self.gone), Err), self.reply)
    }
}

impl Ledger {
    /// Goes on, and says whether that was all.
    pub(crate) fn clear(&mut self, round: &mut Round, clearing: &mut Clearing) -> Result<bool, Failure> {
        for (looked, due) in self.tables.due_from(&clearing.next).enumerate() {
            let due = due?;
            if looked == PER_ROUND {
                clearing.next = Due::key(due.expires_at, due.id);
                return Ok(false);
            }
            if round.changes.contains_key(&due.id) {
                continue;
            }
            match self.runs(round, &due) {
                Ok(true) => {}
                Ok(false) => {
                    self.remove(round, &due)?;
                    clearing.gone += u64::from(due.expires_at > round.now);
                }
                // Nobody knows whether its owner runs.
                Err(error) if error.kind() == StoreErrorKind::Corrupt => clearing.spoilt = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        round.syncs = true;
        Ok(true)
    }

    fn runs(&self, round: &Round, due: &Due) -> Result<bool, StoreError> {
        let found = if due.is_in_flight { self.tables.read(due.id)? } else { None };
        Ok(found.is_some_and(|kept| kept.record.is_live(round.now)))
    }
}
