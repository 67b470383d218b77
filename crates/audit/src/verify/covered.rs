//! What checkpoints say of the records they cover.

use std::path::Path;

use super::finding::{Finding, Stop};
use super::notes::Known;
use super::walk::Walk;
use super::{Evidence, Keys, Kind, VerifyError};
use crate::log::{FailedAt as _, KEYS, KeyError, VerifyingKey, check_regular};

impl Walk {
    /// Compares the checkpoints that end at the head.
    pub(super) fn check_notes(&mut self) -> Result<(), Stop> {
        while let Some(known) = self.notes.up_to(self.head.seq)? {
            self.check(&known?)?;
        }
        Ok(())
    }

    fn check(&mut self, known: &Known) -> Result<(), Finding> {
        self.check_origin(known)?;
        let checkpoint = known.note.checkpoint();
        // Where the records are gone there is nothing to compare.
        if checkpoint.size() < self.before {
            return Ok(());
        }
        let tree = self.tree.get_or_insert_with(|| checkpoint.tree().clone());
        if checkpoint.head() != self.head || checkpoint.root() != tree.root() {
            return Err(known.finding(Kind::CheckpointMismatch));
        }
        self.checkpoints += 1;
        match known.line {
            Some(_) => self.signed_to = checkpoint.size(),
            None => self.anchored_to = checkpoint.size(),
        }
        Ok(())
    }

    /// Whose checkpoint it is, and of which log.
    pub(super) fn check_origin(&self, known: &Known) -> Result<(), Finding> {
        if self.keys_from != Keys::None && !known.note.is_signed(&self.keys) {
            return Err(known.finding(Kind::CheckpointSignature));
        }
        if self.chain.is_some_and(|chain| chain != known.note.checkpoint().chain()) {
            return Err(known.finding(Kind::CheckpointMismatch));
        }
        Ok(())
    }
}

/// Keys that were given, or else those beside the log.
pub(super) fn keys(dir: &Path, evidence: &Evidence) -> Result<(Vec<VerifyingKey>, Keys), VerifyError> {
    if !evidence.keys.is_empty() {
        return Ok((evidence.keys.clone(), Keys::Given));
    }
    let path = dir.join(KEYS);
    if path.exists() {
        check_regular(&path).at(&path)?;
    }
    match VerifyingKey::load_all(path) {
        Ok(keys) => Ok((keys, Keys::Directory)),
        Err(KeyError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Ok((Vec::new(), Keys::None))
        }
        Err(error) => Err(error.into()),
    }
}
