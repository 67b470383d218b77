//! What is in the directory of a log and should not be: pipes in place of files, and logs of later versions.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use buttress_audit::Action;
use buttress_audit::log::{AuditLog, Query, ReadError, Reader};
use buttress_audit::verify::{Evidence, verify};

use super::sample::{builder, numbered, open, segments};

const FILES: [&str; 4] = [
    "segment-00000000000000000001.jsonl",
    "segment-00000000000000000003.jsonl",
    "format",
    "checkpoints.jsonl",
];

/// Two files of records.
async fn written() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let log = open(&directory).unwrap();
    log.record(numbered(Action::UPDATE, 1)).await.unwrap();
    log.rotate();
    log.close().await;
    assert_eq!(segments(directory.path()).len(), 2);
    directory
}

/// What an error says, with its causes.
fn words(error: &dyn Error) -> String {
    let (mut words, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

/// What is done in a directory, and what it says if it cannot be done.
type Deed = (&'static str, fn(&Path) -> Result<(), Box<dyn Error>>);

const DEEDS: [Deed; 4] = [
    ("open", |dir| builder(dir).open().map(drop).map_err(Into::into)),
    ("read", |dir| {
        let mut reader = Reader::open(dir)?.from_seq(1);
        while !reader.next_batch(1, 1)?.is_empty() {}
        Ok(())
    }),
    ("query", |dir| Query::new().page(dir, None, 10).map(drop).map_err(Into::into)),
    ("verify", |dir| verify(dir, &Evidence::new(), |_| {}).map(drop).map_err(Into::into)),
];

/// Does it, and fails where it takes for ever.
fn within_a_while(what: &str, deed: Deed, dir: &Path) -> Option<String> {
    let ((name, deed), dir) = (deed, dir.to_owned());
    let (end, ended) = mpsc::channel();
    std::thread::spawn(move || end.send(deed(&dir).err().map(|error| words(&*error))));
    ended.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("{name} waits for {what}"))
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_place_of_a_file_is_refused_by_name_and_not_waited_for() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    for file in FILES {
        let directory = written().await;
        let path = directory.path().join(file);
        let _not_signed = fs::remove_file(&path);
        mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
        for deed in DEEDS {
            // Signatures are read by verification, and by a start that signs.
            let is_read = file != "checkpoints.jsonl" || deed.0 == "verify";
            let said = within_a_while(file, deed, directory.path());
            assert_eq!(said.is_some(), is_read, "{} {file}: {said:?}", deed.0);
            if let Some(said) = said {
                assert!(
                    said.contains(file) && said.ends_with("it is not a regular file"),
                    "{}: {said}",
                    deed.0
                );
            }
        }
    }
}

#[tokio::test]
async fn a_directory_in_place_of_a_file_is_refused_too() {
    let directory = written().await;
    let first = directory.path().join(FILES[0]);
    fs::remove_file(&first).unwrap();
    fs::create_dir(&first).unwrap();
    for deed in DEEDS {
        let said = within_a_while("a directory", deed, directory.path()).expect(deed.0);
        assert!(said.contains(FILES[0]) && said.ends_with("it is not a regular file"), "{}: {said}", deed.0);
    }
}

#[tokio::test]
async fn a_log_of_a_later_version_is_read_by_nobody_and_both_versions_are_named() {
    let directory = written().await;
    fs::write(directory.path().join("format"), "buttress-audit-log 12\n").unwrap();
    for deed in DEEDS {
        let said = within_a_while("a later version", deed, directory.path()).expect(deed.0);
        assert!(said.contains("has format \"12\", this version reads formats up to 1"), "{}: {said}", deed.0);
    }
    let error = Reader::open(directory.path()).unwrap_err();
    assert!(matches!(error, ReadError::Directory(_)), "{error:?}");
}

#[tokio::test]
async fn the_command_says_so_as_well_and_exits_with_1() {
    let directory = written().await;
    fs::write(directory.path().join("format"), "buttress-audit-log 12\n").unwrap();
    for command in [&["tail"][..], &["tail", "--follow"], &["query"]] {
        let mut process = Command::new(env!("CARGO_BIN_EXE_buttress-audit"));
        let output = process.arg(command[0]).arg(directory.path()).args(&command[1..]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{command:?}: {said}");
        assert!(
            said.contains("has format \"12\", this version reads formats up to 1"),
            "{command:?}: {said}"
        );
    }
}

#[test]
fn what_reads_does_not_mind_a_directory_in_which_nothing_was_begun() {
    let directory = tempfile::tempdir().unwrap();
    Reader::open(directory.path()).unwrap();
    assert_eq!(Query::new().page(directory.path(), None, 1).unwrap().records, []);
    drop(AuditLog::open(&directory).unwrap());
}
