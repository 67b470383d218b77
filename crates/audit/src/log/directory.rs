use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::OpenError;
use super::disk::{Disk, RealDisk, is_at};
use super::layout;
use super::regular;

/// The format that this version writes.
const VERSION: u64 = 1;

const MAGIC: &str = "buttress-audit-log ";

/// A directory that nobody else writes a log to, as long as this lives.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    lock: File,
    /// The directory itself, locked too: a tidy script may take the file away.
    own: Option<File>,
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A process that is being forked at this moment holds the file open a little longer, and so would the lock.
        for file in self.own.iter().chain([&self.lock]) {
            let _closing_unlocks_too = file.unlock();
        }
    }
}

impl Directory {
    /// Makes the directory if there is none, and locks it. Nothing is written into one that is not ours.
    pub(super) fn lock(path: &Path) -> Result<Self, OpenError> {
        match fs::metadata(path) {
            Ok(found) if !found.is_dir() => {
                return Err(OpenError::NotADirectory { directory: path.to_owned() });
            }
            Ok(_) => {}
            Err(_) => make(path).map_err(OpenError::at(path))?,
        }
        check_names(path)?;
        let own = locked_itself(path)?;
        let lock = locked(path)?;
        let directory = Self { path: path.to_owned(), lock, own };
        // Again: somebody may have begun, or begun and ended, before the lock was ours.
        if !check_names(path)? {
            directory.write_format().map_err(OpenError::at(path.join(layout::FORMAT)))?;
        }
        Ok(directory)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is still what is found at its path, and not another one that somebody has put there.
    pub(super) fn is_in_place(&self) -> bool {
        self.own.as_ref().is_none_or(|own| is_at(own, &self.path))
    }

    /// In one step, so that a directory is ours as a whole or not at all.
    fn write_format(&self) -> io::Result<()> {
        let (new, format) =
            (self.path.join(format!("{}.new", layout::FORMAT)), self.path.join(layout::FORMAT));
        let options = &mut File::options();
        let mut file = regular::open_to_write(options.write(true).create(true).truncate(true), &new)?;
        writeln!(file, "{MAGIC}{VERSION}")?;
        file.sync_all()?;
        fs::rename(new, format)?;
        RealDisk.sync_directory(&self.path)
    }
}

/// With all directories above it, and for good. Nobody but its owner may look into it: records say who did what.
fn make(path: &Path) -> io::Result<()> {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(above)?;
    make_private(path)?;
    RealDisk.sync_directory(above)
}

#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    // Recursive, so that it is no error if somebody was quicker.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Locks the directory, where that is possible; where it is not, the file in it has to do.
fn locked_itself(directory: &Path) -> Result<Option<File>, OpenError> {
    if cfg!(not(unix)) {
        return Ok(None);
    }
    let own = File::open(directory).map_err(OpenError::at(directory))?;
    match own.try_lock() {
        Ok(()) => Ok(Some(own)),
        Err(TryLockError::WouldBlock) => {
            let process =
                File::open(directory.join(layout::LOCK)).ok().and_then(|mut lock| holder(&mut lock));
            Err(OpenError::Locked { directory: directory.to_owned(), process })
        }
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

fn locked(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join(layout::LOCK);
    let options = &mut File::options();
    let open = regular::open_to_write(options.read(true).write(true).create(true).truncate(false), &path);
    let mut lock = open.map_err(OpenError::at(&path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(OpenError::Locked { directory: directory.to_owned(), process: holder(&mut lock) });
        }
        Err(TryLockError::Error(error)) => return Err(OpenError::at(path)(error)),
    }
    // Who has it is told for the sake of a message; a full disk does not keep a log from being opened.
    let _only_a_hint = lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id()));
    Ok(lock)
}

/// Who says in the file that it has locked it.
fn holder(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    text.parse().ok()
}

/// Fails if the directory belongs to somebody else, or to a later version; says whether a log was begun in it.
fn check_names(directory: &Path) -> Result<bool, OpenError> {
    let is_begun = check_format(directory)?;
    for entry in fs::read_dir(directory).map_err(OpenError::at(directory))? {
        let name = entry.map_err(OpenError::at(directory))?.file_name();
        let is_expected = name
            .to_str()
            .is_some_and(|name| if is_begun { layout::is_ours(name) } else { layout::is_harmless(name) });
        if !is_expected {
            return Err(OpenError::Foreign { directory: directory.to_owned(), name: name.into() });
        }
    }
    Ok(is_begun)
}

fn read_short(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    regular::open(path)?.take(1_024).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a log was begun here, if what says so can be read by this version.
pub(crate) fn check_format(directory: &Path) -> Result<bool, OpenError> {
    let path = directory.join(layout::FORMAT);
    let text = match read_short(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(OpenError::at(path)(error)),
    };
    let Some(version) = text.strip_prefix(MAGIC) else {
        return Err(OpenError::Foreign { directory: directory.to_owned(), name: layout::FORMAT.into() });
    };
    if version.trim_end().parse() == Ok(VERSION) {
        return Ok(true);
    }
    let found = version.trim_end().chars().take(40).collect();
    Err(OpenError::Newer { directory: directory.to_owned(), found, known: VERSION })
}
