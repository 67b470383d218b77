use crate::Sample;

/// How many samples a window holds, by kind.
///
/// Slow failures count among the failed and among the slow. Collecting samples counts them:
///
/// ```
/// use buttress_window::{Sample, Totals};
///
/// let totals: Totals = [Sample::Success, Sample::Failure, Sample::SlowFailure].into_iter().collect();
/// assert_eq!((totals.total(), totals.failed(), totals.slow(), totals.slow_failed()), (3, 2, 1, 1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Totals {
    total: u64,
    failed: u64,
    slow: u64,
    slow_failed: u64,
}

impl Totals {
    /// All samples.
    pub const fn total(self) -> u64 {
        self.total
    }

    /// Those that failed, fast or slow.
    pub const fn failed(self) -> u64 {
        self.failed
    }

    /// Those that took too long, failed or not.
    pub const fn slow(self) -> u64 {
        self.slow
    }

    /// Those that failed and took too long.
    pub const fn slow_failed(self) -> u64 {
        self.slow_failed
    }

    /// These totals and `successes` more that were counted elsewhere, neither failed nor slow.
    #[must_use]
    pub const fn with_successes(self, successes: u64) -> Self {
        Self { total: self.total.saturating_add(successes), ..self }
    }

    /// Whether at least `millionths` of all samples failed; exact, and never true of an empty window.
    ///
    /// 500,000 is one half: one failure of two reaches it. A share above 1,000,000 is never reached.
    pub const fn failed_at_least(self, millionths: u32) -> bool {
        self.at_least(self.failed, millionths)
    }

    /// Whether at least `millionths` of all samples were slow; exact, and never true of an empty window.
    pub const fn slow_at_least(self, millionths: u32) -> bool {
        self.at_least(self.slow, millionths)
    }

    /// The share that failed, 0.0 to 1.0, for people to read; `None` of an empty window.
    ///
    /// Decide with [`failed_at_least`](Self::failed_at_least), which does not round.
    pub fn failure_ratio(self) -> Option<f64> {
        self.ratio(self.failed)
    }

    /// The share that was slow, 0.0 to 1.0, for people to read; `None` of an empty window.
    pub fn slow_ratio(self) -> Option<f64> {
        self.ratio(self.slow)
    }

    const fn at_least(self, part: u64, millionths: u32) -> bool {
        self.total > 0 && part as u128 * 1_000_000 >= self.total as u128 * millionths as u128
    }

    #[expect(clippy::cast_precision_loss, reason = "a reader cannot tell counts beyond 2^53 apart")]
    fn ratio(self, part: u64) -> Option<f64> {
        (self.total > 0).then(|| part as f64 / self.total as f64)
    }

    pub(crate) fn count(&mut self, sample: Sample) {
        self.total += 1;
        self.failed += u64::from(sample.is_failure());
        self.slow += u64::from(sample.is_slow());
        self.slow_failed += u64::from(sample == Sample::SlowFailure);
    }

    pub(crate) fn forget(&mut self, sample: Sample) {
        let mut one = Self::default();
        one.count(sample);
        self.forget_all(one);
    }

    /// Takes out what was counted before; the caller holds what it takes out.
    pub(crate) fn forget_all(&mut self, counted: Self) {
        self.total -= counted.total;
        self.failed -= counted.failed;
        self.slow -= counted.slow;
        self.slow_failed -= counted.slow_failed;
    }
}

impl FromIterator<Sample> for Totals {
    fn from_iter<I: IntoIterator<Item = Sample>>(samples: I) -> Self {
        let mut totals = Self::default();
        samples.into_iter().for_each(|sample| totals.count(sample));
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(failed: usize, total: usize) -> Totals {
        (0..total).map(|at| if at < failed { Sample::Failure } else { Sample::Success }).collect()
    }

    #[test]
    fn a_threshold_is_reached_at_exactly_its_share_for_every_percent() {
        for percent in 1..=100_u32 {
            let at = failed(percent as usize, 100);
            let below = failed(percent as usize - 1, 100);
            assert!(at.failed_at_least(percent * 10_000), "{percent} of 100");
            assert!(!below.failed_at_least(percent * 10_000), "one less than {percent} of 100");
        }
    }

    #[test]
    fn thirds_are_compared_without_rounding() {
        assert!(failed(1, 3).failed_at_least(333_333));
        assert!(!failed(1, 3).failed_at_least(333_334));
    }

    #[test]
    fn an_empty_window_reaches_no_threshold_and_has_no_ratio() {
        let empty = Totals::default();
        assert!(!empty.failed_at_least(0) && !empty.slow_at_least(0));
        assert_eq!((empty.failure_ratio(), empty.slow_ratio()), (None, None));
    }

    #[test]
    fn a_share_above_the_whole_is_never_reached() {
        assert!(failed(5, 5).failed_at_least(1_000_000));
        assert!(!failed(5, 5).failed_at_least(1_000_001));
    }

    #[test]
    fn the_comparison_does_not_overflow() {
        let many = Totals { total: u64::MAX, failed: u64::MAX, slow: u64::MAX - 1, slow_failed: 0 };
        assert!(many.failed_at_least(1_000_000));
        assert!(!many.slow_at_least(1_000_000));
        assert_eq!(many.with_successes(7).total(), u64::MAX);
    }

    #[test]
    fn successes_from_elsewhere_thin_the_failures_out() {
        let totals = failed(1, 2).with_successes(2);
        assert_eq!((totals.total(), totals.failed()), (4, 1));
        assert_eq!(totals.failure_ratio(), Some(0.25));
        assert_eq!(totals.slow_ratio(), Some(0.0));
    }
}
