use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use buttress_audit::log::{Damage, OpenError, WhenDamaged};
use buttress_audit::{Action, Event};
use buttress_testkit::TinyDisk;

use super::sample::{actions, builder, numbered, numbers, open, records, segments, until};

async fn write(directory: &Path, numbers: std::ops::Range<u64>) {
    let log = open(directory).unwrap();
    for number in numbers {
        log.record(numbered(Action::UPDATE, number)).await.unwrap();
    }
    log.close().await;
}

/// Where each line of a file ends.
fn ends(file: &Path) -> Vec<usize> {
    let text = fs::read(file).unwrap();
    text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect()
}

fn last_segment(directory: &Path) -> PathBuf {
    segments(directory).pop().unwrap()
}

#[tokio::test]
async fn a_last_line_torn_at_any_byte_is_cut_moved_aside_and_told_of() {
    let original = tempfile::tempdir().unwrap();
    write(original.path(), 0..3).await;
    let text = fs::read(last_segment(original.path())).unwrap();
    let ends = ends(&last_segment(original.path()));
    let (before, whole) = (ends[2], ends[3]);
    for cut in before + 1..whole {
        let directory = tempfile::tempdir().unwrap();
        fs::copy(original.path().join("format"), directory.path().join("format")).unwrap();
        let segment = directory.path().join(last_segment(original.path()).file_name().unwrap());
        fs::write(&segment, &text[..cut]).unwrap();
        write(directory.path(), 7..8).await;
        assert_eq!(numbers(directory.path()), [0, 1, 7], "cut after {cut} bytes");
        let torn = directory.path().join(format!("segment-00000000000000000001.jsonl.torn-{before}"));
        assert_eq!(fs::read(torn).unwrap(), &text[before..cut]);
        let told = &records(directory.path())[3];
        assert_eq!(told.action(), "AUDIT_TAIL_REPAIRED");
        assert_eq!(told.details()["offset"].as_u64(), Some(before as u64));
        assert_eq!(told.details()["bytes"].as_u64(), Some((cut - before) as u64));
    }
}

#[tokio::test]
async fn a_last_line_that_is_not_what_was_written_is_cut_too() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), 0..3).await;
    let segment = last_segment(directory.path());
    let mut file = File::options().append(true).open(&segment).unwrap();
    file.write_all(&[0; 4_096]).unwrap();
    write(directory.path(), 3..4).await;
    assert_eq!(numbers(directory.path()), [0, 1, 2, 3]);
    // The same place once more: what was moved before is kept.
    let offset = ends(&segment)[3];
    let torn =
        |name: &str| directory.path().join(format!("segment-00000000000000000001.jsonl.torn-{offset}{name}"));
    assert_eq!(fs::metadata(torn("")).unwrap().len(), 4_096);
    let text = fs::read(&segment).unwrap();
    fs::write(&segment, [&text[..offset], b"{half"].concat()).unwrap();
    write(directory.path(), 4..5).await;
    assert_eq!(fs::read(torn("-1")).unwrap(), b"{half");
}

#[tokio::test]
async fn a_segment_of_which_nothing_is_whole_is_put_away_and_the_one_before_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), 0..3).await;
    for (beginning, expected) in [("", vec!["a"]), ("{\"event\":", vec!["a", "b"])] {
        fs::write(directory.path().join("segment-00000000000000000005.jsonl"), beginning).unwrap();
        write(directory.path(), 0..0).await;
        assert_eq!(segments(directory.path()).len(), 1, "{beginning:?} {expected:?}");
    }
    assert_eq!(numbers(directory.path()), [0, 1, 2]);
    assert_eq!(actions(directory.path()).last().unwrap(), "AUDIT_TAIL_REPAIRED");
}

#[tokio::test]
async fn any_byte_changed_before_the_last_line_is_found_and_named_and_nothing_is_touched() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), 0..4).await;
    let segment = last_segment(directory.path());
    let (text, ends) = (fs::read(&segment).unwrap(), ends(&segment));
    // The last line feed but one is left alone: without it, the two last lines are one bad last line.
    for at in 0..ends[3] - 1 {
        let mut changed = text.clone();
        changed[at] ^= 1;
        fs::write(&segment, &changed).unwrap();
        let error = open(&directory).unwrap_err();
        let OpenError::Tampered(Damage { file, line, seq, .. }) = &error else { panic!("{at}: {error:?}") };
        let expected = ends.iter().filter(|end| **end <= at).count() as u64 + 1;
        assert_eq!(file, &segment);
        // A line feed that is gone joins two lines, of which the first is named.
        assert_eq!((*line, *seq), (expected, expected), "byte {at}: {error}");
        assert_eq!(fs::read(&segment).unwrap(), changed, "nothing is touched");
    }
}

#[tokio::test]
async fn a_line_that_is_missing_doubled_or_moved_is_found() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), 0..5).await;
    let segment = last_segment(directory.path());
    let text = fs::read_to_string(&segment).unwrap();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let missing = [&lines[..2], &lines[3..]].concat();
    let doubled = [&lines[..3], &lines[2..]].concat();
    let moved = [&lines[..1], &[lines[2], lines[1]], &lines[3..]].concat();
    for (what, lines, named) in [("missing", missing, 3), ("doubled", doubled, 4), ("moved", moved, 2)] {
        fs::write(&segment, lines.concat()).unwrap();
        let error = open(&directory).unwrap_err();
        assert!(
            matches!(error, OpenError::Tampered(Damage { line, .. }) if line == named),
            "{what}: {error}"
        );
    }
}

#[tokio::test]
async fn a_segment_that_is_missing_is_found() {
    let directory = tempfile::tempdir().unwrap();
    for number in 0..3 {
        let log = open(&directory).unwrap();
        log.record(numbered(Action::UPDATE, number)).await.unwrap();
        log.rotate();
        log.close().await;
    }
    let segments = segments(directory.path());
    assert_eq!(segments.len(), 4, "{segments:?}");
    fs::remove_file(&segments[2]).unwrap();
    let error = open(&directory).unwrap_err();
    assert!(matches!(error, OpenError::Tampered(Damage { kind: "missing_segment", .. })), "{error}");
}

#[tokio::test]
async fn a_new_chain_is_begun_beside_a_damaged_one_only_when_that_was_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), 0..5).await;
    let segment = last_segment(directory.path());
    let text = fs::read_to_string(&segment).unwrap().replace("\"number\":2", "\"number\":9");
    fs::write(&segment, &text).unwrap();
    assert!(open(&directory).is_err());
    let old = {
        let line = text.lines().next().unwrap();
        buttress_audit::log::Line::parse(line.as_bytes()).unwrap().chain
    };
    let anew = || builder(&directory).when_damaged(WhenDamaged::BeginNewChain).open().unwrap();
    let log = anew();
    assert_ne!(log.chain(), old);
    log.record(numbered(Action::UPDATE, 7)).await.unwrap();
    drop(log);
    let found = records(directory.path());
    assert_eq!(actions(directory.path()), ["AUDIT_SEGMENT_OPENED", "AUDIT_CHAIN_BEGUN", "UPDATE"]);
    let damage = &found[1].details()["damage"];
    assert_eq!((damage["line"].as_u64(), damage["kind"].as_str()), (Some(4), Some("hash_mismatch")));
    assert_eq!(found[1].details()["old"]["chain"], old.to_string());
    assert_eq!(found[1].details()["old"]["seq"], 3);
    assert_eq!(found[1].details()["old"]["hash"].as_str().unwrap().len(), 64);
    let aside = directory.path().join(found[1].details()["moved_to"].as_str().unwrap());
    assert_eq!(fs::read_to_string(aside.join(segment.file_name().unwrap())).unwrap(), text);
    drop(anew());
    assert_eq!(numbers(directory.path()), [7], "it goes on with the new one");
}

#[tokio::test]
async fn a_log_whose_only_file_was_emptied_is_not_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), 0..3).await;
    let first = last_segment(directory.path());
    let text = fs::read_to_string(&first).unwrap();
    // As retention leaves it: the file that is written does not begin with the first record.
    let later = directory.path().join("segment-00000000000000000002.jsonl");
    let rest = text.split_inclusive('\n').skip(1).collect::<String>();
    fs::remove_file(&first).unwrap();
    for beginning in [String::new(), rest[..20].to_owned()] {
        fs::write(&later, &beginning).unwrap();
        let error = open(&directory).unwrap_err();
        assert!(
            matches!(error, OpenError::Tampered(Damage { kind: "missing_segment", seq: 2, .. })),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&later).unwrap(), beginning, "nothing is touched");
    }
    fs::write(&later, rest).unwrap();
    drop(open(&directory).unwrap());
}

#[tokio::test]
async fn a_whole_record_in_the_place_of_another_is_not_taken_for_half_a_line() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), 0..3).await;
    let segment = last_segment(directory.path());
    let text = fs::read_to_string(&segment).unwrap();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    for (left, named) in [(vec![lines[3]], 1), (vec![lines[0], lines[1], lines[3]], 3)] {
        fs::write(&segment, left.concat()).unwrap();
        let error = open(&directory).unwrap_err();
        assert!(
            matches!(error, OpenError::Tampered(Damage { kind: "seq_order", line, .. }) if line == named),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&segment).unwrap(), left.concat(), "nothing is touched");
    }
}

#[tokio::test]
async fn of_two_files_that_hold_the_same_records_the_one_that_goes_further_stays() {
    let original = tempfile::tempdir().unwrap();
    write(original.path(), 0..5).await;
    let text = fs::read_to_string(last_segment(original.path())).unwrap();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    // How far the first file goes, and how far the next one, which was begun with record 4 when the first one failed.
    for (first, next, stays) in [(6, 4, 1), (6, 5, 1), (6, 6, 4), (5, 6, 4), (4, 6, 4)] {
        for half in ["", "{\"event\":"] {
            let directory = tempfile::tempdir().unwrap();
            fs::copy(original.path().join("format"), directory.path().join("format")).unwrap();
            let file = |number: u64| directory.path().join(format!("segment-{number:020}.jsonl"));
            fs::write(file(1), lines[..first].concat()).unwrap();
            fs::write(file(4), lines[3..next].concat() + half).unwrap();
            write(directory.path(), 9..10).await;
            assert_eq!(numbers(directory.path()), [0, 1, 2, 3, 4, 9], "{first}, {next}, {half:?}");
            assert_eq!(last_segment(directory.path()), file(stays), "{first}, {next}, {half:?}");
            assert!(actions(directory.path()).contains(&"AUDIT_TAIL_REPAIRED".to_owned()));
        }
    }
}

/// So many letters and blanks.
fn text(length: usize) -> String {
    "x ".repeat(length).chars().take(length).collect()
}

/// Records until the file ends so many bytes before the end of a page, and then half a line.
async fn write_up_to_the_end_of_a_page(directory: &Path, left: usize) {
    const PAGE: usize = 4 << 10;
    let log = open(directory).unwrap();
    let segment = last_segment(directory);
    let length = || usize::try_from(fs::metadata(&segment).unwrap().len()).unwrap();
    let (mut before, mut beside) = (length(), 0);
    for number in 0..2 {
        // The first tells how much a record takes beside its text.
        let text = text(if number == 0 { 1 } else { 2 * PAGE - left - before - beside });
        let event = Event::builder(Action::LOGIN).detail("number", number).detail("text", text);
        log.record(event.build()).await.unwrap();
        (beside, before) = (length() - before - 1, length());
    }
    log.close().await;
    assert_eq!(length() % PAGE, PAGE - left);
    File::options().append(true).open(&segment).unwrap().write_all(b"{\"event\":").unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_torn_end_does_not_keep_a_log_from_being_opened_on_a_full_disk() {
    for has_ballast in [true, false] {
        let Some(disk) = TinyDisk::mount() else {
            return println!("not shown: only the administrator may mount a file system");
        };
        let directory = disk.path().join("log");
        write_up_to_the_end_of_a_page(&directory, 20).await;
        if !has_ballast {
            fs::remove_file(directory.join("ballast")).unwrap();
        }
        let other = disk.path().join("other");
        let full = fs::write(&other, vec![7; 2 << 20]).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        let log = open(&directory).unwrap();
        assert_eq!(numbers(&directory), [0, 1], "the end was cut off");
        let told = actions(&directory).contains(&"AUDIT_TAIL_REPAIRED".to_owned());
        assert_eq!(told, has_ballast, "it is told in the room that was kept back, if there is any");
        let names = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(names.into_iter().all(|name| !name.to_str().unwrap().contains(".torn-")));
        fs::remove_file(&other).unwrap();
        until(&log, "it records", |status| status.refusing.is_none() && status.has_ballast).await;
        log.record(numbered(Action::LOGIN, 2)).await.unwrap();
        log.close().await;
        assert_eq!(numbers(&directory), [0, 1, 2]);
    }
}
