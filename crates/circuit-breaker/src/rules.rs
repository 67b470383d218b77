use std::time::Duration;

use buttress_backoff::{Backoff, Jitter};
use buttress_core::{Checks, ConfigError, Ratio};
use buttress_window::{CountWindow, Ticks};

use crate::config::OpenTime;
use crate::{Abandoned, BreakerConfig, ProbeRule, Window};

pub(crate) const LAYER: &str = "circuit-breaker";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MANY: u32 = 1_000_000;
const MOST_PROBES: u32 = 1_000;
const SHORTEST_SPAN: Duration = Duration::from_millis(100);
const SHORTEST: Duration = Duration::from_millis(1);

/// Settings that have been checked, with every default filled in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rules {
    pub(crate) window: Window,
    pub(crate) min_calls: u64,
    pub(crate) failure_ratio: Option<Ratio>,
    pub(crate) consecutive_failures: Option<u32>,
    pub(crate) slow: Option<SlowCalls>,
    pub(crate) hung_after: Option<Duration>,
    pub(crate) half_open_permits: u32,
    pub(crate) probe_rule: ProbeRule,
    pub(crate) half_open_max: Duration,
    pub(crate) open_time: Backoff,
    pub(crate) retry_after_cap: Duration,
    /// The time from which on an abandoned call is a failure, if ever.
    pub(crate) abandoned_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlowCalls {
    pub(crate) after: Duration,
    pub(crate) ratio: Ratio,
}

impl Rules {
    pub(crate) fn of(config: &BreakerConfig) -> Result<Self, ConfigError> {
        let mut checks = Checks::of(LAYER);
        let rules = Self::checked(config, &mut checks);
        checks.finish().map(|()| rules)
    }

    /// The rules, fit for use only if the checks find nothing.
    pub(crate) fn checked(config: &BreakerConfig, checks: &mut Checks) -> Self {
        check_window(config, checks);
        check_trips(config, checks);
        check_probes(config, checks);
        let open_time = open_time(config.open_time, checks);
        check_waits(config, checks);
        Self::filled_in(config, open_time)
    }

    fn filled_in(config: &BreakerConfig, open_time: Backoff) -> Self {
        let ratios_count = config.window != Window::None;
        let slow_ratio = config.slow_call_ratio.unwrap_or(Ratio::ONE);
        Self {
            window: config.window,
            min_calls: min_calls(config).into(),
            failure_ratio: config.failure_ratio.filter(|_| ratios_count),
            consecutive_failures: config.consecutive_failures,
            slow: config.slow_call_after.map(|after| SlowCalls { after, ratio: slow_ratio }),
            hung_after: config.hung_after,
            half_open_permits: config.half_open_permits,
            probe_rule: config.probe_rule,
            half_open_max: config.half_open_max,
            open_time,
            retry_after_cap: config.retry_after_cap,
            abandoned_after: abandoned_after(config),
        }
    }
}

fn min_calls(config: &BreakerConfig) -> u32 {
    let default = match config.window {
        Window::Calls(calls) => calls.min(BreakerConfig::DEFAULT_MIN_CALLS),
        _ => BreakerConfig::DEFAULT_MIN_CALLS,
    };
    config.min_calls.unwrap_or(default)
}

fn abandoned_after(config: &BreakerConfig) -> Option<Duration> {
    match config.abandoned {
        Abandoned::Ignore => None,
        Abandoned::Failure => Some(Duration::ZERO),
        Abandoned::FailureIfSlow => {
            Some(config.slow_call_after.unwrap_or(BreakerConfig::DEFAULT_ABANDONED_AFTER))
        }
        Abandoned::FailureAfter(limit) => Some(limit),
    }
}

/// The schedule of open times, valid if the checks are.
fn open_time(open_time: OpenTime, checks: &mut Checks) -> Backoff {
    let (base, backoff) = match open_time {
        OpenTime::By(backoff) => return backoff,
        OpenTime::Exactly(time) => (time, Backoff::constant(time).cap(time).jitter(Jitter::None)),
        OpenTime::Growing(base) => {
            let cap = base.max(BreakerConfig::DEFAULT_OPEN_CAP);
            (base, Backoff::exponential(base).cap(cap).jitter(Jitter::Equal))
        }
    };
    check_time(checks, "open_for", base, SHORTEST);
    backoff.build().unwrap_or_default()
}

fn check_window(config: &BreakerConfig, checks: &mut Checks) {
    match config.window {
        Window::Time { span, buckets } => {
            check_time(checks, "window span", span, SHORTEST_SPAN);
            check_count(checks, "window buckets", buckets, Ticks::MAX_BUCKETS);
        }
        Window::Calls(calls) => check_count(checks, "window calls", calls, CountWindow::MAX_LEN),
        Window::None => {}
    }
    let min_calls = min_calls(config);
    match config.window {
        Window::Calls(calls) => {
            let allowed = format!("1 to the window's {calls} calls");
            checks.require((1..=calls.max(1)).contains(&min_calls), "min_calls", min_calls, allowed);
        }
        _ => check_count(checks, "min_calls", min_calls, MANY),
    }
}

fn check_trips(config: &BreakerConfig, checks: &mut Checks) {
    let windowless = config.window == Window::None;
    check_ratio(checks, "failure_ratio", config.failure_ratio);
    if let Some(failures) = config.consecutive_failures {
        check_count(checks, "consecutive_failures", failures, MANY);
    }
    let watches = config.consecutive_failures.is_some()
        || !windowless && (config.failure_ratio.is_some() || config.slow_call_after.is_some());
    checks.require(watches, "rules that open the breaker", "none", "at least one");
    check_ratio(checks, "slow_call_ratio", config.slow_call_ratio);
    let slow_ratio_is_used = config.slow_call_ratio.is_none() || config.slow_call_after.is_some();
    checks.require(slow_ratio_is_used, "slow_call_after", "not set", "a time, where slow_call_ratio is set");
    for (field, limit) in [("slow_call_after", config.slow_call_after), ("hung_after", config.hung_after)] {
        if let Some(limit) = limit {
            check_time(checks, field, limit, SHORTEST);
            checks.require(
                !windowless,
                field,
                format_args!("{limit:?}"),
                "not set, where there is no window",
            );
        }
    }
    let hung_counts = config.hung_after.is_none() || config.failure_ratio.is_some();
    checks.require(hung_counts, "hung_after", "set", "not set, where there is no failure_ratio");
}

fn check_probes(config: &BreakerConfig, checks: &mut Checks) {
    check_count(checks, "half_open_permits", config.half_open_permits, MOST_PROBES);
    match config.probe_rule {
        ProbeRule::Rate(ratio) => check_ratio(checks, "probe_rule rate", Some(ratio)),
        ProbeRule::FirstFailure { successes } => {
            check_count(checks, "success_threshold", successes, MOST_PROBES);
        }
    }
    check_time(checks, "half_open_max", config.half_open_max, SHORTEST);
}

fn check_waits(config: &BreakerConfig, checks: &mut Checks) {
    check_time(checks, "retry_after_cap", config.retry_after_cap, Duration::ZERO);
    if let Abandoned::FailureAfter(limit) = config.abandoned {
        check_time(checks, "abandoned after", limit, Duration::ZERO);
    }
}

fn check_count(checks: &mut Checks, field: &'static str, count: u32, most: u32) {
    checks.require((1..=most).contains(&count), field, count, format!("1 to {}", grouped(most)));
}

fn check_time(checks: &mut Checks, field: &'static str, time: Duration, least: Duration) {
    let holds = (least..=DAY).contains(&time);
    checks.require(holds, field, format_args!("{time:?}"), format!("{least:?} to 1 day"));
}

fn check_ratio(checks: &mut Checks, field: &'static str, ratio: Option<Ratio>) {
    if let Some(ratio) = ratio {
        checks.require(ratio > Ratio::ZERO, field, ratio, "more than 0 to 100 %");
    }
}

/// A number as people write it.
fn grouped(number: u32) -> String {
    match (number / 1_000_000, number / 1_000 % 1_000, number % 1_000) {
        (0, 0, ones) => format!("{ones}"),
        (0, thousands, ones) => format!("{thousands},{ones:03}"),
        (millions, thousands, ones) => format!("{millions},{thousands:03},{ones:03}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(config: &BreakerConfig) -> Vec<String> {
        let error = config.check().expect_err("something is wrong");
        error.problems().iter().map(|problem| problem.field().to_owned()).collect()
    }

    #[test]
    fn the_defaults_are_valid_and_those_that_the_docs_name() {
        let rules = Rules::of(&BreakerConfig::new()).unwrap();
        assert_eq!((rules.min_calls, rules.consecutive_failures), (20, Some(5)));
        assert_eq!(
            (rules.failure_ratio, rules.slow, rules.hung_after),
            (Some(Ratio::percent(50)), None, None)
        );
        assert_eq!(
            (rules.open_time.base(), rules.open_time.cap()),
            (Duration::from_secs(5), Duration::from_secs(60))
        );
        assert_eq!((rules.open_time.jitter(), rules.half_open_permits), (Jitter::Equal, 3));
        assert_eq!(rules.abandoned_after, Some(Duration::from_secs(1)));
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let config = BreakerConfig::new()
            .window(Window::Time { span: Duration::ZERO, buckets: 16 })
            .min_calls(0)
            .failure_ratio(Ratio::ZERO)
            .consecutive_failures(0)
            .slow_call_ratio(Ratio::ZERO)
            .hung_after(Duration::ZERO)
            .half_open_permits(0)
            .success_threshold(0)
            .half_open_max(Duration::ZERO)
            .open_for(Duration::ZERO)
            .retry_after_cap(Duration::MAX)
            .abandoned(Abandoned::FailureAfter(Duration::MAX));
        let expected = [
            "window span",
            "window buckets",
            "min_calls",
            "failure_ratio",
            "consecutive_failures",
            "slow_call_ratio",
            "slow_call_after",
            "hung_after",
            "half_open_permits",
            "success_threshold",
            "half_open_max",
            "open_for",
            "retry_after_cap",
            "abandoned after",
        ];
        assert_eq!(problems(&config), expected);
    }

    #[test]
    fn a_minimum_that_the_window_can_never_hold_is_refused() {
        let ten = BreakerConfig::new().window(Window::Calls(10));
        assert_eq!(Rules::of(&ten).unwrap().min_calls, 10);
        assert_eq!(problems(&ten.min_calls(11)), ["min_calls"]);
    }

    #[test]
    fn a_breaker_that_nothing_can_open_is_refused() {
        let none = BreakerConfig::new().without_consecutive_failures();
        assert_eq!(problems(&none.window(Window::None)), ["rules that open the breaker"]);
        assert_eq!(problems(&none.without_failure_ratio()), ["rules that open the breaker"]);
        let slow = none.without_failure_ratio().slow_call_after(Duration::from_secs(1));
        assert_eq!(Rules::of(&slow).unwrap().slow.map(|slow| slow.ratio), Some(Ratio::ONE));
    }

    #[test]
    fn ages_are_watched_only_where_a_ratio_can_count_them() {
        let second = Duration::from_secs(1);
        let windowless = BreakerConfig::only_consecutive_failures(5);
        assert_eq!(problems(&windowless.slow_call_after(second)), ["slow_call_after"]);
        assert_eq!(problems(&windowless.hung_after(second)), ["hung_after"]);
        assert_eq!(
            problems(&BreakerConfig::new().without_failure_ratio().hung_after(second)),
            ["hung_after"]
        );
    }

    #[test]
    fn numbers_are_written_as_people_write_them() {
        let written = [15, 1_000, 1_050, 1_000_000, 2_003_004].map(grouped);
        assert_eq!(written, ["15", "1,000", "1,050", "1,000,000", "2,003,004"]);
    }
}
