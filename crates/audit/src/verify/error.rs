use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::log::{BadNote, KeyError, OpenError, ReadError};

/// Why there is no verdict.
#[derive(Debug)]
#[non_exhaustive]
pub enum VerifyError {
    /// The directory belongs to something else, or to a later version.
    Directory(OpenError),
    /// There is no log in the directory, and no anchor that says there should be.
    NoLog {
        /// The directory.
        dir: PathBuf,
    },
    /// A file could not be read.
    Unreadable(ReadError),
    /// The keys could not be read.
    Key(KeyError),
    /// An anchor could not be read.
    Anchor {
        /// Its file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The file of an anchor holds something else.
    NotAnAnchor {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BadNote,
    },
    /// Anchors of different logs were given.
    AnchorsDiffer,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(_) => f.write_str("the directory cannot be taken for an audit log"),
            Self::NoLog { dir } => write!(f, "there is no audit log in {}", dir.display()),
            Self::Unreadable(_) => f.write_str("the audit log could not be read"),
            Self::Key(_) => f.write_str("there is no key to verify with"),
            Self::Anchor { path, .. } => write!(f, "could not read the anchor {}", path.display()),
            Self::NotAnAnchor { path, .. } => write!(f, "{} is not an anchor", path.display()),
            Self::AnchorsDiffer => f.write_str("the anchors are of different logs"),
        }
    }
}

impl std::error::Error for VerifyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Directory(source) => Some(source),
            Self::Unreadable(source) => Some(source),
            Self::Key(source) => Some(source),
            Self::Anchor { source, .. } => Some(source),
            Self::NotAnAnchor { source, .. } => Some(source),
            Self::NoLog { .. } | Self::AnchorsDiffer => None,
        }
    }
}

impl From<ReadError> for VerifyError {
    fn from(error: ReadError) -> Self {
        Self::Unreadable(error)
    }
}

impl From<KeyError> for VerifyError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}
