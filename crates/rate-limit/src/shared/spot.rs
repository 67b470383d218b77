use std::time::Duration;

use crate::shared::demand::Demand;
use crate::shared::flights::{Flights, Landing, Told, Wait};
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
    /// Calls of requests that are on their way.
    flights: Flights,
    /// Units of a refill that is on its way.
    refilling: u64,
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
        let held = self.refilling > 0 || !self.lease.is_empty();
        (!held).then_some(self.touched)
    }

    /// Takes note of a claim that is about to be judged for the first time.
    pub(super) fn note(&mut self, terms: &Terms, now: u64) {
        (self.touched, self.scope) = (now, Some(terms.scope));
        self.demand.note(now, terms.cost);
    }

    /// Pays a claim if the lease covers it, and says whether a refill is due.
    pub(super) fn judge(&mut self, terms: &Terms, rules: &Rules, now: u64) -> Judged {
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

    /// Sets off to ask the store for a claim, unless others have asked for all that it has room for.
    ///
    /// By what the store said last; where that is too old to go by, one flight at a time. Where nothing is remembered,
    /// nothing is learned from others either, and nobody waits for them.
    pub(super) fn take_off(&mut self, terms: &Terms, rules: &Rules, now: u64) -> Result<(), Wait> {
        let alone = self.ahead() == 0 || terms.cost == 0 || rules.memory == 0;
        if !alone && (!self.remembers(rules, now) || self.crowd(terms, rules, now).is_some()) {
            return Err(self.flights.wait());
        }
        self.set_off(terms);
        Ok(())
    }

    /// Where a claim stands for which there will be no room if the store grants what others have asked for.
    pub(super) fn crowd(&self, terms: &Terms, rules: &Rules, now: u64) -> Option<Position> {
        if !self.remembers(rules, now) {
            return None;
        }
        let ahead = self.ahead().saturating_mul(terms.rate.interval());
        let position = terms.position(self.debt(now).saturating_add(ahead));
        (position.fate != Fate::Admitted).then_some(position)
    }

    /// Units that were asked for, and that the store has not said anything about.
    fn ahead(&self) -> u64 {
        self.flights.units().saturating_add(self.refilling)
    }

    /// Sets off, whoever else does.
    pub(super) fn set_off(&mut self, terms: &Terms) {
        self.flights.begin(terms.cost);
    }

    /// A flight has ended.
    pub(super) fn land(&mut self, terms: &Terms, how: Landing) -> Told {
        self.flights.end(terms.cost, how)
    }

    /// A refill did not come about.
    pub(super) fn refill_failed(&mut self, how: Landing, now: u64) -> Told {
        (self.refilling, self.refill_after) = (0, now + REFILL_REST);
        self.flights.end(0, how)
    }

    /// A refill arrived; hands back what there is no room for.
    pub(super) fn refilled(&mut self, batch: Batch, now: u64) -> (Option<Batch>, Told) {
        self.refilling = 0;
        (self.lease.fill(batch, now), self.flights.end(0, Landing::Done))
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
        if self.refilling > 0 || size == 0 || now < self.refill_after {
            return 0;
        }
        let wanted = self.lease.wants(now, size);
        let refused = self.refusal(&terms.collected(wanted), rules, now).is_some();
        self.refilling = if refused { 0 } else { wanted };
        self.refilling
    }

    /// Whether what the store said last may still be gone by.
    fn remembers(&self, rules: &Rules, now: u64) -> bool {
        self.known.at > 0 && now.saturating_sub(self.known.at) <= rules.memory
    }

    /// Why the store would refuse, as far as it may be remembered.
    fn refusal(&self, terms: &Terms, rules: &Rules, now: u64) -> Option<Fate> {
        if terms.cost == 0 || !self.remembers(rules, now) {
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
