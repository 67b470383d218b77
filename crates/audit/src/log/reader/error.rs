use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::super::OpenError;
use super::super::chain::Fault;

/// Why records could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system refused.
    Io {
        /// What was read.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A later version has written the directory, or it belongs to something else.
    Directory(Box<OpenError>),
    /// The record is no longer kept: retention has deleted its segment.
    Pruned {
        /// The number that was asked for.
        wanted: u64,
        /// The oldest there is.
        first: u64,
    },
    /// Records are missing between two segments.
    Missing {
        /// The first that is missing.
        wanted: u64,
        /// Where the next segment begins.
        next: u64,
    },
    /// A line is not a record.
    BadLine {
        /// The file.
        path: PathBuf,
        /// Where in the file the line begins.
        offset: u64,
        /// The number that is due there.
        seq: u64,
    },
    /// A record does not continue the one before it.
    Broken {
        /// The file.
        path: PathBuf,
        /// The number that is due there.
        seq: u64,
        /// How it does not.
        fault: Fault,
    },
    /// The file has become shorter than what was read from it already.
    Cut {
        /// The file.
        path: PathBuf,
        /// The number that is due next.
        seq: u64,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, .. } => write!(f, "could not read {}", path.display()),
            Self::Directory(_) => f.write_str("the directory cannot be taken for an audit log"),
            Self::Pruned { wanted, first } => {
                write!(f, "record {wanted} is no longer kept, the oldest is {first}")
            }
            Self::Missing { wanted, next } => write!(f, "records {wanted} to {} are missing", next - 1),
            Self::BadLine { path, offset, seq } => {
                write!(f, "no record {seq} at byte {offset} of {}", path.display())
            }
            Self::Broken { path, seq, fault } => {
                write!(
                    f,
                    "record {seq} in {} does not continue the chain: {}",
                    path.display(),
                    fault.as_str()
                )
            }
            Self::Cut { path, seq } => {
                write!(f, "{} was cut before record {seq}, which was due next", path.display())
            }
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Directory(source) => Some(source),
            _ => None,
        }
    }
}

impl From<OpenError> for ReadError {
    fn from(error: OpenError) -> Self {
        Self::Directory(Box::new(error))
    }
}

/// Says which file an operation failed at.
pub(crate) trait FailedAt<T> {
    fn at(self, path: &Path) -> Result<T, ReadError>;
}

impl<T> FailedAt<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T, ReadError> {
        self.map_err(|source| ReadError::Io { path: path.to_owned(), source })
    }
}
