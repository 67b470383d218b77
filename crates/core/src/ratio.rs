use std::fmt;

/// A share between nothing and all, exact to one millionth.
///
/// Kept as an integer, so that 0.3 of 10 is 3 on every machine and no comparison rounds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ratio(u32);

impl Ratio {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// All.
    pub const ONE: Self = Self(Self::SCALE);
    /// The parts that make up one.
    pub const SCALE: u32 = 1_000_000;

    /// A ratio in percent; more than 100 is taken as 100.
    pub const fn percent(percent: u32) -> Self {
        let percent = if percent > 100 { 100 } else { percent };
        Self(percent * (Self::SCALE / 100))
    }

    /// A ratio in millionths, 0 to 1,000,000.
    pub const fn per_million(parts: u32) -> Option<Self> {
        if parts <= Self::SCALE { Some(Self(parts)) } else { None }
    }

    /// A ratio in millionths; the inverse of [`per_million`](Self::per_million).
    pub const fn parts(self) -> u32 {
        self.0
    }

    /// Whether `part` of `whole` is at least this ratio; nothing is never at least anything.
    pub const fn is_reached_by(self, part: u64, whole: u64) -> bool {
        whole > 0 && part as u128 * Self::SCALE as u128 >= whole as u128 * self.0 as u128
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 10_000, self.0 % 10_000);
        if fraction == 0 { write!(f, "{whole} %") } else { write!(f, "{whole}.{fraction:04} %") }
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ratio({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comparison_is_exact_for_every_percent() {
        for percent in 1..=100 {
            let ratio = Ratio::percent(percent);
            assert!(ratio.is_reached_by(u64::from(percent), 100), "{ratio}");
            assert!(!ratio.is_reached_by(u64::from(percent) - 1, 100), "{ratio}");
        }
    }

    #[test]
    fn nothing_is_at_least_nothing_of_something() {
        assert!(Ratio::ZERO.is_reached_by(0, 1));
        assert!(!Ratio::ZERO.is_reached_by(0, 0));
        assert!(Ratio::ONE.is_reached_by(u64::MAX, u64::MAX));
    }

    #[test]
    fn more_than_all_is_no_ratio() {
        assert_eq!(Ratio::per_million(1_000_001), None);
        assert_eq!(Ratio::per_million(1_000_000), Some(Ratio::ONE));
        assert_eq!(Ratio::percent(250), Ratio::ONE);
        assert_eq!(Ratio::percent(20).to_string(), "20 %");
        assert_eq!(Ratio::per_million(1).map(|least| least.to_string()), Some("0.0001 %".to_owned()));
    }
}
