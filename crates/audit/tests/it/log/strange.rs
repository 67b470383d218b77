//! What is in the directory of a log and should not be: pipes and links in place of files, and logs of later versions.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use buttress_audit::Action;
use buttress_audit::log::{AuditLog, Query, ReadError, Reader};
use buttress_audit::verify::{Evidence, verify};

use super::sample::{builder, numbered, open, segments, until};

const FILES: [&str; 5] = [
    "segment-00000000000000000001.jsonl",
    "segment-00000000000000000003.jsonl",
    "format",
    "checkpoints.jsonl",
    "key.pub",
];

/// What only verification reads, and a start that signs.
const OF_SIGNATURES: [&str; 2] = ["checkpoints.jsonl", "key.pub"];

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
            let is_read = !OF_SIGNATURES.contains(&file) || deed.0 == "verify";
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

/// What is put in the place of a file, given what it could point to.
#[cfg(unix)]
const IN_THE_WAY: [fn(&Path, &Path); 2] = [
    |path, other| std::os::unix::fs::symlink(other, path).unwrap(),
    |path, _| {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
    },
];

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_written_through_a_link_and_no_pipe_is_waited_for_where_a_file_is_to_be_made() {
    for (put, file) in
        IN_THE_WAY.into_iter().flat_map(|put| ["lock", "format.new", "key.pub"].map(|file| (put, file)))
    {
        let (parent, directory) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let other = parent.path().join("other");
        fs::write(&other, "of somebody else").unwrap();
        if file == "key.pub" {
            drop(open(&directory).unwrap());
        }
        put(&directory.path().join(file), &other);
        let signed: Deed = ("open", |dir| {
            let key = buttress_audit::log::SigningKey::generate("test")?;
            let checkpoints = buttress_audit::log::Checkpoints::signed_by(key);
            builder(dir).checkpoints(checkpoints).open().map(drop).map_err(Into::into)
        });
        let said = within_a_while(file, signed, directory.path()).expect(file);
        assert!(said.contains(file.trim_end_matches(".new")), "{said}");
        assert!(said.ends_with("it is not a regular file"), "{said}");
        assert_eq!(fs::read_to_string(&other).unwrap(), "of somebody else", "{file}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_or_a_pipe_in_place_of_the_next_file_or_the_room_that_is_kept_back_is_removed() {
    for put in IN_THE_WAY {
        let (parent, directory) = (tempfile::tempdir().unwrap(), written().await);
        let other = parent.path().join("other");
        fs::write(&other, "of somebody else").unwrap();
        let ballast = directory.path().join("ballast");
        fs::remove_file(&ballast).unwrap();
        put(&ballast, &other);
        assert_eq!(within_a_while("the room", DEEDS[0], directory.path()), None);
        let log = open(&directory).unwrap();
        let receipt = log.record(numbered(Action::LOGIN, 2)).await.unwrap();
        let next = directory.path().join(format!("segment-{:020}.jsonl", receipt.seq.unwrap() + 1));
        put(&next, &other);
        until(&log, "the next file is there", |status| {
            log.rotate();
            status.segments == 3
        })
        .await;
        log.close().await;
        assert!(fs::symlink_metadata(&next).unwrap().is_file());
        assert_eq!(fs::read_to_string(&other).unwrap(), "of somebody else");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_strange_name_is_told_in_one_line_that_moves_no_terminal() {
    use std::os::unix::ffi::OsStrExt as _;
    let directory = tempfile::tempdir().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"a\nb\x1b[2J\xe2\x80\xae\xff");
    fs::write(directory.path().join(name), "").unwrap();
    let said = open(&directory).unwrap_err().to_string();
    assert!(said.contains(r#"holds "a\nb\u{1b}[2J\u{202e}\xFF", which"#), "{said}");
}
