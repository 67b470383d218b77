use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Opens a file to be read. What is no regular file is refused: a pipe of its name would be waited for without end.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let file = options().open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(is_none()) }
}

/// Fails where there is something else than a regular file.
pub(crate) fn check(path: &Path) -> io::Result<()> {
    if path.metadata()?.is_file() { Ok(()) } else { Err(is_none()) }
}

fn is_none() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
}

#[cfg(unix)]
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    // Not even opening waits then; for files it changes nothing.
    options.read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    options
}

#[cfg(not(unix))]
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}
