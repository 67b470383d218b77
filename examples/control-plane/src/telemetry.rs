//! The log on standard error. The stack opens a span with the correlation ID around each request, so every line that
//! is written for a request bears it.

use std::error::Error;
use std::fmt;
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// What the environment says about the log that cannot be followed.
#[derive(Debug)]
#[non_exhaustive]
pub(crate) enum TelemetryError {
    /// `BUTTRESS_LOG_FORMAT` is no known format.
    Format(String),
    /// `RUST_LOG` cannot be read.
    Filter(Box<dyn Error + Send + Sync>),
    /// Somebody else has set up a log in this process.
    Taken(TryInitError),
}

/// Sets up the log as `RUST_LOG` and `BUTTRESS_LOG_FORMAT` say.
///
/// # Errors
///
/// If one of the variables cannot be followed, or there is a log already.
pub(crate) fn init(env: impl Fn(&str) -> Option<String>) -> Result<(), TelemetryError> {
    let filter = env("RUST_LOG").unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::try_new(filter).map_err(|error| TelemetryError::Filter(error.into()))?;
    let log = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let log = match format(env("BUTTRESS_LOG_FORMAT"))? {
        Format::Text => log.boxed(),
        Format::Json => log.json().flatten_event(true).with_current_span(false).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(log).try_init().map_err(TelemetryError::Taken)
}

enum Format {
    Text,
    Json,
}

fn format(asked_for: Option<String>) -> Result<Format, TelemetryError> {
    match asked_for.as_deref() {
        Some("text") => Ok(Format::Text),
        None if io::stderr().is_terminal() => Ok(Format::Text),
        Some("json") | None => Ok(Format::Json),
        Some(_) => Err(TelemetryError::Format(asked_for.unwrap_or_default())),
    }
}

impl fmt::Display for TelemetryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(value) => write!(f, "BUTTRESS_LOG_FORMAT is {value:?}, allowed: json or text"),
            Self::Filter(error) => {
                write!(
                    f,
                    "RUST_LOG cannot be read ({error}), allowed: directives such as info or control_plane=debug"
                )
            }
            Self::Taken(_) => f.write_str("another log has been set up in this process"),
        }
    }
}

impl Error for TelemetryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Format(_) | Self::Filter(_) => None,
            Self::Taken(error) => Some(error),
        }
    }
}
