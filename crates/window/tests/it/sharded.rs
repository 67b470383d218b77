use std::num::NonZeroUsize;
use std::sync::Barrier;
use std::thread;

use buttress_window::{ShardedTimeCounter, Ticks};
use proptest::prelude::*;

use crate::{Division, origin, ten_seconds_in_tenths};

fn counter(shards: usize) -> ShardedTimeCounter {
    ShardedTimeCounter::with_shards(ten_seconds_in_tenths(origin()), NonZeroUsize::new(shards).unwrap())
}

#[test]
fn a_success_leaves_with_its_bucket() {
    let counter = counter(1);
    counter.add(0);
    counter.add(9);
    assert_eq!([9, 10, 18, 19].map(|tick| counter.sum(tick)), [2, 1, 1, 0]);
}

#[test]
fn successes_of_later_ticks_are_not_in_an_earlier_sum() {
    let counter = counter(1);
    counter.add(5);
    assert_eq!([4, 5].map(|tick| counter.sum(tick)), [0, 1]);
}

#[test]
fn a_success_at_a_place_counts_in_the_tick_that_the_place_was_asked_for() {
    for shards in [1, 4] {
        let counter = counter(shards);
        let places = [3, 4, 20].map(|tick| counter.place(tick));
        counter.add(3);
        for place in [places[0], places[1], places[0]] {
            counter.add_at(place);
        }
        assert_eq!([3, 4].map(|tick| counter.sum(tick)), [3, 4]);
        counter.add_at(places[2]);
        assert_eq!(counter.sum(20), 1, "a turn later in the same cell");
        counter.add_at(places[1]);
        assert_eq!(counter.sum(20), 1, "a tick that has left the window");
    }
}

#[test]
fn a_place_of_another_counter_is_harmless() {
    let (large, small) = (counter(64), counter(1));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| small.add_at(large.place(0)));
        }
    });
    assert!(small.sum(0) <= 3);
}

#[test]
fn nothing_counted_before_a_clear_counts_after_it() {
    let counter = counter(4);
    let add_on_a_thread = |tick| thread::scope(|scope| scope.spawn(|| counter.add(tick)).join().unwrap());
    for tick in 0..10 {
        add_on_a_thread(tick);
    }
    assert_eq!(counter.sum(9), 10);
    counter.clear();
    assert!((0..40).all(|tick| counter.sum(tick) == 0));
    add_on_a_thread(9);
    assert_eq!(counter.sum(9), 1, "the tick goes on counting");
}

#[test]
fn no_success_is_lost_or_counted_twice_among_threads() {
    const THREADS: u64 = 8;
    const ADDS: u64 = 2_000;
    for shards in [1, 2, 64] {
        let (counter, together) = (counter(shards), Barrier::new(8));
        (0..16).for_each(|tick| counter.add(tick));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    together.wait();
                    // A turn after what the cells hold, so that every thread finds them expired.
                    (0..ADDS).for_each(|n| counter.add(16 + n % 10));
                });
            }
        });
        assert_eq!(counter.sum(25), THREADS * ADDS, "{shards} shards");
    }
}

#[test]
fn any_number_of_shards_is_made_a_power_of_two_within_bounds() {
    for (asked, made) in [(1, 1), (3, 4), (64, 64), (65, 64), (usize::MAX, 64)] {
        let shown = format!("{:?}", counter(asked));
        assert!(shown.contains(&format!("shards: {made},")), "{asked}: {shown}");
    }
    let by_default = format!("{:?}", ShardedTimeCounter::new(ten_seconds_in_tenths(origin())));
    let expected = thread::available_parallelism().unwrap().get().next_power_of_two().min(64);
    assert!(by_default.contains(&format!("shards: {expected},")), "{by_default}");
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Add,
    Clear,
}

fn any_history() -> impl Strategy<Value = (Division, Vec<(i64, Act)>)> {
    let any_act = || prop_oneof![20 => Just(Act::Add), 1 => Just(Act::Clear)];
    Division::any().prop_flat_map(move |division| {
        (Just(division), prop::collection::vec((division.step(), any_act()), 0..200))
    })
}

proptest! {
    #[test]
    fn it_holds_exactly_the_adds_of_the_live_ticks(
        (division, history) in any_history(),
        shards in 1..5_usize,
    ) {
        let ticks: Ticks = division.ticks();
        let counter = ShardedTimeCounter::with_shards(ticks, NonZeroUsize::new(shards).unwrap());
        let (mut log, mut nanos, mut newest) = (Vec::new(), 0, 0);
        for (step, act) in history {
            nanos = (nanos + step).max(0);
            let tick = ticks.tick(division.at(nanos));
            match act {
                Act::Add => { counter.add(tick); log.push(division.tick(nanos)); }
                Act::Clear => { counter.clear(); log.clear(); }
            }
            newest = tick.max(newest);
            let live = division.live(i64::try_from(newest).unwrap());
            let model = log.iter().filter(|tick| live.contains(tick)).count();
            prop_assert_eq!(usize::try_from(counter.sum(newest)), Ok(model));
        }
    }
}
