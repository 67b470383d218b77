use std::fs;
use std::path::Path;

use super::VerifyError;
use crate::log::{Note, NoteLine, VerifyingKey};

/// What is known of a log from elsewhere.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Evidence {
    pub(super) anchors: Vec<Note>,
    pub(super) keys: Vec<VerifyingKey>,
}

impl Evidence {
    /// Nothing: the log is checked against itself, and against the key that lies beside it, which proves little.
    pub fn new() -> Self {
        Self::default()
    }

    /// A note that an anchor has kept.
    pub fn anchor(mut self, note: Note) -> Self {
        self.anchors.push(note);
        self
    }

    /// The notes in the file of an anchor: one as it is, or several as `{"note":".."}`, one in a line.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Anchor`] and [`VerifyError::NotAnAnchor`].
    pub fn anchor_from(mut self, path: impl AsRef<Path>) -> Result<Self, VerifyError> {
        let path = path.as_ref();
        let read = fs::read(path).map_err(|source| VerifyError::Anchor { path: path.to_owned(), source })?;
        let notes = notes(&read)
            .filter(|notes| !notes.is_empty())
            .ok_or_else(|| VerifyError::NotAnAnchor { path: path.to_owned(), source: crate::log::BadNote })?;
        self.anchors.extend(notes);
        Ok(self)
    }

    /// A key that signatures are checked with. With one given, the keys in the log's own directory count for nothing.
    pub fn key(mut self, key: VerifyingKey) -> Self {
        self.keys.push(key);
        self
    }

    /// The keys in a file, one in a line.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Key`].
    pub fn keys_from(mut self, path: impl AsRef<Path>) -> Result<Self, VerifyError> {
        self.keys.extend(VerifyingKey::load_all(path)?);
        Ok(self)
    }
}

fn notes(bytes: &[u8]) -> Option<Vec<Note>> {
    if bytes.starts_with(b"{") {
        return bytes.trim_ascii_end().split(|byte| *byte == b'\n').map(NoteLine::parse).collect();
    }
    let note = Note::parse(std::str::from_utf8(bytes).ok()?).ok()?;
    Some(vec![note])
}
