use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What happened at a [`Strict`](crate::Strict) service and all its clones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Instances alive now.
    pub instances: usize,
    /// How often an instance was cloned.
    pub clones: usize,
    /// How often readiness was asked for.
    pub ready_polls: usize,
    /// Calls so far.
    pub calls: usize,
    /// Calls that have neither answered nor been dropped.
    pub in_flight: usize,
    /// Calls that answered.
    pub completed: usize,
    /// Calls whose future was dropped before it answered.
    pub dropped: usize,
    /// Instances that were granted readiness, and calls made with it.
    pub permits_held: usize,
}

/// The books of one scripted service, shared by its instances, futures and probes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Arc<Mutex<Books>>);

#[derive(Debug, Default)]
struct Books {
    counts: Counts,
    instances_ever: u64,
    held: bool,
    permits: Option<usize>,
    waiting: Vec<(u64, Waker)>,
    violations: Vec<String>,
}

impl Books {
    fn has_room(&self) -> bool {
        !self.held && self.permits.is_none_or(|permits| self.counts.permits_held < permits)
    }

    fn wait(&mut self, instance: u64, waker: &Waker) {
        self.waiting.retain(|(waits, _)| *waits != instance);
        self.waiting.push((instance, waker.clone()));
    }
}

impl Ledger {
    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    /// Writes the violation down and panics: a layer may swallow the panic, the books keep it.
    pub(crate) fn violated(&self, what: &str) -> ! {
        self.lock().violations.push(what.to_owned());
        panic!("{what}");
    }

    pub(crate) fn limit_permits(&self, permits: usize) {
        self.lock().permits = Some(permits);
    }

    pub(crate) fn hold_ready(&self, held: bool) {
        self.lock().held = held;
    }

    pub(crate) fn wake_all(&self) {
        let waiting = std::mem::take(&mut self.lock().waiting);
        for (_, waker) in waiting {
            waker.wake();
        }
    }

    pub(crate) fn count_ready_poll(&self) {
        self.lock().counts.ready_polls += 1;
    }

    pub(crate) fn seat(&self, cloned: bool) -> Seat {
        let mut books = self.lock();
        books.counts.instances += 1;
        books.counts.clones += usize::from(cloned);
        books.instances_ever += 1;
        Seat { id: books.instances_ever, ready: None, ledger: self.clone() }
    }

    /// Counts a call and returns its number, from 0.
    pub(crate) fn begin(&self, permit: Permit) -> (u64, Running) {
        let mut books = self.lock();
        let call = books.counts.calls as u64;
        books.counts.calls += 1;
        books.counts.in_flight += 1;
        (call, Running { answered: false, ledger: self.clone(), _permit: permit })
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One instance of the service: its number, and its readiness if it has any.
#[derive(Debug)]
pub(crate) struct Seat {
    id: u64,
    ready: Option<Permit>,
    ledger: Ledger,
}

impl Seat {
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.is_some()
    }

    /// Readiness once granted stays with the instance, whatever the test does to the others.
    pub(crate) fn poll_ready(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.ready.is_some() {
            return Poll::Ready(());
        }
        let mut books = self.ledger.lock();
        if !books.has_room() {
            books.wait(self.id, cx.waker());
            return Poll::Pending;
        }
        books.counts.permits_held += 1;
        drop(books);
        self.ready = Some(Permit { ledger: self.ledger.clone() });
        Poll::Ready(())
    }

    pub(crate) fn spend(&mut self) -> Permit {
        match self.ready.take() {
            Some(permit) => permit,
            None => self.ledger.violated(&format!(
                "the inner service was called on instance {}, which had not been polled ready",
                self.id
            )),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut books = self.ledger.lock();
        books.counts.instances -= 1;
        books.waiting.retain(|(waits, _)| *waits != self.id);
    }
}

/// Readiness that was granted; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    ledger: Ledger,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.ledger.lock().counts.permits_held -= 1;
        self.ledger.wake_all();
    }
}

/// One call on its way.
#[derive(Debug)]
pub(crate) struct Running {
    answered: bool,
    ledger: Ledger,
    _permit: Permit,
}

impl Running {
    pub(crate) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut books = self.ledger.lock();
        books.counts.in_flight -= 1;
        if self.answered {
            books.counts.completed += 1;
        } else {
            books.counts.dropped += 1;
        }
    }
}
