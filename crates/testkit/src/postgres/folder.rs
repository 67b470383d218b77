use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use super::programs::{command, find, other_user};

/// A folder for one server's data, gone when it is dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// A folder that holds an empty database.
    pub(super) fn new() -> Self {
        let folder = Self::empty();
        let copied = command("cp").arg("-R").arg(template()).arg(folder.data()).output();
        let copied = copied.unwrap_or_else(|error| panic!("no `cp`: {error}"));
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let private = fs::set_permissions(folder.data(), fs::Permissions::from_mode(0o700));
        private.unwrap_or_else(|error| panic!("{}: {error}", folder.data().display()));
        folder
    }

    fn empty() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("buttress-postgres-{}-{number}", process::id()));
        // What a process with the same number left behind long ago.
        let _ = fs::remove_dir_all(&path);
        let made = fs::create_dir(&path)
            .and_then(|()| other_user().map_or(Ok(()), |user| chown(&path, Some(user.id), Some(user.group))));
        made.unwrap_or_else(|error| panic!("{} cannot be made: {error}", path.display()));
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// What the server had to say, for the message of a test that fails.
    pub(super) fn read_log(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Forgets what was said so far, so that it is not taken for what is said next.
    pub(super) fn clear_log(&self) {
        let _ = fs::remove_file(self.log());
    }

    /// Removes what a killed server left, since its number may be another process by now.
    pub(super) fn clear_lock(&self) {
        let _ = fs::remove_file(self.data().join("postmaster.pid"));
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An empty database, made once for each user and version on this machine and copied from then on.
///
/// It comes into being under another name and is moved when it is whole, so that processes which make it at the same
/// time do not see each other's halves; the first one to be there stays.
fn template() -> PathBuf {
    let user = other_user().map_or_else(own_id, |user| user.id);
    let path = std::env::temp_dir().join(format!("buttress-postgres-template-{user}-{}", version()));
    if is_ours(&path, user) {
        return path;
    }
    let making = Folder::empty();
    let output = initdb(&making.data());
    assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
    let moved = fs::rename(making.data(), &path);
    assert!(is_ours(&path, user), "{} cannot be made: {moved:?}", path.display());
    path
}

/// Whether it is there, whole, and made by whom it should be: the folder for temporary files is open to all.
fn is_ours(path: &Path, user: u32) -> bool {
    let is_whole = path.join("PG_VERSION").is_file();
    is_whole && fs::symlink_metadata(path).is_ok_and(|folder| folder.is_dir() && folder.uid() == user)
}

fn own_id() -> u32 {
    fs::metadata("/proc/self").map_or(0, |process| process.uid())
}

fn initdb(data: &Path) -> process::Output {
    let mut initdb = command(find("initdb"));
    initdb.arg("--pgdata").arg(data);
    initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    initdb.output().unwrap_or_else(|error| panic!("initdb: {error}"))
}

/// Such as `15.14`.
fn version() -> String {
    let output = Command::new(find("initdb")).arg("--version").output();
    let output = output.unwrap_or_else(|error| panic!("initdb: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
        .unwrap_or("0")
        .to_owned()
}
