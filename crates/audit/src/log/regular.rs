use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Opens a file to be read. What is no regular file is refused: a pipe of its name would be waited for without end.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    checked(at_once(File::options().read(true), 0).open(path)?)
}

/// Opens a file to be written. A link of its name is refused too: whoever may write to the directory of a log must not
/// choose what else its process writes to.
pub(crate) fn open_to_write(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    match at_once(options, NOFOLLOW).open(path) {
        Err(error) if IN_THE_WAY.contains(&error.raw_os_error().unwrap_or(0)) => Err(is_none()),
        opened => checked(opened?),
    }
}

fn checked(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(is_none()) }
}

/// Fails where there is something else than a regular file.
pub(crate) fn check(path: &Path) -> io::Result<()> {
    if path.metadata()?.is_file() { Ok(()) } else { Err(is_none()) }
}

fn is_none() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
}

/// Not even opening waits then; for files it changes nothing.
#[cfg(unix)]
fn at_once(options: &mut OpenOptions, flags: i32) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.custom_flags(flags | rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
}

#[cfg(not(unix))]
fn at_once(options: &mut OpenOptions, _: i32) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

#[cfg(not(unix))]
const NOFOLLOW: i32 = 0;

/// What the system says of links, of pipes that nobody reads, and of directories.
#[cfg(unix)]
const IN_THE_WAY: [i32; 3] = [
    rustix::io::Errno::LOOP.raw_os_error(),
    rustix::io::Errno::NXIO.raw_os_error(),
    rustix::io::Errno::ISDIR.raw_os_error(),
];

#[cfg(not(unix))]
const IN_THE_WAY: [i32; 0] = [];
