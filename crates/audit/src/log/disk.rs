use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::regular;

/// What the log asks of a disk. Tests stand in between and let it fail.
pub(super) trait Disk: Send + 'static {
    /// A file that is written at its end.
    type File: DiskFile;

    /// An empty file, whether or not there was one of this name.
    fn create(&self, path: &Path) -> io::Result<Self::File>;

    /// A file that is there, to be continued.
    fn open(&self, path: &Path) -> io::Result<Self::File>;

    /// Makes an end of a file go away for good.
    fn cut(&self, path: &Path, bytes: u64) -> io::Result<()>;

    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes names that were added to a directory or taken from it outlive the machine's power.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;

    /// How much room there is, where that can be told.
    fn space(&self, path: &Path) -> Option<Space>;
}

pub(super) trait DiskFile: Send {
    /// Adds some of these bytes to the end, and says how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Makes what was written outlive the machine's power.
    fn sync(&mut self) -> io::Result<()>;

    /// Takes back what was written last.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;

    /// Whether it is still the file at this path, and has at least so many bytes.
    fn is_in_place(&self, path: &Path, bytes: u64) -> bool;
}

/// Room on a disk, as far as this process may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Space {
    /// Bytes that are free.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

/// The disk of the machine.
#[derive(Debug)]
pub(super) struct RealDisk;

impl Disk for RealDisk {
    type File = File;

    fn create(&self, path: &Path) -> io::Result<File> {
        // Emptied apart from being opened, because a file cannot be opened both to be emptied and to be continued.
        let file = regular::open_to_write(File::options().append(true).create(true), path)?;
        file.set_len(0)?;
        Ok(file)
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        File::options().append(true).open(path)
    }

    fn cut(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let file = match regular::open_to_write(File::options().write(true), path) {
            // Somebody has removed it: nothing of it is left to be taken back.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        if file.metadata()?.len() > bytes {
            file.set_len(bytes)?;
            file.sync_all()?;
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    #[cfg(unix)]
    fn space(&self, path: &Path) -> Option<Space> {
        let found = rustix::fs::statvfs(path).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Some(Space { free: bytes(found.f_bavail), total: bytes(found.f_blocks) })
    }

    #[cfg(not(unix))]
    fn space(&self, _path: &Path) -> Option<Space> {
        None
    }
}

impl DiskFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }

    fn is_in_place(&self, path: &Path, bytes: u64) -> bool {
        is_at(self, path) && self.metadata().map_or(true, |own| own.len() >= bytes)
    }
}

/// Whether a file or a directory is what is found at this path. Where that cannot be told, it is believed.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let Ok(own) = file.metadata() else { return true };
    match fs::metadata(path) {
        Ok(named) => are_one(&own, &named),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

#[cfg(unix)]
fn are_one(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
const fn are_one(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

/// Writes all bytes, in as many steps as it takes.
pub(super) fn write_all(file: &mut impl DiskFile, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether an error says that there is no room.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
