use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::user::{command, other_user};
use crate::folder::Folder;
use crate::program::find;

/// A folder that holds an empty database.
pub(super) fn folder_with_database() -> Folder {
    let folder = empty_folder();
    let data = data(&folder);
    let copied = command("cp").arg("-R").arg(template()).arg(&data).output();
    let copied = copied.unwrap_or_else(|error| panic!("no `cp`: {error}"));
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let private = fs::set_permissions(&data, fs::Permissions::from_mode(0o700));
    private.unwrap_or_else(|error| panic!("{}: {error}", data.display()));
    folder
}

/// Where the database is.
pub(super) fn data(folder: &Folder) -> PathBuf {
    folder.path().join("data")
}

/// Removes what a killed server left, since its number may be another process by now.
pub(super) fn clear_lock(folder: &Folder) {
    let _ = fs::remove_file(data(folder).join("postmaster.pid"));
}

fn empty_folder() -> Folder {
    let folder = Folder::new("postgres");
    if let Some(user) = other_user() {
        chown(folder.path(), Some(user.id), Some(user.group))
            .unwrap_or_else(|error| panic!("{}: {error}", folder.path().display()));
    }
    folder
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
    let making = empty_folder();
    let output = initdb(&data(&making));
    assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
    let moved = fs::rename(data(&making), &path);
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

fn initdb(data: &Path) -> Output {
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
