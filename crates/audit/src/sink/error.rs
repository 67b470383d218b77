use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::log::ReadError;

type Cause = Box<dyn Error + Send + Sync>;

/// That a sink did not take a batch, or did not answer.
#[derive(Debug)]
pub struct SinkError {
    kind: SinkErrorKind,
    after: Option<Duration>,
    cause: Cause,
}

/// What can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SinkErrorKind {
    /// The same again may succeed soon: the sink is away, busy, or was too slow.
    Retry,
    /// Somebody has to set something right first: a table, a permission, a limit. It is tried again, after the longest
    /// pause, and goes on by itself then.
    Unfit,
    /// It will never succeed, and the feeder ends.
    Fatal,
}

impl SinkError {
    /// The same again may succeed soon.
    pub fn retry(cause: impl Into<Cause>) -> Self {
        Self { kind: SinkErrorKind::Retry, after: None, cause: cause.into() }
    }

    /// The same again may succeed, and the sink has said when. The feeder waits so long at least, up to an hour.
    pub fn retry_after(cause: impl Into<Cause>, after: Duration) -> Self {
        Self { kind: SinkErrorKind::Retry, after: Some(after), cause: cause.into() }
    }

    /// Somebody has to set something right first.
    pub fn unfit(cause: impl Into<Cause>) -> Self {
        Self { kind: SinkErrorKind::Unfit, after: None, cause: cause.into() }
    }

    /// It will never succeed.
    pub fn fatal(cause: impl Into<Cause>) -> Self {
        Self { kind: SinkErrorKind::Fatal, after: None, cause: cause.into() }
    }

    /// What can be done about it.
    pub const fn kind(&self) -> SinkErrorKind {
        self.kind
    }

    /// When the sink wants to be asked again, if it has said so.
    pub const fn after(&self) -> Option<Duration> {
        self.after
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            SinkErrorKind::Retry => "the sink takes no records at the moment",
            SinkErrorKind::Unfit => "the sink cannot take records as it is set up",
            SinkErrorKind::Fatal => "the sink takes no records any more",
        })
    }
}

impl Error for SinkError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// That a feeder was not started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// There is no tokio runtime to run it.
    NoRuntime,
    /// The name of the sink is not 1 to 64 of `a-z`, `0-9`, `_` and `-`.
    Name(String),
    /// Another feeder of this name feeds from this log, in this process or in another.
    Taken(PathBuf),
    /// There is no log in this directory, or not one record in it.
    NoLog(PathBuf),
    /// The log cannot be read.
    Log(ReadError),
    /// The cursor cannot be read or made.
    Io {
        /// What was read or made.
        path: PathBuf,
        /// Why it could not be.
        source: io::Error,
    },
    /// The cursor is not one, or it is of another log, or of one that has been changed or cut since.
    Cursor {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: PlaceFault,
    },
}

/// What is wrong with a cursor, or with what a sink says that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlaceFault {
    /// It is not in the form in which cursors are written.
    Unreadable,
    /// It is of another log.
    OtherChain {
        /// Of which one.
        found: String,
        /// The one that is to be fed from.
        expected: String,
    },
    /// The log ends before it.
    Beyond {
        /// Where it is.
        seq: u64,
    },
    /// The record of that number in the log is another one.
    OtherRecord {
        /// Its number.
        seq: u64,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRuntime => f.write_str("there is no tokio runtime to run a feeder"),
            Self::Name(name) => {
                write!(f, "a sink is called {name:?}, allowed: 1 to 64 of a-z, 0-9, _ and -")
            }
            Self::Taken(path) => {
                write!(f, "another feeder of this name is at work: it holds {}", path.display())
            }
            Self::NoLog(path) => write!(f, "{} has no audit log with records", path.display()),
            Self::Log(_) => f.write_str("the log cannot be fed from"),
            Self::Io { path, .. } => write!(f, "{} cannot be read or written", path.display()),
            Self::Cursor { path, fault } => write!(f, "{}: {fault}", path.display()),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Log(source) => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for PlaceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => {
                f.write_str("not a cursor; without it the sink is fed from the beginning of the log")
            }
            Self::OtherChain { found, expected } => {
                write!(f, "the place is in chain {found}, and this log is chain {expected}")
            }
            Self::Beyond { seq } => {
                write!(f, "the place is record {seq}, and the log ends before it: it was cut, or put back")
            }
            Self::OtherRecord { seq } => {
                write!(f, "record {seq} of the log is not the one that was handed on: the log was changed")
            }
        }
    }
}

impl Error for PlaceFault {}
