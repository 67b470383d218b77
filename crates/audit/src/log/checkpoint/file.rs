use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::directory_entry;
use super::super::note::Note;
use super::super::reader::Backwards;
use super::super::regular;

/// The signed checkpoints of a log: one JSON object in a line, with a note in it.
pub(crate) const NOTES: &str = "checkpoints.jsonl";

/// The keys that their signatures are checked with, for whoever has no better source of them.
pub(crate) const KEYS: &str = "key.pub";

/// One line of the file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoteLine {
    note: String,
}

impl NoteLine {
    /// The note in a line, given without its line feed.
    pub(crate) fn parse(line: &[u8]) -> Option<Note> {
        Note::parse(&serde_json::from_slice::<Self>(line).ok()?.note).ok()
    }

    fn write(note: &Note) -> io::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(&Self { note: note.as_str().to_owned() })?;
        line.push(b'\n');
        Ok(line)
    }
}

/// The file that checkpoints are added to.
#[derive(Debug)]
pub(super) struct NoteFile {
    path: PathBuf,
    /// How much of it is whole lines.
    len: u64,
    /// None before the first use, and after a failure.
    file: Option<File>,
}

impl NoteFile {
    /// The file of a directory, and its last whole line.
    pub(super) fn open(dir: &Path) -> io::Result<(Self, Option<Vec<u8>>)> {
        let path = dir.join(NOTES);
        let (len, last) = match regular::open(&path) {
            Ok(file) => {
                let end = file.metadata()?.len();
                let mut lines = Backwards::new(file, end)?;
                (lines.left(), lines.next()?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (0, None),
            Err(error) => return Err(error),
        };
        Ok((Self { path, len, file: None }, last))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a note; synced when this returns. After a failure the next one takes the place of what was half written.
    pub(super) fn append(&mut self, note: &Note) -> io::Result<()> {
        let line = NoteLine::write(note)?;
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.reopen()?,
        };
        file.write_all(&line)?;
        file.sync_data()?;
        self.len += line.len() as u64;
        self.file = Some(file);
        Ok(())
    }

    fn reopen(&self) -> io::Result<File> {
        let file = regular::open_to_write(File::options().append(true).create(true), &self.path)?;
        file.set_len(self.len)?;
        directory_entry::sync(&self.path)?;
        Ok(file)
    }

    /// Drops the notes that end before the record in front of this one. The last note stays in any case.
    pub(super) fn forget_before(&mut self, first: u64) -> io::Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        let draft = self.path.with_extension("jsonl.new");
        let kept = self.copy_from(first, &draft)?;
        self.file = None;
        fs::rename(&draft, &self.path)?;
        self.len = kept;
        directory_entry::sync(&self.path)
    }

    fn copy_from(&self, first: u64, draft: &Path) -> io::Result<u64> {
        let mut input = BufReader::new(regular::open(&self.path)?);
        let options = &mut File::options();
        let draft = regular::open_to_write(options.write(true).create(true).truncate(true), draft)?;
        let mut output = BufWriter::new(draft);
        let (mut line, mut read, mut kept) = (Vec::new(), 0, 0);
        while read < self.len {
            line.clear();
            read += input.read_until(b'\n', &mut line)? as u64;
            let is_old = |note: Note| note.checkpoint().size() < first.saturating_sub(1);
            if read >= self.len || !NoteLine::parse(line.trim_ascii_end()).is_some_and(is_old) {
                output.write_all(&line)?;
                kept += line.len() as u64;
            }
        }
        output.into_inner()?.sync_all()?;
        Ok(kept)
    }
}
