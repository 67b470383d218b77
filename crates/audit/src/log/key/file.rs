use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;

use super::super::directory_entry;
use super::{KeyError, NAME, SigningKey, VerifyingKey};

pub(super) fn load(path: &Path) -> Result<SigningKey, KeyError> {
    check_hidden(path)?;
    let text = fs::read_to_string(path).map_err(at(path))?;
    let key = SigningKey::from_text(&text);
    let malformed = || KeyError::Malformed { path: path.to_owned(), expected: "a signing key" };
    Ok(SigningKey { path: Some(path.to_owned()), ..key.ok_or_else(malformed)? })
}

pub(super) fn load_or_create(path: &Path) -> Result<SigningKey, KeyError> {
    match load(path) {
        Err(KeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    let key = SigningKey::generate(NAME)?;
    match create(path, &key.to_text()) {
        Ok(()) => Ok(SigningKey { path: Some(path.to_owned()), ..key }),
        // Somebody else was quicker; theirs is the key.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => load(path),
        Err(error) => Err(at(path)(error)),
    }
}

pub(super) fn load_public(path: &Path) -> Result<Vec<VerifyingKey>, KeyError> {
    let text = fs::read_to_string(path).map_err(at(path))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys = lines.map(str::parse).collect::<Result<Vec<_>, _>>();
    let malformed =
        || KeyError::Malformed { path: path.to_owned(), expected: "verifying keys, one in a line" };
    keys.ok().filter(|keys| !keys.is_empty()).ok_or_else(malformed)
}

/// Writes a file as a whole or not at all, and never over another.
fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".new-{}", process::id()));
    let draft = PathBuf::from(draft);
    // Left behind by a process that had this number and was killed here.
    let _none = fs::remove_file(&draft);
    let written = write(&draft, text).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    written.and(removed)?;
    directory_entry::sync(path)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = private(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(unix)]
fn private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// The group may read: that is how a mounted secret reaches a process that is not root.
#[cfg(unix)]
fn check_hidden(path: &Path) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).map_err(at(path))?.permissions().mode() & 0o7777;
    if mode & 0o037 != 0 {
        return Err(KeyError::Exposed { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_hidden(_: &Path) -> Result<(), KeyError> {
    Ok(())
}

fn at(path: &Path) -> impl Fn(io::Error) -> KeyError {
    move |source| KeyError::Io { path: path.to_owned(), source }
}
