#![cfg(not(buttress_loom))]

use std::time::Duration;

use buttress_core::Ratio;
use proptest::prelude::*;

use super::*;

fn start() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A budget whose second gate is always open.
fn over_time(ratio: Ratio, reserve_per_second: u32) -> (Budget, Instant) {
    let settings = Budget::builder().ratio(ratio).reserve_per_second(reserve_per_second);
    let budget = settings.in_flight_floor(1_000_000).build().expect("valid settings");
    (budget.fresh(start()), start())
}

/// A call that asks for retries and does not count itself.
fn outside(budget: &Budget) -> BudgetedCall {
    budget.0.in_flight.add();
    BudgetedCall { pool: Arc::clone(&budget.0), retrying: false }
}

fn retries_granted(budget: &Budget, now: Instant) -> u64 {
    let mut granted = 0;
    let mut call = outside(budget);
    while call.try_retry(now) {
        granted += 1;
    }
    granted
}

#[test]
fn every_percentage_grants_exactly_its_share_of_retries_b1_b2() {
    for percent in 1..=100 {
        let (budget, now) = over_time(Ratio::percent(percent), 0);
        for _ in 0..100 {
            drop(budget.begin(now));
        }
        assert_eq!(retries_granted(&budget, now), u64::from(percent), "{percent} %");
    }
}

#[test]
fn what_calls_earned_is_forgotten_after_the_time_to_live_and_earned_anew() {
    let (budget, start) = over_time(Ratio::percent(20), 0);
    for round in 0..50_u64 {
        let now = start + Duration::from_secs(round * 10);
        for _ in 0..100 {
            drop(budget.begin(now));
        }
        let late = now + Duration::from_millis(8_900);
        assert_eq!(retries_granted(&budget, late), 20, "round {round}: no drift, and never used up for good");
    }
    assert_eq!(retries_granted(&budget, start + Duration::from_secs(600)), 0);
}

#[test]
fn the_reserve_is_granted_without_any_call_and_comes_back() {
    let (budget, start) = over_time(Ratio::ZERO, 3);
    assert_eq!(retries_granted(&budget, start), 30);
    assert_eq!(retries_granted(&budget, start + Duration::from_secs(9)), 0);
    assert_eq!(retries_granted(&budget, start + Duration::from_secs(10)), 30);
}

#[test]
fn a_denial_costs_nothing_however_often_it_is_repeated_b12() {
    let (budget, start) = over_time(Ratio::ZERO, 3);
    assert_eq!(retries_granted(&budget, start), 30);
    for _ in 0..1_000 {
        assert!(!outside(&budget).try_retry(start));
    }
    assert_eq!(retries_granted(&budget, start + Duration::from_secs(10)), 30);
}

#[test]
fn a_call_that_never_waits_counts_too() {
    let (budget, now) = over_time(Ratio::percent(50), 0);
    for _ in 0..10 {
        budget.count();
    }
    assert_eq!(budget.usage(now), BudgetUsage { calls: 10, left: 5, ..BudgetUsage::default() });
}

#[test]
fn a_call_that_never_waits_is_dated_by_the_latest_that_did_and_never_remembered_too_long() {
    let (budget, start) = over_time(Ratio::ONE, 0);
    drop(budget.begin(start + Duration::from_secs(5)));
    budget.count();
    assert_eq!(budget.usage(start + Duration::from_secs(14)).calls, 2);
    assert_eq!(budget.usage(start + Duration::from_secs(15)).calls, 0);
    // The look at 15 s dates the next one.
    budget.count();
    assert_eq!(budget.usage(start + Duration::from_secs(24)).calls, 1);
}

#[test]
fn retries_are_at_most_a_share_of_what_is_in_flight() {
    let budget =
        Budget::builder().ratio(Ratio::ONE).reserve_per_second(1_000).build().expect("valid settings");
    let now = start();
    let mut calls: Vec<_> = (0..40).map(|_| budget.begin(now)).collect();
    let granted = calls.iter_mut().filter_map(|call| call.try_retry(now).then_some(())).count();
    assert_eq!(granted, 8, "20 % of 40");
    calls.truncate(5);
    assert_eq!(budget.usage(now).retrying, 5, "who leaves stops retrying");
    assert!(!budget.begin(now).try_retry(now), "5 are under way and the floor is 3");
    calls.truncate(2);
    assert!(budget.begin(now).try_retry(now), "2 are under way");
}

#[test]
fn a_second_retry_takes_the_place_of_the_first() {
    let budget = Budget::builder().in_flight_floor(1).build().expect("valid settings");
    let now = start();
    let mut call = budget.begin(now);
    assert!(call.try_retry(now) && call.try_retry(now));
    assert_eq!((budget.usage(now).retrying, budget.usage(now).spent), (1, 2));
}

#[test]
fn no_budget_grants_everything() {
    let (budget, now) = (Budget::none(), start());
    let mut call = budget.begin(now);
    assert!((0..1_000).all(|_| call.try_retry(now)));
    assert!(budget.usage(now).left > u64::MAX / 2);
}

#[test]
fn clones_share_and_fresh_ones_do_not() {
    let (budget, now) = (Budget::default(), start());
    let clone = budget.clone();
    let _call = clone.begin(now);
    assert_eq!((budget.usage(now).in_flight, budget.fresh(now).usage(now).in_flight), (1, 0));
}

#[test]
fn settings_out_of_range_are_all_named() {
    let settings =
        Budget::builder().ttl(Duration::ZERO).reserve_per_second(2_000_000).in_flight_floor(u32::MAX);
    let error = settings.build().expect_err("three settings are wrong");
    let fields: Vec<_> = error.problems().iter().map(buttress_core::Problem::field).collect();
    assert_eq!(fields, ["budget.ttl", "budget.reserve_per_second", "budget.in_flight_floor"]);
}

/// The same rules with a list of moments instead of buckets and fixed point.
#[derive(Default)]
struct Model {
    calls: Vec<u64>,
    spent: Vec<u64>,
}

impl Model {
    const RESERVE: u64 = 20;

    /// Whether a retry at `at_ms` is granted when `percent` of the calls of the last ten seconds may be.
    fn grants(&mut self, at_ms: u64, percent: u64) -> bool {
        let live = |moment: &&u64| at_ms / 1_000 - **moment / 1_000 < 10;
        let (calls, spent) = (self.calls.iter().filter(live).count(), self.spent.iter().filter(live).count());
        let granted = (spent as u64 + 1) * 100 <= Self::RESERVE * 100 + calls as u64 * percent;
        if granted {
            self.spent.push(at_ms);
        }
        granted
    }
}

proptest! {
    #[test]
    fn the_budget_grants_what_the_naive_model_grants(
        percent in 1_u32..=100,
        steps in prop::collection::vec((0_u64..1_500, any::<bool>()), 1..400),
    ) {
        let (budget, _) = over_time(Ratio::percent(percent), 2);
        let start = start();
        let budget = budget.fresh(start);
        let (mut model, mut at_ms) = (Model::default(), 0);
        for (pause_ms, retries) in steps {
            // Bursts matter more than gaps, so most pauses are none.
            at_ms += pause_ms.saturating_sub(1_000);
            let now = start + Duration::from_millis(at_ms);
            if retries {
                let granted = outside(&budget).try_retry(now);
                prop_assert_eq!(granted, model.grants(at_ms, u64::from(percent)), "at {} ms", at_ms);
            } else {
                drop(budget.begin(now));
                model.calls.push(at_ms);
            }
        }
    }
}
