/// How long one of the two windows is that the measure stands on, in nanoseconds.
const WINDOW: u64 = 500_000_000;
const SECOND: u64 = 1_000_000_000;

/// How much one key is asked for on this node: what the current window counts, and what is left of the last one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Demand {
    /// When it was asked for last; the current window is the one of this instant.
    at: u64,
    this: Count,
    last: Count,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    calls: u64,
    units: u64,
}

impl Demand {
    /// Counts a call for so many units.
    pub(super) fn note(&mut self, now: u64, units: u64) {
        let (window, before) = (now / WINDOW, self.at / WINDOW);
        if window != before {
            let followed = window == before + 1;
            self.last = if followed { self.this } else { Count::default() };
            self.this = Count::default();
        }
        self.at = now;
        self.this.calls += 1;
        self.this.units = self.this.units.saturating_add(units);
    }

    /// Whether more than so many calls came within the last second, as far as half a second can tell.
    pub(super) fn is_above(&self, calls_per_second: u32) -> bool {
        let calls = within_a_window(self.last.calls, self.this.calls, self.at);
        calls > u128::from(calls_per_second) * u128::from(WINDOW) / u128::from(SECOND)
    }

    /// Units to expect within a span of nanoseconds, at least 1.
    pub(super) fn units_within(&self, span: u64) -> u64 {
        let units = within_a_window(self.last.units, self.this.units, self.at) * u128::from(span);
        u64::try_from(units.div_ceil(u128::from(WINDOW))).unwrap_or(u64::MAX).max(1)
    }
}

fn within_a_window(last: u64, this: u64, at: u64) -> u128 {
    let rest = WINDOW - at % WINDOW;
    u128::from(last) * u128::from(rest) / u128::from(WINDOW) + u128::from(this)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;

    /// A key asked for at an even pace for `millis`, from the beginning of a window.
    fn paced(every_millis: u64, millis: u64) -> Demand {
        let mut demand = Demand::default();
        let start = 10 * WINDOW;
        for at in (0..millis).step_by(usize::try_from(every_millis).unwrap()) {
            demand.note(start + at * MILLI, 3);
        }
        demand
    }

    #[test]
    fn the_measure_holds_at_any_point_of_a_window() {
        for millis in [1_000, 1_010, 1_130, 1_250, 1_490] {
            let demand = paced(10, millis);
            assert!(demand.is_above(95) && !demand.is_above(105), "{millis}");
            let units = demand.units_within(100 * MILLI);
            assert!((29..=32).contains(&units), "{millis}: {units}");
        }
    }

    #[test]
    fn a_sudden_crowd_is_seen_before_its_window_ends() {
        let mut demand = Demand::default();
        for at in 0..11 {
            demand.note(at, 1);
        }
        assert!(demand.is_above(20));
    }

    #[test]
    fn a_key_that_rested_is_not_hot() {
        let mut demand = paced(1, 700);
        demand.note(demand.at + 2 * WINDOW, 1);
        assert!(!demand.is_above(20));
        assert_eq!(demand.units_within(100 * MILLI), 1);
    }
}
