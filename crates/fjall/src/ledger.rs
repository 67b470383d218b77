use std::sync::Arc;

use buttress_idempotency::{
    Claim, Claimed, Decided, HeaderList, Invalidated, Record, RecordId, Scope, Step, Stepped, StoreError,
    StoreErrorKind, StoredResponse, Ticket, Write,
};

use crate::budget::Budget;
use crate::layout::{Due, Kept};
use crate::round::{Round, must_last};
use crate::tables::{Failure, Tables};

mod clear;
mod open;
mod prune;

pub(crate) use clear::Clearing;

/// Decides what happens to records, in rounds.
pub(crate) struct Ledger {
    pub(crate) tables: Tables,
    pub(crate) budget: Budget,
    /// Nothing that is listed as due stands before this place in the list.
    next: [u8; 40],
    /// Whether anything was removed since space was given back last.
    pub(crate) has_removed: bool,
}

/// Why nothing was decided.
pub(crate) enum Refused {
    /// The record, or whoever asks, is the reason.
    Request(StoreError),
    /// The database is.
    Database(Failure),
}

impl Ledger {
    pub(crate) fn claim(&mut self, round: &mut Round, claim: &Claim) -> Result<Claimed, Refused> {
        self.with_room(round, |ledger, round| {
            let found = ledger.find(round, claim.id)?;
            let decided = Record::claim(found.as_ref().map(|kept| &kept.record), claim, round.now);
            round.syncs |= decided.write.is_some();
            ledger.write(round, claim.id, claim.scope, found, decided)
        })
    }

    pub(crate) fn step(
        &mut self,
        round: &mut Round,
        ticket: &Ticket,
        step: &Step,
    ) -> Result<Stepped, Refused> {
        match (self.try_step(round, ticket, step), step) {
            (Err(Refused::Request(error)), Step::Complete { response, retain }) if is_room(&error) => {
                let status_only = StoredResponse::without_body(response.status(), HeaderList::default());
                let step = Step::Complete { response: Arc::new(status_only), retain: *retain };
                match self.try_step(round, ticket, &step)? {
                    Stepped::Done => Ok(Stepped::StatusOnly),
                    otherwise => Ok(otherwise),
                }
            }
            (stepped, _) => stepped,
        }
    }

    pub(crate) fn invalidate(&mut self, round: &mut Round, id: RecordId) -> Result<Invalidated, StoreError> {
        let found = self.find(round, id)?;
        let decided = Record::invalidate(found.as_ref().map(|kept| &kept.record), round.now);
        round.syncs |= decided.write.is_some();
        let scope = Scope::from_bits(0);
        self.write(round, id, scope, found, decided)
    }

    fn try_step(&mut self, round: &mut Round, ticket: &Ticket, step: &Step) -> Result<Stepped, Refused> {
        self.with_room(round, |ledger, round| {
            let found = ledger.find(round, ticket.id)?;
            let decided = Record::step(found.as_ref().map(|kept| &kept.record), ticket, step, round.now);
            round.syncs |= decided.write.is_some() && must_last(step);
            let scope = found.as_ref().map_or(Scope::from_bits(0), |kept| kept.scope);
            ledger.write(round, ticket.id, scope, found, decided)
        })
    }

    /// What stands under an ID, with what the round has changed.
    fn find(&self, round: &Round, id: RecordId) -> Result<Option<Kept>, StoreError> {
        match round.changes.get(&id) {
            Some(change) => Ok(change.after.clone()),
            None => self.tables.read(id),
        }
    }

    /// Changes what was found as it was decided. A record keeps its scope for as long as it is there.
    fn write<A>(
        &mut self,
        round: &mut Round,
        id: RecordId,
        scope: Scope,
        found: Option<Kept>,
        decided: Decided<A>,
    ) -> Result<A, StoreError> {
        let Some(write) = decided.write else { return Ok(decided.answer) };
        let charged = found.as_ref().map(Kept::charge);
        let living = found.as_ref().filter(|kept| !kept.record.is_expired(round.now));
        let scope = living.map_or(scope, |kept| kept.scope);
        let after = match write {
            Write::Put(record) => Some(Kept { scope, record }),
            Write::Remove => None,
        };
        self.budget.exchange(charged, after.as_ref().map(Kept::charge))?;
        self.has_removed |= after.is_none();
        if let Some(kept) = &after {
            self.next = self.next.min(Due::key(kept.record.expires_at, id));
        }
        round.change(id, found.map(|kept| kept.record.expires_at), after);
        Ok(decided.answer)
    }

    /// Decides, and again for as long as there is no room and what has expired makes some.
    fn with_room<A>(
        &mut self,
        round: &mut Round,
        decide: impl Fn(&mut Self, &mut Round) -> Result<A, StoreError>,
    ) -> Result<A, Refused> {
        loop {
            match decide(self, round) {
                Err(error) if is_room(&error) && self.prune(round, prune::FOR_ROOM)? > 0 => {}
                decided => return decided.map_err(Refused::Request),
            }
        }
    }
}

fn is_room(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Full | StoreErrorKind::ScopeFull)
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Database(failure)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use buttress_idempotency::testing::{claim, response};
    use buttress_idempotency::{Checkpoint, Timestamp};
    use fjall::PersistMode;

    use super::*;
    use crate::budget::Amount;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn is_ok<A, E>(decided: &Result<A, E>) {
        assert!(decided.is_ok(), "it is decided");
    }

    #[test]
    fn all_that_is_acknowledged_is_synced_but_renewals_and_what_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let budget = Budget::new(Amount::NONE, None, Arc::default());
        let now = Timestamp::from_millis(1_000);
        let mut ledger = Ledger::open(Tables::open(folder.path()).unwrap(), budget, now).unwrap();
        let mut mode = |decide: &dyn Fn(&mut Ledger, &mut Round)| {
            let mut round = Round::at(now);
            decide(&mut ledger, &mut round);
            ledger.tables.commit(&round.changes, now, round.mode()).unwrap();
            round.mode()
        };
        let claim = claim();
        let ticket =
            Ticket { id: claim.id, fingerprint: claim.fingerprint, owner: claim.owner, epoch: 1_000 };
        let claims = |ledger: &mut Ledger, round: &mut Round| is_ok(&ledger.claim(round, &claim));
        assert_eq!(mode(&claims), PersistMode::SyncData, "a claim");
        for (step, expected) in [
            (Step::Renew { lease: HOUR, retain: HOUR }, PersistMode::Buffer),
            (Step::Checkpoint(Checkpoint::new(&b"half"[..]).unwrap()), PersistMode::SyncData),
            (Step::Complete { response: response("done"), retain: HOUR }, PersistMode::SyncData),
            (Step::Complete { response: response("again"), retain: HOUR }, PersistMode::Buffer),
        ] {
            let steps = |ledger: &mut Ledger, round: &mut Round| is_ok(&ledger.step(round, &ticket, &step));
            assert_eq!(mode(&steps), expected, "{step:?}");
        }
        assert_eq!(mode(&claims), PersistMode::Buffer, "a replay");
        let invalidates = |ledger: &mut Ledger, round: &mut Round| is_ok(&ledger.invalidate(round, claim.id));
        assert_eq!(mode(&invalidates), PersistMode::SyncData, "an invalidation");
        assert_eq!(mode(&invalidates), PersistMode::Buffer, "one of nothing");
        for end in [Step::Release { retain: HOUR }, Step::Abandon] {
            assert_eq!(mode(&claims), PersistMode::SyncData);
            let steps = |ledger: &mut Ledger, round: &mut Round| is_ok(&ledger.step(round, &ticket, &end));
            assert_eq!(mode(&steps), PersistMode::SyncData, "{end:?}");
            assert_eq!(mode(&invalidates), PersistMode::SyncData);
        }
    }
}
