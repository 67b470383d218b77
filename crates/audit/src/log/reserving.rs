use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use buttress_core::Deadline;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::place::Place;
use super::room::Ticket;
use super::shared::{Health, Phase, Refusal, Shared, State};
use super::{Policy, WhenFull};
use crate::{Class, NotRecorded, Reason};

pin_project! {
    /// The wait for a place in a log.
    ///
    /// First come, first served. Dropped, it gives up its turn; nothing is counted then.
    #[derive(Debug)]
    #[must_use = "a future does nothing unless it is polled"]
    pub struct Reserving {
        shared: Arc<Shared>,
        class: Class,
        turn: Turn,
        #[pin]
        limit: Option<Sleep>,
    }

    impl PinnedDrop for Reserving {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Turn::Waiting(ticket) = *this.turn {
                this.shared.change(|state| state.room.leave(ticket));
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Turn {
    /// It was not asked for yet.
    New,
    Waiting(Ticket),
    Over,
}

/// What is said to one who asks for a place.
enum Answer {
    Place,
    Wait(Ticket, Duration),
    Refused(NotRecorded),
}

impl Reserving {
    pub(super) const fn new(shared: Arc<Shared>, class: Class) -> Self {
        Self { shared, class, turn: Turn::New, limit: None }
    }
}

impl Future for Reserving {
    type Output = Result<Place, NotRecorded>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let policy = this.shared.policy(*this.class);
        if let Turn::New = this.turn {
            let answer = ask(this.shared, *this.class, policy, cx);
            match answer {
                Answer::Wait(ticket, patience) => {
                    *this.turn = Turn::Waiting(ticket);
                    this.limit.set(Some(sleep_until(end(patience))));
                }
                Answer::Place => {
                    return over(this.turn, Ok(Place::new(this.shared, policy.when_full.rank())));
                }
                Answer::Refused(why) => return over(this.turn, Err(why)),
            }
        }
        let Turn::Waiting(ticket) = *this.turn else { return Poll::Pending };
        // A place that is there in the last moment is taken.
        if let Some(answer) = granted(this.shared, *this.class, policy, ticket, cx) {
            return over(this.turn, answer.map(|()| Place::new(this.shared, policy.when_full.rank())));
        }
        let timer = this.limit.as_mut().as_pin_mut();
        if timer.is_none_or(|timer| timer.poll(cx).is_pending()) {
            return Poll::Pending;
        }
        let answer = too_late(this.shared, *this.class, policy, ticket);
        over(this.turn, answer.map(|()| Place::new(this.shared, policy.when_full.rank())))
    }
}

fn over<A>(turn: &mut Turn, answer: A) -> Poll<A> {
    *turn = Turn::Over;
    Poll::Ready(answer)
}

fn ask(shared: &Shared, class: Class, policy: Policy, cx: &Context<'_>) -> Answer {
    let mut state = shared.lock();
    let reason = match (state.phase, state.health) {
        (Phase::Closing | Phase::Closed, _) => return refused(shared, state, class, policy, Reason::Closed),
        (_, Health::Scarce) if policy.when_full.sheds() => {
            return refused(shared, state, class, policy, Reason::DiskFull);
        }
        (_, Health::Refusing(reason)) => reason,
        _ if !state.replicas_have_room(policy) => {
            return refused(shared, state, class, policy, Reason::QueueFull);
        }
        _ if state.room.take(policy.when_full.rank()) => return Answer::Place,
        _ => Reason::QueueFull,
    };
    match policy.when_full {
        WhenFull::Block { limit, .. } => {
            Answer::Wait(state.room.wait(policy.when_full.rank(), cx.waker()), limit)
        }
        WhenFull::FailRequest | WhenFull::Shed => refused(shared, state, class, policy, reason),
    }
}

fn refused(
    shared: &Shared,
    mut state: parking_lot::MutexGuard<'_, State>,
    class: Class,
    policy: Policy,
    reason: Reason,
) -> Answer {
    let refusal = Refusal { class, policy, reason, was_handed_over: false };
    Answer::Refused(state.refuse(refusal, shared.clock.now()))
}

/// Whether the turn has come, or never will.
fn granted(
    shared: &Shared,
    class: Class,
    policy: Policy,
    ticket: Ticket,
    cx: &Context<'_>,
) -> Option<Result<(), NotRecorded>> {
    let mut state = shared.lock();
    if state.room.is_granted(ticket, cx.waker()) {
        return Some(Ok(()));
    }
    if state.phase == Phase::Open {
        return None;
    }
    let refusal = Refusal { class, policy, reason: Reason::Closed, was_handed_over: false };
    Some(Err(state.refuse(refusal, shared.clock.now())))
}

fn too_late(shared: &Shared, class: Class, policy: Policy, ticket: Ticket) -> Result<(), NotRecorded> {
    let mut state = shared.lock();
    let woken = state.room.leave(ticket);
    let reason = match state.health {
        Health::Refusing(reason) => reason,
        Health::Good | Health::Scarce => Reason::QueueFull,
    };
    let refusal = Refusal { class, policy, reason, was_handed_over: false };
    let answer = state.refuse(refusal, shared.clock.now());
    drop(state);
    woken.into_iter().for_each(std::task::Waker::wake);
    Err(answer)
}

/// When patience ends: it is no longer than the request's own.
fn end(patience: Duration) -> Instant {
    let now = Instant::now();
    let deadline = buttress_core::Context::with_current(buttress_core::Context::deadline);
    let own = Deadline::after(now.into_std(), patience);
    Instant::from_std(deadline.map_or(own, |deadline| deadline.earlier(own)).instant())
}
