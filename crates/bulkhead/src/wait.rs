use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use buttress_core::{Deadline, Mode};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep_until};

use crate::gate::{Entry, Gate};
use crate::permit::Permit;
use crate::place::Queued;
use crate::rejection::{Cause, Saturated};
use crate::terms::{Terms, now};

/// What becomes of a call.
pub(crate) enum Asked {
    Runs(Permit),
    Waits(Wait),
    Refused(Saturated),
}

/// Asks for a permit that there was none of a moment ago.
#[cold]
pub(crate) fn ask_when_full(gate: &Arc<Gate>, deadline: impl FnOnce() -> Option<Deadline>) -> Asked {
    match gate.rules.mode.get() {
        Mode::Enforce if gate.rules.max_waiting == 0 => Asked::Refused(gate.refuse(Cause::Full)),
        Mode::Enforce => {
            let now = now();
            queue_up(gate, Terms::new(now, gate.rules.max_wait, deadline()), now)
        }
        mode => Asked::Runs(gate.let_pass(mode, Cause::Full)),
    }
}

fn queue_up(gate: &Arc<Gate>, terms: Terms, now: Instant) -> Asked {
    if terms.is_too_late(now) {
        return Asked::Refused(gate.refuse(Cause::WaitExceeded(terms.waited(now))));
    }
    match gate.join() {
        Some(Entry::Permit) => Asked::Runs(Permit::taken(Arc::clone(gate))),
        Some(Entry::Place(ticket)) => {
            let place = Queued::new(Arc::clone(gate), ticket);
            Asked::Waits(Wait { place, terms, timer: None })
        }
        None => Asked::Refused(gate.refuse(Cause::Full)),
    }
}

pin_project! {
    /// A place in the queue, for a limited time.
    pub(crate) struct Wait {
        place: Queued,
        terms: Terms,
        #[pin]
        timer: Option<Sleep>,
    }
}

impl Future for Wait {
    type Output = Result<Permit, Saturated>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // First, so that a permit wins against a timer that fires in the same poll.
        if let Poll::Ready(permit) = this.place.poll(cx) {
            return Poll::Ready(use_permit(this.place.gate(), *this.terms, permit));
        }
        if this.timer.is_none() {
            this.timer.set(Some(sleep_until(this.terms.until().into())));
        }
        let Some(timer) = this.timer.as_pin_mut() else { return Poll::Pending };
        ready!(timer.poll(cx));
        Poll::Ready(match this.place.leave() {
            Some(permit) => use_permit(this.place.gate(), *this.terms, permit),
            None => go_without(this.place.gate(), *this.terms),
        })
    }
}

/// A permit that comes after the deadline goes to the next: nobody needs the answer of this call.
fn use_permit(gate: &Arc<Gate>, terms: Terms, permit: Permit) -> Result<Permit, Saturated> {
    let now = now();
    if terms.is_too_late(now) && gate.rules.mode.get() == Mode::Enforce {
        drop(permit);
        return Err(gate.refuse(Cause::WaitExceeded(terms.waited(now))));
    }
    Ok(permit)
}

fn go_without(gate: &Arc<Gate>, terms: Terms) -> Result<Permit, Saturated> {
    let cause = Cause::WaitExceeded(terms.waited(now()));
    match gate.rules.mode.get() {
        Mode::Enforce => Err(gate.refuse(cause)),
        mode => Ok(gate.let_pass(mode, cause)),
    }
}
