//! Where what cannot be read is put.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::super::disk::{Disk as _, RealDisk};
use super::super::{OpenError, layout};

/// An end of a file that could not be read and was moved away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Repair {
    pub(in super::super) segment: PathBuf,
    pub(in super::super) offset: u64,
    pub(in super::super) bytes: u64,
    pub(in super::super) moved_to: PathBuf,
}

/// Moves a whole file away, or removes it if there is nothing in it.
pub(super) fn put_away(path: &Path) -> Result<Option<Repair>, OpenError> {
    let bytes = fs::metadata(path).map_err(OpenError::at(path))?.len();
    if bytes > 0 {
        return cut(path, 0).and_then(|repair| put_away(path).map(|_| Some(repair)));
    }
    let removed = fs::remove_file(path).and_then(|()| sync_parent(path));
    removed.map(|()| None).map_err(OpenError::at(path))
}

/// Moves what follows `offset` into a file of its own.
pub(super) fn cut(path: &Path, offset: u64) -> Result<Repair, OpenError> {
    let moved_to = free_name(path, offset);
    let moved = || -> io::Result<u64> {
        let mut from = File::options().read(true).write(true).open(path)?;
        from.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        let mut to = File::create(&moved_to)?;
        to.write_all(&bytes)?;
        to.sync_all()?;
        sync_parent(path)?;
        from.set_len(offset)?;
        from.sync_all()?;
        Ok(bytes.len() as u64)
    };
    let bytes = moved().map_err(OpenError::at(path))?;
    Ok(Repair { segment: path.to_owned(), offset, bytes, moved_to })
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
