use buttress_core::Ratio;

/// What a budget grants, as pure arithmetic in fixed point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Retries earned per call.
    pub(crate) ratio: Ratio,
    /// Retries granted per time to live without any call.
    pub(crate) reserve: u64,
    /// The share of the calls in flight that may be retries.
    pub(crate) in_flight_share: Ratio,
    /// Retries that may be under way whatever is in flight.
    pub(crate) in_flight_floor: u64,
}

/// What has been used of a budget within its time to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) calls: u64,
    pub(crate) spent: u64,
    pub(crate) in_flight: u64,
    pub(crate) retrying: u64,
}

impl Terms {
    /// Grants everything.
    pub(crate) const UNLIMITED: Self = Self {
        ratio: Ratio::ZERO,
        reserve: u64::MAX,
        in_flight_share: Ratio::ZERO,
        in_flight_floor: u64::MAX,
    };

    /// Whether one more retry may begin.
    pub(crate) fn allow(&self, usage: Usage) -> bool {
        self.left(usage.calls, usage.spent) > 0 && usage.retrying < self.room(usage.in_flight)
    }

    /// How many whole retries are left of what calls and reserve have earned.
    pub(crate) fn left(&self, calls: u64, spent: u64) -> u64 {
        // Earned in millionths and spent in whole retries, so that no percentage rounds.
        let scale = u128::from(Ratio::SCALE);
        let earned = u128::from(self.reserve) * scale + u128::from(calls) * u128::from(self.ratio.parts());
        let left = earned.saturating_sub(u128::from(spent) * scale) / scale;
        u64::try_from(left).unwrap_or(u64::MAX)
    }

    /// How many retries may be under way at once.
    fn room(&self, in_flight: u64) -> u64 {
        let share =
            u128::from(in_flight) * u128::from(self.in_flight_share.parts()) / u128::from(Ratio::SCALE);
        self.in_flight_floor.max(u64::try_from(share).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(ratio: Ratio, reserve: u64) -> Terms {
        Terms { ratio, reserve, in_flight_share: Ratio::percent(20), in_flight_floor: 3 }
    }

    #[test]
    fn every_percentage_earns_exactly_its_share() {
        for percent in 1..=100 {
            let terms = terms(Ratio::percent(percent), 0);
            assert_eq!(terms.left(100, 0), u64::from(percent), "{percent} % of 100 calls");
            assert_eq!(terms.left(100, u64::from(percent)), 0, "{percent} % of 100 calls");
            assert_eq!(terms.left(1_000_000, 0), u64::from(percent) * 10_000, "{percent} % of a million");
        }
    }

    #[test]
    fn the_reserve_comes_on_top() {
        let terms = terms(Ratio::percent(10), 30);
        assert_eq!(terms.left(0, 0), 30);
        assert_eq!(terms.left(100, 0), 40);
        assert_eq!(terms.left(0, 31), 0, "what was earned by calls that have left stays spent");
    }

    #[test]
    fn the_share_in_flight_has_a_floor() {
        let terms = terms(Ratio::ONE, 1_000);
        for (in_flight, room) in
            [(0, 3), (1, 3), (19, 3), (20, 4), (99, 19), (100, 20), (u64::MAX, u64::MAX / 5)]
        {
            let usage = |retrying| Usage { calls: 0, spent: 0, in_flight, retrying };
            assert!(terms.allow(usage(room - 1)), "{in_flight} in flight");
            assert!(!terms.allow(usage(room)), "{in_flight} in flight");
        }
    }

    #[test]
    fn the_largest_counts_do_not_overflow() {
        let terms = Terms { reserve: u64::MAX, ..terms(Ratio::ONE, 0) };
        assert_eq!(terms.left(u64::MAX, 0), u64::MAX);
        assert_eq!(terms.left(0, u64::MAX), 0);
    }
}
