use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;

use buttress_core::Ratio;

/// How much may wait to be written, and who waits for his turn to add to it.
///
/// What may be lost takes no more than a share of it, in places and in bytes, and together with what can wait no more
/// than a larger one: a flood of either must not leave the others without room. There is a line for each rank. In a line
/// it is first come, first served, and who is of a higher rank goes before all who are of a lower one.
#[derive(Debug)]
pub(super) struct Room {
    /// What each rank takes at most, together with those below it.
    most: [Amount; RANKS],
    sides: [Side; RANKS],
    /// What a place takes before its event is known.
    nominal: usize,
    next: u64,
    is_shut: bool,
    /// How often there was a place, and it was kept for others.
    held_back: u64,
}

/// Whose place it is, the highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Of what must not be lost, and is refused at once where there is none.
    Strict,
    /// Of what must not be lost, and can wait.
    Patient,
    /// Of what may be lost.
    Sheddable,
}

const RANKS: usize = 3;

/// How much of the room is for what can wait or may be lost, and how much of that for what may be lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    pub(super) wait: Ratio,
    pub(super) shed: Ratio,
}

/// The places and the line of a rank.
#[derive(Debug, Default)]
struct Side {
    used: Amount,
    waiting: BTreeMap<Ticket, Waker>,
    granted: BTreeSet<Ticket>,
}

/// So many events and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

/// What is given back of each rank.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Freed([Amount; RANKS]);

/// A place in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    rank: Rank,
    turn: u64,
}

/// Who can go on; to be woken when no lock is held.
pub(super) type Woken = Vec<Waker>;

impl Amount {
    const fn plus(self, other: Self) -> Self {
        Self { events: self.events + other.events, bytes: self.bytes + other.bytes }
    }

    const fn minus(self, other: Self) -> Self {
        Self {
            events: self.events.saturating_sub(other.events),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    /// Whether one place more is within this.
    const fn admits(self, used: Self, place: Self) -> bool {
        let with = used.plus(place);
        with.events <= self.events && with.bytes <= self.bytes
    }
}

impl Freed {
    pub(super) fn add(&mut self, rank: Rank, bytes: usize) {
        let of = &mut self.0[rank as usize];
        *of = of.plus(Amount { events: 1, bytes });
    }
}

impl Room {
    pub(super) fn new(all: Amount, shares: Shares, nominal: usize) -> Self {
        // One place in any case: otherwise nothing of this rank would ever be recorded.
        let share = |share| Amount {
            events: part(share, all.events).max(1),
            bytes: part(share, all.bytes).max(nominal),
        };
        // What may be lost is no better off than what can wait.
        let most = [all, share(shares.wait.max(shares.shed)), share(shares.shed)];
        Self { most, sides: Default::default(), nominal, next: 0, is_shut: false, held_back: 0 }
    }

    /// Takes a place if there is one and nobody waits who comes first.
    pub(super) fn take(&mut self, rank: Rank) -> bool {
        let is_taken = self.is_next(rank) && self.occupy(rank);
        if !is_taken && rank != Rank::Strict && self.is_next(Rank::Strict) && self.fits(Rank::Strict) {
            self.held_back += 1;
        }
        is_taken
    }

    fn is_next(&self, rank: Rank) -> bool {
        self.sides.iter().take(rank as usize + 1).all(|side| side.waiting.is_empty())
    }

    fn occupy(&mut self, rank: Rank) -> bool {
        let fits = self.fits(rank);
        if fits {
            let used = &mut self.sides[rank as usize].used;
            *used = used.plus(Amount { events: 1, bytes: self.nominal });
        }
        fits
    }

    fn fits(&self, rank: Rank) -> bool {
        let place = Amount { events: 1, bytes: self.nominal };
        let mut used = self.used_below(rank);
        let mut ranks = self.sides.iter().zip(self.most).take(rank as usize + 1).rev();
        !self.is_shut
            && ranks.all(|(side, most)| {
                used = used.plus(side.used);
                most.admits(used, place)
            })
    }

    /// Events that turned out to be large take bytes beyond their share; that is not to the cost of higher ranks.
    fn used_below(&self, rank: Rank) -> Amount {
        let below = self.sides.iter().zip(self.most).skip(rank as usize + 1).rev();
        below.fold(Amount::default(), |used, (side, most)| {
            let with = used.plus(side.used);
            Amount { bytes: with.bytes.min(most.bytes), ..with }
        })
    }

    /// Gets in line.
    pub(super) fn wait(&mut self, rank: Rank, waker: &Waker) -> Ticket {
        let ticket = Ticket { rank, turn: self.next };
        self.next += 1;
        self.side(rank).waiting.insert(ticket, waker.clone());
        ticket
    }

    /// Whether it is this one's turn; then the place is taken, and who waited is out of the line.
    pub(super) fn is_granted(&mut self, ticket: Ticket, waker: &Waker) -> bool {
        let side = self.side(ticket.rank);
        if side.granted.remove(&ticket) {
            return true;
        }
        if let Some(known) = side.waiting.get_mut(&ticket) {
            known.clone_from(waker);
        }
        false
    }

    /// Gets out of line, or gives back a place that was granted and not fetched.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Woken {
        let side = self.side(ticket.rank);
        if side.granted.remove(&ticket) {
            return self.give_back_unused(ticket.rank);
        }
        let mut woken: Woken = side.waiting.remove(&ticket).into_iter().collect();
        // Who waited behind him may be next now.
        woken.extend(self.grant());
        woken
    }

    /// From now on a place is known to take so many bytes.
    pub(super) fn fill(&mut self, rank: Rank, bytes: usize) -> Woken {
        let nominal = self.nominal;
        let used = &mut self.side(rank).used;
        used.bytes = (used.bytes + bytes).saturating_sub(nominal);
        if bytes < nominal { self.grant() } else { Woken::new() }
    }

    /// Gives back a place whose event never came.
    pub(super) fn give_back_unused(&mut self, rank: Rank) -> Woken {
        let mut freed = Freed::default();
        freed.add(rank, self.nominal);
        self.give_back(freed)
    }

    pub(super) fn give_back(&mut self, freed: Freed) -> Woken {
        for (side, freed) in self.sides.iter_mut().zip(freed.0) {
            side.used = side.used.minus(freed);
        }
        self.grant()
    }

    /// Nobody gets a place until it is opened again.
    pub(super) fn shut(&mut self) {
        self.is_shut = true;
    }

    pub(super) fn reopen(&mut self) -> Woken {
        self.is_shut = false;
        self.grant()
    }

    /// Wakes everybody who waits, to be told that nothing will come.
    pub(super) fn dismiss(&mut self) -> Woken {
        self.sides.iter_mut().flat_map(|side| std::mem::take(&mut side.waiting).into_values()).collect()
    }

    fn grant(&mut self) -> Woken {
        let mut woken = Woken::new();
        for rank in [Rank::Strict, Rank::Patient, Rank::Sheddable] {
            while !self.side(rank).waiting.is_empty() && self.occupy(rank) {
                let side = self.side(rank);
                if let Some((ticket, waker)) = side.waiting.pop_first() {
                    side.granted.insert(ticket);
                    woken.push(waker);
                }
            }
            if !self.side(rank).waiting.is_empty() {
                break;
            }
        }
        woken
    }

    const fn side(&mut self, rank: Rank) -> &mut Side {
        &mut self.sides[rank as usize]
    }

    /// How much of this rank there may be, with those below it.
    pub(super) const fn most(&self, rank: Rank) -> Amount {
        self.most[rank as usize]
    }

    pub(super) const fn used(&self, rank: Rank) -> Amount {
        self.sides[rank as usize].used
    }

    pub(super) fn used_in_all(&self) -> Amount {
        self.sides.iter().fold(Amount::default(), |used, side| used.plus(side.used))
    }

    pub(super) fn waiting(&self) -> usize {
        self.sides.iter().map(|side| side.waiting.len()).sum()
    }

    pub(super) const fn held_back(&self) -> u64 {
        self.held_back
    }
}

fn part(share: Ratio, of: usize) -> usize {
    let part = of as u128 * u128::from(share.parts()) / u128::from(Ratio::SCALE);
    usize::try_from(part).unwrap_or(of)
}

#[cfg(test)]
mod tests;
