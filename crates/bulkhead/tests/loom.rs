//! Every interleaving of a few threads at one bulkhead.
#![cfg(buttress_loom)]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

use buttress_bulkhead::{Bulkhead, Permit};
use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

fn bulkhead(calls: u32, waiting: u32) -> Bulkhead {
    Bulkhead::builder("b").max_concurrent(calls).queue(waiting).build().unwrap()
}

fn is_quiet(bulkhead: &Bulkhead) -> bool {
    (bulkhead.in_flight(), bulkhead.waiting()) == (0, 0)
}

/// Works under a permit; two at once, or one that does not see what the one before did, would show.
fn work(shared: &AtomicUsize, permit: Permit) {
    let before = shared.load(Ordering::Relaxed);
    thread::yield_now();
    shared.store(before + 1, Ordering::Relaxed);
    drop(permit);
}

#[test]
fn one_permit_is_held_by_one_thread_and_shows_it_what_the_last_one_did() {
    loom::model(|| {
        let (bulkhead, shared) = (bulkhead(1, 1), Arc::new(AtomicUsize::new(0)));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (bulkhead, shared) = (bulkhead.clone(), Arc::clone(&shared));
                thread::spawn(move || bulkhead.try_acquire().map(|permit| work(&shared, permit)).is_ok())
            })
            .collect();
        let admitted = threads.into_iter().map(|thread| thread.join().unwrap()).filter(|ran| *ran).count();
        assert!(admitted >= 1 && is_quiet(&bulkhead));
        let _permit = bulkhead.try_acquire().unwrap();
        assert_eq!(shared.load(Ordering::Relaxed), admitted);
    });
}

#[test]
fn a_waiter_is_woken_whenever_the_permit_returns() {
    loom::model(|| {
        let (bulkhead, shared) = (bulkhead(1, 1), Arc::new(AtomicUsize::new(0)));
        let permit = bulkhead.try_acquire().unwrap();
        let (other, counted) = (bulkhead.clone(), Arc::clone(&shared));
        let waits = thread::spawn(move || work(&counted, block_on(other.enqueue().unwrap())));
        work(&shared, permit);
        waits.join().unwrap();
        assert_eq!(shared.load(Ordering::Relaxed), 2);
        assert!(is_quiet(&bulkhead) && bulkhead.try_acquire().is_ok());
    });
}

/// For three threads that all wait: every interleaving of them takes ten minutes.
fn model_with_few_preemptions(work: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(work);
}

#[test]
fn two_waiters_of_one_permit_both_get_their_turn() {
    model_with_few_preemptions(|| {
        let bulkhead = bulkhead(1, 2);
        let permit = bulkhead.try_acquire().unwrap();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let bulkhead = bulkhead.clone();
                thread::spawn(move || drop(block_on(bulkhead.enqueue().unwrap())))
            })
            .collect();
        drop(permit);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(is_quiet(&bulkhead));
    });
}

/// N1: a permit was assigned to a waiter that had gone.
#[test]
fn a_permit_that_is_granted_to_a_waiter_who_leaves_is_not_lost() {
    loom::model(|| {
        let bulkhead = bulkhead(1, 1);
        let permit = bulkhead.try_acquire().unwrap();
        let place = bulkhead.enqueue().unwrap();
        let leaves = thread::spawn(move || drop(place));
        drop(permit);
        leaves.join().unwrap();
        assert!(is_quiet(&bulkhead) && bulkhead.try_acquire().is_ok());
    });
}

#[test]
fn the_waiter_behind_one_who_leaves_is_woken() {
    model_with_few_preemptions(|| {
        let bulkhead = bulkhead(1, 2);
        let permit = bulkhead.try_acquire().unwrap();
        let (first, second) = (bulkhead.enqueue().unwrap(), bulkhead.enqueue().unwrap());
        let leaves = thread::spawn(move || drop(first));
        let waits = thread::spawn(move || drop(block_on(second)));
        drop(permit);
        leaves.join().unwrap();
        waits.join().unwrap();
        assert!(is_quiet(&bulkhead));
    });
}

#[test]
fn a_higher_limit_wakes_whoever_waits_at_that_moment() {
    loom::model(|| {
        let bulkhead = bulkhead(1, 1);
        let permit = bulkhead.try_acquire().unwrap();
        let other = bulkhead.clone();
        let waits = thread::spawn(move || drop(block_on(other.enqueue().unwrap())));
        bulkhead.set_max_concurrent(2).unwrap();
        waits.join().unwrap();
        assert_eq!((bulkhead.in_flight(), bulkhead.max_concurrent()), (1, 2));
        drop(permit);
        assert!(is_quiet(&bulkhead));
    });
}

#[test]
fn nobody_is_admitted_over_a_limit_that_is_lowered_at_that_moment() {
    loom::model(|| {
        let bulkhead = bulkhead(2, 1);
        let first = bulkhead.try_acquire().unwrap();
        let other = bulkhead.clone();
        let lowers = thread::spawn(move || other.set_max_concurrent(1).unwrap());
        let second = bulkhead.try_acquire();
        lowers.join().unwrap();
        assert_eq!(bulkhead.in_flight(), 1 + u32::from(second.is_ok()));
        assert!(bulkhead.try_acquire().is_err(), "the lower limit holds for whoever comes after it");
        drop((first, second));
        assert!(is_quiet(&bulkhead) && bulkhead.max_concurrent() == 1);
    });
}

#[test]
fn a_permit_and_a_limit_that_come_at_once_wake_two() {
    loom::model(|| {
        let bulkhead = bulkhead(1, 2);
        let permit = bulkhead.try_acquire().unwrap();
        let (first, second) = (bulkhead.enqueue().unwrap(), bulkhead.enqueue().unwrap());
        let returns = thread::spawn(move || drop(permit));
        bulkhead.set_max_concurrent(2).unwrap();
        returns.join().unwrap();
        let both = (block_on(first), block_on(second));
        assert_eq!(bulkhead.in_flight(), 2);
        drop(both);
        assert!(is_quiet(&bulkhead));
    });
}
