use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Disk, DiskFile, write_all};
use super::ladder::BALLAST_BYTES;
use super::layout;

/// A file that takes room only to give it back when there is no other.
#[derive(Debug)]
pub(super) struct Ballast {
    path: PathBuf,
    is_there: bool,
}

impl Ballast {
    pub(super) fn of(directory: &Path) -> Self {
        let path = directory.join(layout::BALLAST);
        let is_there = path.metadata().is_ok_and(|found| found.len() >= BALLAST_BYTES);
        Self { path, is_there }
    }

    pub(super) const fn is_there(&self) -> bool {
        self.is_there
    }

    pub(super) fn load(&mut self, disk: &impl Disk) -> io::Result<()> {
        if self.is_there {
            return Ok(());
        }
        let written = fill(&self.path, disk);
        if written.is_err() {
            // Half of it would take room and be of no use.
            let _maybe_not_there = disk.remove(&self.path);
        }
        self.is_there = written.is_ok();
        written
    }

    pub(super) fn release(&mut self, disk: &impl Disk) {
        self.is_there = false;
        let _maybe_not_there = disk.remove(&self.path);
    }
}

fn fill(path: &Path, disk: &impl Disk) -> io::Result<()> {
    const BLOCK: [u8; 4_096] = [b'.'; 4_096];
    let mut file = disk.create(path)?;
    for _ in 0..BALLAST_BYTES / 4_096 {
        write_all(&mut file, &BLOCK)?;
    }
    file.sync()
}
