use std::collections::BTreeMap;
use std::task::Waker;

use proptest::prelude::*;

use super::*;
use Rank::{Patient, Sheddable, Strict};

const NOMINAL: usize = 10;

/// One where what can wait may take all of it.
fn room(events: usize, bytes: usize, shed: u32) -> Room {
    shared(events, bytes, 100, shed)
}

fn shared(events: usize, bytes: usize, wait: u32, shed: u32) -> Room {
    let shares = Shares { wait: Ratio::percent(wait), shed: Ratio::percent(shed) };
    Room::new(Amount { events, bytes }, shares, NOMINAL)
}

/// How many places of a rank there are before one is refused.
fn taken(room: &mut Room, rank: Rank) -> usize {
    std::iter::from_fn(|| room.take(rank).then_some(())).count()
}

#[test]
fn what_may_be_lost_has_its_share_and_the_others_have_the_rest_of_places_and_bytes() {
    // Places, bytes, share; then how many there are for what may be lost, and how many for the others behind it.
    let table = [
        (8, 1_000, 75, (6, 2)),
        (8, 1_000, 50, (4, 4)),
        (8, 1_000, 100, (8, 0)),
        (8, 1_000, 1, (1, 7)),
        (1, 1_000, 75, (1, 0)),
        (7, 1_000, 75, (5, 2)),
        (1_000, 100, 75, (7, 3)),
        (1_000, 100, 50, (5, 5)),
        (1_000, 100, 1, (1, 9)),
        (1_000, 100, 100, (10, 0)),
    ];
    for (events, bytes, percent, expected) in table {
        let mut room = room(events, bytes, percent);
        let found = (taken(&mut room, Sheddable), taken(&mut room, Strict));
        assert_eq!(found, expected, "{events} places, {bytes} bytes, {percent} %");
        assert_eq!(taken(&mut room, Sheddable), 0);
    }
}

#[test]
fn what_can_wait_and_what_may_be_lost_have_a_share_together_and_the_rest_is_for_what_is_refused_at_once() {
    // Places, bytes and both shares; then how many there are for what may be lost, what can wait, and the others.
    let table = [
        (10, 1_000, 90, 75, (7, 2, 1)),
        (10, 1_000, 50, 20, (2, 3, 5)),
        (10, 1_000, 100, 50, (5, 5, 0)),
        (10, 1_000, 20, 60, (6, 0, 4)),
        (10, 1_000, 1, 1, (1, 0, 9)),
        (1_000, 100, 90, 70, (7, 2, 1)),
    ];
    for (events, bytes, wait, shed, expected) in table {
        let mut room = shared(events, bytes, wait, shed);
        let found = [Sheddable, Patient, Strict].map(|rank| taken(&mut room, rank));
        assert_eq!(
            <(usize, usize, usize)>::from(found),
            expected,
            "{events} places, {bytes} bytes, {wait} %, {shed} %"
        );
    }
    let mut room = shared(10, 1_000, 90, 75);
    assert_eq!([Patient, Sheddable, Strict].map(|rank| taken(&mut room, rank)), [9, 0, 1]);
    assert_eq!(room.held_back(), 2);
}

#[test]
fn who_waits_does_not_stand_in_the_way_of_who_cannot() {
    let mut room = shared(10, 1_000, 90, 75);
    assert_eq!(taken(&mut room, Patient), 9);
    let patient = room.wait(Patient, Waker::noop());
    assert_eq!((taken(&mut room, Strict), room.is_granted(patient, Waker::noop())), (1, false));
    room.give_back_unused(Strict);
    assert!(!room.is_granted(patient, Waker::noop()), "it is kept for others");
    room.give_back_unused(Patient);
    assert!(room.is_granted(patient, Waker::noop()));
}

#[test]
fn what_must_not_be_lost_may_take_all_and_then_nothing_is_left_for_the_others() {
    let mut room = room(8, 1_000, 75);
    assert_eq!((taken(&mut room, Strict), taken(&mut room, Sheddable)), (8, 0));
    assert_eq!(room.held_back(), 0, "nothing was kept back: there was nothing");
}

#[test]
fn events_larger_than_their_places_do_not_take_the_bytes_of_what_must_not_be_lost() {
    let mut room = room(1_000, 100, 50);
    assert_eq!(taken(&mut room, Sheddable), 5);
    for _ in 0..5 {
        room.fill(Sheddable, 500);
    }
    assert_eq!((taken(&mut room, Sheddable), taken(&mut room, Strict)), (0, 5));
    let mut freed = Freed::default();
    freed.add(Sheddable, 500);
    room.give_back(freed);
    assert_eq!((taken(&mut room, Sheddable), taken(&mut room, Strict)), (0, 0));
}

#[test]
fn a_place_that_was_kept_for_others_is_counted() {
    let mut room = room(4, 1_000, 50);
    assert_eq!((taken(&mut room, Sheddable), room.held_back()), (2, 1));
    assert_eq!(taken(&mut room, Strict), 2);
    assert!(!room.take(Sheddable));
    assert_eq!(room.held_back(), 1, "there was none any more");
}

#[test]
fn who_must_not_be_lost_goes_before_all_who_may_and_each_line_is_first_come_first_served() {
    let mut room = room(4, 1_000, 75);
    assert_eq!((taken(&mut room, Sheddable), taken(&mut room, Strict)), (3, 1));
    let waker = Waker::noop();
    let tickets = [Sheddable, Strict, Sheddable, Strict].map(|rank| room.wait(rank, waker));
    let mut granted = Vec::new();
    for _ in 0..4 {
        room.give_back_unused(if granted.len() < 3 { Sheddable } else { Strict });
        granted.extend((0..4).filter(|which| room.is_granted(tickets[*which], waker)));
    }
    assert_eq!(granted, [1, 3, 0, 2]);
    assert_eq!(room.waiting(), 0);
}

#[test]
fn who_waits_for_the_share_does_not_keep_others_from_what_is_theirs() {
    let mut room = room(4, 1_000, 50);
    assert_eq!(taken(&mut room, Sheddable), 2);
    room.wait(Sheddable, Waker::noop());
    assert_eq!(taken(&mut room, Strict), 2);
}

#[test]
fn who_leaves_the_line_lets_those_behind_him_go_on() {
    // Bytes are short for the one and not for the other: both have their turn once he is gone.
    let mut room = room(4, 1_000, 50);
    room.shut();
    let (first, second) = (room.wait(Strict, Waker::noop()), room.wait(Sheddable, Waker::noop()));
    assert!(room.reopen().len() == 2 && room.is_granted(first, Waker::noop()));
    assert!(room.is_granted(second, Waker::noop()));
    assert_eq!(taken(&mut room, Strict), 2);
    let strict = room.wait(Strict, Waker::noop());
    let sheddable = room.wait(Sheddable, Waker::noop());
    room.give_back_unused(Strict);
    assert!(room.is_granted(strict, Waker::noop()) && !room.is_granted(sheddable, Waker::noop()));
    room.give_back_unused(Sheddable);
    assert!(room.is_granted(sheddable, Waker::noop()));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Take(Rank),
    Wait(Rank),
    /// Who waits looks whether it is his turn, and has a place if it is.
    Look(u8),
    Leave(u8),
    Fill(u8, u8),
    GiveBack(u8),
    Shut,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => rank().prop_map(Step::Take),
        4 => rank().prop_map(Step::Wait),
        4 => any::<u8>().prop_map(Step::Look),
        2 => any::<u8>().prop_map(Step::Leave),
        3 => (any::<u8>(), 0_u8..60).prop_map(|(which, bytes)| Step::Fill(which, bytes)),
        6 => any::<u8>().prop_map(Step::GiveBack),
        1 => Just(Step::Shut),
        1 => Just(Step::Reopen),
    ]
}

fn rank() -> impl Strategy<Value = Rank> {
    prop::sample::select(&[Strict, Patient, Sheddable][..])
}

/// The same by lists of everybody, looked through from the beginning each time.
struct Model {
    most: Amount,
    wait: Amount,
    share: Amount,
    is_shut: bool,
    /// Everybody who has a place, with its bytes; those who have not fetched it among them.
    places: Vec<(Rank, usize)>,
    /// Everybody in line, in the order of arrival, and whether his place is there.
    line: BTreeMap<u64, (Rank, bool)>,
}

impl Model {
    fn used(&self, rank: Rank) -> Amount {
        let of = self.places.iter().filter(|(whose, _)| *whose == rank);
        Amount { events: of.clone().count(), bytes: of.map(|(_, bytes)| bytes).sum() }
    }

    fn has_room(&self, rank: Rank) -> bool {
        let (strict, patient, sheddable) = (self.used(Strict), self.used(Patient), self.used(Sheddable));
        let is_in =
            |most: Amount, events: usize, bytes: usize| events < most.events && bytes + NOMINAL <= most.bytes;
        let (below, all) = (patient.events + sheddable.events, self.places.len());
        let lost = sheddable.bytes.min(self.share.bytes);
        let is_within = match rank {
            Strict => is_in(self.most, all, strict.bytes + (patient.bytes + lost).min(self.wait.bytes)),
            Patient => {
                is_in(self.wait, below, patient.bytes + lost)
                    && is_in(self.most, all, strict.bytes + patient.bytes + lost)
            }
            Sheddable => {
                let bytes = patient.bytes + sheddable.bytes;
                is_in(self.share, sheddable.events, sheddable.bytes)
                    && is_in(self.wait, below, bytes)
                    && is_in(self.most, all, strict.bytes + bytes)
            }
        };
        !self.is_shut && is_within
    }

    fn next(&self) -> Option<(u64, Rank)> {
        let waiting = |rank| {
            let mut line = self.line.iter();
            line.find_map(move |(turn, found)| (*found == (rank, false)).then_some((*turn, rank)))
        };
        waiting(Strict).or_else(|| waiting(Patient)).or_else(|| waiting(Sheddable))
    }

    fn settle(&mut self) {
        while let Some((turn, rank)) = self.next().filter(|(_, rank)| self.has_room(*rank)) {
            self.line.insert(turn, (rank, true));
            self.places.push((rank, NOMINAL));
        }
    }

    fn take(&mut self, rank: Rank) -> bool {
        let is_first = match self.next() {
            None => true,
            Some((_, first)) => rank < first,
        };
        let is_taken = is_first && self.has_room(rank);
        if is_taken {
            self.places.push((rank, NOMINAL));
        }
        is_taken
    }
}

/// One of those there are.
fn pick<T>(of: &[T], which: u8) -> Option<usize> {
    (!of.is_empty()).then(|| usize::from(which) % of.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn it_is_as_in_the_model_and_what_must_not_be_lost_always_finds_what_is_kept_for_it(
        (events, bytes, wait, shed) in (1_usize..12, 10_usize..150, 1_u32..=100, 1_u32..=100),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut room = shared(events, bytes, wait, shed);
        let [most, wait, share] = [Strict, Patient, Sheddable].map(|rank| room.most(rank));
        let mut model =
            Model { most, wait, share, is_shut: false, places: Vec::new(), line: BTreeMap::new() };
        // Places that were fetched, and everybody in line.
        let (mut places, mut tickets) = (Vec::<(Rank, usize)>::new(), Vec::<Ticket>::new());
        for step in steps {
            match step {
                Step::Take(rank) => {
                    let is_taken = room.take(rank);
                    prop_assert_eq!(is_taken, model.take(rank), "{:?}", rank);
                    places.extend(is_taken.then_some((rank, NOMINAL)));
                }
                Step::Wait(rank) => {
                    let ticket = room.wait(rank, Waker::noop());
                    model.line.insert(ticket.turn, (ticket.rank, false));
                    tickets.push(ticket);
                }
                Step::Look(which) => if let Some(which) = pick(&tickets, which) {
                    let ticket = tickets[which];
                    let is_granted = room.is_granted(ticket, Waker::noop());
                    prop_assert_eq!(is_granted, model.line[&ticket.turn].1);
                    if is_granted {
                        tickets.remove(which);
                        model.line.remove(&ticket.turn);
                        places.push((ticket.rank, NOMINAL));
                    }
                },
                Step::Leave(which) => if let Some(which) = pick(&tickets, which) {
                    let ticket = tickets.remove(which);
                    room.leave(ticket);
                    if let Some((rank, true)) = model.line.remove(&ticket.turn) {
                        let place = model.places.iter().position(|place| *place == (rank, NOMINAL));
                        model.places.remove(place.unwrap());
                    }
                    model.settle();
                },
                Step::Fill(which, bytes) => if let Some(which) = pick(&places, which) {
                    let (rank, before) = places[which];
                    // A place is filled once.
                    if before == NOMINAL {
                        let bytes = usize::from(bytes).max(1) + usize::from(usize::from(bytes) == NOMINAL);
                        room.fill(rank, bytes);
                        places[which].1 = bytes;
                        let place = model.places.iter_mut().find(|place| **place == (rank, NOMINAL));
                        place.unwrap().1 = bytes;
                        if bytes < NOMINAL {
                            model.settle();
                        }
                    }
                },
                Step::GiveBack(which) => if let Some(which) = pick(&places, which) {
                    let (rank, bytes) = places.remove(which);
                    let mut freed = Freed::default();
                    freed.add(rank, bytes);
                    room.give_back(freed);
                    let place = model.places.iter().position(|place| *place == (rank, bytes));
                    model.places.remove(place.unwrap());
                    model.settle();
                },
                Step::Shut => {
                    room.shut();
                    model.is_shut = true;
                }
                Step::Reopen => {
                    room.reopen();
                    model.is_shut = false;
                    model.settle();
                }
            }
            for rank in [Strict, Patient, Sheddable] {
                prop_assert_eq!(room.used(rank), model.used(rank), "{:?}", rank);
            }
            prop_assert!(room.used(Sheddable).events <= share.events);
            prop_assert!(room.used(Patient).events + room.used(Sheddable).events <= wait.events);
            prop_assert_eq!(room.waiting(), model.line.values().filter(|(_, has)| !has).count());
            let strict = room.used(Strict);
            let is_within = strict.events < most.events - wait.events
                && strict.bytes + NOMINAL <= most.bytes - wait.bytes.min(most.bytes);
            if is_within && !model.is_shut && room.sides[0].waiting.is_empty() {
                prop_assert!(room.fits(Strict), "what is kept for it is there");
            }
        }
    }
}
