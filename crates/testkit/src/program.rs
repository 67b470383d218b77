use std::env;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::folder::Folder;

/// What tells one program that serves from another.
pub(crate) trait Program: Debug {
    /// What it writes to its log once it takes requests.
    const READY: &'static str;

    /// The program, found.
    fn path(&self) -> PathBuf;

    /// What it is called with.
    fn arguments(&self, port: u16, folder: &Folder) -> Vec<String>;

    /// Waits until the server on that port has answered something, for so long at most.
    fn greet(&self, port: u16, patience: Duration) -> io::Result<()>;

    /// Removes what a server that was killed left and the next one would stumble over.
    fn tidy(&self, _folder: &Folder) {}

    /// The shell that starts the server, and so the user it runs as.
    fn shell(&self) -> Command {
        Command::new("sh")
    }
}

/// Where a program is: the search path first, then where Debian keeps servers, of PostgreSQL the newest.
pub(crate) fn find(name: &str) -> PathBuf {
    let search = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&search).chain([PathBuf::from("/usr/sbin")]).chain(postgres_versions());
    let mut found = folders.map(|folder| folder.join(name)).filter(|path| path.is_file());
    found.next().unwrap_or_else(|| panic!("`{name}` is missing: run `cargo xtask test`, which installs it"))
}

fn postgres_versions() -> Vec<PathBuf> {
    let versions = Path::new("/usr/lib/postgresql").read_dir().into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin"))))
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, folder)| folder).collect()
}
