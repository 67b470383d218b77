use std::fs;
use std::path::PathBuf;

use super::super::anchor::FileAnchor;
use super::super::key::VerifyingKey;
use super::super::line::seal;
use super::super::reader::segment_name;
use super::*;

const CHAIN: ChainId = ChainId::from_bytes([7; 16]);
const SECOND: Duration = Duration::from_secs(1);

/// A log on the disk, its key and its anchor beside it.
struct Place {
    root: tempfile::TempDir,
    lines: Vec<Vec<u8>>,
    heads: Vec<Head>,
    start: Instant,
}

impl Place {
    fn with(records: usize) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("log")).unwrap();
        let start = tokio::time::Instant::now().into_std();
        let mut place = Self { root, lines: Vec::new(), heads: vec![Head::START], start };
        place.write(records);
        place
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("log")
    }

    fn anchor(&self) -> PathBuf {
        self.root.path().join("anchor")
    }

    fn head(&self) -> Head {
        *self.heads.last().unwrap()
    }

    fn write(&mut self, records: usize) {
        for _ in 0..records {
            let mut line = Vec::new();
            let event = format!("{{\"n\":{}}}", self.lines.len());
            self.heads.push(seal(CHAIN, self.head(), event.as_bytes(), &mut line));
            self.lines.push(line);
        }
        self.store(1);
    }

    /// Leaves only one segment, which begins with this record.
    fn store(&self, first: usize) {
        for old in fs::read_dir(self.dir()).unwrap().map(|entry| entry.unwrap().path()) {
            if old.to_str().unwrap().contains("segment-") {
                fs::remove_file(old).unwrap();
            }
        }
        fs::write(self.dir().join(segment_name(first as u64)), self.lines[first - 1..].concat()).unwrap();
    }

    fn settings(&self) -> Checkpoints {
        let key = SigningKey::load_or_create(self.root.path().join("signing.key")).unwrap();
        Checkpoints::signed_by(key).anchor(FileAnchor::new(self.anchor()))
    }

    fn resume(&self) -> Result<Checkpointer, ResumeError> {
        Checkpointer::resume(self.settings(), &self.dir(), CHAIN, self.head(), self.start)
    }

    fn notes(&self) -> Vec<Note> {
        let text = fs::read_to_string(self.dir().join(NOTES)).unwrap_or_default();
        text.lines().map(|line| NoteLine::parse(line.as_bytes()).unwrap()).collect()
    }

    /// As [`write`](Self::write), told to a checkpointer.
    fn record(&mut self, checkpointer: &mut Checkpointer, records: usize, now: Instant) {
        let from = self.lines.len();
        self.write(records);
        for at in from..self.lines.len() {
            checkpointer.record(&self.lines[at], self.heads[at + 1], now);
        }
    }

    fn close(&self, checkpointer: Checkpointer) {
        checkpointer.close(self.start, 20 * SECOND);
    }

    fn full_tree(&self) -> Tree {
        let mut tree = Tree::EMPTY;
        self.lines.iter().for_each(|line| tree.push(leaf(line.strip_suffix(b"\n").unwrap())));
        tree
    }
}

#[test]
fn a_checkpoint_says_what_the_log_holds_in_the_directory_and_at_the_anchor() {
    let mut place = Place::with(0);
    let mut checkpointer = place.resume().unwrap();
    place.record(&mut checkpointer, 5, place.start);
    checkpointer.write(place.start);
    assert_eq!(checkpointer.signed(), 5);
    let monitor = checkpointer.monitor();
    place.close(checkpointer);
    let [note] = &place.notes()[..] else { panic!("not one note") };
    assert_eq!(
        (note.checkpoint().head(), note.checkpoint().root()),
        (place.head(), place.full_tree().root())
    );
    assert_eq!(fs::read_to_string(place.anchor()).unwrap(), note.as_str());
    let keys = VerifyingKey::load_all(place.dir().join(KEYS)).unwrap();
    assert!(note.is_signed(&keys));
    assert_eq!((monitor.status().signed, monitor.status().anchors[0].anchored), (5, 5));
}

#[test]
fn one_is_due_after_enough_records_or_enough_time_and_never_without_news() {
    let mut place = Place::with(0);
    let now = place.start;
    let settings = place.settings().every_records(NonZeroU64::new(3).unwrap());
    let mut checkpointer = Checkpointer::resume(settings, &place.dir(), CHAIN, Head::START, now).unwrap();
    assert_eq!(checkpointer.due_at(), None);
    place.record(&mut checkpointer, 2, now);
    assert_eq!(checkpointer.due_at(), Some(now + 10 * SECOND));
    assert!(!checkpointer.due(now + 9 * SECOND) && checkpointer.due(now + 10 * SECOND));
    place.record(&mut checkpointer, 1, now + SECOND);
    assert!(checkpointer.due(now + SECOND));
    checkpointer.write(now + SECOND);
    assert_eq!(checkpointer.due_at(), None);
    checkpointer.write(now + 2 * SECOND);
    assert_eq!(place.notes().len(), 1);
    place.record(&mut checkpointer, 1, now + 5 * SECOND);
    assert_eq!(checkpointer.due_at(), Some(now + 15 * SECOND));
    place.close(checkpointer);
    assert_eq!(place.notes().len(), 2);
}

#[test]
fn a_log_is_signed_further_as_if_it_had_never_been_closed() {
    let mut place = Place::with(0);
    for records in [3, 0, 4, 1] {
        let mut checkpointer = place.resume().unwrap();
        place.record(&mut checkpointer, records, place.start);
        place.close(checkpointer);
    }
    // Killed before the last records were signed.
    place.write(2);
    let checkpointer = place.resume().unwrap();
    assert_eq!(checkpointer.due_at(), Some(place.start + 10 * SECOND));
    place.close(checkpointer);
    let sizes: Vec<_> = place.notes().iter().map(|note| note.checkpoint().size()).collect();
    assert_eq!(sizes, [3, 7, 8, 10]);
    assert_eq!(place.notes()[3].checkpoint().root(), place.full_tree().root());
}

#[test]
fn a_log_whose_beginning_was_deleted_is_signed_further() {
    for first in [4, 6, 9] {
        let mut place = Place::with(0);
        let mut checkpointer = place.resume().unwrap();
        place.record(&mut checkpointer, 8, place.start);
        place.close(checkpointer);
        place.write(2);
        place.store(first);
        place.close(place.resume().unwrap());
        assert_eq!(place.notes()[1].checkpoint().root(), place.full_tree().root(), "{first}");
    }
}

#[test]
fn records_that_were_deleted_before_they_were_signed_stop_it() {
    let place = Place::with(10);
    place.store(4);
    let refused = place.resume().unwrap_err();
    assert!(matches!(refused, ResumeError::Pruned { first: 4 }), "{refused}");
}

#[test]
fn a_log_that_was_cut_is_not_signed_further() {
    let mut place = Place::with(0);
    let mut checkpointer = place.resume().unwrap();
    place.record(&mut checkpointer, 8, place.start);
    place.close(checkpointer);
    place.lines.truncate(6);
    place.heads.truncate(7);
    place.store(1);
    let refused = place.resume().unwrap_err();
    assert_eq!(refused.to_string(), "the log was cut: it has 6 records, the last checkpoint says it had 8");
    // The checkpoints were cut too: the anchor still knows.
    fs::remove_file(place.dir().join(NOTES)).unwrap();
    let refused = place.resume().unwrap_err();
    assert!(matches!(refused, ResumeError::Truncated { expected: 8, found: 6, .. }), "{refused}");
    assert!(fs::read_to_string(place.anchor()).unwrap().contains("\n8\n"));
}

#[test]
fn a_log_with_another_past_is_not_signed_further() {
    let mut place = Place::with(0);
    let mut checkpointer = place.resume().unwrap();
    place.record(&mut checkpointer, 8, place.start);
    place.close(checkpointer);
    let mut head = Head::START;
    (place.lines, place.heads) = (Vec::new(), vec![head]);
    for n in 0..9 {
        let mut line = Vec::new();
        head = seal(CHAIN, head, format!("{{\"forged\":{n}}}").as_bytes(), &mut line);
        place.lines.push(line);
        place.heads.push(head);
    }
    place.store(1);
    assert!(matches!(place.resume(), Err(ResumeError::Changed { seq: 8, .. })));
    fs::remove_file(place.dir().join(NOTES)).unwrap();
    let refused = place.resume().unwrap_err();
    assert!(refused.to_string().contains("is not what the anchor file "), "{refused}");
}

#[test]
fn a_new_log_in_place_of_an_anchored_one_is_refused() {
    let mut place = Place::with(0);
    let mut checkpointer = place.resume().unwrap();
    place.record(&mut checkpointer, 1, place.start);
    place.close(checkpointer);
    fs::remove_dir_all(place.dir()).unwrap();
    fs::create_dir(place.dir()).unwrap();
    let chain = ChainId::from_bytes([8; 16]);
    let refused = Checkpointer::resume(place.settings(), &place.dir(), chain, Head::START, place.start);
    assert!(matches!(refused, Err(ResumeError::OtherLog { chain: CHAIN, .. })));
}

#[test]
fn a_checkpoint_that_nobody_known_has_signed_stops_it() {
    let mut place = Place::with(0);
    let mut checkpointer = place.resume().unwrap();
    place.record(&mut checkpointer, 3, place.start);
    place.close(checkpointer);
    let line = fs::read_to_string(place.dir().join(NOTES)).unwrap();
    let text = place.notes()[0].as_str().to_owned();
    let (body, signature) = text.rsplit_once(' ').unwrap();
    let forged = format!("{body} {}", signature.replacen(&signature[10..14], "AAAA", 1));
    let forged =
        line.replace(&serde_json::to_string(&text).unwrap(), &serde_json::to_string(&forged).unwrap());
    for text in [forged.as_str(), "{}\n", "\n"] {
        fs::write(place.dir().join(NOTES), text).unwrap();
        let refused = place.resume().unwrap_err();
        assert!(matches!(refused, ResumeError::Signature { .. }), "{text}: {refused}");
    }
}

#[test]
fn half_a_checkpoint_is_written_over_and_an_older_key_still_counts() {
    let mut place = Place::with(0);
    let mut checkpointer = place.resume().unwrap();
    place.record(&mut checkpointer, 3, place.start);
    place.close(checkpointer);
    let file = place.dir().join(NOTES);
    let whole = fs::read_to_string(&file).unwrap();
    fs::remove_file(place.root.path().join("signing.key")).unwrap();
    fs::write(&file, format!("{whole}{}", &whole[..100])).unwrap();
    let mut checkpointer = place.resume().unwrap();
    place.record(&mut checkpointer, 1, place.start);
    place.close(checkpointer);
    let notes = place.notes();
    let keys = VerifyingKey::load_all(place.dir().join(KEYS)).unwrap();
    assert_eq!((notes.len(), keys.len()), (2, 2));
    assert!(notes.iter().all(|note| note.is_signed(&keys)));
    assert!(!notes[0].is_signed(&keys[1..]));
}

#[test]
fn a_failure_is_counted_told_and_tried_again_later() {
    let mut place = Place::with(0);
    let mut checkpointer = place.resume().unwrap();
    let monitor = checkpointer.monitor();
    // A directory in the place of the file.
    fs::create_dir(place.dir().join(NOTES)).unwrap();
    place.record(&mut checkpointer, 2, place.start);
    let at = place.start + 10 * SECOND;
    checkpointer.write(at);
    assert_eq!((monitor.status().failures, monitor.status().signed), (1, 0));
    assert!(monitor.status().last_error.is_some());
    assert_eq!(checkpointer.due_at(), Some(at + 10 * SECOND));
    fs::remove_dir(place.dir().join(NOTES)).unwrap();
    checkpointer.write(at + 10 * SECOND);
    assert_eq!((monitor.status().last_error, monitor.own.lock().signed), (None, 2));
    // The anchor had it all the same.
    place.close(checkpointer);
    assert_eq!(fs::read_to_string(place.anchor()).unwrap(), place.notes()[0].as_str());
}

#[test]
fn an_anchor_that_gives_no_answer_does_not_keep_the_log_from_opening() {
    let place = Place::with(3);
    fs::create_dir(place.anchor()).unwrap();
    let checkpointer = place.resume().unwrap();
    let anchors = checkpointer.monitor().status().anchors;
    assert_eq!((anchors[0].failures, anchors[0].last_error.is_some()), (1, true));
}

#[test]
fn key_and_anchor_must_be_outside_of_the_directory() {
    let place = Place::with(0);
    let within = place.dir().join("cursors");
    fs::create_dir(&within).unwrap();
    let inside_key = SigningKey::load_or_create(within.join("signing.key")).unwrap();
    let inside_anchor = place.settings().anchor(FileAnchor::new(place.root.path().join("log/../log/anchor")));
    for settings in [Checkpoints::signed_by(inside_key), inside_anchor] {
        let refused =
            Checkpointer::resume(settings, &place.dir(), CHAIN, Head::START, place.start).unwrap_err();
        assert!(matches!(refused, ResumeError::Inside { .. }), "{refused}");
    }
}

#[test]
fn checkpoints_of_deleted_records_are_forgotten_but_never_the_last() {
    let mut place = Place::with(0);
    let mut checkpointer = place.resume().unwrap();
    for _ in 0..5 {
        place.record(&mut checkpointer, 2, place.start);
        checkpointer.write(place.start);
    }
    let sizes = |place: &Place| place.notes().iter().map(|note| note.checkpoint().size()).collect::<Vec<_>>();
    checkpointer.forget_before(5).unwrap();
    assert_eq!(sizes(&place), [4, 6, 8, 10]);
    checkpointer.forget_before(100).unwrap();
    assert_eq!(sizes(&place), [10]);
    place.record(&mut checkpointer, 1, place.start);
    checkpointer.write(place.start);
    assert_eq!(sizes(&place), [10, 11]);
}
