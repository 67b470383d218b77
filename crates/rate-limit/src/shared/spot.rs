use std::time::Duration;

use crate::shared::demand::Demand;
use crate::shared::lease::{Batch, Lease, Spending};
use crate::shared::terms::Terms;
use crate::{Fate, KeyHash, Position, Ruling};

const MILLI: u64 = 1_000_000;
/// A lease covers so much of this node's own demand.
const LEASE_COVERS: u64 = 100 * MILLI;
/// After a refill that failed, the next one is not asked for with the next request.
const REFILL_REST: u64 = 100 * MILLI;

/// When this node borrows, and how long it remembers. Times in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Keys with more calls per second than this get leases.
    pub(super) lease_above: Option<u32>,
    /// How long what the store said can refuse a call here.
    pub(super) memory: u64,
}

/// What this node knows of one key.
#[derive(Clone, Debug, Default)]
pub(super) struct Spot {
    key: Option<KeyHash>,
    scope: Option<KeyHash>,
    /// When it was last asked for.
    touched: u64,
    demand: Demand,
    lease: Lease,
    known: Known,
    /// A refill is on its way.
    refilling: bool,
    /// After a refill that failed: no other one before.
    refill_after: u64,
}

/// What the store said last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// When it was asked, on this node's clock. 0 if it never was.
    at: u64,
    /// Microseconds until a full burst, then. It is less now, unless others have spent: so a call that there is no
    /// room for by this is one that the store would refuse.
    debt: u64,
}

/// What can be said of a claim without the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It is paid from the lease.
    Spent(Spending),
    /// The store would refuse it.
    Refused,
    /// The store must say.
    Ask,
}

/// A claim's part, and where it stands as far as this node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) part: Part,
    pub(super) position: Position,
    /// So many units should be asked for in the background.
    pub(super) refill: u64,
}

impl Judged {
    /// For a key of which nothing is known.
    pub(super) fn unknown(terms: &Terms) -> Self {
        Self { part: Part::Ask, position: terms.at(Fate::Admitted, 0), refill: 0 }
    }
}

impl Spot {
    pub(super) fn new(key: KeyHash) -> Self {
        Self { key: Some(key), ..Self::default() }
    }

    pub(super) fn is_for(&self, key: KeyHash) -> bool {
        self.key == Some(key)
    }

    /// How gladly it is given up for another key: the least first. Never while units are held or on their way.
    pub(super) fn rank(&self) -> Option<u64> {
        let held = self.refilling || !self.lease.is_empty();
        (!held).then_some(self.touched)
    }

    /// Pays a claim if the lease covers it, and says whether a refill is due.
    pub(super) fn judge(&mut self, terms: &Terms, rules: &Rules, now: u64) -> Judged {
        (self.touched, self.scope) = (now, Some(terms.scope));
        self.demand.note(now, terms.cost);
        let hot = terms.cap > 0 && rules.lease_above.is_some_and(|pace| self.demand.is_above(pace));
        let size = if hot { terms.cap.min(self.demand.units_within(LEASE_COVERS)) } else { 0 };
        if let Some(spending) = self.lease.spend(now, terms.cost) {
            let position = Position { fate: Fate::Admitted, ..self.position(terms, now) };
            return Judged {
                part: Part::Spent(spending),
                position,
                refill: self.refill(terms, rules, size, now),
            };
        }
        let mut position = self.position(terms, now);
        if let Some(fate) = self.refusal(&terms.collected(size), rules, now) {
            position.fate = fate;
            return Judged { part: Part::Refused, position, refill: 0 };
        }
        Judged { part: Part::Ask, position, refill: self.refill(terms, rules, size, now) }
    }

    /// Says where a claim stands, and changes nothing.
    pub(super) fn look(&self, terms: &Terms, rules: &Rules, now: u64) -> Judged {
        let mut position = self.position(terms, now);
        let covered = self.lease.left(now) >= terms.cost;
        let refusal = if covered { None } else { self.refusal(terms, rules, now) };
        position.fate = refusal.unwrap_or(Fate::Admitted);
        Judged { part: if refusal.is_some() { Part::Refused } else { Part::Ask }, position, refill: 0 }
    }

    pub(super) fn put_back(&mut self, spending: &Spending) {
        self.lease.put_back(spending);
    }

    /// Notes what the store said to a call that went out at `asked`.
    pub(super) fn learn(&mut self, asked: u64, debt: u64) {
        if asked >= self.known.at {
            self.known = Known { at: asked, debt };
        }
    }

    /// A refill did not come about.
    pub(super) fn refill_failed(&mut self, now: u64) {
        (self.refilling, self.refill_after) = (false, now + REFILL_REST);
    }

    /// A refill arrived; hands back what there is no room for.
    pub(super) fn refilled(&mut self, batch: Batch, now: u64) -> Option<Batch> {
        self.refilling = false;
        self.lease.fill(batch, now)
    }

    /// What must live together with the key.
    pub(super) fn scope(&self) -> KeyHash {
        self.scope.or(self.key).unwrap_or(KeyHash::from_bits(0))
    }

    /// The lease, for those who look after it.
    pub(super) fn lease(&mut self) -> &mut Lease {
        &mut self.lease
    }

    /// Units that are held.
    pub(super) fn parked(&self, now: u64) -> u64 {
        self.lease.left(now)
    }

    /// Units to ask for in the background, if it is time and the store has enough of them.
    fn refill(&mut self, terms: &Terms, rules: &Rules, size: u64, now: u64) -> u64 {
        if self.refilling || size == 0 || now < self.refill_after {
            return 0;
        }
        let wanted = self.lease.wants(now, size);
        let refused = self.refusal(&terms.collected(wanted), rules, now).is_some();
        self.refilling = wanted > 0 && !refused;
        if self.refilling { wanted } else { 0 }
    }

    /// Why the store would refuse, as far as it may be remembered.
    fn refusal(&self, terms: &Terms, rules: &Rules, now: u64) -> Option<Fate> {
        if terms.cost == 0 || self.known.at == 0 || now.saturating_sub(self.known.at) > rules.memory {
            return None;
        }
        match terms.rate.decide(self.debt(now), 0, terms.cost) {
            Ruling::Deny { wait, .. } => Some(Fate::Denied { wait: Duration::from_micros(wait) }),
            Ruling::Admit { .. } | Ruling::Never { .. } => None,
        }
    }

    /// What is left in the store by the last word of it, and here.
    fn position(&self, terms: &Terms, now: u64) -> Position {
        let mut position = terms.position(self.debt(now));
        let held = self.lease.left(now);
        position.remaining = position.remaining.saturating_add(held).min(terms.rate.burst());
        position
    }

    fn debt(&self, now: u64) -> u64 {
        self.known.debt.saturating_sub(now.saturating_sub(self.known.at) / 1_000)
    }
}

#[cfg(test)]
mod tests;
