use std::error::Error;
use std::fmt;

use buttress::ApiError;

/// Why a connector could not do what it was asked.
#[derive(Debug)]
pub(crate) enum ConnectorError {
    /// A call failed, or was never made because a layer refused it.
    Call(ApiError),
    /// The upstream said that something exists, and then did not find it.
    Vanished,
}

impl From<ApiError> for ConnectorError {
    fn from(error: ApiError) -> Self {
        Self::Call(error)
    }
}

impl fmt::Display for ConnectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => fmt::Display::fmt(error, f),
            Self::Vanished => f.write_str("what the upstream says exists is not found there"),
        }
    }
}

impl Error for ConnectorError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Call(error) => error.source(),
            Self::Vanished => None,
        }
    }
}
