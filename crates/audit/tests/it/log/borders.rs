//! Whether a start sees that the files of a log do not fit together.

use std::fs;
use std::path::{Path, PathBuf};

use buttress_audit::Action;
use buttress_audit::log::{ChainId, Damage, Head, OpenError, WhenDamaged, seal};
use buttress_audit::verify::{Evidence, Verdict, verify};

use super::sample::{actions, builder, numbered, open, records, segments};

/// Some files of four records each, and one that is written.
async fn written(files: u64) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in 0..files {
        let log = open(&directory).unwrap();
        for number in 0..3 {
            log.record(numbered(Action::UPDATE, file * 3 + number)).await.unwrap();
        }
        log.rotate();
        log.close().await;
    }
    assert_eq!(segments(directory.path()).len() as u64, files + 1);
    directory
}

fn damage(directory: &Path) -> Damage {
    match open(directory) {
        Err(OpenError::Tampered(damage)) => damage,
        other => panic!("it is opened, {other:?}, with {:?}", segments(directory)),
    }
}

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap().split_inclusive('\n').map(str::to_owned).collect()
}

fn everything(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files = names.filter(|path| path.is_file() && !path.ends_with("lock"));
    let mut found: Vec<_> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    found.sort();
    found
}

/// What somebody does to the second of four files, and what is wrong then: kind, file and line, number that is due.
type Deed = (&'static str, fn(&[PathBuf]), (&'static str, usize, u64, u64));

const DEEDS: [Deed; 9] = [
    ("removed", |files| fs::remove_file(&files[1]).unwrap(), ("missing_segment", 2, 1, 5)),
    ("emptied", |files| fs::write(&files[1], "").unwrap(), ("missing_segment", 2, 1, 5)),
    (
        "cut short",
        |files| fs::write(&files[1], lines(&files[1])[..3].concat()).unwrap(),
        ("missing_segment", 2, 1, 8),
    ),
    (
        "cut in a line",
        |files| fs::write(&files[1], lines(&files[1]).concat().trim_end()).unwrap(),
        ("bad_line", 1, 4, 8),
    ),
    (
        "without its beginning",
        |files| fs::write(&files[1], lines(&files[1])[1..].concat()).unwrap(),
        ("seq_order", 1, 1, 5),
    ),
    ("swapped with the third", |files| swap(&files[1], &files[2]), ("seq_order", 1, 1, 5)),
    ("changed in its first record", |files| change(&files[1], 0), ("hash_mismatch", 1, 1, 5)),
    ("changed in its last record", |files| change(&files[1], 3), ("hash_mismatch", 1, 4, 8)),
    ("written anew", write_anew, ("prev_mismatch", 2, 1, 9)),
];

fn swap(one: &Path, other: &Path) {
    let text = fs::read(one).unwrap();
    fs::write(one, fs::read(other).unwrap()).unwrap();
    fs::write(other, text).unwrap();
}

fn change(file: &Path, line: usize) {
    let mut lines = lines(file);
    lines[line] = lines[line].replacen("\"v\":1", "\"v\":2", 1);
    fs::write(file, lines.concat()).unwrap();
}

/// With one event more, and every hash in the file computed anew.
fn write_anew(files: &[PathBuf]) {
    let (mut head, mut text) = (None, Vec::new());
    for line in lines(&files[1]) {
        let line = buttress_audit::log::Line::parse(line.trim_end().as_bytes()).unwrap();
        let before = head.unwrap_or(Head { seq: line.seq - 1, hash: line.prev });
        let event = String::from_utf8(line.event.to_vec()).unwrap().replace("\"number\":", "\"number\":9");
        head = Some(seal(line.chain, before, event.as_bytes(), &mut text));
    }
    fs::write(&files[1], text).unwrap();
}

#[tokio::test]
async fn an_old_file_that_does_not_fit_its_neighbours_is_named_as_the_verifier_names_it_and_nothing_is_touched()
 {
    // The third of four files is the one right in front of the one that is written.
    for (which, (what, deed, (kind, file, line, seq))) in
        [1, 2].into_iter().flat_map(|which| DEEDS.map(|deed| (which, deed)))
    {
        let directory = written(3).await;
        let files = segments(directory.path());
        let (files, seq) = (&files[which - 1..], seq + 4 * (which as u64 - 1));
        deed(files);
        let before = everything(directory.path());
        let damage = damage(directory.path());
        let named = (damage.kind, &damage.file, damage.line, damage.seq);
        assert_eq!(named, (kind, &files[file], line, seq), "{which}, {what}");
        let is_last_touched = which == 2 && what == "swapped with the third";
        assert_eq!(damage.can_go_on, !is_last_touched, "{which}, {what}");
        assert_eq!(everything(directory.path()), before, "{which}, {what}: nothing is touched");
        let name = files[file].file_name().unwrap().to_str().unwrap().to_owned();
        let Verdict::Tampered { kind: verified, seq: at, file: of, line: number } =
            verify(directory.path(), &Evidence::new(), |_| {}).unwrap().verdict
        else {
            panic!("{which}, {what}");
        };
        assert_eq!(
            (verified.as_str(), at, of, number),
            (kind, seq, Some(name), Some(line)),
            "{which}, {what}"
        );
    }
}

#[tokio::test]
async fn the_words_say_which_file_which_record_and_what_was_expected() {
    let directory = written(3).await;
    let files = segments(directory.path());
    fs::remove_file(&files[1]).unwrap();
    let text = open(&directory).unwrap_err().to_string();
    let expected = format!(
        "{}, line 1: missing_segment, where record 5 should be, as segment-00000000000000000001.jsonl ends with \
         record 4, and record 9 is; the log goes on as it is or as a new chain only if `when_damaged` says so",
        files[2].display()
    );
    assert_eq!(text, expected);
}

#[tokio::test]
async fn what_is_changed_between_the_ends_of_an_old_file_is_left_to_verification() {
    let directory = written(3).await;
    change(&segments(directory.path())[1], 2);
    drop(open(&directory).unwrap());
    assert!(matches!(
        verify(directory.path(), &Evidence::new(), |_| {}).unwrap().verdict,
        Verdict::Tampered { seq: 7, .. }
    ));
}

#[tokio::test]
async fn a_log_whose_old_files_do_not_fit_goes_on_where_that_was_chosen_and_says_so_each_time() {
    let directory = written(3).await;
    let files = segments(directory.path());
    fs::remove_file(&files[1]).unwrap();
    let expected = damage(directory.path());
    for start in 1..3 {
        let log = builder(&directory).when_damaged(WhenDamaged::GoOn).open().unwrap();
        assert_eq!(log.status().damage.as_ref(), Some(&expected));
        log.record(numbered(Action::UPDATE, 90 + start)).await.unwrap();
        log.rotate();
        log.close().await;
        let found = records_behind(directory.path());
        assert_eq!(found.len() as u64, start, "{found:?}");
        assert_eq!(found[0]["seq"], 5);
        assert_eq!(found[0]["file"], "segment-00000000000000000009.jsonl");
        assert_eq!(found[0]["kind"], "missing_segment");
    }
    assert_eq!(damage(directory.path()), expected, "what is missing is not made good by going on");
}

/// What records about damage say, in the files behind the hole.
fn records_behind(directory: &Path) -> Vec<serde_json::Value> {
    let files = segments(directory);
    let found = super::sample::records_of(&files[1..]);
    let told = found.into_iter().filter(|record| record.action() == "AUDIT_DAMAGE_FOUND");
    told.map(|record| record.details().clone()).collect()
}

#[tokio::test]
async fn damage_that_was_gone_on_with_is_pruned_like_the_rest_and_the_record_that_told_of_it_stays() {
    let directory = written(3).await;
    fs::remove_file(&segments(directory.path())[1]).unwrap();
    let verdict = || verify(directory.path(), &Evidence::new(), |_| {}).unwrap().verdict;
    let log = builder(&directory).when_damaged(WhenDamaged::GoOn).open().unwrap();
    log.close().await;
    assert!(matches!(verdict(), Verdict::Tampered { seq: 5, .. }));
    let log = builder(&directory).when_damaged(WhenDamaged::GoOn).keep_segments(2).open().unwrap();
    log.rotate();
    log.close().await;
    assert!(matches!(verdict(), Verdict::Pruned { .. }), "{:?}", verdict());
    assert!(actions(directory.path()).contains(&"AUDIT_DAMAGE_FOUND".to_owned()));
    assert_eq!(open(&directory).unwrap().status().damage, None);
}

#[tokio::test]
async fn damage_in_the_file_that_is_written_is_not_gone_on_with() {
    let directory = written(1).await;
    drop(open(&directory).unwrap());
    let last = segments(directory.path()).pop().unwrap();
    let log = open(&directory).unwrap();
    log.record(numbered(Action::UPDATE, 1)).await.unwrap();
    log.close().await;
    change(&last, 0);
    let error = builder(&directory).when_damaged(WhenDamaged::GoOn).open().unwrap_err();
    let OpenError::Tampered(damage) = &error else { panic!("{error:?}") };
    assert!(!damage.can_go_on);
    assert!(error.to_string().ends_with("; the log can go on only as a new chain"), "{error}");
}

#[tokio::test]
async fn a_new_chain_is_begun_beside_files_that_do_not_fit_where_that_was_chosen() {
    let directory = written(3).await;
    fs::remove_file(&segments(directory.path())[1]).unwrap();
    drop(builder(&directory).when_damaged(WhenDamaged::BeginNewChain).open().unwrap());
    assert_eq!(actions(directory.path()), ["AUDIT_SEGMENT_OPENED", "AUDIT_CHAIN_BEGUN"]);
    assert_eq!(records(directory.path())[1].details()["old"]["seq"], 4);
    assert_eq!(segments(&directory.path().join("damaged-1")).len(), 3);
}

/// A log of which retention has deleted the oldest files.
async fn pruned() -> tempfile::TempDir {
    let directory = written(5).await;
    let log = builder(&directory).keep_segments(4).open().unwrap();
    log.record(numbered(Action::UPDATE, 90)).await.unwrap();
    log.rotate();
    log.close().await;
    let found = records(directory.path());
    assert!(found[0].seq > 1 && found.iter().any(|record| record.action() == "AUDIT_RETENTION"));
    directory
}

#[tokio::test]
async fn a_beginning_that_retention_deleted_is_not_missed_and_one_that_somebody_deleted_is() {
    let directory = pruned().await;
    // Also when the record that told of it is not in the last file.
    for _ in 0..2 {
        let log = open(&directory).unwrap();
        assert_eq!(log.status().damage, None);
        log.record(numbered(Action::UPDATE, 91)).await.unwrap();
        log.rotate();
        log.close().await;
    }
    let oldest = records(directory.path())[0].seq;
    fs::remove_file(&segments(directory.path())[0]).unwrap();
    let damage = damage(directory.path());
    assert_eq!((damage.kind, damage.seq, damage.line), ("missing_segment", oldest, 1));
    assert_eq!(damage.file, segments(directory.path())[0]);
    assert!(damage.found > Some(oldest) && damage.after.is_none() && damage.can_go_on);
}

#[tokio::test]
async fn what_an_interrupted_deletion_has_left_is_not_taken_for_damage() {
    let original = written(5).await;
    let kept: Vec<_> = everything(original.path());
    let log = builder(&original).keep_segments(2).open().unwrap();
    log.rotate();
    log.close().await;
    let left = segments(original.path()).len();
    assert!(left < 4, "{left}");
    // The first of those that were to go has come back, as after a loss of power.
    let (path, text) = kept.iter().find(|(path, _)| path.to_str().unwrap().contains("segment-")).unwrap();
    fs::write(path, text).unwrap();
    let log = open(&original).unwrap();
    assert_eq!(log.status().damage, None);
}

#[tokio::test]
async fn a_log_of_an_earlier_version_says_nothing_of_its_beginning_and_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("format"), "buttress-audit-log 1\n").unwrap();
    let chain = ChainId::from_bytes([7; 16]);
    let mut head = Head { seq: 8, hash: [3; 32] };
    for first in [9, 12] {
        let mut text = Vec::new();
        for _ in 0..3 {
            head = seal(
                chain,
                head,
                br#"{"action":"AUDIT_SEGMENT_OPENED","details":{"why":"size"}}"#,
                &mut text,
            );
        }
        fs::write(directory.path().join(format!("segment-{first:020}.jsonl")), text).unwrap();
    }
    let log = open(&directory).unwrap();
    assert_eq!((log.status().damage, log.chain()), (None, chain));
}

#[tokio::test]
async fn a_log_of_which_every_file_is_gone_is_not_begun_anew() {
    let directory = written(1).await;
    assert!(directory.path().join("ballast").exists());
    for file in segments(directory.path()) {
        fs::remove_file(file).unwrap();
    }
    let damage = damage(directory.path());
    assert_eq!((damage.kind, damage.seq, damage.can_go_on), ("missing_segment", 1, false));
    assert_eq!(segments(directory.path()), Vec::<PathBuf>::new());
    let log = builder(&directory).when_damaged(WhenDamaged::BeginNewChain).open().unwrap();
    log.record(numbered(Action::UPDATE, 1)).await.unwrap();
    log.close().await;
    drop(open(&directory).unwrap());
}
