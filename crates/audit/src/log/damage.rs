use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// What is wrong where records are not there, as the verifier says it.
pub(super) const MISSING: &str = "missing_segment";

/// What is wrong first in a log that is opened: a record that is not what was written there, or is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The file in which it was found.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u64,
    /// The number of the record that should be there.
    pub seq: u64,
    /// What is wrong, in one word, as the verifier says it.
    pub kind: &'static str,
    /// The file before, whose end this one should continue.
    pub after: Option<PathBuf>,
    /// The number of the record that is there instead.
    pub found: Option<u64>,
    /// Whether it is in an older file only: what comes next has a whole record to follow.
    pub can_go_on: bool,
}

impl Damage {
    pub(super) fn new(file: &Path, line: u64, seq: u64, kind: &'static str) -> Self {
        Self { file: file.to_owned(), line, seq, kind, after: None, found: None, can_go_on: false }
    }

    pub(super) fn details(&self) -> Value {
        json!({
            "file": name(&self.file),
            "line": self.line,
            "seq": self.seq,
            "kind": self.kind,
            "after": self.after.as_deref().map(name),
            "found": self.found,
        })
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, seq, kind, .. } = self;
        write!(f, "{}, line {line}: {kind}, where record {seq} should be", file.display())?;
        if let Some(after) = &self.after {
            write!(f, ", as {} ends with record {}", name(after), seq.saturating_sub(1))?;
        }
        self.found.map_or(Ok(()), |found| write!(f, ", and record {found} is"))
    }
}
