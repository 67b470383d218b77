use std::error::Error;
use std::path::PathBuf;
use std::{fmt, io};

use buttress_core::ConfigError;

use super::{Damage, ResumeError};

/// Why a log cannot be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// Settings are out of range.
    Settings(ConfigError),
    /// There is a file where the directory should be.
    NotADirectory {
        /// The path.
        directory: PathBuf,
    },
    /// Something in the directory cannot be made, read or written.
    Unusable {
        /// What it is.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another log has it open, in this process or another.
    Locked {
        /// The directory.
        directory: PathBuf,
        /// Which process, if it could be told.
        process: Option<u32>,
    },
    /// The directory holds something that is not ours; nothing was changed in it.
    Foreign {
        /// The directory.
        directory: PathBuf,
        /// The name of what is not ours.
        name: PathBuf,
    },
    /// A later version of this crate has written it; nothing was changed in it.
    Newer {
        /// The directory.
        directory: PathBuf,
        /// The format it has.
        found: String,
        /// The latest format that this version reads.
        known: u64,
    },
    /// A record is not what was written there, or one is missing; nothing was changed.
    Tampered(Damage),
    /// The signatures say something else than the records, or the key or an anchor cannot be used.
    Checkpoints(ResumeError),
}

impl fmt::Display for OpenError {
    #[expect(clippy::unnecessary_debug_formatting, reason = "what others have named is told in escapes")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(_) => f.write_str("the settings of the audit log cannot be used"),
            Self::NotADirectory { directory } => write!(f, "{} is not a directory", directory.display()),
            Self::Unusable { path, .. } => write!(f, "{} cannot be made, read or written", path.display()),
            Self::Locked { directory, process: Some(process) } => {
                write!(f, "the audit log {} is in use by process {process}", directory.display())
            }
            Self::Locked { directory, process: None } => {
                write!(f, "the audit log {} is in use by another process", directory.display())
            }
            Self::Foreign { directory, name } => write!(
                f,
                "the directory {} holds {name:?}, which is not ours; an audit log needs a directory of its own",
                directory.display(),
            ),
            Self::Newer { directory, found, known } => write!(
                f,
                "the audit log {} has format {found:?}, this version reads formats up to {known}",
                directory.display()
            ),
            Self::Tampered(damage) if damage.can_go_on => write!(
                f,
                "{damage}; the log goes on as it is or as a new chain only if `when_damaged` says so"
            ),
            Self::Tampered(damage) => write!(f, "{damage}; the log can go on only as a new chain"),
            Self::Checkpoints(_) => f.write_str("the audit log cannot be signed further"),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Settings(error) => Some(error),
            Self::Unusable { source, .. } => Some(source),
            Self::Checkpoints(error) => Some(error),
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
    /// Says which path the operating system complains about.
    pub(super) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Unusable { path, source }
    }
}
