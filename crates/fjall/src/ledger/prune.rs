use buttress_idempotency::Timestamp;

use super::Ledger;
use crate::layout::Due;
use crate::round::Round;
use crate::tables::Failure;

/// How many leave at most when somebody needs room.
pub(super) const FOR_ROOM: u64 = 1_024;

impl Ledger {
    /// When something expires next; never too late.
    pub(crate) fn next_due(&self) -> Timestamp {
        Due::time_of(&self.next)
    }

    /// Lets at most so many leave that have expired, and says how many did. Their responses are not read.
    ///
    /// The time under which a record is listed is enough to know: a lease never outlives it. What was removed before is
    /// not looked at again, even where the database has yet to drop it. What the round itself has put into the list is
    /// not to be read there yet, and so is looked at the next time.
    pub(crate) fn prune(&mut self, round: &mut Round, most: u64) -> Result<u64, Failure> {
        let mut gone = 0;
        if self.next_due() > round.now {
            return Ok(gone);
        }
        for due in self.tables.due_from(&self.next) {
            let due = due?;
            if due.expires_at > round.now || gone == most {
                self.next = round.earliest.min(Due::key(due.expires_at, due.id));
                return Ok(gone);
            }
            if !round.changes.contains_key(&due.id) {
                self.remove(round, &due)?;
                gone += 1;
            }
        }
        self.next = round.earliest;
        Ok(gone)
    }

    pub(super) fn remove(&mut self, round: &mut Round, due: &Due) -> Result<(), Failure> {
        self.budget.exchange(Some(due.charge()), None)?;
        self.has_removed = true;
        round.change(due.id, Some(due.expires_at), None);
        Ok(())
    }
}
