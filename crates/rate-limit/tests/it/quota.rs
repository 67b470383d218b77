//! What a quota means, and what is refused as one.

use std::time::Duration;

use buttress_core::{Checks, ConfigError};
use buttress_rate_limit::{Quota, Rate};

fn problems(quota: Quota) -> String {
    let mut checks = Checks::of("rate limit");
    quota.check("policy.quota", &mut checks);
    checks.finish().err().as_ref().map(ConfigError::to_string).unwrap_or_default()
}

#[test]
fn five_per_second_are_five_in_a_second_and_not_one_in_five_r8() {
    for (quota, interval) in [
        (Quota::per_second(5), Duration::from_millis(200)),
        (Quota::per_minute(6), Duration::from_secs(10)),
        (Quota::per_hour(6), Duration::from_secs(600)),
        (Quota::per_day(24), Duration::from_secs(3_600)),
        (Quota::per(3, Duration::from_secs(30)), Duration::from_secs(10)),
    ] {
        let rate = quota.rate().unwrap();
        assert_eq!(Duration::from_nanos(rate.interval()), interval, "{quota:?}");
        assert_eq!((rate.burst(), quota.burst_units()), (quota.units(), quota.units()));
        assert_eq!(Duration::from_micros(Rate::in_micros(&quota).unwrap().interval()), interval);
    }
}

#[test]
fn an_interval_is_rounded_up_so_that_rounding_admits_nothing() {
    assert_eq!(Quota::per_second(3).rate().unwrap().interval(), 333_333_334);
    assert_eq!(Rate::in_micros(&Quota::per_second(3)).unwrap().interval(), 333_334);
    assert_eq!(Quota::per_second(1_000_000_000).rate().unwrap().interval(), 1);
}

#[test]
fn a_burst_is_its_own_setting_and_replaces_nothing_else_l11() {
    let quota = Quota::per_minute(60).burst(5);
    assert_eq!((quota.units(), quota.window(), quota.burst_units()), (60, Duration::from_secs(60), 5));
    let rate = quota.rate().unwrap();
    assert_eq!((rate.interval(), rate.burst(), rate.allowance()), (1_000_000_000, 5, 5_000_000_000));
}

#[test]
fn each_setting_that_cannot_be_used_is_named_with_its_value_and_range() {
    let cases = [
        (Quota::per_second(0), "policy.quota.units is 0, allowed: 1 or more"),
        (Quota::per_second(5).burst(0), "policy.quota.burst is 0, allowed: 1 or more"),
        (Quota::per(5, Duration::ZERO), "policy.quota.window is 0ns, allowed: 1 ns to 36500 days"),
        (
            Quota::per(5, Duration::MAX),
            "policy.quota.window is 18446744073709551615.999999999s, allowed: 1 ns to 36500 days",
        ),
        (
            Quota::per_second(1_000_000_001),
            "policy.quota.units is 1000000001 in 1s, allowed: at most one unit in 1 ns",
        ),
        (
            Quota::per_day(1).burst(36_501),
            "policy.quota.burst is 36501, allowed: 1 to 36500, so that it fills up within 36500 days",
        ),
    ];
    for (quota, problem) in cases {
        let problem = format!("rate limit: {problem}");
        assert!(problems(quota).contains(&problem), "{quota:?}: {}", problems(quota));
        assert!(quota.rate().is_err(), "{quota:?}");
    }
    let both = problems(Quota::per(0, Duration::ZERO));
    assert!(both.contains("units") && both.contains("window"), "{both}");
}

#[test]
fn a_quota_is_usable_exactly_if_nothing_is_noted_about_it() {
    let (units, bursts) = ([0, 1, 7, 1_000_000_000, 1_000_000_001, u64::MAX], [0, 1, 36_500, u64::MAX]);
    let windows =
        [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1), Quota::LONGEST, Duration::MAX];
    let all = units.into_iter().flat_map(|units| bursts.map(|burst| (units, burst)));
    for ((units, burst), window) in all.flat_map(|numbers| windows.map(|window| (numbers, window))) {
        let quota = Quota::per(units, window).burst(burst);
        assert_eq!(quota.rate().is_ok(), problems(quota).is_empty(), "{quota:?}: {}", problems(quota));
    }
}

#[test]
fn a_server_is_not_asked_for_more_than_one_unit_in_a_microsecond() {
    assert_eq!(Rate::in_micros(&Quota::per_second(1_000_000)).unwrap().interval(), 1);
    let error = Rate::in_micros(&Quota::per_second(1_000_001)).unwrap_err();
    assert!(
        error.to_string().contains("quota.units is 1000001 in 1s, allowed: at most one unit in 1 µs"),
        "{error}"
    );
}

#[test]
fn the_largest_burst_still_leaves_times_room() {
    let quota = Quota::per_day(1).burst(36_500);
    let allowance = quota.rate().unwrap().allowance();
    assert_eq!(Duration::from_nanos(allowance), Quota::LONGEST);
    assert!(allowance < 1 << 62, "a time is never cut, whatever a clock counts from");
}
