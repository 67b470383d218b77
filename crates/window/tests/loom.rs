//! Every interleaving of adds, of the passage of a cell from tick to tick, and of a clear.
#![cfg(buttress_loom)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test fails by panicking")]

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::{Duration, Instant};

use buttress_window::{ShardedTimeCounter, Ticks};
use loom::sync::Arc;
use loom::thread;

/// A turn of the ring, after which a tick takes the cell of tick 0.
const TURN: u64 = 16;

#[expect(clippy::disallowed_methods, reason = "an arbitrary instant to count from; nothing waits")]
fn counter(shards: usize) -> Arc<ShardedTimeCounter> {
    let ticks = Ticks::new(Instant::now(), Duration::from_secs(1), NonZeroU32::MIN);
    Arc::new(ShardedTimeCounter::with_shards(ticks, NonZeroUsize::new(shards).unwrap()))
}

fn spawn(
    counter: &Arc<ShardedTimeCounter>,
    act: impl FnOnce(&ShardedTimeCounter) + 'static,
) -> thread::JoinHandle<()> {
    let counter = Arc::clone(counter);
    thread::spawn(move || act(&counter))
}

#[test]
fn adds_of_one_tick_are_counted_once_each() {
    loom::model(|| {
        let counter = counter(1);
        let other = spawn(&counter, |counter| {
            counter.add(0);
            counter.add(0);
        });
        counter.add(0);
        other.join().unwrap();
        assert_eq!(counter.sum(0), 3);
    });
}

#[test]
fn adds_that_race_to_begin_a_tick_are_counted_once_each() {
    loom::model(|| {
        let counter = counter(1);
        counter.add(0);
        let others = [0, 1].map(|_| spawn(&counter, |counter| counter.add(TURN)));
        counter.add(TURN);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!((counter.sum(TURN), counter.sum(0)), (3, 0));
    });
}

#[test]
fn a_late_add_takes_no_tick_back_and_loses_none_of_the_new() {
    loom::model(|| {
        let counter = counter(1);
        counter.add(0);
        let late = spawn(&counter, |counter| counter.add(0));
        counter.add(TURN);
        counter.add(TURN);
        late.join().unwrap();
        // Three if the late one was held up in the middle and counted where it landed.
        assert!((2..=3).contains(&counter.sum(TURN)));
        assert_eq!(counter.sum(0), 0);
    });
}

#[test]
fn a_place_that_was_kept_takes_no_tick_back_either() {
    loom::model(|| {
        let counter = counter(1);
        let kept = counter.place(0);
        counter.add_at(kept);
        let ahead = spawn(&counter, |counter| {
            let place = counter.place(TURN);
            counter.add_at(place);
            counter.add_at(place);
        });
        counter.add_at(kept);
        ahead.join().unwrap();
        // Three if the late one was held up in the middle and counted where it landed.
        assert!((2..=3).contains(&counter.sum(TURN)));
        assert_eq!(counter.sum(0), 0);
    });
}

#[test]
fn ticks_a_turn_apart_pass_a_cell_on_in_order() {
    loom::model(|| {
        let counter = counter(1);
        counter.add(0);
        let ahead = spawn(&counter, |counter| counter.add(2 * TURN));
        counter.add(TURN);
        ahead.join().unwrap();
        assert!((1..=2).contains(&counter.sum(2 * TURN)));
        assert_eq!(counter.sum(TURN), 0, "the earlier tick never takes the cell back");
    });
}

#[test]
fn an_add_during_a_clear_counts_on_one_side_and_earlier_ones_never_after() {
    loom::model(|| {
        let counter = counter(1);
        counter.add(0);
        counter.add(0);
        let during = spawn(&counter, |counter| counter.add(0));
        counter.clear();
        assert!(counter.sum(0) <= 1, "only the add that runs meanwhile");
        counter.add(0);
        during.join().unwrap();
        assert!((1..=2).contains(&counter.sum(0)));
    });
}

#[test]
fn an_add_that_begins_a_tick_during_a_clear_counts_on_one_side() {
    loom::model(|| {
        let counter = counter(1);
        counter.add(0);
        let during = spawn(&counter, |counter| {
            counter.add(TURN);
            counter.add(TURN);
        });
        counter.clear();
        during.join().unwrap();
        assert!(counter.sum(TURN) <= 2);
        assert_eq!(counter.sum(0), 0);
        counter.clear();
        counter.add(TURN);
        assert_eq!(counter.sum(TURN), 1);
    });
}

#[test]
fn threads_on_shards_of_their_own_are_summed() {
    loom::model(|| {
        let counter = counter(2);
        let other = spawn(&counter, |counter| counter.add(0));
        counter.add(0);
        assert!((1..=2).contains(&counter.sum(0)), "one's own add is always seen");
        other.join().unwrap();
        assert_eq!(counter.sum(0), 2);
    });
}
