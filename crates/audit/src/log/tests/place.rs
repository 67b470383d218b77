//! What becomes of a log whose file somebody takes away while it is written.

use std::fs;
use std::path::Path;

use buttress_core::WallClock;

use super::faulty::{FaultyDisk, actions, segments};
use crate::log::directory::Directory;
use crate::log::journal::{Journal, Trouble};
use crate::log::system::Clerk;
use crate::log::{WhenDamaged, open};
use crate::verify::{Evidence, Kind, Verdict, verify};

fn journal(path: &Path) -> (Directory, Journal<FaultyDisk>) {
    let directory = Directory::lock(path).unwrap();
    let clerk = Clerk::new(WallClock::system());
    let journal = open::open(FaultyDisk::default(), &directory, clerk, WhenDamaged::Refuse, None).unwrap();
    (directory, journal)
}

fn append(journal: &mut Journal<FaultyDisk>) {
    let mark = journal.seal(br#"{"action":"A"}"#);
    journal.write().unwrap();
    journal.keep(mark);
}

fn leave(journal: &mut Journal<FaultyDisk>) -> Result<(), Trouble> {
    journal.leave(&std::io::Error::other("somebody was here"))
}

fn remove(file: &Path) {
    fs::remove_file(file).unwrap();
}

fn replace(file: &Path) {
    fs::copy(file, file.with_extension("moved")).unwrap();
    fs::rename(file.with_extension("moved"), file).unwrap();
}

fn cut(file: &Path) {
    fs::File::options().write(true).open(file).unwrap().set_len(0).unwrap();
}

#[test]
fn a_file_that_was_removed_replaced_or_cut_is_left_and_verification_names_what_is_missing() {
    let deeds: [fn(&Path); 3] = [remove, cut, replace];
    for (deed, is_lost) in deeds.into_iter().zip([true, true, false]) {
        let path = tempfile::tempdir().unwrap();
        let (_directory, mut journal) = journal(path.path());
        append(&mut journal);
        journal.sync().unwrap();
        append(&mut journal);
        assert!(journal.is_in_place());
        deed(&segments(path.path())[0]);
        assert!(!journal.is_in_place());
        leave(&mut journal).unwrap();
        assert!(journal.is_in_place());
        // What was not synced is in memory, and begins the next file.
        let next = fs::read_to_string(segments(path.path()).last().unwrap()).unwrap();
        assert_eq!(next.lines().count(), 2, "{next}");
        let verdict = verify(path.path(), &Evidence::new(), |_| {}).unwrap().verdict;
        let missing = matches!(verdict, Verdict::Tampered { kind: Kind::MissingSegment, .. });
        assert_eq!(missing, is_lost, "{verdict:?}");
        if !is_lost {
            assert_eq!(actions(path.path())[1..], ["A", "A", "AUDIT_SEGMENT_OPENED"]);
        }
    }
}

#[test]
fn where_the_whole_directory_is_gone_nothing_is_acknowledged_any_more() {
    let above = tempfile::tempdir().unwrap();
    let path = above.path().join("audit");
    let (_directory, mut journal) = journal(&path);
    append(&mut journal);
    fs::remove_dir_all(&path).unwrap();
    assert!(!journal.is_in_place());
    assert!(leave(&mut journal).is_err() && journal.is_broken());
    journal.seal(br#"{"action":"A"}"#);
    assert!(journal.write().is_err(), "it is not taken for written");
}
