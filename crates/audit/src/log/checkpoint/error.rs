use std::fmt;
use std::io;
use std::path::PathBuf;

use super::super::chain::ChainId;
use super::super::reader::ReadError;

/// Why a log cannot be signed further.
#[derive(Debug)]
#[non_exhaustive]
pub enum ResumeError {
    /// The signing key or an anchor is in the directory of the log, where it proves nothing.
    Inside {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The records could not be read.
    Unreadable(ReadError),
    /// A line among the checkpoints is none of this log, or nobody known has signed it.
    Signature {
        /// The file.
        path: PathBuf,
    },
    /// The log once had more records than it has.
    Truncated {
        /// Who says so.
        by: String,
        /// How many there were.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// The log has other records than it once had.
    Changed {
        /// Who says so.
        by: String,
        /// Up to which record at least it is another log.
        seq: u64,
    },
    /// The anchor is of another log.
    OtherLog {
        /// What it is called.
        name: String,
        /// The log that it is of.
        chain: ChainId,
    },
    /// Records that no checkpoint covers were deleted, so there is nothing to go on from.
    Pruned {
        /// The oldest record there is.
        first: u64,
    },
}

impl fmt::Display for ResumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inside { path } => {
                write!(f, "{} is in the directory of the log, where it proves nothing", path.display())
            }
            Self::Io { path, .. } => write!(f, "could not read or write {}", path.display()),
            Self::Unreadable(_) => f.write_str("the records behind the last checkpoint could not be read"),
            Self::Signature { path } => {
                write!(f, "the last checkpoint in {} is not of this log and a known key", path.display())
            }
            Self::Truncated { by, expected, found } => {
                write!(f, "the log was cut: it has {found} records, {by} says it had {expected}")
            }
            Self::Changed { by, seq } => {
                write!(f, "the log was changed: record {seq} or one before it is not what {by} says")
            }
            Self::OtherLog { name, chain } => write!(f, "the anchor {name} is of another log, {chain}"),
            Self::Pruned { first } => write!(
                f,
                "the log begins with record {first} and no checkpoint covers what was before; begin a new directory"
            ),
        }
    }
}

impl std::error::Error for ResumeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Unreadable(source) => Some(source),
            _ => None,
        }
    }
}
