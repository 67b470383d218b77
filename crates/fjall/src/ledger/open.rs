use buttress_idempotency::{RecordId, StoreErrorKind, Timestamp};
use fjall::PersistMode;

use super::Ledger;
use crate::budget::Budget;
use crate::layout::{Due, Kept};
use crate::round::Round;
use crate::tables::{Failure, Tables};

/// How many records are given up in one batch.
const AT_ONCE: usize = 1_024;

impl Ledger {
    /// Counts what is there, and gives up what is in flight: whoever ran it is dead, or the folder were locked.
    pub(crate) fn open(tables: Tables, budget: Budget, now: Timestamp) -> Result<Self, Failure> {
        let mut ledger = Self { tables, budget, next: Due::END, has_removed: true };
        let in_flight = ledger.count()?;
        for ids in in_flight.chunks(AT_ONCE) {
            ledger.disown(ids, now)?;
        }
        ledger.budget.publish();
        Ok(ledger)
    }

    /// Counts all records, and says which are in flight.
    fn count(&mut self) -> Result<Vec<RecordId>, Failure> {
        let mut in_flight = Vec::new();
        for due in self.tables.due_from(&[]) {
            let due = due?;
            self.next = self.next.min(Due::key(due.expires_at, due.id));
            self.budget.count(due.charge());
            if due.is_in_flight {
                in_flight.push(due.id);
            }
        }
        Ok(in_flight)
    }

    fn disown(&self, ids: &[RecordId], now: Timestamp) -> Result<(), Failure> {
        let mut round = Round::at(now);
        for id in ids {
            match self.tables.read(*id) {
                Ok(Some(Kept { scope, mut record })) => {
                    let expires_at = record.expires_at;
                    if record.disown(now) {
                        round.change(*id, Some(expires_at), Some(Kept { scope, record }));
                    }
                }
                // It stays what it is, and whoever claims it is told.
                Err(error) if error.kind() == StoreErrorKind::Corrupt => {}
                Err(error) => return Err(error.into()),
                Ok(None) => {}
            }
        }
        Ok(self.tables.commit(&round.changes, now, PersistMode::SyncAll)?)
    }
}
