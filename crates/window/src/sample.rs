/// One outcome, as a window counts it.
///
/// A call can fail fast, succeed slowly, or both fail and be slow; a window counts the two facts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sample {
    /// Succeeded in good time.
    Success,
    /// Failed in good time.
    Failure,
    /// Succeeded, but took too long.
    SlowSuccess,
    /// Failed, and took too long to do so.
    SlowFailure,
}

impl Sample {
    /// The same outcome after too long a time.
    #[must_use]
    pub const fn slow(self) -> Self {
        match self {
            Self::Success | Self::SlowSuccess => Self::SlowSuccess,
            Self::Failure | Self::SlowFailure => Self::SlowFailure,
        }
    }

    /// Whether the call failed, fast or slow.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failure | Self::SlowFailure)
    }

    /// Whether the call took too long, failed or not.
    pub const fn is_slow(self) -> bool {
        matches!(self, Self::SlowSuccess | Self::SlowFailure)
    }
}
