use std::collections::VecDeque;
use std::task::Waker;

/// Who waits, first come first. It knows no limit: how many may wait, and when the first may go, the word says.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// In the order of their tickets.
    waiters: VecDeque<Waiter>,
    next: u64,
}

#[derive(Debug)]
struct Waiter {
    ticket: Ticket,
    waker: Waker,
}

/// What tells one waiter from another; never used twice.
///
/// A ticket that is not in the queue any more was granted: nothing else takes away a ticket but its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

impl Queue {
    /// The last place.
    pub(crate) fn push(&mut self) -> Ticket {
        let ticket = Ticket(self.next);
        self.next = self.next.wrapping_add(1);
        self.waiters.push_back(Waiter { ticket, waker: Waker::noop().clone() });
        ticket
    }

    /// Takes the first out.
    pub(crate) fn pop(&mut self) -> Option<Waker> {
        self.waiters.pop_front().map(|waiter| waiter.waker)
    }

    /// The waker of a waiter that is still here.
    pub(crate) fn waker_of(&mut self, ticket: Ticket) -> Option<&mut Waker> {
        let place = self.place_of(ticket)?;
        self.waiters.get_mut(place).map(|waiter| &mut waiter.waker)
    }

    /// Takes a waiter out that is still here, wherever it stands.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<Waker> {
        let place = self.place_of(ticket)?;
        self.waiters.remove(place).map(|waiter| waiter.waker)
    }

    fn place_of(&self, ticket: Ticket) -> Option<usize> {
        self.waiters.binary_search_by_key(&ticket, |waiter| waiter.ticket).ok()
    }
}
