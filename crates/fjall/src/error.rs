use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use buttress_core::ConfigError;
use buttress_idempotency::{StoreError, StoreErrorKind};

use crate::tables::Failure;

/// Why a folder cannot be opened as a store.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// Settings are out of range.
    Settings(ConfigError),
    /// There is a file where the folder should be.
    NotAFolder {
        /// The path.
        folder: PathBuf,
    },
    /// The folder cannot be made, read or written.
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another store has it open, in this process or another.
    Locked {
        /// The folder.
        folder: PathBuf,
        /// Which process, if it could be told.
        process: Option<u32>,
    },
    /// The folder holds something that is not ours; nothing was changed in it.
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// The name of what is not ours.
        name: PathBuf,
    },
    /// A later version of this crate has written it; nothing was changed in it.
    Newer {
        /// The folder.
        folder: PathBuf,
        /// The version of its format.
        version: u64,
    },
    /// The database in the folder cannot be read.
    Damaged {
        /// The folder.
        folder: PathBuf,
        /// What the database says.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(_) => f.write_str("the settings of the store cannot be used"),
            Self::NotAFolder { folder } => write!(f, "{} is not a folder", folder.display()),
            Self::Unusable { folder, .. } => {
                write!(f, "the folder {} cannot be made, read or written", folder.display())
            }
            Self::Locked { folder, process: Some(process) } => {
                write!(f, "the folder {} is in use by process {process}", folder.display())
            }
            Self::Locked { folder, process: None } => {
                write!(f, "the folder {} is in use by another store", folder.display())
            }
            Self::Foreign { folder, name } => {
                let (folder, name) = (folder.display(), name.display());
                write!(
                    f,
                    "the folder {folder} holds {name}, which is not ours; a store needs a folder of its own"
                )
            }
            Self::Newer { folder, version } => {
                let folder = folder.display();
                write!(f, "the folder {folder} has format {version}, which only a later version can read")
            }
            Self::Damaged { folder, .. } => {
                write!(f, "the database in the folder {} cannot be read", folder.display())
            }
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Settings(error) => Some(error),
            Self::Unusable { source, .. } => Some(source),
            Self::Damaged { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

impl From<ConfigError> for OpenError {
    fn from(error: ConfigError) -> Self {
        Self::Settings(error)
    }
}

impl OpenError {
    /// What the database says about a folder: that the disk does not serve it, or that it cannot read what is there.
    pub(crate) fn of_database(folder: PathBuf, source: Failure) -> Self {
        match source.downcast::<fjall::Error>() {
            Ok(error) => match *error {
                fjall::Error::Locked => Self::Locked { folder, process: None },
                fjall::Error::Io(source) => Self::Unusable { folder, source },
                error => Self::Damaged { folder, source: error.into() },
            },
            Err(source) => Self::Damaged { folder, source },
        }
    }
}

/// The disk has failed under an open store: from then on nothing is acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Broken(Arc<dyn Error + Send + Sync>);

impl Broken {
    pub(crate) fn new(failure: Failure) -> Self {
        Self(failure.into())
    }

    pub(crate) fn as_error(&self, kind: StoreErrorKind) -> StoreError {
        StoreError::with_source(kind, self.clone())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the disk has failed; the store must be opened again")
    }
}

impl Error for Broken {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// A record could not be read.
pub(crate) fn unreadable(error: fjall::Error) -> StoreError {
    let kind = match error {
        fjall::Error::Io(_) | fjall::Error::Storage(fjall::LsmError::Io(_)) => StoreErrorKind::Unreachable,
        _ => StoreErrorKind::Corrupt,
    };
    StoreError::with_source(kind, error)
}

/// The thread that writes is gone.
#[derive(Debug)]
pub(crate) struct NoWriter;

impl fmt::Display for NoWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the thread that writes has ended; the store must be opened again")
    }
}

impl Error for NoWriter {}
