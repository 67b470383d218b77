use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::chain::ChainId;
use super::directory_entry;
use super::note::{MAX_NOTE, Note};

mod worker;

pub use worker::AnchorStatus;
pub(super) use worker::Worker;

/// What goes wrong at an anchor.
pub type AnchorError = Box<dyn Error + Send + Sync>;

/// A place outside of the log's directory that remembers how far the log had come.
///
/// Without one nobody can tell a log from the same log cut short. The better it is out of reach of whoever can write
/// to the directory, the more it proves. [`put`](Self::put) is called on a thread of the anchor's own, and
/// [`latest`](Self::latest) once by whoever opens the log; both may block, and should give up after some seconds.
pub trait Anchor: Send + 'static {
    /// What to call it in reports.
    fn name(&self) -> &str;

    /// Remembers a note in place of the one before, or besides it.
    ///
    /// # Errors
    ///
    /// Also if it would take something back: an anchor refuses a note of another log, one of fewer records than it
    /// has already, and a different one of as many.
    fn put(&mut self, note: &Note) -> Result<(), AnchorError>;

    /// The note of the most records for this log, if there is any. An anchor that serves one log only gives what it
    /// has, so that a log in place of another is seen.
    fn latest(&mut self, chain: ChainId) -> Result<Option<Note>, AnchorError>;

    /// The file it writes to, if it is one: it must not be in the directory of the log.
    fn path(&self) -> Option<&Path> {
        None
    }
}

/// Whether an anchor that has one note may take another.
///
/// # Errors
///
/// [`StepsBack`] as [`Anchor::put`] demands.
pub fn check_step(has: &Note, next: &Note) -> Result<(), StepsBack> {
    let (old, new) = (has.checkpoint(), next.checkpoint());
    let is_step = old.chain() == new.chain() && (old.size() < new.size() || old == new);
    is_step.then_some(()).ok_or(StepsBack { has: (old.chain(), old.size()), next: (new.chain(), new.size()) })
}

/// That a note does not continue what an anchor has: the log was cut or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepsBack {
    has: (ChainId, u64),
    next: (ChainId, u64),
}

impl fmt::Display for StepsBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((old, has), (new, next)) = (self.has, self.next);
        if old == new {
            write!(f, "the anchor has {has} records of this log, and was to have {next}")
        } else {
            write!(f, "the anchor is of log {old}, not of {new}")
        }
    }
}

impl Error for StepsBack {}

/// An anchor in a file: on another disk or a share, where whoever can write to the log cannot.
#[derive(Debug)]
pub struct FileAnchor {
    path: PathBuf,
    name: String,
}

impl FileAnchor {
    /// Keeps the latest note in this file. It is made when it is needed, its directory is not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { name: format!("file {}", path.display()), path }
    }

    fn read(&self) -> Result<Option<Note>, AnchorError> {
        match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => {
                if found?.len() > MAX_NOTE as u64 {
                    return Err(Box::new(super::BadNote));
                }
            }
        }
        Ok(Some(Note::parse(&fs::read_to_string(&self.path)?)?))
    }

    fn write(&self, note: &Note) -> io::Result<()> {
        let mut draft = self.path.as_os_str().to_owned();
        draft.push(".new");
        let mut file = File::create(&draft)?;
        file.write_all(note.as_str().as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &self.path)?;
        directory_entry::sync(&self.path)
    }
}

impl Anchor for FileAnchor {
    fn name(&self) -> &str {
        &self.name
    }

    fn put(&mut self, note: &Note) -> Result<(), AnchorError> {
        if let Some(has) = self.read()? {
            check_step(&has, note)?;
        }
        Ok(self.write(note)?)
    }

    fn latest(&mut self, _: ChainId) -> Result<Option<Note>, AnchorError> {
        self.read()
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

#[cfg(test)]
mod tests;
