use buttress_idempotency::RecordId;

use super::Ledger;
use crate::layout::Due;
use crate::request::Reply;
use crate::round::Round;
use crate::tables::Failure;

/// How many records a round looks at.
const PER_ROUND: usize = 1_024;

/// Everything is being forgotten but what runs, a part in each round, so that others are served in between.
#[derive(Debug)]
pub(crate) struct Clearing {
    next: [u8; 40],
    gone: u64,
    pub(crate) reply: Reply<u64>,
}

impl Clearing {
    pub(crate) const fn new(reply: Reply<u64>) -> Self {
        Self { next: [0; 40], gone: 0, reply }
    }
}

impl Ledger {
    /// Goes on, and says how many have left if that was all.
    pub(crate) fn clear(
        &mut self,
        round: &mut Round,
        clearing: &mut Clearing,
    ) -> Result<Option<u64>, Failure> {
        for (looked, due) in self.tables.due_from(&clearing.next).enumerate() {
            let due = due?;
            if looked == PER_ROUND {
                clearing.next = Due::key(due.expires_at, due.id);
                return Ok(None);
            }
            if !round.changes.contains_key(&due.id) && !self.runs(round, due.id, due.is_in_flight)? {
                self.remove(round, &due)?;
                clearing.gone += u64::from(due.expires_at > round.now);
            }
        }
        round.syncs = true;
        Ok(Some(clearing.gone))
    }

    fn runs(&self, round: &Round, id: RecordId, is_in_flight: bool) -> Result<bool, Failure> {
        let found = if is_in_flight { self.tables.read(id)? } else { None };
        Ok(found.is_some_and(|kept| kept.record.is_live(round.now)))
    }
}
