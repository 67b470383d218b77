use std::num::NonZeroU32;
use std::time::Duration;

use buttress_window::{Sample, Ticks, TimeWindow, Totals};
use proptest::prelude::*;

use crate::{Division, any_sample, origin, ten_seconds_in_tenths};

#[test]
fn a_sample_leaves_with_its_bucket() {
    let start = origin();
    let mut window = TimeWindow::new(ten_seconds_in_tenths(start));
    window.record(start + Duration::from_millis(1_500), Sample::Failure);
    let last_moment = start + Duration::from_nanos(10_999_999_999);
    assert_eq!(window.totals(last_moment).failed(), 1);
    assert_eq!(window.totals(last_moment + Duration::from_nanos(1)), Totals::default());
}

#[test]
fn a_read_lets_go_of_what_is_old_though_nothing_was_recorded_since() {
    let start = origin();
    let mut window = TimeWindow::new(ten_seconds_in_tenths(start));
    window.record(start, Sample::SlowFailure);
    assert_eq!(window.totals(start + Duration::from_secs(3_600)), Totals::default());
}

#[test]
fn borders_do_not_drift_with_irregular_records() {
    let start = origin();
    let ticks = ten_seconds_in_tenths(start);
    let mut window = TimeWindow::new(ticks);
    // Late in each bucket, later by and by: a ring anchored to the time of a record would lag behind the borders.
    for n in 0..500_u32 {
        let now = start + Duration::from_secs(1) * n + Duration::from_millis(990);
        assert_eq!(window.record(now, Sample::Success).total(), u64::from(n + 1).min(10), "second {n}");
    }
}

#[test]
fn an_age_of_idling_costs_no_more_than_a_turn() {
    let start = origin();
    let mut window = TimeWindow::new(Ticks::new(start, Duration::from_nanos(1), NonZeroU32::MIN));
    window.record(start, Sample::Failure);
    // One step per elapsed bucket would be more than 10^18 of them, and this test would not end.
    let ages_later = start + Duration::from_secs(10_000_000_000);
    assert_eq!(window.record(ages_later, Sample::Success), [Sample::Success].into_iter().collect());
}

#[test]
fn time_that_runs_backwards_counts_in_the_newest_bucket() {
    let start = origin();
    let mut window = TimeWindow::new(ten_seconds_in_tenths(start));
    let later = start + Duration::from_secs(30);
    window.record(later, Sample::Success);
    assert_eq!(window.record(start, Sample::Failure).total(), 2);
    assert_eq!(window.totals(later + Duration::from_secs(9)).failed(), 1);
    assert_eq!(window.totals(later + Duration::from_secs(10)), Totals::default());
}

#[test]
fn one_bucket_is_a_window_that_empties_at_once() {
    let start = origin();
    let mut window = TimeWindow::new(Ticks::new(start, Duration::from_secs(1), NonZeroU32::MIN));
    window.record(start, Sample::Failure);
    assert_eq!(window.record(start + Duration::from_millis(999), Sample::Failure).failed(), 2);
    assert_eq!(window.totals(start + Duration::from_secs(1)), Totals::default());
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Record(Sample),
    Read,
    Clear,
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![10 => any_sample().prop_map(Act::Record), 5 => Just(Act::Read), 1 => Just(Act::Clear)]
}

fn any_history() -> impl Strategy<Value = (Division, Vec<(i64, Act)>)> {
    Division::any().prop_flat_map(|division| {
        (Just(division), prop::collection::vec((division.step(), any_act()), 0..200))
    })
}

proptest! {
    #[test]
    fn it_holds_exactly_the_samples_of_the_live_ticks((division, history) in any_history()) {
        let mut window = TimeWindow::new(division.ticks());
        let (mut log, mut nanos, mut newest) = (Vec::new(), 0, 0);
        for (step, act) in history {
            nanos = (nanos + step).max(-1_000_000_000_000);
            let now = division.at(nanos);
            if let Act::Clear = act {
                window.clear();
                log.clear();
                continue;
            }
            newest = division.tick(nanos).max(newest);
            let totals = match act {
                Act::Record(sample) => { log.push((newest, sample)); window.record(now, sample) }
                _ => window.totals(now),
            };
            let live = division.live(newest);
            let model: Totals =
                log.iter().filter(|(tick, _)| live.contains(tick)).map(|&(_, sample)| sample).collect();
            prop_assert_eq!(totals, model);
        }
    }

    #[test]
    fn its_ticks_are_those_of_plain_division((division, history) in any_history()) {
        let (ticks, mut nanos) = (division.ticks(), 0);
        for (step, _) in history {
            nanos = (nanos + step).max(-1_000_000_000_000);
            let tick = ticks.tick(division.at(nanos));
            prop_assert_eq!(i64::try_from(tick), Ok(division.tick(nanos)));
            let live = ticks.live(tick).map(|live| i64::try_from(live).unwrap());
            prop_assert!(live.eq(division.live(division.tick(nanos)).filter(|&live| live >= 0)));
        }
    }
}
