use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::MutexGuard;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::is_event;
use super::room::Rank;
use super::shared::{Entry, Phase, Refusal, Shared, State};
use crate::{Class, Durability, Event, NotRecorded, Reason, Receipt, Reservation};

/// A place in a log for one event.
///
/// Recording into it never waits and never fails for want of room. Dropped unused, it gives the place back.
#[derive(Debug)]
#[must_use = "a place that is dropped is given back"]
pub struct Place {
    shared: Arc<Shared>,
    rank: Rank,
    is_used: bool,
}

impl Place {
    pub(super) fn new(shared: &Arc<Shared>, rank: Rank) -> Self {
        Self { shared: Arc::clone(shared), rank, is_used: false }
    }

    /// Hands over an event as it will stand in the log.
    pub(super) fn hand_over(mut self, class: Class, event: Vec<u8>) -> Recording {
        debug_assert!(is_event(&event), "an event is one JSON object without line breaks");
        let policy = self.shared.policy(class);
        let mut state = self.shared.lock();
        state.counts.emitted(class.category());
        let reason = if state.phase != Phase::Open {
            Some(Reason::Closed)
        } else if event.len() > self.shared.most_event_bytes {
            Some(Reason::TooLarge)
        } else {
            None
        };
        if let Some(reason) = reason {
            let refusal = Refusal { class, policy, reason, was_handed_over: true };
            let why = state.refuse(refusal, self.shared.clock.now());
            // The place is given back by its drop.
            drop(state);
            return Recording(Answer::Given(Some(Err(why))));
        }
        self.is_used = true;
        let (recording, entry) = self.entry(&mut state, class, policy.durability, event);
        self.enqueue(state, entry);
        recording
    }

    /// Whether an event is a refusal of which there were too many: then it was counted, and a record will tell of it.
    fn is_only_counted(&self, event: &Event) -> bool {
        let Some(refused) = event.refused() else { return false };
        let now = Instant::now().into_std();
        let mut state = self.shared.lock();
        let is_counted = state.phase == Phase::Open && !state.refusals.admit(refused, now, event.at());
        if is_counted {
            state.counts.summarised(event.category());
        }
        is_counted
    }

    fn enqueue(&self, mut state: MutexGuard<'_, State>, entry: Entry) {
        let woken = state.room.fill(self.rank, entry.event.len());
        let was_idle = state.queue.is_empty();
        state.queue.push_back(entry);
        drop(state);
        if was_idle {
            self.shared.work().notify_one();
        }
        woken.into_iter().for_each(std::task::Waker::wake);
    }

    /// What is written, and what its caller waits for. The event may be of another class than the place was taken for.
    fn entry(
        &self,
        state: &mut State,
        class: Class,
        durability: Durability,
        event: Vec<u8>,
    ) -> (Recording, Entry) {
        let rank = self.rank;
        if durability == Durability::Enqueued {
            state.counts.acknowledged(class.category());
            let receipt = Receipt::new(None, durability);
            return (
                Recording(Answer::Given(Some(Ok(receipt)))),
                Entry { class, rank, durability, event, reply: None },
            );
        }
        let (reply, answer) = oneshot::channel();
        (Recording(Answer::Due(answer)), Entry { class, rank, durability, event, reply: Some(reply) })
    }
}

impl Reservation for Place {
    type Recording = Recording;

    fn record(self, event: Event) -> Recording {
        if self.is_only_counted(&event) {
            return Recording(Answer::Given(Some(Ok(Receipt::new(None, Durability::Enqueued)))));
        }
        // As long as most events are, so that it seldom has to grow.
        let mut encoded = Vec::with_capacity(1_024);
        event.encode(&self.shared.redactor, &mut encoded);
        self.hand_over(event.class(), encoded)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !mem::replace(&mut self.is_used, true) {
            let rank = self.rank;
            self.shared.change(|state| state.room.give_back_unused(rank));
        }
    }
}

/// The wait for a receipt. Dropping it takes nothing back.
#[derive(Debug)]
#[must_use = "a receipt is what tells that an event is recorded"]
pub struct Recording(Answer);

#[derive(Debug)]
enum Answer {
    Given(Option<Result<Receipt, NotRecorded>>),
    Due(oneshot::Receiver<Result<Receipt, NotRecorded>>),
}

impl Future for Recording {
    type Output = Result<Receipt, NotRecorded>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Answer::Given(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            // The thread that writes has ended without an answer, which only a panic in it explains.
            Answer::Due(due) => Poll::Ready(ready!(Pin::new(due).poll(cx)).unwrap_or(Err(NotRecorded {
                reason: Reason::Failed,
                shed: false,
                retry_after: None,
            }))),
        }
    }
}
