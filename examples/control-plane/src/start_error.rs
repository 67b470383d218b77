use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

use buttress::ConfigError;

use crate::audit::AuditError;
use crate::records::RecordsError;
use crate::store::DiskError;

/// Why a control plane cannot start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A setting is out of range.
    Config(ConfigError),
    /// The folder cannot be used.
    Data(DiskError),
    /// The idempotency records cannot be kept where they should be.
    Records(RecordsError),
    /// There is no audit log.
    Audit(AuditError),
    /// The address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The simulated upstreams cannot listen.
    Simulation(io::Error),
}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<DiskError> for StartError {
    fn from(error: DiskError) -> Self {
        Self::Data(error)
    }
}

impl From<RecordsError> for StartError {
    fn from(error: RecordsError) -> Self {
        Self::Records(error)
    }
}

impl From<AuditError> for StartError {
    fn from(error: AuditError) -> Self {
        Self::Audit(error)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => fmt::Display::fmt(error, f),
            Self::Data(error) => fmt::Display::fmt(error, f),
            Self::Records(error) => fmt::Display::fmt(error, f),
            Self::Audit(error) => fmt::Display::fmt(error, f),
            Self::Listen(addr, error) => write!(f, "cannot listen on {addr}: {error}"),
            Self::Simulation(error) => write!(f, "cannot start the simulated upstreams: {error}"),
        }
    }
}

impl Error for StartError {}
