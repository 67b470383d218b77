use std::path::Path;
use std::process::Command;

use crate::folder::Folder;

/// A file system of one MiB with nothing in it, gone when it is dropped.
#[derive(Debug)]
pub struct TinyDisk(Folder);

impl TinyDisk {
    /// None where this process may not mount one: that takes Linux, and the administrator.
    #[must_use]
    pub fn mount() -> Option<Self> {
        let folder = Folder::new("disk");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|mount| mount.status.success()).then_some(Self(folder))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        // After a failure somebody may have a file open on it for a moment.
        drop(Command::new("umount").arg("--lazy").arg(self.path()).output());
    }
}
