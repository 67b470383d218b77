use std::time::Duration;

use buttress_core::Checks;

/// The finest step of the timers.
const SHORTEST: Duration = Duration::from_millis(1);
/// What takes longer than a day is not a request.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Notes a limit that is zero, too fine for the timers, or endless in practice.
pub(crate) fn check_limit(checks: &mut Checks, field: &'static str, limit: Duration) {
    let usable = (SHORTEST..=LONGEST).contains(&limit);
    checks.require(usable, field, format_args!("{limit:?}"), "1 ms to 1 day");
}

/// Notes a margin that is longer than the time of most requests.
#[cfg(feature = "http")]
pub(crate) fn check_margin(checks: &mut Checks, field: &'static str, margin: Duration) {
    checks.require(margin <= Duration::from_secs(10), field, format_args!("{margin:?}"), "0 to 10 s");
}
