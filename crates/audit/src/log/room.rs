use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;

/// How much may wait to be written, and who waits for his turn to add to it.
///
/// First come, first served: nobody overtakes those who wait.
#[derive(Debug)]
pub(super) struct Room {
    most: Amount,
    used: Amount,
    /// What a place takes before its event is known.
    nominal: usize,
    waiting: BTreeMap<Ticket, Waker>,
    granted: BTreeSet<Ticket>,
    next: u64,
    is_shut: bool,
}

/// So many events and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

/// A place in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// Who can go on; to be woken when no lock is held.
pub(super) type Woken = Vec<Waker>;

impl Room {
    pub(super) fn new(most: Amount, nominal: usize) -> Self {
        let (waiting, granted) = (BTreeMap::new(), BTreeSet::new());
        Self { most, used: Amount::default(), nominal, waiting, granted, next: 0, is_shut: false }
    }

    /// Takes a place if there is one and nobody waits.
    pub(super) fn take(&mut self) -> bool {
        self.waiting.is_empty() && self.occupy()
    }

    fn occupy(&mut self) -> bool {
        let Amount { events, bytes } = self.used;
        let fits = !self.is_shut && events < self.most.events && bytes + self.nominal <= self.most.bytes;
        if fits {
            self.used = Amount { events: events + 1, bytes: bytes + self.nominal };
        }
        fits
    }

    /// Gets in line.
    pub(super) fn wait(&mut self, waker: &Waker) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.insert(ticket, waker.clone());
        ticket
    }

    /// Whether it is this one's turn; then the place is taken, and who waited is out of the line.
    pub(super) fn is_granted(&mut self, ticket: Ticket, waker: &Waker) -> bool {
        if self.granted.remove(&ticket) {
            return true;
        }
        if let Some(known) = self.waiting.get_mut(&ticket) {
            known.clone_from(waker);
        }
        false
    }

    /// Gets out of line, or gives back a place that was granted and not fetched.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Woken {
        if self.granted.remove(&ticket) {
            return self.give_back(1, self.nominal);
        }
        self.waiting.remove(&ticket).into_iter().collect()
    }

    /// From now on a place is known to take so many bytes.
    pub(super) fn fill(&mut self, bytes: usize) -> Woken {
        self.used.bytes = (self.used.bytes + bytes).saturating_sub(self.nominal);
        if bytes < self.nominal { self.grant() } else { Woken::new() }
    }

    /// Gives back a place whose event never came.
    pub(super) fn give_back_unused(&mut self) -> Woken {
        self.give_back(1, self.nominal)
    }

    pub(super) fn give_back(&mut self, events: usize, bytes: usize) -> Woken {
        self.used.events = self.used.events.saturating_sub(events);
        self.used.bytes = self.used.bytes.saturating_sub(bytes);
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
        std::mem::take(&mut self.waiting).into_values().collect()
    }

    fn grant(&mut self) -> Woken {
        let mut woken = Woken::new();
        while !self.waiting.is_empty() && self.occupy() {
            if let Some((ticket, waker)) = self.waiting.pop_first() {
                self.granted.insert(ticket);
                woken.push(waker);
            }
        }
        woken
    }

    pub(super) const fn most(&self) -> Amount {
        self.most
    }

    pub(super) const fn used(&self) -> Amount {
        self.used
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
