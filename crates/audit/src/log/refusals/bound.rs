use std::ops::RangeInclusive;
use std::time::Duration;

use buttress_core::Checks;

const COUNTS: RangeInclusive<u32> = 1..=1_000_000;
const WINDOWS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

/// How many refusals of one kind are recorded each by itself.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Bound {
    pub(in super::super) of_one: u32,
    pub(in super::super) of_all: u32,
    pub(in super::super) window: Duration,
    /// All of them are.
    pub(in super::super) is_off: bool,
}

impl Default for Bound {
    /// More than people make who look into the log afterwards, and less than a flood: a megabyte a minute.
    fn default() -> Self {
        Self { of_one: 300, of_all: 1_000, window: Duration::from_secs(60), is_off: false }
    }
}

impl Bound {
    pub(in super::super) fn check(&self, checks: &mut Checks) {
        let Self { of_one, of_all, window, .. } = *self;
        for (field, count) in [("refusals_of_one", of_one), ("refusals_of_all", of_all)] {
            checks.require(COUNTS.contains(&count), field, count, "1 to 1,000,000");
        }
        let fits = WINDOWS.contains(&window);
        checks.require(fits, "refusal_window", format_args!("{window:?}"), "1 s to 1 h");
    }
}
