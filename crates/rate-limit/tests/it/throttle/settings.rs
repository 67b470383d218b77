use std::time::Duration;

use buttress_core::ConfigError;
use buttress_rate_limit::throttle::{
    ByAuthority, HttpFeedback, NoFeedback, OneKey, Throttle, ThrottleSnapshot, WhyThrottled,
};
use buttress_rate_limit::{Quota, ThrottleHandle, ThrottleLayer, Throttled};

use super::{SECOND, plain};

fn problems(error: &ConfigError) -> Vec<String> {
    error.to_string().split("; ").map(str::to_owned).collect()
}

#[test]
fn every_setting_that_is_out_of_range_is_named_with_its_value_and_range() {
    let error = plain()
        .quota(Quota::per_second(0))
        .max_wait(Duration::MAX)
        .max_waiting(0)
        .max_waiting_in_all(0)
        .max_keys(1_000_001)
        .build()
        .unwrap_err();
    assert_eq!(error.problems().len(), 5, "{error}");
    let told = problems(&error);
    assert_eq!(told[1], "throttle: max_waiting is 0, allowed: 1 to 1,000,000");
    assert_eq!(told[2], "throttle: max_waiting_in_all is 0, allowed: 1 to 1,000,000");
    assert_eq!(told[3], "throttle: max_keys is 1000001, allowed: 1 to 1,000,000");
    assert!(told[4].starts_with("throttle: quota.units is 0"), "{told:?}");
}

#[test]
fn a_throttle_without_a_quota_is_not_built() {
    let error = ThrottleLayer::plain("upstream").build().unwrap_err();
    assert_eq!(problems(&error), ["throttle: quota is not set, allowed: a quota, such as 10 per second"]);
}

#[test]
fn the_ends_of_every_range_are_allowed() {
    for (wait, waiting, keys) in [(Duration::ZERO, 1, 1), (86_400 * SECOND, 1_000_000, 1_000_000)] {
        assert!(plain().max_wait(wait).max_waiting(waiting).max_keys(keys).build().is_ok());
    }
    for quota in [Quota::per(1, Quota::LONGEST), Quota::per_second(1_000_000_000).burst(1)] {
        assert!(plain().quota(quota).build().is_ok(), "{quota:?}");
    }
}

#[test]
fn what_is_public_can_cross_threads() {
    fn crosses<T: Send + Sync + Unpin + 'static>() {}
    crosses::<ThrottleLayer<ByAuthority, HttpFeedback, ()>>();
    crosses::<Throttle<(), OneKey, NoFeedback, ()>>();
    crosses::<(ThrottleHandle, ThrottleSnapshot, Throttled, WhyThrottled)>();
}

#[test]
fn debug_output_names_the_throttle() {
    let layer = plain().build().unwrap();
    assert!(format!("{layer:?} {:?}", layer.throttle()).contains("\"upstream\""));
}
