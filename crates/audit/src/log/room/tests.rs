mod model;

use std::task::Waker;

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
