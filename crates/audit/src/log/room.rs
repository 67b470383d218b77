use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;

use buttress_core::Ratio;

/// How much may wait to be written, and who waits for his turn to add to it.
///
/// What may be lost takes no more than a share of it, in places and in bytes: a flood of it must not leave the others
/// without room. There is a line for each of the two. In a line it is first come, first served, and whoever must not be
/// lost goes before all who may.
#[derive(Debug)]
pub(super) struct Room {
    most: Amount,
    /// What may be lost takes at most this.
    share: Amount,
    sides: [Side; 2],
    /// What a place takes before its event is known.
    nominal: usize,
    next: u64,
    is_shut: bool,
    /// How often there was a place, and it was kept for others.
    held_back: u64,
}

/// Whose place it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Of what must not be lost.
    Strict,
    /// Of what may be lost.
    Sheddable,
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
pub(super) struct Freed([Amount; 2]);

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
    pub(super) fn new(most: Amount, share: Ratio, nominal: usize) -> Self {
        // One place in any case: otherwise nothing of this rank would ever be recorded.
        let share =
            Amount { events: part(share, most.events).max(1), bytes: part(share, most.bytes).max(nominal) };
        let sides = [Side::default(), Side::default()];
        Self { most, share, sides, nominal, next: 0, is_shut: false, held_back: 0 }
    }

    /// Takes a place if there is one and nobody waits who comes first.
    pub(super) fn take(&mut self, rank: Rank) -> bool {
        let is_taken = self.is_next(rank) && self.occupy(rank);
        if !is_taken && rank == Rank::Sheddable && self.is_next(Rank::Strict) && self.fits(Rank::Strict) {
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
        let [strict, sheddable] = [self.sides[0].used, self.sides[1].used];
        let place = Amount { events: 1, bytes: self.nominal };
        let is_within = match rank {
            // Events that turned out to be large take bytes beyond their share; that is not to the cost of others.
            Rank::Strict => {
                let bytes = sheddable.bytes.min(self.share.bytes);
                self.most.admits(strict.plus(Amount { bytes, ..sheddable }), place)
            }
            Rank::Sheddable => {
                self.share.admits(sheddable, place) && self.most.admits(strict.plus(sheddable), place)
            }
        };
        is_within && !self.is_shut
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
        for rank in [Rank::Strict, Rank::Sheddable] {
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

    /// How much of this rank there may be.
    pub(super) const fn most(&self, rank: Rank) -> Amount {
        match rank {
            Rank::Strict => self.most,
            Rank::Sheddable => self.share,
        }
    }

    pub(super) const fn used(&self, rank: Rank) -> Amount {
        self.sides[rank as usize].used
    }

    pub(super) const fn used_in_all(&self) -> Amount {
        self.used(Rank::Strict).plus(self.used(Rank::Sheddable))
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
