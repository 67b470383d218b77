//! Values as they are written on a command line.

use std::time::Duration;

use buttress::rate_limit::Quota;

/// Reads a whole number of seconds or milliseconds, from 1 ms to a day.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit_ms) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s')?, 1_000),
    };
    let millis = number.parse::<u64>().ok()?.checked_mul(unit_ms)?;
    (1..=86_400_000).contains(&millis).then(|| Duration::from_millis(millis))
}

/// Reads how much in which window, such as `100/s`, `600/m` or `5000/h`.
pub(super) fn quota(text: &str) -> Option<Quota> {
    let (units, window) = text.split_once('/')?;
    let units = units.parse().ok().filter(|units| (1..=1_000_000).contains(units))?;
    match window {
        "s" => Some(Quota::per_second(units)),
        "m" => Some(Quota::per_minute(units)),
        "h" => Some(Quota::per_hour(units)),
        _ => None,
    }
}
