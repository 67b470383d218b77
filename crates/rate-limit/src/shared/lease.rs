use arrayvec::{ArrayVec, CapacityError};

use crate::{Ask, KeyHash, Rate, Take};

const MILLI: u64 = 1_000_000;
/// How long a unit may be spent after it was asked for. What is older goes back at the next look, [`LOOK_EVERY`] later
/// at most, so that nothing is parked for a second.
pub(super) const SPEND_WITHIN: u64 = 800 * MILLI;
/// A lease that nobody spends from goes back.
const IDLE_AFTER: u64 = 250 * MILLI;
/// How often leases are looked at.
pub(super) const LOOK_EVERY: u64 = 100 * MILLI;
/// New units are asked for when a quarter is left.
const REFILL_AT: u64 = 4;

/// Units of one key that the store has charged and this node has not spent.
#[derive(Clone, Debug, Default)]
pub(super) struct Lease {
    /// Oldest first: the rest of one, and the one that was asked for before it ran out.
    batches: ArrayVec<Batch, 2>,
    /// Units after the last refill.
    size: u64,
    used: u64,
}

/// What one refill brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) units: u64,
    /// When they were asked for, on this node's clock.
    pub(super) taken: u64,
    /// What a unit was charged at.
    pub(super) rate: Rate,
}

/// Units that were spent, and may come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spending {
    parts: [(u64, u64); 2],
}

impl Lease {
    /// Units that may be spent now.
    pub(super) fn left(&self, now: u64) -> u64 {
        self.batches.iter().filter(|batch| batch.is_fresh(now)).map(|batch| batch.units).sum()
    }

    /// Spends so many units or none, oldest first.
    pub(super) fn spend(&mut self, now: u64, units: u64) -> Option<Spending> {
        if self.left(now) < units || self.batches.is_empty() {
            return None;
        }
        let mut spending = Spending::default();
        let mut want = units;
        for (part, batch) in spending.parts.iter_mut().zip(&mut self.batches) {
            if batch.is_fresh(now) {
                let spent = batch.units.min(want);
                batch.units -= spent;
                want -= spent;
                *part = (batch.taken, spent);
            }
        }
        self.used = now;
        Some(spending)
    }

    /// Takes back what was spent for a call that was refused after all, if what it came from is still here.
    pub(super) fn put_back(&mut self, spending: &Spending) {
        for (taken, units) in spending.parts {
            if let Some(batch) = self.batches.iter_mut().find(|batch| batch.taken == taken) {
                batch.units += units;
            }
        }
    }

    /// Units to ask for if the lease should hold `size` and a quarter or less of the last filling is left; 0 otherwise.
    pub(super) fn wants(&self, now: u64, size: u64) -> u64 {
        let left = self.left(now);
        if left > self.size / REFILL_AT { 0 } else { size.saturating_sub(left) }
    }

    /// Adds what a refill brought; hands back a batch for which there is no room.
    pub(super) fn fill(&mut self, batch: Batch, now: u64) -> Option<Batch> {
        self.batches.retain(|batch| batch.units > 0);
        let room = if batch.units == 0 { None } else { self.batches.try_push(batch).err() };
        self.size = self.left(now);
        self.used = self.used.max(now);
        room.map(CapacityError::element)
    }

    /// Whether nothing is left to spend or to give back.
    pub(super) fn is_empty(&self) -> bool {
        self.batches.iter().all(|batch| batch.units == 0)
    }

    /// Takes out what is to be given back: what is too old, and all of it if nobody spends from it or `all` is wanted.
    pub(super) fn retire(&mut self, now: u64, all: bool) -> ArrayVec<Batch, 2> {
        let all = all || now.saturating_sub(self.used) >= IDLE_AFTER;
        let keep = |batch: &Batch| !all && batch.is_fresh(now);
        let retired = self.batches.iter().copied().filter(|batch| !keep(batch) && batch.units > 0).collect();
        self.batches.retain(|batch| keep(batch));
        retired
    }
}

impl Batch {
    /// The errand that gives it back.
    pub(super) fn back(&self, key: KeyHash, scope: KeyHash) -> Ask {
        Ask { key, scope, rate: self.rate, take: Take::Back(self.units) }
    }

    fn is_fresh(&self, now: u64) -> bool {
        now.saturating_sub(self.taken) < SPEND_WITHIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(units: u64, taken: u64) -> Batch {
        Batch { units, taken, rate: Rate::from_ticks(1, 1) }
    }

    fn lease(batches: &[Batch]) -> Lease {
        let mut lease = Lease::default();
        for batch in batches {
            assert_eq!(lease.fill(*batch, batch.taken), None);
        }
        lease
    }

    #[test]
    fn the_oldest_is_spent_first_and_all_or_nothing() {
        let mut lease = lease(&[batch(3, 1), batch(10, 2)]);
        let spending = lease.spend(5, 5).unwrap();
        assert_eq!(spending.parts, [(1, 3), (2, 2)]);
        assert_eq!((lease.spend(5, 9), lease.left(5)), (None, 8));
        lease.put_back(&spending);
        assert_eq!(lease.left(5), 13);
    }

    #[test]
    fn an_empty_lease_covers_nothing_not_even_a_look() {
        assert_eq!(Lease::default().spend(5, 0), None);
    }

    #[test]
    fn nothing_is_spent_that_is_too_old() {
        let mut lease = lease(&[batch(5, 0), batch(5, SPEND_WITHIN / 2)]);
        assert_eq!(lease.left(SPEND_WITHIN - 1), 10);
        assert_eq!(lease.left(SPEND_WITHIN), 5);
        assert_eq!(lease.spend(SPEND_WITHIN, 6), None);
        assert_eq!(lease.spend(SPEND_WITHIN, 5).unwrap().parts, [(0, 0), (SPEND_WITHIN / 2, 5)]);
    }

    #[test]
    fn what_is_too_old_or_idle_goes_back_and_the_rest_stays() {
        let mut lease = lease(&[batch(5, 0), batch(7, SPEND_WITHIN / 2)]);
        lease.spend(SPEND_WITHIN - 1, 1).unwrap();
        assert_eq!(lease.retire(SPEND_WITHIN - 1, false).as_slice(), []);
        assert_eq!(lease.retire(SPEND_WITHIN, false).as_slice(), [batch(4, 0)]);
        let idle = SPEND_WITHIN - 1 + IDLE_AFTER;
        assert_eq!(lease.retire(idle - 1, false).as_slice(), []);
        assert_eq!(lease.retire(idle, false).as_slice(), [batch(7, SPEND_WITHIN / 2)]);
        assert!(lease.is_empty());
    }

    #[test]
    fn all_of_it_goes_back_when_asked_for() {
        let mut lease = lease(&[batch(5, 0), batch(7, 1)]);
        assert_eq!(lease.retire(2, true).len(), 2);
        assert_eq!((lease.left(2), lease.spend(2, 1)), (0, None));
    }

    #[test]
    fn what_comes_back_after_its_batch_has_gone_is_not_spent_again() {
        let mut lease = lease(&[batch(5, 0)]);
        let spending = lease.spend(1, 2).unwrap();
        assert_eq!(lease.retire(2, true).as_slice(), [batch(3, 0)]);
        lease.put_back(&spending);
        assert_eq!(lease.left(2), 0);
    }

    #[test]
    fn a_refill_is_wanted_at_a_quarter_and_only_what_is_missing() {
        let mut lease = lease(&[batch(8, 0)]);
        assert_eq!(lease.wants(1, 8), 0);
        lease.spend(1, 5).unwrap();
        assert_eq!(lease.wants(1, 8), 0, "three eighths");
        lease.spend(1, 1).unwrap();
        assert_eq!((lease.wants(1, 8), lease.wants(1, 20), lease.wants(1, 1)), (6, 18, 0));
        assert_eq!(Lease::default().wants(1, 8), 8);
    }

    #[test]
    fn a_batch_without_room_is_handed_back() {
        let mut lease = lease(&[batch(5, 0), batch(7, 1)]);
        assert_eq!(lease.fill(batch(3, 2), 2), Some(batch(3, 2)));
        lease.spend(2, 5).unwrap();
        assert_eq!(lease.fill(batch(3, 2), 2), None, "the first is used up");
        assert_eq!(lease.left(2), 10);
    }
}
