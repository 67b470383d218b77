use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::gate::Gate;
use crate::permit::Permit;
use crate::queue::Ticket;

/// A place in the queue of a [`Bulkhead`](crate::Bulkhead), which resolves to a permit; made by
/// [`Bulkhead::enqueue`](crate::Bulkhead::enqueue).
///
/// It waits for as long as it is kept, without a timer. Dropped, it is given up; a permit that was granted to it at
/// that moment goes to the next.
#[must_use = "a place that is dropped is given up"]
pub struct Place(State);

enum State {
    Granted(Option<Permit>),
    Queued(Queued),
}

impl Place {
    pub(crate) fn granted(permit: Permit) -> Self {
        Self(State::Granted(Some(permit)))
    }

    pub(crate) fn queued(queued: Queued) -> Self {
        Self(State::Queued(queued))
    }
}

impl Future for Place {
    type Output = Permit;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit> {
        match &mut self.0 {
            // Polled again after it was ready, it stays pending for good.
            State::Granted(permit) => permit.take().map_or(Poll::Pending, Poll::Ready),
            State::Queued(queued) => queued.poll(cx),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queued = matches!(self.0, State::Queued(_));
        f.debug_struct("Place").field("queued", &queued).finish_non_exhaustive()
    }
}

/// A ticket and what it is worth: in the queue until it is claimed, left or dropped.
pub(crate) struct Queued {
    gate: Arc<Gate>,
    ticket: Option<Ticket>,
}

impl Queued {
    pub(crate) fn new(gate: Arc<Gate>, ticket: Ticket) -> Self {
        Self { gate, ticket: Some(ticket) }
    }

    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Permit> {
        match self.ticket {
            Some(ticket) if self.gate.is_granted(ticket, cx.waker()) => {
                self.ticket = None;
                Poll::Ready(Permit::taken(Arc::clone(&self.gate)))
            }
            _ => Poll::Pending,
        }
    }

    /// Leaves the queue; with a permit, if it was granted at this moment.
    pub(crate) fn leave(&mut self) -> Option<Permit> {
        let ticket = self.ticket.take()?;
        self.gate.give_up(ticket).then(|| Permit::taken(Arc::clone(&self.gate)))
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            drop(self.leave());
            self.gate.abandoned();
        }
    }
}
