use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The directory that a file is in.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes sure that a file which was just made or renamed is still there after a loss of power.
pub(super) fn sync(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(parent(path))?.sync_all() } else { Ok(()) }
}

/// Whether a file is, or would be, somewhere inside a directory.
pub(super) fn is_inside(path: &Path, dir: &Path) -> io::Result<bool> {
    let place: PathBuf = parent(path).canonicalize()?;
    Ok(place.starts_with(dir.canonicalize()?))
}
