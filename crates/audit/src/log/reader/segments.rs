use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::layout::segment_first;
use super::{FailedAt, ReadError};

/// One file of records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Segment {
    /// The number of its first record, as its name says.
    pub(crate) first: u64,
    pub(crate) path: PathBuf,
}

impl Segment {
    /// The name of the file.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The segments of a directory in their order. Files with other names are passed over.
pub(crate) fn segments(dir: &Path) -> Result<Vec<Segment>, ReadError> {
    let mut found = list(dir).at(dir)?;
    found.sort_unstable();
    Ok(found)
}

fn list(dir: &Path) -> io::Result<Vec<Segment>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if let Some(first) = entry.file_name().to_str().and_then(segment_first).filter(|first| *first > 0) {
            found.push(Segment { first, path: entry.path() });
        }
    }
    Ok(found)
}

/// The name of the segment that begins with this record.
#[cfg(test)]
pub(crate) fn segment_name(first: u64) -> String {
    format!("segment-{first:020}.jsonl")
}
