use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::{ConnectError, ConnectErrorKind};
use buttress_audit::sink::SinkError;

type Cause = Box<dyn Error + Send + Sync>;

/// What went wrong, in words that name the stream and never who asked for it.
#[derive(Debug)]
pub(crate) enum Complaint {
    Connect(ConnectError),
    /// No answer within this time.
    Late(Duration),
    /// The server asks for TLS, and this is built without.
    #[cfg(not(feature = "tls"))]
    Tls,
    /// Nobody answers for JetStream.
    NoJetStream,
    /// The server has refused, or its answer cannot be read.
    Stream {
        stream: String,
        cause: Cause,
    },
    /// A stream that is there has settings that lose records.
    Settings {
        stream: String,
        faults: Vec<String>,
    },
    /// The last message of the stream is no record of the log.
    Foreign {
        stream: String,
        sequence: u64,
    },
    Publish {
        stream: String,
        seq: u64,
        cause: PublishError,
    },
    /// The stream has put a record elsewhere than it was to be.
    Place {
        stream: String,
        seq: u64,
        found: u64,
        expected: u64,
    },
    /// A batch came before the first question.
    NotConnected,
}

impl From<Complaint> for SinkError {
    fn from(complaint: Complaint) -> Self {
        match complaint.kind() {
            Kind::Retry => Self::retry(complaint),
            Kind::Unfit => Self::unfit(complaint),
        }
    }
}

enum Kind {
    Retry,
    Unfit,
}

impl Complaint {
    fn kind(&self) -> Kind {
        let is_lasting = match self {
            Self::Connect(error) => matches!(
                error.kind(),
                ConnectErrorKind::Authentication
                    | ConnectErrorKind::AuthorizationViolation
                    | ConnectErrorKind::ServerParse
            ),
            Self::Late(_) | Self::Place { .. } | Self::NotConnected | Self::Stream { .. } => false,
            Self::Publish { cause, .. } => is_lasting(cause),
            #[cfg(not(feature = "tls"))]
            Self::Tls => true,
            Self::NoJetStream | Self::Settings { .. } | Self::Foreign { .. } => true,
        };
        if is_lasting { Kind::Unfit } else { Kind::Retry }
    }
}

/// Whether a record that was refused will be refused until somebody changes something.
fn is_lasting(error: &PublishError) -> bool {
    let code = error.source().and_then(|cause| cause.downcast_ref::<async_nats::jetstream::Error>());
    let limits = [ErrorCode::STREAM_STORE_FAILED, ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM];
    error.kind() == PublishErrorKind::MaxPayloadExceeded
        || code.is_some_and(|error| limits.contains(&error.error_code()))
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "no connection to NATS: {}", error.kind()),
            Self::Late(limit) => write!(f, "no answer from NATS within {limit:?}"),
            #[cfg(not(feature = "tls"))]
            Self::Tls => f.write_str("the server asks for TLS, which takes the feature `tls`"),
            Self::NoJetStream => f.write_str(
                "nobody answers for JetStream: it is not enabled on the server, or not for this account",
            ),
            Self::Stream { stream, .. } => write!(f, "stream `{stream}` gave no usable answer"),
            Self::Settings { stream, faults } => {
                write!(f, "stream `{stream}` is not fit for audit records: {}", faults.join("; "))
            }
            Self::Foreign { stream, sequence } => {
                write!(
                    f,
                    "message {sequence} of stream `{stream}` is no record of this log: somebody else writes there"
                )
            }
            Self::Publish { stream, seq, cause } => {
                write!(f, "record {seq} was not taken by stream `{stream}`: {}", cause.kind())
            }
            Self::Place { stream, seq, found, expected } => {
                write!(f, "record {seq} became message {found} of stream `{stream}`, and not {expected}")
            }
            Self::NotConnected => f.write_str("not connected"),
        }
    }
}

impl Error for Complaint {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connect(error) => error.source(),
            Self::Publish { cause, .. } => cause.source(),
            Self::Stream { cause, .. } => Some(cause.as_ref()),
            _ => None,
        }
    }
}
