use tracing::Level;

/// What a line says about how bad it is: the levels of tracing, and one above them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LevelName {
    Trace,
    Debug,
    Info,
    Warning,
    Error,
    /// An error that bears the marker `critical = true`.
    Critical,
}

impl LevelName {
    pub(crate) fn of(level: Level, is_critical: bool) -> Self {
        match level {
            Level::TRACE => Self::Trace,
            Level::DEBUG => Self::Debug,
            Level::INFO => Self::Info,
            Level::WARN => Self::Warning,
            _ if is_critical => Self::Critical,
            _ => Self::Error,
        }
    }

    pub(crate) fn as_str(self, upper: bool) -> &'static str {
        match (self, upper) {
            (Self::Trace, false) => "trace",
            (Self::Debug, false) => "debug",
            (Self::Info, false) => "info",
            (Self::Warning, false) => "warning",
            (Self::Error, false) => "error",
            (Self::Critical, false) => "critical",
            (Self::Trace, true) => "TRACE",
            (Self::Debug, true) => "DEBUG",
            (Self::Info, true) => "INFO",
            (Self::Warning, true) => "WARNING",
            (Self::Error, true) => "ERROR",
            (Self::Critical, true) => "CRITICAL",
        }
    }

    /// The escape sequence that colours it on a terminal.
    pub(crate) fn colour(self) -> &'static str {
        match self {
            Self::Trace => "\x1b[35m",
            Self::Debug => "\x1b[34m",
            Self::Info => "\x1b[32m",
            Self::Warning => "\x1b[33m",
            Self::Error => "\x1b[31m",
            Self::Critical => "\x1b[1;31m",
        }
    }
}
