//! Where what cannot be read is put.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::super::disk::{Disk as _, RealDisk, is_full};
use super::super::{OpenError, layout};

/// An end of a file that could not be read and was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Repair {
    pub(in super::super) segment: PathBuf,
    pub(in super::super) offset: u64,
    pub(in super::super) bytes: u64,
    /// Where it was put; nowhere if there was no room for it.
    pub(in super::super) moved_to: Option<PathBuf>,
}

/// Moves a whole file away, or removes it if there is nothing in it.
pub(super) fn put_away(path: &Path) -> Result<Option<Repair>, OpenError> {
    let put = || -> io::Result<Option<Repair>> {
        let bytes = fs::metadata(path)?.len();
        let moved_to = (bytes > 0).then(|| free_name(path, 0));
        match &moved_to {
            Some(moved_to) => fs::rename(path, moved_to)?,
            None => fs::remove_file(path)?,
        }
        sync_parent(path)?;
        let repair =
            |moved_to| Repair { segment: path.to_owned(), offset: 0, bytes, moved_to: Some(moved_to) };
        Ok(moved_to.map(repair))
    };
    put().map_err(OpenError::at(path))
}

/// Moves what follows `offset` into a file of its own. Where there is no room for that it is only cut off, which needs
/// none: it was never acknowledged, or is in the next file too, and the log has to go on.
pub(super) fn cut(path: &Path, offset: u64) -> Result<Repair, OpenError> {
    let moved = || -> io::Result<Repair> {
        let mut from = File::options().read(true).write(true).open(path)?;
        let bytes = from.metadata()?.len().saturating_sub(offset);
        from.seek(SeekFrom::Start(offset))?;
        let moved_to = copied(&from, free_name(path, offset))?;
        sync_parent(path)?;
        from.set_len(offset)?;
        from.sync_all()?;
        Ok(Repair { segment: path.to_owned(), offset, bytes, moved_to })
    };
    moved().map_err(OpenError::at(path))
}

/// Copies what is left of a file, and says where it is if there was room for all of it.
fn copied(mut from: &File, to: PathBuf) -> io::Result<Option<PathBuf>> {
    let mut copy = File::create_new(&to)?;
    match io::copy(&mut from, &mut copy).and_then(|_| copy.sync_all()) {
        Err(error) if is_full(&error) => fs::remove_file(&to).map(|()| None),
        copied => copied.map(|()| Some(to)),
    }
}

/// One file may be torn at the same place twice.
fn free_name(path: &Path, offset: u64) -> PathBuf {
    let name = layout::torn(path, offset);
    let numbered = (1_u32..).map(|number| {
        let mut name = name.clone().into_os_string();
        name.push(format!("-{number}"));
        PathBuf::from(name)
    });
    let mut names = std::iter::once(name.clone()).chain(numbered);
    names.find(|name| !name.exists()).unwrap_or(name)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| RealDisk.sync_directory(parent))
}
