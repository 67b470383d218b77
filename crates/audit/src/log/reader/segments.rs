use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{FailedAt, ReadError};

/// One file of records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Segment {
    /// The number of its first record, as its name says.
    pub(crate) first: u64,
    pub(crate) path: PathBuf,
}

/// The name of the segment that begins with this record.
pub(crate) fn segment_name(first: u64) -> String {
    format!("segment-{first:020}.jsonl")
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
        if let Some(first) = entry.file_name().to_str().and_then(first_of) {
            found.push(Segment { first, path: entry.path() });
        }
    }
    Ok(found)
}

/// The number in the name of a segment.
fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("segment-")?.strip_suffix(".jsonl")?;
    let first = digits.parse().ok()?;
    (segment_name(first) == name && first > 0).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_known_by_the_exact_form_of_its_name() {
        assert_eq!(first_of("segment-00000000000000000042.jsonl"), Some(42));
        assert_eq!(first_of(&segment_name(u64::MAX)), Some(u64::MAX));
        let not = [
            "segment-42.jsonl",
            "segment-00000000000000000000.jsonl",
            "segment-+0000000000000000042.jsonl",
            "segment-00000000000000000042.jsonl.torn-17",
            "segment-99999999999999999999.jsonl",
            "Segment-00000000000000000042.jsonl",
            "lock",
        ];
        for name in not {
            assert_eq!(first_of(name), None, "{name}");
        }
    }
}
