use http::HeaderValue;

use super::PerPolicy;
use super::line::Line;
use super::text::{Text, whole_seconds};
use crate::terms::Term;
use crate::{Fate, Quota};

/// `RateLimit-Policy`, written when the quotas are set and not on each response.
#[derive(Debug)]
pub(crate) struct PolicyField {
    all: Option<HeaderValue>,
    each: PerPolicy<Option<HeaderValue>>,
}

impl PolicyField {
    pub(crate) fn new(terms: &[Term]) -> Self {
        Self { all: write(terms), each: terms.iter().map(|term| write(std::slice::from_ref(term))).collect() }
    }

    /// The field with all policies of the layer.
    pub(super) fn of_all(&self) -> Option<HeaderValue> {
        self.all.clone()
    }

    /// The field with one of them.
    pub(super) fn of_one(&self, policy: usize) -> Option<HeaderValue> {
        self.each.get(policy)?.clone()
    }
}

fn write(terms: &[Term]) -> Option<HeaderValue> {
    let mut text = Text::new();
    for term in terms {
        write_policy(&mut text, &term.name, term.quota);
    }
    text.value()
}

pub(super) fn write_policy(text: &mut Text, name: &str, quota: Quota) {
    let (units, seconds) = in_whole_seconds(quota);
    text.member(name);
    text.parameter(";q=", units);
    text.parameter(";w=", seconds);
    if quota.burst_units() != units {
        text.parameter(";buttress-burst=", quota.burst_units());
    }
}

pub(super) fn write_limit(text: &mut Text, line: &Line<'_>, refused: bool) {
    text.member(line.name);
    text.parameter(";r=", line.position.remaining);
    let wait = match line.position.fate {
        Fate::Denied { wait } => Some(whole_seconds(wait).max(1)),
        Fate::Admitted if !refused && !line.position.next.is_zero() => {
            Some(whole_seconds(line.position.next))
        }
        Fate::Admitted | Fate::Never => None,
    };
    if let Some(seconds) = wait {
        text.parameter(";t=", seconds);
    }
}

/// A quota in a window of whole seconds: the same rate if a thousand windows or fewer make whole seconds, else one that
/// is a little lower.
fn in_whole_seconds(quota: Quota) -> (u64, u64) {
    const SECOND: u128 = 1_000_000_000;
    let (units, window) = (u128::from(quota.units()), quota.window().as_nanos().max(1));
    let windows = SECOND / greatest_common_divisor(window, SECOND);
    let (units, seconds) = if windows <= 1_000 {
        (units * windows, window * windows / SECOND)
    } else {
        let seconds = window.div_ceil(SECOND);
        ((units * seconds * SECOND / window).max(1), seconds)
    };
    let narrow = |number| u64::try_from(number).unwrap_or(u64::MAX);
    (narrow(units), narrow(seconds))
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn windows_that_are_not_whole_seconds_are_widened_and_never_promise_more() {
        let per = |units, window| in_whole_seconds(Quota::per(units, window));
        assert_eq!(per(10, Duration::from_millis(100)), (100, 1));
        assert_eq!(per(1, Duration::from_millis(500)), (2, 1));
        assert_eq!(per(10, Duration::from_millis(1_500)), (20, 3));
        assert_eq!(per(7, Duration::from_secs(60)), (7, 60));
        assert_eq!(per(5, Duration::from_nanos(1_000_000_001)), (9, 2));
        assert_eq!(per(3, Duration::from_nanos(333)), (9_009_009, 1));
        assert_eq!(per(1, Duration::from_nanos(1_999_999_999)), (1, 2));
    }
}
