use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Where calls wait until the test lets them answer, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    /// Calls that may pass although none waits yet.
    spare: usize,
    tickets: u64,
    waiting: VecDeque<(u64, Option<Waker>)>,
}

impl Gate {
    pub(crate) fn open(&self, calls: usize) {
        let mut queue = self.lock();
        let passing = calls.min(queue.waiting.len());
        queue.spare += calls - passing;
        let woken: Vec<_> = queue.waiting.drain(..passing).collect();
        drop(queue);
        for waker in woken.into_iter().filter_map(|(_, waker)| waker) {
            waker.wake();
        }
    }

    pub(crate) fn ticket(&self) -> Ticket {
        let mut queue = self.lock();
        queue.tickets += 1;
        let number = queue.tickets;
        match queue.spare.checked_sub(1) {
            Some(left) => queue.spare = left,
            None => queue.waiting.push_back((number, None)),
        }
        Ticket { number, gate: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's place at the gate; it has passed once it waits no more.
#[derive(Debug)]
pub(crate) struct Ticket {
    number: u64,
    gate: Gate,
}

impl Ticket {
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut queue = self.gate.lock();
        match queue.waiting.iter_mut().find(|(number, _)| *number == self.number) {
            Some((_, waker)) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.gate.lock().waiting.retain(|(number, _)| *number != self.number);
    }
}
