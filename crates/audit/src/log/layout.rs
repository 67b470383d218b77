//! The names in the directory of a log.

use std::fs;
use std::path::{Path, PathBuf};

/// Locked while a log is open; holds the ID of the process that locked it last.
pub(super) const LOCK: &str = "lock";

/// Says which format the directory has.
pub(super) const FORMAT: &str = "format";

/// Room that is given back when the disk is full.
pub(super) const BALLAST: &str = "ballast";

/// Damaged logs that a new chain was begun beside.
pub(super) const DAMAGED: &str = "damaged-";

const SEGMENT: &str = "segment-";
const LINES: &str = ".jsonl";
const TORN: &str = ".torn-";

/// What others keep here: signatures, the key to check them with, and where sinks are.
const BESIDE: [&str; 3] = ["checkpoints", "key.pub", "cursors"];

/// What a file system puts into directories by itself.
const OF_THE_SYSTEM: [&str; 2] = ["lost+found", ".nfs"];

/// The file whose first record has this number.
pub(super) fn segment(directory: &Path, first: u64) -> PathBuf {
    directory.join(format!("{SEGMENT}{first:020}{LINES}"))
}

/// The number of the first record in a file of this name, if the name is that of a segment.
pub(super) fn segment_first(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(SEGMENT)?.strip_suffix(LINES)?;
    let is_number = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// The sinks that have been here.
pub(super) fn sinks(directory: &Path) -> Vec<String> {
    let Ok(cursors) = fs::read_dir(directory.join("cursors")) else { return Vec::new() };
    let names = cursors.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect()
}

/// Where the end of a segment is moved that cannot be read.
pub(super) fn torn(segment: &Path, offset: u64) -> PathBuf {
    let mut path = segment.as_os_str().to_owned();
    path.push(format!("{TORN}{offset}"));
    path.into()
}

/// Whether a file of this name is of one chain, and not of the directory.
pub(super) fn belongs_to_a_chain(name: &str) -> bool {
    is_ours(name) && (name.starts_with(SEGMENT) || BESIDE.iter().any(|prefix| name.starts_with(prefix)))
}

/// Whether something of this name belongs into the directory of a log.
pub(super) fn is_ours(name: &str) -> bool {
    let is_torn = || name.split_once(TORN).is_some_and(|(segment, _)| segment_first(segment).is_some());
    [LOCK, FORMAT, BALLAST].contains(&name)
        || name == format!("{FORMAT}.new")
        || BESIDE.into_iter().chain(OF_THE_SYSTEM).any(|prefix| name.starts_with(prefix))
        || name.starts_with(DAMAGED)
        || segment_first(name).is_some()
        || is_torn()
}

/// Whether a name would be there although nobody has begun a log.
pub(super) fn is_harmless(name: &str) -> bool {
    name == LOCK || name == format!("{FORMAT}.new") || OF_THE_SYSTEM.iter().any(|own| name.starts_with(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_only_in_the_form_they_are_written() {
        let path = segment(Path::new("log"), 42);
        assert_eq!(path, Path::new("log/segment-00000000000000000042.jsonl"));
        assert_eq!(segment_first("segment-00000000000000000042.jsonl"), Some(42));
        for other in
            ["segment-42.jsonl", "segment-0000000000000000004x.jsonl", "segment-+0000000000000000042.jsonl"]
        {
            assert_eq!(segment_first(other), None, "{other}");
            assert!(!is_ours(other), "{other}");
        }
        let torn = torn(&path, 17);
        assert!(is_ours(torn.file_name().unwrap().to_str().unwrap()), "{}", torn.display());
        assert!(!is_ours("diary.torn-17") && !is_ours("segment-00000000000000000042.jsonl.gz"));
    }
}
