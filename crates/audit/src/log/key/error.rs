use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there is no key.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeyError {
    /// The operating system refused.
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The file holds something else.
    Malformed {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
    },
    /// More people may read or write the file than should.
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A key cannot have this name.
    Name {
        /// The name.
        name: String,
    },
    /// The operating system has no randomness to give.
    Entropy(getrandom::Error),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, .. } => write!(f, "could not read or write the key {}", path.display()),
            Self::Malformed { path, expected } => write!(f, "{} does not hold {expected}", path.display()),
            Self::Exposed { path, mode } => {
                let path = path.display();
                write!(f, "the signing key {path} has mode {mode:04o}, allowed: 0600, 0400, 0640 or 0440")
            }
            Self::Name { name } => {
                write!(f, "the name of a key is {name:?}, allowed: not empty, no blanks, no plus sign")
            }
            Self::Entropy(_) => f.write_str("the operating system gave no random bytes"),
        }
    }
}

impl std::error::Error for KeyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Entropy(source) => Some(source),
            _ => None,
        }
    }
}
