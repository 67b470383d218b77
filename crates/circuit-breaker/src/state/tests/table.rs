use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use buttress_backoff::{Backoff, Jitter};
use buttress_core::{Entropy, Mode, Outcome, Ratio};

use super::super::{Ending, Entry, Machine, Shut};
use crate::event::{Reason, State};
use crate::rules::Rules;
use crate::word::Gate;
use crate::{Abandoned, BreakerConfig, Window};

const SECOND: Duration = Duration::from_secs(1);

/// A machine, the time, and what is under way.
struct Bench {
    machine: Machine,
    now: Instant,
    mode: Mode,
}

impl Bench {
    fn new(config: BreakerConfig) -> Self {
        let now = tokio::time::Instant::now().into_std();
        let rules = Rules::of(&config).unwrap();
        let machine = Machine::new(rules.into(), now, NonZeroUsize::MIN, Entropy::seeded(7));
        Self { machine, now, mode: Mode::Enforce }
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    fn try_admit(&mut self) -> Result<Option<Entry>, Shut> {
        self.machine.admit(self.mode, self.now)
    }

    #[track_caller]
    fn admit(&mut self) -> Entry {
        self.try_admit().expect("admitted").expect("recorded")
    }

    fn settle(&mut self, entry: Entry, outcome: Outcome) -> Option<Reason> {
        self.settle_asking(entry, outcome, None)
    }

    fn settle_asking(&mut self, entry: Entry, outcome: Outcome, hint: Option<Duration>) -> Option<Reason> {
        self.machine.take_change();
        self.machine.settle(entry, Ending { outcome, hint }, self.mode, self.now);
        self.machine.take_change().map(|change| change.reason)
    }

    #[track_caller]
    fn run(&mut self, outcome: Outcome) -> Option<Reason> {
        let entry = self.admit();
        self.settle(entry, outcome)
    }

    fn run_all(&mut self, outcome: Outcome, calls: u32) -> Option<Reason> {
        (0..calls).find_map(|_| self.run(outcome))
    }

    fn open(&mut self) {
        while self.run(Outcome::Failure).is_none() {}
    }

    fn open_for(&self) -> Duration {
        self.machine.open_until().expect("open") - self.now
    }
}

fn ratio_only() -> BreakerConfig {
    BreakerConfig::new().without_consecutive_failures()
}

#[test]
fn the_failure_ratio_counts_from_the_minimum_of_calls_on() {
    for (successes, failures_before, opens) in [(0, 18, false), (0, 19, true), (10, 9, true), (11, 9, false)]
    {
        let mut bench = Bench::new(ratio_only());
        assert_eq!(bench.run_all(Outcome::Success, successes), None);
        assert_eq!(bench.run_all(Outcome::Failure, failures_before), None);
        let reason = bench.run(Outcome::Failure);
        assert_eq!(reason, opens.then_some(Reason::FailureRatio), "{successes} + {failures_before}");
    }
}

#[test]
fn a_long_healthy_past_does_not_delay_the_opening() {
    let count = ratio_only().window(Window::Calls(100));
    let mut bench = Bench::new(count);
    assert_eq!(bench.run_all(Outcome::Success, 10_000), None);
    assert_eq!(bench.run_all(Outcome::Failure, 49), None);
    assert_eq!(bench.run(Outcome::Failure), Some(Reason::FailureRatio), "50 of the last 100");

    let mut bench = Bench::new(ratio_only());
    assert_eq!(bench.run_all(Outcome::Success, 10_000), None);
    bench.wait(31 * SECOND);
    assert_eq!(bench.run_all(Outcome::Failure, 20), Some(Reason::FailureRatio), "the window has moved on");
}

#[test]
fn a_minimum_below_the_window_is_enough() {
    let mut bench = Bench::new(ratio_only().window(Window::Calls(100)).min_calls(10));
    assert_eq!(bench.run_all(Outcome::Failure, 9), None);
    assert_eq!(bench.run(Outcome::Failure), Some(Reason::FailureRatio), "the window need not be full");
}

#[test]
fn a_burst_weighs_as_much_as_it_holds() {
    let mut bench = Bench::new(ratio_only());
    assert_eq!(bench.run_all(Outcome::Success, 20), None);
    bench.wait(20 * SECOND);
    assert_eq!(bench.run_all(Outcome::Failure, 19), None);
    assert_eq!(bench.run(Outcome::Failure), Some(Reason::FailureRatio), "20 of 40, all at one instant");
}

#[test]
fn failures_in_a_row_open_whatever_the_window_holds() {
    let mut bench = Bench::new(BreakerConfig::new());
    bench.run_all(Outcome::Success, 1_000);
    for _ in 0..10 {
        assert_eq!(bench.run_all(Outcome::Failure, 4), None);
        assert_eq!(bench.run(Outcome::Success), None, "a success ends the row");
    }
    assert_eq!(bench.run_all(Outcome::Failure, 5), Some(Reason::ConsecutiveFailures));
}

#[test]
fn a_throttled_call_counts_in_the_ratio_and_not_in_the_row() {
    let mut bench = Bench::new(BreakerConfig::new());
    assert_eq!(bench.run_all(Outcome::Failure, 4), None);
    assert_eq!(bench.run_all(Outcome::Throttled, 10), None, "no row");
    assert_eq!(bench.run(Outcome::Failure), Some(Reason::ConsecutiveFailures), "nor the end of one");
    let mut bench = Bench::new(ratio_only());
    assert_eq!(bench.run_all(Outcome::Throttled, 20), Some(Reason::FailureRatio));
}

#[test]
fn an_ignored_call_changes_nothing() {
    let mut bench = Bench::new(BreakerConfig::new());
    bench.run_all(Outcome::Failure, 4);
    assert_eq!(bench.run_all(Outcome::Ignored, 100), None);
    assert_eq!(bench.machine.view(bench.now).counts.calls, 4);
    assert_eq!(bench.run(Outcome::Failure), Some(Reason::ConsecutiveFailures));
}

#[test]
fn slow_calls_open_if_they_are_watched() {
    let slow = ratio_only().slow_call_after(SECOND);
    let run = |config: BreakerConfig, took: Duration| {
        let mut bench = Bench::new(config);
        let entries: Vec<_> = (0..20).map(|_| bench.admit()).collect();
        bench.wait(took);
        entries.into_iter().find_map(|entry| bench.settle(entry, Outcome::Success))
    };
    assert_eq!(run(slow, SECOND), None, "exactly the limit is not slow");
    assert_eq!(run(slow, SECOND + Duration::from_nanos(1)), Some(Reason::SlowCalls));
    assert_eq!(run(ratio_only(), 60 * SECOND), None, "nobody watches");
}

#[test]
fn the_share_of_slow_calls_is_all_of_them_unless_given() {
    let config = ratio_only().slow_call_after(SECOND);
    for (config, opens) in [(config, false), (config.slow_call_ratio(Ratio::percent(50)), true)] {
        let mut bench = Bench::new(config);
        bench.run_all(Outcome::Success, 10);
        let entries: Vec<_> = (0..10).map(|_| bench.admit()).collect();
        bench.wait(2 * SECOND);
        let reason = entries.into_iter().find_map(|entry| bench.settle(entry, Outcome::Success));
        // The first of them to return finds the others overdue.
        assert_eq!(reason, opens.then_some(Reason::HungCalls));
    }
}

#[test]
fn calls_that_hang_open_the_breaker_before_they_return() {
    for config in [ratio_only().hung_after(SECOND), ratio_only().slow_call_after(SECOND)] {
        let mut bench = Bench::new(config);
        let hanging: Vec<_> = (0..20).map(|_| bench.admit()).collect();
        bench.wait(SECOND);
        assert!(bench.try_admit().is_ok(), "none is older than the limit");
        bench.wait(SECOND);
        assert_eq!(bench.try_admit().unwrap_err().state, State::Open);
        assert_eq!(bench.machine.take_change().map(|change| change.reason), Some(Reason::HungCalls));
        for entry in hanging {
            assert_eq!(bench.settle(entry, Outcome::Failure), None, "old news");
        }
        assert_eq!(bench.machine.view(bench.now).stale, 20);
    }
}

#[test]
fn a_hung_call_that_returns_is_counted_once() {
    let mut bench = Bench::new(ratio_only().hung_after(SECOND));
    let hanging: Vec<_> = (0..19).map(|_| bench.admit()).collect();
    bench.wait(2 * SECOND);
    let next = bench.admit();
    assert_eq!(bench.machine.view(bench.now).counts.hung, 19);
    for entry in hanging {
        assert_eq!(bench.settle(entry, Outcome::Success), None);
    }
    assert_eq!(bench.settle(next, Outcome::Success), None);
    let counts = bench.machine.view(bench.now).counts;
    assert_eq!((counts.calls, counts.failed, counts.hung), (20, 0, 0));
}

#[test]
fn the_open_time_grows_with_jitter_and_a_closing_resets_it() {
    let mut bench = Bench::new(BreakerConfig::new());
    bench.open();
    for ceiling in [5.0_f64, 10.0, 20.0, 40.0, 60.0, 60.0] {
        let waits = bench.open_for();
        let seconds = waits.as_secs_f64();
        assert!((ceiling / 2.0..=ceiling).contains(&seconds), "{seconds} s of {ceiling} s");
        bench.wait(waits);
        for _ in 0..2 {
            bench.run(Outcome::Failure);
        }
        assert_eq!(bench.machine.state(), State::Open);
    }
    bench.wait(60 * SECOND);
    bench.run_all(Outcome::Success, 2);
    assert_eq!(bench.machine.state(), State::Closed);
    bench.open();
    assert!(bench.open_for() <= 5 * SECOND);
}

#[test]
fn open_times_differ_between_breakers() {
    let mut waits: Vec<_> = (0..20)
        .map(|seed| {
            let mut bench = Bench::new(BreakerConfig::new());
            bench.machine.entropy = Entropy::seeded(seed);
            bench.open();
            bench.open_for()
        })
        .collect();
    waits.sort_unstable();
    waits.dedup();
    assert_eq!(waits.len(), 20);
}

#[test]
fn a_failed_call_may_ask_for_a_longer_open_time_up_to_the_cap() {
    for (hint, cap, least, most) in [
        (SECOND, 60 * SECOND, 2 * SECOND, 5 * SECOND),
        (30 * SECOND, 60 * SECOND, 30 * SECOND, 30 * SECOND),
        (3_600 * SECOND, 60 * SECOND, 60 * SECOND, 60 * SECOND),
        (3_600 * SECOND, Duration::ZERO, 2 * SECOND, 5 * SECOND),
    ] {
        let mut bench = Bench::new(BreakerConfig::new().retry_after_cap(cap));
        let entry = bench.admit();
        bench.settle_asking(entry, Outcome::Failure, Some(hint));
        bench.open();
        assert!((least..=most).contains(&bench.open_for()), "{hint:?} gave {:?}", bench.open_for());
    }
}

#[test]
fn exactly_the_permitted_probes_pass_and_one_arrival_half_opens() {
    let mut bench = Bench::new(BreakerConfig::new());
    bench.open();
    bench.wait(bench.open_for().saturating_sub(Duration::from_nanos(1)));
    assert_eq!(bench.try_admit().unwrap_err().state, State::Open);
    bench.wait(Duration::from_nanos(1));
    let admitted = (0..1_000).filter(|_| bench.try_admit().is_ok()).count();
    assert_eq!(admitted, 3);
    assert_eq!(bench.machine.take_change().map(|change| change.to), Some(State::HalfOpen));
}

#[test]
fn a_probe_that_tells_nothing_gives_its_permit_back() {
    let mut bench = Bench::new(BreakerConfig::new().half_open_permits(1).success_threshold(1));
    bench.open();
    bench.wait(5 * SECOND);
    for _ in 0..100 {
        let probe = bench.admit();
        assert!(bench.try_admit().is_err(), "the second probe is refused while the first runs");
        assert_eq!(bench.settle(probe, Outcome::Ignored), None);
    }
    let probe = bench.admit();
    bench.machine.abandon(probe, None, Mode::Enforce, bench.now);
    assert_eq!(bench.run(Outcome::Success), Some(Reason::ProbesSucceeded));
}

#[test]
fn a_stale_success_does_not_close_a_half_open_breaker_and_a_stale_failure_does_not_open_it() {
    for (stale, truth, state) in [
        (Outcome::Success, Outcome::Failure, State::Open),
        (Outcome::Failure, Outcome::Success, State::Closed),
    ] {
        let mut bench = Bench::new(BreakerConfig::new().half_open_permits(1).success_threshold(1));
        let old: Vec<_> = (0..10).map(|_| bench.admit()).collect();
        bench.open();
        bench.wait(5 * SECOND);
        let probe = bench.admit();
        for entry in old {
            assert_eq!(bench.settle(entry, stale), None);
        }
        assert_eq!(bench.machine.state(), State::HalfOpen);
        bench.settle(probe, truth);
        assert_eq!(bench.machine.state(), state);
        assert_eq!(bench.machine.view(bench.now).stale, 10);
    }
}

#[test]
fn a_late_failure_does_not_extend_the_open_time() {
    let mut bench = Bench::new(BreakerConfig::new());
    let late = bench.admit();
    bench.open();
    let until = bench.machine.open_until();
    bench.wait(2 * SECOND);
    bench.settle_asking(late, Outcome::Failure, Some(60 * SECOND));
    assert_eq!(bench.machine.open_until(), until);
}

#[test]
fn a_half_open_breaker_whose_probes_hang_opens_again_and_recovers() {
    let config = BreakerConfig::new().half_open_permits(1).success_threshold(1);
    let mut bench = Bench::new(config);
    bench.open();
    bench.wait(5 * SECOND);
    let hanging = bench.admit();
    bench.wait(29 * SECOND);
    assert_eq!(bench.try_admit().unwrap_err().state, State::HalfOpen);
    bench.wait(SECOND);
    let shut = bench.try_admit().unwrap_err();
    assert_eq!(shut.state, State::Open);
    assert_eq!(bench.machine.take_change().map(|change| change.reason), Some(Reason::ProbesTookTooLong));
    assert!(shut.wait > Some(4 * SECOND), "it backs off: {:?}", shut.wait);
    bench.wait(10 * SECOND);
    let probe = bench.admit();
    assert_eq!(bench.settle(hanging, Outcome::Failure), None);
    assert_eq!(bench.settle(probe, Outcome::Success), Some(Reason::ProbesSucceeded));
}

#[test]
fn a_breaker_whose_probes_are_rare_and_good_closes() {
    let mut bench = Bench::new(BreakerConfig::new());
    bench.open();
    bench.wait(40 * SECOND);
    assert_eq!(bench.run(Outcome::Success), None, "one good probe is not enough");
    bench.wait(40 * SECOND);
    assert_eq!(bench.run(Outcome::Success), Some(Reason::ProbesSucceeded));
}

#[test]
fn calls_that_end_well_do_not_hide_those_that_hang() {
    let config = BreakerConfig::new().hung_after(SECOND).without_consecutive_failures();
    let mut bench = Bench::new(config);
    for _ in 0..30 {
        bench.admit();
    }
    let mut opened = false;
    for _ in 0..20 {
        let Ok(Some(entry)) = bench.try_admit() else {
            opened = true;
            break;
        };
        // Every tick border falls into a call, and the end of the call is the first to see the new tick.
        bench.wait(Duration::from_millis(200));
        bench.settle(entry, Outcome::Success);
    }
    assert!(opened);
}

#[test]
fn an_abandoned_call_counts_as_its_policy_says() {
    let config = BreakerConfig::new();
    let slow = config.slow_call_after(3 * SECOND);
    for (config, waited_ms, outcome) in [
        (config, 999, Outcome::Ignored),
        (config, 1_000, Outcome::Failure),
        (slow, 2_999, Outcome::Ignored),
        (slow, 3_000, Outcome::Failure),
        (config.abandoned(Abandoned::Ignore), 1_000_000, Outcome::Ignored),
        (config.abandoned(Abandoned::Failure), 0, Outcome::Failure),
        (config.abandoned(Abandoned::FailureAfter(10 * SECOND)), 9_999, Outcome::Ignored),
        (config.abandoned(Abandoned::FailureAfter(10 * SECOND)), 10_000, Outcome::Failure),
    ] {
        let mut bench = Bench::new(config);
        let entry = bench.admit();
        bench.wait(Duration::from_millis(waited_ms));
        assert_eq!(bench.machine.abandon(entry, None, Mode::Enforce, bench.now), outcome, "{waited_ms} ms");
        let failed = u64::from(outcome == Outcome::Failure);
        assert_eq!(bench.machine.view(bench.now).counts.failed, failed);
    }
}

#[test]
fn a_reset_of_a_closed_breaker_forgets_and_fences() {
    let mut bench = Bench::new(BreakerConfig::new());
    bench.run_all(Outcome::Success, 500);
    bench.run_all(Outcome::Failure, 4);
    let under_way = bench.admit();
    bench.machine.reset(bench.now);
    assert_eq!(
        bench.machine.take_change().map(|change| (change.from, change.to)),
        Some((State::Closed, State::Closed))
    );
    assert_eq!(bench.machine.view(bench.now).counts, crate::Counts::default());
    assert_eq!(bench.settle(under_way, Outcome::Failure), None);
    assert_eq!(bench.machine.view(bench.now).counts, crate::Counts::default());
    assert_eq!(bench.run_all(Outcome::Failure, 4), None, "the row began anew");
}

#[test]
fn a_forced_breaker_stays_until_it_is_released() {
    let mut bench = Bench::new(BreakerConfig::new());
    bench.machine.force_open(bench.now);
    bench.wait(10_000 * SECOND);
    assert_eq!(bench.try_admit(), Err(Shut { state: State::ForcedOpen, wait: None }));
    bench.machine.disable(bench.now);
    assert_eq!(bench.try_admit(), Ok(None), "admitted, and not recorded");
    bench.machine.release(bench.now);
    assert_eq!(bench.machine.state(), State::Closed);
    bench.machine.take_change();
    bench.machine.release(bench.now);
    assert_eq!(bench.machine.take_change(), None, "nothing to release");
    bench.machine.force_open(bench.now);
    bench.machine.reset(bench.now);
    assert_eq!(bench.machine.state(), State::Closed);
}

#[test]
fn a_breaker_that_is_off_changes_nothing_and_goes_on_counting() {
    let mut bench = Bench::new(BreakerConfig::new());
    bench.mode = Mode::Off;
    assert_eq!(bench.run_all(Outcome::Failure, 100), None);
    bench.mode = Mode::Enforce;
    assert_eq!(bench.run(Outcome::Failure), Some(Reason::ConsecutiveFailures), "it knows what it saw");
    bench.mode = Mode::Off;
    assert_eq!(bench.try_admit(), Ok(None));
    bench.wait(60 * SECOND);
    assert_eq!(bench.try_admit(), Ok(None));
    assert_eq!(bench.machine.state(), State::Open, "no probe was made of it");
}

#[test]
fn new_rules_keep_the_state_and_forget_the_counts() {
    let mut bench = Bench::new(BreakerConfig::new());
    bench.run_all(Outcome::Failure, 4);
    let two = Rules::of(&BreakerConfig::only_consecutive_failures(2)).unwrap();
    bench.machine.reconfigure(two.into(), bench.now);
    assert_eq!(bench.machine.take_change().map(|change| change.reason), Some(Reason::Reconfigured));
    assert_eq!(bench.run(Outcome::Failure), None);
    assert_eq!(bench.run(Outcome::Failure), Some(Reason::ConsecutiveFailures));
    let until = bench.machine.open_until();
    bench.machine.reconfigure(Rules::of(&BreakerConfig::new()).unwrap().into(), bench.now);
    assert_eq!((bench.machine.state(), bench.machine.open_until()), (State::Open, until));
}

#[test]
fn the_path_without_a_lock_is_open_only_where_nothing_else_must_be_known() {
    let gate = |bench: &Bench| bench.machine.word().gate();
    let mut bench = Bench::new(BreakerConfig::new());
    assert_eq!(gate(&bench), Gate::Quick);
    bench.run(Outcome::Failure);
    assert_eq!(gate(&bench), Gate::Closed, "a success must end the row");
    bench.run(Outcome::Success);
    assert_eq!(gate(&bench), Gate::Quick);
    let longer = Rules::of(&BreakerConfig::new().window(Window::time(60 * SECOND))).unwrap();
    bench.machine.reconfigure(longer.into(), bench.now);
    assert_eq!(gate(&bench), Gate::Closed, "the quick count has the old buckets");
    bench.machine.reconfigure(Rules::of(&BreakerConfig::new()).unwrap().into(), bench.now);
    assert_eq!(gate(&bench), Gate::Quick, "and they fit again");
    assert_eq!(gate(&Bench::new(ratio_only().window(Window::Calls(10)))), Gate::Closed);
    assert_eq!(gate(&Bench::new(BreakerConfig::only_consecutive_failures(1))), Gate::Quick);
    assert_eq!(gate(&Bench::new(BreakerConfig::new().hung_after(SECOND))), Gate::Timed);
}

#[test]
fn a_schedule_of_ones_own_is_followed() {
    let backoff =
        Backoff::exponential(SECOND).multiplier(3.0).cap(5 * SECOND).jitter(Jitter::None).build().unwrap();
    let mut bench = Bench::new(BreakerConfig::only_consecutive_failures(1).open_by(backoff));
    for seconds in [1, 3, 5, 5] {
        bench.run(Outcome::Failure);
        assert_eq!(bench.open_for(), seconds * SECOND);
        bench.wait(seconds * SECOND);
    }
}
