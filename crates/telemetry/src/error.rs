use std::error::Error;
use std::fmt;
use std::io;

use buttress_core::ConfigError;
use tracing::subscriber::SetGlobalDefaultError;

/// Why there is no log.
#[derive(Debug)]
#[non_exhaustive]
pub enum LogsError {
    /// Settings that cannot be used, all of them.
    Config(ConfigError),
    /// The process has a log already.
    Taken(SetGlobalDefaultError),
    /// The thread that writes could not be started.
    Thread(io::Error),
}

impl fmt::Display for LogsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Taken(_) => f.write_str("another log has been set up in this process"),
            Self::Thread(_) => f.write_str("the thread that writes the log could not be started"),
        }
    }
}

impl Error for LogsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Config(_) => None,
            Self::Taken(error) => Some(error),
            Self::Thread(error) => Some(error),
        }
    }
}

impl From<ConfigError> for LogsError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}
