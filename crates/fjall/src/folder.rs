use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::OpenError;

const LOCK: &str = "LOCK";

/// The format that this version writes.
const VERSION: u64 = 1;

/// A folder that nobody else has open, as long as this lives.
///
/// | name | what it is |
/// |---|---|
/// | `LOCK` | locked while a store is open; holds the ID of the process that locked it last |
/// | `v1` | the database; its name is the version of the format |
/// | `v1.new` | a database that is being created, and was never used |
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// Makes the folder if there is none, and locks it. Nothing is written into a folder that is not ours.
    pub(crate) fn lock(path: &Path) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Unusable { folder: path.to_owned(), source };
        match fs::metadata(path) {
            Ok(found) if !found.is_dir() => return Err(OpenError::NotAFolder { folder: path.to_owned() }),
            Ok(_) => {}
            Err(_) => make(path).map_err(unusable)?,
        }
        check_names(path)?;
        let lock = locked(path)?;
        Ok(Self { path: path.to_owned(), lock })
    }

    /// Where the database is, or will be.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(format!("v{VERSION}"))
    }

    /// Creates the database if there is none, so that it is there as a whole or not at all.
    pub(crate) fn create(
        &self,
        create: impl FnOnce(&Path) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        if self.database().is_dir() {
            return Ok(());
        }
        let unusable = |source| OpenError::Unusable { folder: self.path.clone(), source };
        let new = self.path.join(format!("v{VERSION}.new"));
        match fs::remove_dir_all(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(error)),
            _ => {}
        }
        create(&new)?;
        fs::rename(&new, self.database()).and_then(|()| sync_folder(&self.path)).map_err(unusable)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// With all folders above it, and for good: a loss of power takes a name away that was not synced, with all that is
/// below it. Nobody but its owner may look into it: it holds whole answers.
fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(above)?;
    make_private(path)?;
    sync_folder(above)
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

impl Drop for Folder {
    fn drop(&mut self) {
        // Closing it would do, but for a process that is being forked at this moment and holds the file open too.
        let _ = self.lock.unlock();
    }
}

fn locked(folder: &Path) -> Result<File, OpenError> {
    let unusable = |source| OpenError::Unusable { folder: folder.to_owned(), source };
    let path = folder.join(LOCK);
    let open = File::options().read(true).write(true).create(true).truncate(false).open(path);
    let mut lock = open.map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(OpenError::Locked { folder: folder.to_owned(), process: holder(&mut lock) });
        }
        Err(TryLockError::Error(error)) => return Err(unusable(error)),
    }
    let written = lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id()));
    written.map_err(unusable)?;
    Ok(lock)
}

/// Who says in the file that it has locked it.
fn holder(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    text.parse().ok()
}

/// Fails if the folder belongs to somebody else, or to a later version.
fn check_names(folder: &Path) -> Result<(), OpenError> {
    let (mut foreign, mut is_ours) = (None, false);
    let unusable = |source| OpenError::Unusable { folder: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(unusable)? {
        let name = entry.map_err(unusable)?.file_name();
        match version(&name) {
            Some(version) if version > VERSION => {
                return Err(OpenError::Newer { folder: folder.to_owned(), version });
            }
            Some(_) => is_ours = true,
            None if name == LOCK => {}
            None => foreign = foreign.or(Some(name)),
        }
    }
    match foreign {
        // What somebody has put beside our database later, such as a backup tool, does not concern us.
        Some(name) if !is_ours => Err(OpenError::Foreign { folder: folder.to_owned(), name: name.into() }),
        _ => Ok(()),
    }
}

/// The version of the format that a name in the folder stands for.
fn version(name: &OsString) -> Option<u64> {
    let name = name.to_str()?.strip_prefix('v')?;
    name.strip_suffix(".new").unwrap_or(name).parse().ok()
}

/// Makes a new name in a folder outlive the machine's power.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
