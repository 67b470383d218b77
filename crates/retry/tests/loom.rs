//! Every interleaving of calls that count, retries that are taken out, and calls that leave.
#![cfg(buttress_loom)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use buttress_core::Ratio;
use buttress_retry::{Budget, BudgetBuilder};
use loom::thread;

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// One retry per second, whatever is called.
fn one_retry() -> BudgetBuilder {
    Budget::builder().ttl(Duration::from_secs(1)).ratio(Ratio::ZERO).reserve_per_second(1)
}

/// Explores every interleaving with at most three preemptions, which finds what two threads can do to each other.
fn explore(act: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(act);
}

/// Lets two threads act on one budget, and gives back what each of them saw.
fn race<T: 'static>(budget: &Budget, acts: [fn(&Budget, Instant) -> T; 2]) -> [T; 2] {
    let now = now();
    let [first, second] = acts;
    let other = budget.clone();
    let other = thread::spawn(move || second(&other, now));
    [first(budget, now), other.join().unwrap()]
}

#[test]
fn the_last_retry_goes_to_one_of_two() {
    explore(|| {
        let budget = one_retry().build().unwrap();
        let take: fn(&Budget, Instant) -> bool = |budget, now| budget.begin(now).try_retry(now);
        let [one, other] = race(&budget, [take, take]);
        assert!(one ^ other, "one: {one}, other: {other}");
    });
}

#[test]
fn two_retries_are_never_under_way_where_one_may_be() {
    explore(|| {
        let settings = Budget::builder().in_flight_floor(1).in_flight_share(Ratio::ZERO);
        let budget = settings.build().unwrap();
        let act: fn(&Budget, Instant) = |budget, now| {
            let mut call = budget.begin(now);
            if call.try_retry(now) {
                assert_eq!(budget.usage(now).retrying, 1);
            }
        };
        race(&budget, [act, act]);
    });
}

#[test]
fn whoever_leaves_gives_everything_back() {
    explore(|| {
        let budget = Budget::default();
        let retry: fn(&Budget, Instant) = |budget, now| {
            let mut call = budget.begin(now);
            call.try_retry(now);
            call.try_retry(now);
        };
        race(&budget, [retry, |budget, now| drop(budget.begin(now))]);
        let usage = budget.usage(now());
        assert_eq!((usage.in_flight, usage.retrying), (0, 0));
    });
}

#[test]
fn no_call_that_earns_is_lost_b13() {
    explore(|| {
        let budget = Budget::builder().ratio(Ratio::ONE).reserve_per_second(0).build().unwrap();
        let [one, other] = race(
            &budget,
            [
                |budget, now| {
                    drop(budget.begin(now));
                    budget.begin(now).try_retry(now)
                },
                |budget, now| budget.begin(now).try_retry(now),
            ],
        );
        assert!(one && other, "each call earned a retry of its own");
        let usage = budget.usage(now());
        assert_eq!((usage.calls, usage.spent, usage.left), (3, 2, 1));
    });
}
