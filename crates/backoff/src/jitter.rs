use std::fmt;

/// How a draw spreads the waits of callers that failed together.
///
/// With `c` for the ceiling of the retry, [`Backoff::ceiling`](crate::Backoff::ceiling).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Jitter {
    /// Always `c`: callers that fail together come back together.
    None,
    /// From nothing to `c`.
    #[default]
    Full,
    /// From half of `c` to `c`.
    Equal,
    /// From the base to three times the previous wait, at most the cap; the multiplier plays no part.
    ///
    /// Needs a multiplier above 1: a constant schedule must not grow.
    Decorrelated,
    /// From `percent` below `c` to `percent` above it, at most the cap.
    Proportional {
        /// 1 to 100.
        percent: u32,
    },
}

impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Full => f.write_str("full"),
            Self::Equal => f.write_str("equal"),
            Self::Decorrelated => f.write_str("decorrelated"),
            Self::Proportional { percent } => write!(f, "proportional at {percent} %"),
        }
    }
}
