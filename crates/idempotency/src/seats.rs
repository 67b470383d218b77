use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::rehash::Rehash;
use crate::{Completion, Fingerprint, RecordId, StoreError};

/// A question to the store. The same key with another request is another question, so nobody here is told anything
/// about a request that is not the same as his own: of that, the record alone decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub(crate) id: RecordId,
    pub(crate) fingerprint: Fingerprint,
}

/// What the store said, if it did not say that the request may run.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// Somebody else runs it.
    InFlight,
    /// The key was used for another request.
    Mismatch,
    /// It was begun, and nobody knows how far it came.
    Unknown,
    /// It is done.
    Done(Completion),
    /// The store did not decide.
    Failed(StoreError),
}

/// How far the one is that has the seat.
#[derive(Clone, Debug, Default)]
pub(crate) enum News {
    /// The store is being asked.
    #[default]
    Asking,
    /// It runs: here, or in another process that this one watches.
    Runs,
    /// The store has spoken.
    Told(Told),
}

/// The questions that requests of this process ask or run: one request has the seat, and those that ask the same join
/// it instead of the store.
///
/// There are no more seats than requests, and no more that wait than [`Bounds`] says.
#[derive(Clone)]
pub(crate) struct Seats {
    table: Arc<Mutex<Table>>,
    bounds: Bounds,
}

/// How many may wait for the end of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) in_all: usize,
    pub(crate) per_key: usize,
}

#[derive(Default)]
struct Table {
    taken: HashMap<Question, Taken, Rehash>,
    waiting: HashMap<Question, usize, Rehash>,
    waiting_in_all: usize,
}

/// Most seats are left before anybody joins, so the channel is made by the first who does.
#[derive(Default)]
struct Taken {
    now: News,
    joined: Option<watch::Sender<News>>,
}

/// The right to be the one who asks the store, and then runs. Dropped, it is free for the next, and all who have joined hear of it.
pub(crate) struct Seat {
    table: Arc<Mutex<Table>>,
    question: Question,
    is_left: bool,
}

/// One of the places to wait for the end of a run. Dropped, it is free.
pub(crate) struct Waiting {
    table: Arc<Mutex<Table>>,
    question: Question,
}

impl Seats {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { table: Arc::default(), bounds }
    }

    /// The seat, or news from whoever has it.
    pub(crate) fn take(&self, question: Question) -> Result<Seat, watch::Receiver<News>> {
        match self.table.lock().taken.entry(question) {
            Entry::Vacant(free) => {
                free.insert(Taken::default());
                Ok(Seat { table: Arc::clone(&self.table), question, is_left: false })
            }
            Entry::Occupied(taken) => Err(taken.into_mut().join()),
        }
    }

    /// A place to wait; none if too many do.
    pub(crate) fn wait(&self, question: Question) -> Option<Waiting> {
        let mut table = self.table.lock();
        let here = table.waiting.get(&question).copied().unwrap_or(0);
        if here >= self.bounds.per_key || table.waiting_in_all >= self.bounds.in_all {
            return None;
        }
        table.waiting.insert(question, here + 1);
        table.waiting_in_all += 1;
        Some(Waiting { table: Arc::clone(&self.table), question })
    }
}

impl Taken {
    fn join(&mut self) -> watch::Receiver<News> {
        self.joined.get_or_insert_with(|| watch::Sender::new(self.now.clone())).subscribe()
    }

    fn tell(&mut self, news: News) {
        self.now = news;
        if let Some(joined) = &self.joined {
            joined.send_replace(self.now.clone());
        }
    }

    /// What is said once the seat is left is for those alone who have joined.
    fn tell_joined(&self, last: impl FnOnce() -> News) {
        if let Some(joined) = &self.joined {
            joined.send_replace(last());
        }
    }
}

impl Seat {
    /// From now on it runs, until the seat is left.
    pub(crate) fn runs(&self) {
        self.says(News::Runs);
    }

    /// Tells all who join what is known, until the seat is left. Before it is left this is the last they hear.
    pub(crate) fn tell(&self, told: Told) {
        self.says(News::Told(told));
    }

    /// Tells all who have joined what is known, and leaves the seat.
    pub(crate) fn leave(mut self, told: &Told) {
        if let Some(taken) = self.give_up() {
            taken.tell_joined(|| News::Told(told.clone()));
        }
    }

    fn give_up(&mut self) -> Option<Taken> {
        self.is_left = true;
        self.table.lock().taken.remove(&self.question)
    }

    fn says(&self, news: News) {
        if let Some(taken) = self.table.lock().taken.get_mut(&self.question) {
            taken.tell(news);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if !self.is_left {
            // Without the lock: who is woken by the end of the channel finds the seat free.
            drop(self.give_up());
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        table.waiting_in_all -= 1;
        if let Entry::Occupied(mut here) = table.waiting.entry(self.question) {
            *here.get_mut() -= 1;
            if *here.get() == 0 {
                here.remove();
            }
        }
    }
}

impl fmt::Debug for Seats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (taken, waiting) = {
            let table = self.table.lock();
            (table.taken.len(), table.waiting_in_all)
        };
        f.debug_struct("Seats").field("taken", &taken).field("waiting", &waiting).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreErrorKind;

    fn question(key: u8, request: u8) -> Question {
        Question { id: RecordId::from_bytes([key; 32]), fingerprint: Fingerprint::from_bytes([request; 32]) }
    }

    fn seats() -> Seats {
        Seats::new(Bounds { in_all: 3, per_key: 2 })
    }

    fn is_empty(seats: &Seats) -> bool {
        let table = seats.table.lock();
        table.taken.is_empty() && table.waiting.is_empty() && table.waiting_in_all == 0
    }

    #[test]
    fn one_has_the_seat_and_another_request_under_the_key_has_its_own() {
        let seats = seats();
        let seat = seats.take(question(1, 1)).ok();
        assert!(seat.is_some() && seats.take(question(1, 1)).is_err());
        assert!(seats.take(question(1, 2)).is_ok() && seats.take(question(2, 1)).is_ok());
        drop(seat);
        assert!(seats.take(question(1, 1)).is_ok());
        assert!(is_empty(&seats));
    }

    #[test]
    fn who_joins_hears_what_is_the_case_and_what_comes() {
        let seats = seats();
        let Ok(seat) = seats.take(question(1, 1)) else { panic!("it is free") };
        let Err(early) = seats.take(question(1, 1)) else { panic!("it is taken") };
        assert!(matches!(*early.borrow(), News::Asking));
        seat.runs();
        let Err(late) = seats.take(question(1, 1)) else { panic!("it is taken") };
        assert!(matches!((&*early.borrow(), &*late.borrow()), (News::Runs, News::Runs)));
        seat.tell(Told::Failed(StoreError::new(StoreErrorKind::Full)));
        drop(seat);
        assert!(matches!(&*early.borrow(), News::Told(Told::Failed(_))), "the last word outlives the seat");
        assert!(late.has_changed().is_err(), "and the channel says that it is left");
        assert!(is_empty(&seats));
    }

    #[test]
    fn who_joins_a_run_that_nobody_had_joined_hears_that_it_runs() {
        let seats = seats();
        let Ok(seat) = seats.take(question(1, 1)) else { panic!("it is free") };
        seat.runs();
        let Err(joined) = seats.take(question(1, 1)) else { panic!("it is taken") };
        assert!(matches!(*joined.borrow(), News::Runs));
    }

    #[test]
    fn so_many_wait_for_a_key_and_so_many_in_all() {
        let seats = seats();
        let (one, other) = (seats.wait(question(1, 1)), seats.wait(question(1, 1)));
        assert!(one.is_some() && other.is_some() && seats.wait(question(1, 1)).is_none());
        let third = seats.wait(question(2, 1));
        assert!(third.is_some() && seats.wait(question(3, 1)).is_none());
        drop(one);
        let again = seats.wait(question(1, 1));
        assert!(again.is_some());
        drop((other, third, again));
        assert!(is_empty(&seats));
    }
}
