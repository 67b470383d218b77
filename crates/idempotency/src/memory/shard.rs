use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use super::MemoryStore;
use super::budget::{Bounds, Budget};
use super::due::Due;
use crate::{
    Claim, Claimed, Decided, Invalidated, Record, RecordId, Scope, Step, Stepped, StoreError, StoreErrorKind,
    Ticket, Timestamp, Write,
};

const SHARDS: usize = 64;

/// How many records leave at most as one comes: more than one, so that leaving keeps up.
const LEAVE_PER_CLAIM: u64 = 4;

/// All records, spread over locks by their ID.
pub(super) struct Shards(Box<[Mutex<Shard>]>);

#[derive(Debug, Default)]
pub(super) struct Shard {
    slots: HashMap<RecordId, Slot>,
    due: Due,
}

#[derive(Debug)]
struct Slot {
    record: Record,
    scope: Scope,
    /// The time of the note about it that counts; never after its expiry.
    noted: Timestamp,
    /// Bytes taken from the budget for its content.
    content: u64,
}

impl Shards {
    pub(super) fn new() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }

    pub(super) fn of(&self, id: RecordId) -> &Mutex<Shard> {
        // The last byte, as the maps take the first ones.
        let [.., last] = *id.as_bytes();
        &self.0[usize::from(last) % SHARDS]
    }

    pub(super) fn sweep_all(&self, now: Timestamp, budget: &Budget) -> u64 {
        self.0.iter().map(|shard| shard.lock().sweep(now, u64::MAX, budget)).sum()
    }

    pub(super) fn clear(&self, now: Timestamp, budget: &Budget) -> u64 {
        self.0.iter().map(|shard| shard.lock().clear(now, budget)).sum()
    }
}

impl Shard {
    pub(super) fn claim(
        &mut self,
        claim: &Claim,
        now: Timestamp,
        budget: &Budget,
    ) -> Result<Claimed, StoreError> {
        self.sweep(now, LEAVE_PER_CLAIM, budget);
        let decided = Record::claim(self.find(claim.id), claim, now);
        self.write(claim.id, claim.scope, decided, budget)
    }

    pub(super) fn step(
        &mut self,
        ticket: &Ticket,
        step: &Step,
        now: Timestamp,
        budget: &Budget,
    ) -> Result<Stepped, StoreError> {
        let decided = Record::step(self.find(ticket.id), ticket, step, now);
        let scope = self.slots.get(&ticket.id).map_or(Scope::from_bits(0), |slot| slot.scope);
        self.write(ticket.id, scope, decided, budget)
    }

    pub(super) fn invalidate(&mut self, id: RecordId, now: Timestamp, budget: &Budget) -> Invalidated {
        let Decided { answer, write } = Record::invalidate(self.find(id), now);
        if write.is_some() {
            self.remove(id, budget);
            self.forget_notes();
        }
        answer
    }

    pub(super) fn clear(&mut self, now: Timestamp, budget: &Budget) -> u64 {
        let mut gone = 0;
        self.slots.retain(|_, slot| {
            let stays = slot.record.is_live(now);
            if !stays {
                budget.give(slot.scope, slot.charge());
                gone += u64::from(!slot.record.is_expired(now));
            }
            stays
        });
        self.slots.shrink_to_fit();
        self.forget_notes();
        gone
    }

    /// Lets at most so many leave that have expired, and says how many did.
    pub(super) fn sweep(&mut self, now: Timestamp, most: u64, budget: &Budget) -> u64 {
        let mut gone = 0;
        while gone < most {
            let Some((at, id)) = self.due.next(now) else { break };
            let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.noted == at) else { continue };
            if slot.record.is_expired(now) {
                self.remove(id, budget);
                gone += 1;
            } else {
                // Never now, or this would not end.
                slot.noted = slot.record.expires_at.max(now.after(Duration::from_millis(1)));
                self.due.note(slot.noted, id);
            }
        }
        gone
    }

    fn find(&self, id: RecordId) -> Option<&Record> {
        self.slots.get(&id).map(|slot| &slot.record)
    }

    fn write<A>(
        &mut self,
        id: RecordId,
        scope: Scope,
        decided: Decided<A>,
        budget: &Budget,
    ) -> Result<A, StoreError> {
        match decided.write {
            Some(Write::Put(record)) => self.put(id, scope, record, budget).map_err(StoreError::new)?,
            Some(Write::Remove) => self.remove(id, budget),
            None => {}
        }
        Ok(decided.answer)
    }

    fn put(
        &mut self,
        id: RecordId,
        scope: Scope,
        record: Record,
        budget: &Budget,
    ) -> Result<(), StoreErrorKind> {
        match self.slots.get_mut(&id) {
            Some(slot) => slot.put(record, budget)?,
            None => self.insert(id, Slot::new(record, scope, budget)?),
        }
        self.note(id);
        Ok(())
    }

    fn insert(&mut self, id: RecordId, slot: Slot) {
        self.due.note(slot.noted, id);
        self.slots.insert(id, slot);
    }

    /// Notes a record that expires earlier than was noted.
    fn note(&mut self, id: RecordId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if slot.record.expires_at < slot.noted {
            slot.noted = slot.record.expires_at;
            self.due.note(slot.noted, id);
            self.forget_notes();
        }
    }

    fn remove(&mut self, id: RecordId, budget: &Budget) {
        if let Some(slot) = self.slots.remove(&id) {
            budget.give(slot.scope, slot.charge());
        }
    }

    /// Begins the notes anew if more than half of them do not count, so that there are never many more than records.
    fn forget_notes(&mut self) {
        if self.due.len() > 2 * self.slots.len() + 32 {
            self.due.reset(self.slots.iter().map(|(id, slot)| (slot.noted, *id)));
        }
    }
}

impl Slot {
    fn new(record: Record, scope: Scope, budget: &Budget) -> Result<Self, StoreErrorKind> {
        let (noted, content) = (record.expires_at, content(&record));
        let slot = Self { record, scope, noted, content };
        budget.take(scope, slot.charge())?;
        Ok(slot)
    }

    fn put(&mut self, record: Record, budget: &Budget) -> Result<(), StoreErrorKind> {
        let content = content(&record);
        let bytes = |bytes| Bounds { records: 0, bytes };
        match content.checked_sub(self.content) {
            Some(more) => budget.take(self.scope, bytes(more))?,
            None => budget.give(self.scope, bytes(self.content - content)),
        }
        (self.record, self.content) = (record, content);
        Ok(())
    }

    const fn charge(&self) -> Bounds {
        Bounds { records: 1, bytes: MemoryStore::RECORD_BYTES + self.content }
    }
}

fn content(record: &Record) -> u64 {
    record.content_bytes() as u64
}
