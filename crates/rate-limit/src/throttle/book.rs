use std::collections::HashMap;

use super::timetable::{Slot, Timetable};
use crate::{KeyHash, Rate};

/// The timetables of all keys, in bounded room; times are ticks, all of them arguments.
///
/// A key that rests gives way to a new one, which forgets nothing. If none rests, the new key shares a timetable with
/// all others that found no place, and takes over what that one holds against it when it gets one of its own: nobody
/// gains by being forgotten.
#[derive(Debug)]
pub(super) struct Book {
    limits: Limits,
    places: HashMap<KeyHash, Place>,
    /// The first one is shared by keys that found no place.
    entries: Vec<Entry>,
    /// Where the search for a key that rests goes on.
    hand: usize,
    waiting: usize,
    tally: Tally,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) rate: Rate,
    /// Of one key.
    pub(super) max_waiting: usize,
    /// Of all keys together.
    pub(super) max_waiting_in_all: usize,
    pub(super) max_keys: usize,
}

/// Index of an entry; it stays that of the same key while somebody waits.
type Place = usize;

const SHARED: Place = 0;
/// Entries that are looked at for one that rests.
const LOOKS: usize = 16;

#[derive(Debug, Default)]
struct Entry {
    key: Option<KeyHash>,
    table: Timetable,
    waiting: usize,
}

/// A slot that somebody waits for. It must be handed back to the book, one way or the other.
#[derive(Debug)]
#[must_use]
pub(super) struct Reservation {
    place: Place,
    slot: Slot,
}

/// What becomes of a call.
#[derive(Debug)]
pub(super) enum Turn {
    /// It goes at once.
    Now,
    /// It goes after so many ticks.
    After(u64, Reservation),
}

/// Why a call may not wait; in either case, how long it would have had to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    TooLong(u64),
    Full { wait: u64, limit: usize },
}

/// What has become of calls so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) at_once: u64,
    pub(super) delayed: u64,
    pub(super) denied: u64,
    pub(super) given_back: u64,
    pub(super) lapsed: u64,
    pub(super) crowded: u64,
}

impl Book {
    pub(super) fn new(limits: Limits) -> Self {
        let entries = vec![Entry::default()];
        Self { limits, places: HashMap::new(), entries, hand: 1, waiting: 0, tally: Tally::default() }
    }

    /// Whether a call may go at once; it is counted if so, and nothing is changed if not.
    pub(super) fn go(&mut self, key: KeyHash, now: u64) -> bool {
        let place = self.place(key, now);
        self.tally.crowded += u64::from(place == SHARED);
        let table = &mut self.entries[place].table;
        let Ok((slot, _)) = table.reserve(self.limits.rate, now, 0) else { return false };
        table.use_up(slot);
        self.tally.at_once += 1;
        true
    }

    /// Reserves the next slot of a key, if it is at most `longest` away and not too many wait.
    pub(super) fn reserve(&mut self, key: KeyHash, now: u64, longest: u64) -> Result<Turn, Denial> {
        let place = self.place(key, now);
        let entry = &mut self.entries[place];
        let (slot, wait) = entry.table.reserve(self.limits.rate, now, longest).map_err(Denial::TooLong)?;
        if wait == 0 {
            entry.table.use_up(slot);
            self.tally.at_once += 1;
            return Ok(Turn::Now);
        }
        let Limits { max_waiting, max_waiting_in_all, .. } = self.limits;
        if entry.waiting >= max_waiting || self.waiting >= max_waiting_in_all {
            entry.table.give_back(slot);
            let limit = if entry.waiting >= max_waiting { max_waiting } else { max_waiting_in_all };
            return Err(Denial::Full { wait, limit });
        }
        entry.waiting += 1;
        self.waiting += 1;
        self.tally.delayed += 1;
        Ok(Turn::After(wait, Reservation { place, slot }))
    }

    /// Counts a call that is not going to be sent because of a denial.
    pub(super) fn deny(&mut self) {
        self.tally.denied += 1;
    }

    /// How long it is until a slot that somebody waits for.
    pub(super) fn wait(&self, reservation: &Reservation, now: u64) -> u64 {
        self.entries[reservation.place].table.wait(reservation.slot, now)
    }

    /// The slot is used.
    #[expect(clippy::needless_pass_by_value, reason = "a slot is used once")]
    pub(super) fn leave(&mut self, reservation: Reservation) {
        let Reservation { place, slot } = reservation;
        self.entries[place].table.use_up(slot);
        self.waits_no_more(place);
    }

    /// The slot is not used: the newest of its key is free again, any other lapses as long as somebody waits behind it.
    #[expect(clippy::needless_pass_by_value, reason = "a slot is given up once")]
    pub(super) fn give_up(&mut self, reservation: Reservation) {
        let Reservation { place, slot } = reservation;
        self.waits_no_more(place);
        let Entry { table, waiting, .. } = &mut self.entries[place];
        let given_back = if *waiting == 0 { table.forget_the_unused() } else { table.give_back(slot) };
        let counter = if given_back { &mut self.tally.given_back } else { &mut self.tally.lapsed };
        *counter += 1;
    }

    fn waits_no_more(&mut self, place: Place) {
        self.entries[place].waiting -= 1;
        self.waiting -= 1;
    }

    /// Blocks a key until then. Whether it was not blocked for as long already.
    pub(super) fn block(&mut self, key: KeyHash, now: u64, until: u64) -> bool {
        let place = self.place(key, now);
        self.entries[place].table.block(now, until)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// Keys with a place of their own.
    pub(super) fn keys(&self) -> usize {
        self.entries.len() - 1
    }

    /// How many keys are blocked, and for how long the longest of them.
    pub(super) fn blocked(&self, now: u64) -> (usize, u64) {
        let blocks = self.entries.iter().map(|entry| entry.table.blocked_for(now)).filter(|left| *left > 0);
        blocks.fold((0, 0), |(keys, longest), left| (keys + 1, longest.max(left)))
    }

    fn place(&mut self, key: KeyHash, now: u64) -> Place {
        if let Some(place) = self.places.get(&key) {
            return *place;
        }
        let Some(place) = self.free_place(now) else { return SHARED };
        let shared = self.entries[SHARED].table;
        let table = if shared.rests(now) { Timetable::default() } else { shared };
        if let Some(forgotten) = self.entries[place].key {
            self.places.remove(&forgotten);
        }
        self.entries[place] = Entry { key: Some(key), table, waiting: 0 };
        self.places.insert(key, place);
        place
    }

    /// A new place, or that of a key that rests.
    fn free_place(&mut self, now: u64) -> Option<Place> {
        if self.keys() < self.limits.max_keys {
            self.entries.push(Entry::default());
            return Some(self.entries.len() - 1);
        }
        for _ in 0..LOOKS.min(self.keys()) {
            let place = self.hand;
            self.hand = if place + 1 < self.entries.len() { place + 1 } else { 1 };
            let Entry { table, waiting, .. } = &self.entries[place];
            if *waiting == 0 && table.rests(now) {
                return Some(place);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One every ten ticks, two at once; two may wait, and there are three keys.
    const LIMITS: Limits =
        Limits { rate: Rate::from_ticks(10, 2), max_waiting: 2, max_waiting_in_all: 6, max_keys: 3 };

    fn key(number: u128) -> KeyHash {
        KeyHash::from_bits(number)
    }

    fn slot(book: &mut Book, number: u128, now: u64) -> (u64, Option<Reservation>) {
        match book.reserve(key(number), now, u64::MAX).expect("there is a slot") {
            Turn::Now => (0, None),
            Turn::After(wait, reservation) => (wait, Some(reservation)),
        }
    }

    fn exhaust(book: &mut Book, number: u128, now: u64) {
        assert!(book.go(key(number), now) && book.go(key(number), now) && !book.go(key(number), now));
    }

    #[test]
    fn keys_have_timetables_of_their_own() {
        let mut book = Book::new(LIMITS);
        exhaust(&mut book, 1, 0);
        exhaust(&mut book, 2, 0);
        assert_eq!(slot(&mut book, 1, 0).0, 10);
        assert_eq!((book.keys(), book.waiting()), (2, 1));
    }

    #[test]
    fn the_third_waiter_is_refused_and_takes_no_slot() {
        let mut book = Book::new(LIMITS);
        exhaust(&mut book, 1, 0);
        let (_, first) = slot(&mut book, 1, 0);
        let (_, _second) = slot(&mut book, 1, 0);
        assert!(matches!(book.reserve(key(1), 0, u64::MAX), Err(Denial::Full { wait: 30, limit: 2 })));
        assert!(matches!(book.reserve(key(1), 0, 29), Err(Denial::TooLong(30))));
        book.leave(first.expect("it waits"));
        assert_eq!(slot(&mut book, 1, 10).0, 20, "the slot that was not taken");
    }

    #[test]
    fn the_waiters_of_one_key_leave_room_for_those_of_another() {
        let mut book = Book::new(LIMITS);
        for number in 1..=3 {
            exhaust(&mut book, number, 0);
            let _both = [slot(&mut book, number, 0), slot(&mut book, number, 0)];
        }
        assert_eq!(book.waiting(), 6);
    }

    #[test]
    fn only_a_key_that_rests_gives_way() {
        let mut book = Book::new(LIMITS);
        for (number, now) in (1..=3).zip(1..) {
            exhaust(&mut book, number, now);
        }
        assert!(book.go(key(4), 20), "none rests, and the shared place is unused");
        assert_eq!((book.place(key(4), 20), book.tally().crowded), (SHARED, 1));
        assert_eq!(book.place(key(4), 21), 1, "the first one rests");
        assert_eq!(book.keys(), 3);
    }

    #[test]
    fn a_key_that_somebody_waits_for_or_that_is_blocked_stays() {
        let mut book = Book::new(Limits { max_keys: 2, ..LIMITS });
        exhaust(&mut book, 1, 0);
        let (_, waiter) = slot(&mut book, 1, 0);
        assert!(book.block(key(2), 0, 1_000));
        assert_eq!(book.place(key(3), 500), SHARED, "the waiter has not been polled, and the block holds");
        book.give_up(waiter.expect("it waits"));
        assert_eq!(book.place(key(3), 500), 1);
        assert!(!book.go(key(2), 999));
        assert!(book.go(key(2), 1_000));
    }

    #[test]
    fn a_key_that_gets_a_place_of_its_own_takes_its_debt_along() {
        let mut book = Book::new(Limits { max_keys: 1, ..LIMITS });
        exhaust(&mut book, 1, 0);
        exhaust(&mut book, 2, 15);
        assert_eq!(book.place(key(2), 20), 1, "the first one rests by now");
        assert!(!book.go(key(2), 20));
        assert!(book.go(key(2), 25));
    }

    #[test]
    fn what_is_blocked_can_be_counted() {
        let mut book = Book::new(LIMITS);
        assert!(book.block(key(1), 0, 100) && book.block(key(2), 0, 300));
        assert!(!book.block(key(1), 0, 50), "as long already");
        assert_eq!(book.blocked(0), (2, 300));
        assert_eq!(book.blocked(100), (1, 200));
        assert_eq!(book.blocked(300), (0, 0));
    }

    proptest! {
        #[test]
        fn whoever_leaves_nobody_gets_more_than_the_quota_and_nothing_is_left_behind(
            steps in prop::collection::vec((0_u64..12, 0_u8..4, any::<prop::sample::Index>()), 0..120),
        ) {
            let mut book = Book::new(Limits { max_waiting: 5, ..LIMITS });
            let (mut now, mut waiting, mut sent) = (0, Vec::new(), Vec::new());
            for (passed, what, which) in steps {
                for moment in now..=now + passed {
                    while waiting.first().is_some_and(|first| book.wait(first, moment) == 0) {
                        book.leave(waiting.remove(0));
                        sent.push(moment);
                    }
                }
                now += passed;
                if what == 0 && !waiting.is_empty() {
                    let leaves = which.index(waiting.len());
                    book.give_up(waiting.remove(leaves));
                } else {
                    match book.reserve(key(1), now, u64::MAX) {
                        Ok(Turn::Now) => sent.push(now),
                        Ok(Turn::After(_, reservation)) => waiting.push(reservation),
                        Err(_) => {}
                    }
                }
            }
            for (place, from) in sent.iter().enumerate() {
                for (calls, at) in (1_u64..).zip(&sent[place..]) {
                    prop_assert!(calls <= 2 + (at - from) / 10, "{} calls from {} to {}", calls, from, at);
                }
            }
            waiting.drain(..).for_each(|reservation| book.give_up(reservation));
            let wait = match book.reserve(key(1), now, u64::MAX) {
                Ok(Turn::Now) => 0,
                Ok(Turn::After(wait, _reservation)) => wait,
                Err(denial) => panic!("{denial:?}"),
            };
            prop_assert!(wait <= 10, "{} for nobody", wait);
        }

        #[test]
        fn no_key_ever_gets_more_than_its_quota_however_crowded(
            steps in prop::collection::vec((0_u128..8, 0_u64..15), 0..300),
        ) {
            let mut book = Book::new(LIMITS);
            let mut now = 0;
            let mut sent: [Vec<u64>; 8] = Default::default();
            for (number, passed) in steps {
                now += passed;
                if book.go(key(number), now) {
                    sent[number as usize].push(now);
                }
                prop_assert!(book.keys() <= 3 && book.places.len() == book.keys());
            }
            for sent in &sent {
                for (place, from) in sent.iter().enumerate() {
                    for (calls, at) in (1_u64..).zip(&sent[place..]) {
                        prop_assert!(calls <= 2 + (at - from) / 10, "{} calls from {} to {}", calls, from, at);
                    }
                }
            }
        }
    }
}
