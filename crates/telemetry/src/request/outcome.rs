use buttress_core::{Kind, Refused};
use http::StatusCode;
use tracing::Level;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestOutcome {
    /// It was answered.
    Ok,
    /// It was answered with a status of 400 to 499.
    ClientError,
    /// It was answered with a status of 500 or more, or with an error.
    ServerError,
    /// A time limit ended it.
    Timeout,
    /// Whoever asked left before the end.
    Cancelled,
    /// The body of the response broke off.
    BodyError,
    /// What handles it panicked.
    Panic,
    /// A limit refused it, or a layer that takes no more work.
    Shed,
}

impl RequestOutcome {
    /// The outcome as one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::BodyError => "body_error",
            Self::Panic => "panic",
            Self::Shed => "shed",
        }
    }

    /// How bad it is: what a caller did is information, a limit that took hold a warning, a failure an error.
    pub(super) fn level(self) -> Level {
        match self {
            Self::Ok | Self::ClientError | Self::Cancelled => Level::INFO,
            Self::Timeout | Self::Shed => Level::WARN,
            Self::ServerError | Self::BodyError | Self::Panic => Level::ERROR,
        }
    }

    /// What a response amounts to, as long as its body does not break off.
    pub(super) fn of_response(status: StatusCode, refused: Option<&Refused>) -> Self {
        refused.and_then(Self::of_refusal).unwrap_or_else(|| match status.as_u16() {
            500.. => Self::ServerError,
            400.. => Self::ClientError,
            _ => Self::Ok,
        })
    }

    /// What an error instead of a response amounts to.
    pub(super) fn of_error(refused: Option<&Refused>) -> Self {
        refused.and_then(Self::of_refusal).unwrap_or(Self::ServerError)
    }

    /// What a refusal amounts to; `None` if its status says it.
    fn of_refusal(refused: &Refused) -> Option<Self> {
        match refused.kind() {
            Kind::TimedOut => Some(Self::Timeout),
            Kind::RateLimited | Kind::Overloaded | Kind::Unavailable => Some(Self::Shed),
            _ => None,
        }
    }
}
