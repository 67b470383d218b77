//! The words of which a record has few.

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was tried, and could not be done.
    Failure,
    /// It was not tried, because a rule forbids it.
    Denied,
    /// A part of it was done.
    Partial,
    /// Nobody knows: it was begun, and nobody saw the end.
    Unknown,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Success, Self::Failure, Self::Denied, Self::Partial, Self::Unknown];

    /// The outcome as one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Denied => "denied",
            Self::Partial => "partial",
            Self::Unknown => "unknown",
        }
    }
}

/// How much it matters, weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// It is as it should be.
    #[default]
    Info,
    /// Somebody may want to know.
    Low,
    /// Somebody should look at it some time.
    Medium,
    /// Somebody should look at it today.
    High,
    /// Somebody should be woken.
    Critical,
}

impl Severity {
    /// The severity as one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// When in the life of a request a record was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Before anything was done.
    Received,
    /// When it had begun, and will go on for long.
    Started,
    /// When it was over; the stage of everything that is no request.
    #[default]
    Complete,
    /// When the code that handled it panicked.
    Panic,
    /// When whoever asked was gone before there was an answer.
    Cancelled,
}

impl Stage {
    /// The stage as one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Started => "started",
            Self::Complete => "complete",
            Self::Panic => "panic",
            Self::Cancelled => "cancelled",
        }
    }
}
