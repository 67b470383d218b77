use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::log::{AuditLog, Head, Line, seal};
use crate::{Action, Event};

/// A log in a directory of its own, gone when it is dropped.
#[derive(Debug)]
pub struct Written {
    /// The log.
    pub log: AuditLog,
    // After the log, which closes first.
    folder: TempDir,
}

impl Written {
    /// A log that says nothing yet but that it was opened.
    pub fn new() -> Self {
        let folder = folder();
        let log = AuditLog::open(folder.path().join("log")).unwrap_or_else(|error| panic!("{error}"));
        Self { log, folder }
    }

    /// Records so many events of 300 bytes and more, and says how many records the log has then.
    pub async fn add(&self, events: usize) -> u64 {
        for n in 0..events {
            let event = Event::builder(Action::UPDATE).detail("n", n).detail("text", "z".repeat(300));
            self.record(event.build()).await;
        }
        self.end()
    }

    /// Records an event.
    pub async fn record(&self, event: Event) {
        self.log.record(event).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// How many records it has.
    pub fn end(&self) -> u64 {
        self.log.watch().borrow().seq
    }

    /// The lines of its files, without their line feeds.
    pub fn lines(&self) -> Vec<String> {
        let entries = fs::read_dir(self.log.directory()).unwrap_or_else(|error| panic!("{error}"));
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.to_string_lossy().contains("/segment-"));
        files.sort();
        let text: String = files.iter().map(|path| read(path)).collect();
        text.lines().map(str::to_owned).collect()
    }

    /// Forgets how far a sink was.
    pub fn forget_cursor(&self, sink: &str) {
        let cursor = self.log.directory().join(format!("cursors/{sink}.json"));
        fs::remove_file(&cursor).unwrap_or_else(|error| panic!("{}: {error}", cursor.display()));
    }

    /// A log that has the first records of this one, and no other.
    pub fn cut(&self, records: usize) -> TempDir {
        copy(&self.lines()[..records], &[])
    }

    /// A log that has the first records of this one, and then so many others.
    pub fn fork(&self, records: usize, others: usize) -> TempDir {
        let common = &self.lines()[..records];
        let mut head = common.last().map_or(Head::START, |last| head_of(last));
        let mut fork = Vec::new();
        for _ in 0..others {
            head = seal(self.log.chain(), head, b"{}", &mut fork);
        }
        copy(common, &fork)
    }

    /// The directory of the log, and a place for what belongs to it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Default for Written {
    fn default() -> Self {
        Self::new()
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap_or_else(|error| panic!("no directory can be made: {error}"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn head_of(line: &str) -> Head {
    let line = Line::parse(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"));
    Head { seq: line.seq, hash: line.hash }
}

fn copy(lines: &[String], more: &[u8]) -> TempDir {
    let folder = folder();
    let mut text: Vec<u8> = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect();
    text.extend_from_slice(more);
    let segment = folder.path().join("segment-00000000000000000001.jsonl");
    fs::write(&segment, text).unwrap_or_else(|error| panic!("{}: {error}", segment.display()));
    folder
}
