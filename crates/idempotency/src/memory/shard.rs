use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use parking_lot::Mutex;

use super::MemoryStore;
use super::budget::{Bounds, Budget};
use super::due::Due;
use crate::rehash::Rehash;
use crate::{
    Claim, Claimed, Decided, Invalidated, Record, RecordId, Scope, Step, Stepped, StoreError, Ticket,
    Timestamp, Write,
};

const SHARDS: usize = 64;

/// How many records leave at most as one comes: more than one, so that leaving keeps up.
const LEAVE_PER_CLAIM: u64 = 4;

/// All records, spread over locks by their ID.
pub(super) struct Shards(Box<[Mutex<Shard>]>);

#[derive(Debug, Default)]
pub(super) struct Shard {
    slots: HashMap<RecordId, Slot, Rehash>,
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
        let claimed = match self.slots.entry(claim.id) {
            Entry::Occupied(mut entry) => {
                let slot = entry.get_mut();
                let decided = Record::claim(Some(&slot.record), claim, now);
                self.due.write(claim.id, slot, decided, budget)
            }
            Entry::Vacant(entry) => {
                let Decided { answer, write } = Record::claim(None, claim, now);
                if let Some(Write::Put(record)) = write {
                    let slot = Slot::new(record, claim.scope, budget)?;
                    self.due.note(slot.noted, claim.id);
                    entry.insert(slot);
                }
                Ok(answer)
            }
        };
        self.forget_notes();
        claimed
    }

    pub(super) fn step(
        &mut self,
        ticket: &Ticket,
        step: &Step,
        now: Timestamp,
        budget: &Budget,
    ) -> Result<Stepped, StoreError> {
        let Some(slot) = self.slots.get_mut(&ticket.id) else { return Ok(Stepped::Gone) };
        let decided = Record::step(Some(&slot.record), ticket, step, now);
        let stepped = self.due.write(ticket.id, slot, decided, budget);
        self.forget_notes();
        stepped
    }

    pub(super) fn invalidate(&mut self, id: RecordId, now: Timestamp, budget: &Budget) -> Invalidated {
        let Entry::Occupied(entry) = self.slots.entry(id) else { return Invalidated::Absent };
        let Decided { answer, write } = Record::invalidate(Some(&entry.get().record), now);
        if write.is_some() {
            entry.remove().leave(budget);
            self.forget_notes();
        }
        answer
    }

    pub(super) fn clear(&mut self, now: Timestamp, budget: &Budget) -> u64 {
        let mut gone = 0;
        self.slots.retain(|_, slot| {
            let stays = slot.record.is_live(now);
            if !stays {
                slot.leave(budget);
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
            let Entry::Occupied(mut entry) = self.slots.entry(id) else { continue };
            let slot = entry.get_mut();
            if slot.noted != at {
                continue;
            }
            if slot.record.is_expired(now) {
                entry.remove().leave(budget);
                gone += 1;
            } else {
                // Never now, or this would not end.
                slot.noted = slot.record.expires_at.max(now.after(Duration::from_millis(1)));
                self.due.note(slot.noted, id);
            }
        }
        gone
    }

    /// Begins the notes anew if more than half of them do not count, so that there are never many more than records.
    fn forget_notes(&mut self) {
        if self.due.len() > 2 * self.slots.len() + 32 {
            self.due.reset(self.slots.iter().map(|(id, slot)| (slot.noted, *id)));
        }
    }
}

impl Due {
    /// Puts what was decided into a slot, and notes it if it expires earlier than was noted.
    fn write<A>(
        &mut self,
        id: RecordId,
        slot: &mut Slot,
        decided: Decided<A>,
        budget: &Budget,
    ) -> Result<A, StoreError> {
        if let Some(Write::Put(record)) = decided.write {
            slot.put(record, budget)?;
            if slot.record.expires_at < slot.noted {
                slot.noted = slot.record.expires_at;
                self.note(slot.noted, id);
            }
        }
        Ok(decided.answer)
    }
}

impl Slot {
    fn new(record: Record, scope: Scope, budget: &Budget) -> Result<Self, StoreError> {
        let (noted, content) = (record.expires_at, content(&record));
        let slot = Self { record, scope, noted, content };
        budget.take(scope, slot.charge())?;
        Ok(slot)
    }

    fn put(&mut self, record: Record, budget: &Budget) -> Result<(), StoreError> {
        let content = content(&record);
        let bytes = |bytes| Bounds { records: 0, bytes };
        match content.checked_sub(self.content) {
            Some(more) => budget.take(self.scope, bytes(more))?,
            None => budget.give(self.scope, bytes(self.content - content)),
        }
        (self.record, self.content) = (record, content);
        Ok(())
    }

    fn leave(&self, budget: &Budget) {
        budget.give(self.scope, self.charge());
    }

    const fn charge(&self) -> Bounds {
        Bounds { records: 1, bytes: MemoryStore::RECORD_BYTES + self.content }
    }
}

fn content(record: &Record) -> u64 {
    record.content_bytes() as u64
}

#[cfg(test)]
mod tests {
    use buttress_core::Entropy;

    use super::*;
    use crate::{Fingerprint, OwnerToken, WhenAbandoned};

    fn claim(number: u8, retain: Duration) -> Claim {
        Claim {
            id: RecordId::from_bytes([number; 32]),
            scope: Scope::from_bits(1),
            fingerprint: Fingerprint::from_bytes([1; 32]),
            owner: OwnerToken::draw(&Entropy::system()),
            lease: Duration::from_millis(1),
            retain,
            when_abandoned: WhenAbandoned::TakeOver,
        }
    }

    #[test]
    fn a_note_that_no_longer_counts_is_dropped_when_its_time_comes() {
        let (mut shard, budget) = (Shard::default(), Budget::new(Bounds::NONE, None));
        let (second, at) = (Duration::from_secs(1), |seconds: u64| Timestamp::from_millis(seconds * 1_000));
        let Ok(Claimed::Owned(owned)) = shard.claim(&claim(1, 100 * second), at(0), &budget) else {
            panic!("not owned")
        };
        let release = Step::Release { retain: 10 * second };
        assert_eq!(shard.step(&owned.ticket, &release, at(0), &budget).ok(), Some(Stepped::Done));
        assert!(shard.claim(&claim(1, 200 * second), at(1), &budget).is_ok());
        assert_eq!((shard.due.len(), shard.sweep(at(150), 9, &budget)), (2, 0));
        assert_eq!((shard.due.len(), shard.sweep(at(201), 9, &budget)), (1, 1));
    }

    #[test]
    fn there_are_never_many_more_notes_than_records() {
        let (mut shard, budget) = (Shard::default(), Budget::new(Bounds::NONE, None));
        let now = Timestamp::from_millis(1_000);
        for round in 0..10_000_u64 {
            let claim = claim(u8::from(round % 2 == 0), Duration::from_secs(20_000 - round));
            let Ok(Claimed::Owned(owned)) = shard.claim(&claim, now, &budget) else { panic!("not owned") };
            let end = match round % 4 {
                0 | 1 => Step::Release { retain: Duration::from_secs(10_000 - round) },
                _ => Step::Abandon,
            };
            assert_eq!(shard.step(&owned.ticket, &end, now, &budget).ok(), Some(Stepped::Done));
            assert!(shard.due.len() <= 2 * 2 + 33, "{} notes about 2 records", shard.due.len());
            if round % 100 == 0 {
                assert_eq!(shard.invalidate(claim.id, now, &budget), Invalidated::Removed);
            }
        }
        let late = Timestamp::from_millis(u64::MAX);
        assert_eq!(shard.sweep(late, u64::MAX, &budget), 2, "none was lost with the notes");
    }
}
