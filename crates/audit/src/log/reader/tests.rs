use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::log::{Fault, seal};

const CHAIN: ChainId = ChainId::from_bytes([7; 16]);

/// Writes a log as the writer does, only simpler.
struct Log {
    dir: tempfile::TempDir,
    head: Head,
    segment: PathBuf,
}

impl Log {
    fn begin() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let segment = dir.path().join(segment_name(1));
        Self { dir, head: Head::START, segment }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn rotate(&mut self) -> PathBuf {
        self.segment = self.path().join(segment_name(self.head.next_seq()));
        self.append(b"");
        self.segment.clone()
    }

    fn line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        let event = format!("{{\"n\":{}}}", self.head.next_seq());
        self.head = seal(CHAIN, self.head, event.as_bytes(), &mut line);
        line
    }

    fn append(&self, bytes: &[u8]) {
        OpenOptions::new().create(true).append(true).open(&self.segment).unwrap().write_all(bytes).unwrap();
    }

    fn write(&mut self, count: usize) {
        for _ in 0..count {
            let line = self.line();
            self.append(&line);
        }
    }

    fn reader(&self) -> Reader {
        Reader::open(self.path()).unwrap()
    }
}

fn seqs(reader: &mut Reader) -> Vec<u64> {
    reader.next_batch(1_000_000, usize::MAX).unwrap().iter().map(OwnedLine::seq).collect()
}

fn refusal(reader: &mut Reader) -> ReadError {
    reader.next_batch(1000, usize::MAX).unwrap_err()
}

#[test]
fn records_come_in_order_over_segments_and_once() {
    let mut log = Log::begin();
    let mut reader = log.reader();
    assert_eq!(seqs(&mut reader), [0; 0]);
    log.write(3);
    assert_eq!(seqs(&mut reader), [1, 2, 3]);
    log.write(1);
    log.rotate();
    assert_eq!(seqs(&mut reader), [4]);
    log.write(2);
    log.rotate();
    log.write(1);
    log.rotate();
    assert_eq!(seqs(&mut reader), [5, 6, 7]);
    assert_eq!((seqs(&mut reader), reader.next_seq()), (vec![], Some(8)));
}

#[test]
fn a_record_is_given_as_it_stands_in_the_file() {
    let mut log = Log::begin();
    log.write(1);
    let line = log.reader().next_batch(1, usize::MAX).unwrap().remove(0);
    assert_eq!([line.as_bytes(), b"\n"].concat(), fs::read(&log.segment).unwrap());
    assert_eq!(line.event(), b"{\"n\":1}");
    assert_eq!((line.chain(), line.head()), (CHAIN, log.head));
}

#[test]
fn half_a_line_is_never_given_wherever_the_writer_stands() {
    let mut log = Log::begin();
    log.write(2);
    let mut reader = log.reader();
    assert_eq!(seqs(&mut reader), [1, 2]);
    for byte in log.line() {
        assert_eq!(seqs(&mut reader), [0; 0]);
        log.append(&[byte]);
    }
    assert_eq!(seqs(&mut reader), [3]);
}

#[test]
fn half_a_line_that_was_cut_off_is_not_joined_with_what_follows() {
    let mut log = Log::begin();
    log.write(1);
    let whole = fs::metadata(&log.segment).unwrap().len();
    log.append(b"{\"event\":{\"torn");
    let mut reader = log.reader();
    assert_eq!(seqs(&mut reader), [1]);
    OpenOptions::new().write(true).open(&log.segment).unwrap().set_len(whole).unwrap();
    log.write(2);
    assert_eq!(seqs(&mut reader), [2, 3]);
}

#[test]
fn a_batch_ends_at_either_bound_and_has_at_least_one_record() {
    let mut log = Log::begin();
    log.write(10);
    let mut reader = log.reader();
    assert_eq!(reader.next_batch(4, usize::MAX).unwrap().len(), 4);
    let size = reader.next_batch(1, 1).unwrap()[0].as_bytes().len();
    assert_eq!(reader.next_batch(100, 2 * size).unwrap().len(), 2);
    assert_eq!(reader.next_batch(100, 0).unwrap().len(), 0);
    assert_eq!(seqs(&mut reader), [8, 9, 10]);
}

#[test]
fn reading_begins_at_any_record() {
    let mut log = Log::begin();
    for _ in 0..3 {
        log.write(700);
        log.rotate();
    }
    for from in [0, 1, 2, 350, 700, 701, 702, 1399, 1400, 1401, 2099, 2100] {
        let mut reader = log.reader().from_seq(from);
        let found = seqs(&mut reader);
        assert_eq!(found, (from.max(1)..=2100).collect::<Vec<_>>(), "{from}");
    }
    let mut ahead = log.reader().from_seq(2103);
    assert_eq!(seqs(&mut ahead), [0; 0]);
    log.write(4);
    assert_eq!(seqs(&mut ahead), [2103, 2104]);
}

#[test]
fn nothing_above_the_limit_is_read() {
    let mut log = Log::begin();
    log.write(5);
    let mut reader = log.reader();
    reader.set_limit(0);
    assert_eq!(seqs(&mut reader), [0; 0]);
    reader.set_limit(3);
    assert_eq!(seqs(&mut reader), [1, 2, 3]);
    reader.set_limit(5);
    assert_eq!(seqs(&mut reader), [4, 5]);
}

#[test]
fn what_retention_deleted_is_said_to_be_gone() {
    let mut log = Log::begin();
    let first = log.segment.clone();
    log.write(3);
    log.rotate();
    log.write(3);
    let mut slow = log.reader();
    assert_eq!(slow.next_batch(1, usize::MAX).unwrap()[0].seq(), 1);
    fs::remove_file(first).unwrap();
    assert_eq!(log.reader().next_batch(1, usize::MAX).unwrap()[0].seq(), 4);
    let pruned = refusal(&mut log.reader().from_seq(2));
    assert!(matches!(pruned, ReadError::Pruned { wanted: 2, first: 4 }), "{pruned:?}");
    // One that has the deleted file open still reads it to its end.
    assert_eq!(seqs(&mut slow), [2, 3, 4, 5, 6]);
}

#[test]
fn a_reader_left_behind_by_retention_says_so() {
    let mut log = Log::begin();
    log.write(3);
    let first = log.segment.clone();
    let mut reader = log.reader();
    assert_eq!(seqs(&mut reader), [1, 2, 3]);
    let second = log.rotate();
    log.write(3);
    log.rotate();
    log.write(1);
    fs::remove_file(first).unwrap();
    fs::remove_file(second).unwrap();
    let pruned = refusal(&mut reader);
    assert!(matches!(pruned, ReadError::Pruned { wanted: 4, first: 7 }), "{pruned:?}");
}

#[test]
fn a_segment_missing_in_the_middle_is_named() {
    let mut log = Log::begin();
    log.write(3);
    let second = log.rotate();
    log.write(3);
    log.rotate();
    log.write(1);
    fs::remove_file(second).unwrap();
    let mut reader = log.reader();
    assert_eq!(seqs(&mut reader), [1, 2, 3]);
    let missing = refusal(&mut reader);
    assert!(matches!(missing, ReadError::Missing { wanted: 4, next: 7 }), "{missing:?}");
    assert_eq!(missing.to_string(), "records 4 to 6 are missing");
}

#[test]
fn what_the_writer_added_before_it_began_a_segment_is_not_missed() {
    let mut log = Log::begin();
    log.write(1);
    let mut reader = log.reader();
    assert_eq!(seqs(&mut reader), [1]);
    let old = log.segment.clone();
    let added = log.line();
    log.rotate();
    // The end of the old segment was seen; the new one is there, and so is one more record in the old one.
    let open = reader.open.as_mut().unwrap();
    assert!(matches!(open.step(2, reader.last.as_ref()), Ok(Step::End)));
    OpenOptions::new().append(true).open(old).unwrap().write_all(&added).unwrap();
    assert!(reader.moved_on(2).unwrap());
    assert_eq!(seqs(&mut reader), [2]);
}

#[test]
fn records_before_a_bad_one_come_first_and_the_reader_stays_at_it() {
    let mut log = Log::begin();
    log.write(2);
    log.append(b"{}\n");
    log.write(1);
    let mut reader = log.reader();
    assert_eq!(seqs(&mut reader), [1, 2]);
    for _ in 0..2 {
        let bad = refusal(&mut reader);
        assert!(matches!(bad, ReadError::BadLine { seq: 3, .. }), "{bad:?}");
    }
}

#[test]
fn a_record_that_does_not_continue_is_refused() {
    let mut log = Log::begin();
    log.write(2);
    let after_two = log.head;
    log.write(1);
    let mut reader = log.reader();
    assert_eq!(seqs(&mut reader), [1, 2, 3]);
    // Another history from the second record on.
    log.head = after_two;
    let _other_third = log.line();
    let mut line = Vec::new();
    seal(CHAIN, Head { seq: 3, hash: [1; 32] }, b"{}", &mut line);
    log.append(&line);
    let broken = refusal(&mut reader);
    assert!(matches!(broken, ReadError::Broken { seq: 4, fault: Fault::PrevMismatch, .. }), "{broken:?}");
    // Without its predecessor the record is true to itself.
    assert_eq!(seqs(&mut log.reader().from_seq(4)), [4]);
}

#[test]
fn a_repeated_record_is_refused() {
    let mut log = Log::begin();
    log.write(2);
    let line = log.line();
    log.append(&line);
    log.append(&line);
    let mut reader = log.reader();
    assert_eq!(seqs(&mut reader), [1, 2, 3]);
    let broken = refusal(&mut reader);
    assert!(matches!(broken, ReadError::Broken { seq: 4, fault: Fault::SeqOrder, .. }), "{broken:?}");
}

#[test]
fn an_edit_is_refused_also_at_the_first_record_that_is_read() {
    let mut log = Log::begin();
    log.write(3);
    let text = fs::read_to_string(&log.segment).unwrap();
    fs::write(&log.segment, text.replace("{\"n\":2}", "{\"n\":5}")).unwrap();
    for mut reader in [log.reader().from_seq(2), log.reader().from_seq(1)] {
        let _first = reader.next_batch(1, usize::MAX);
        let broken = refusal(&mut reader);
        assert!(matches!(broken, ReadError::Broken { seq: 2, fault: Fault::HashMismatch, .. }), "{broken:?}");
    }
}

#[test]
fn a_file_that_was_cut_behind_the_reader_is_told() {
    let mut log = Log::begin();
    log.write(1);
    let whole = fs::metadata(&log.segment).unwrap().len();
    log.write(1);
    let mut reader = log.reader();
    assert_eq!(seqs(&mut reader), [1, 2]);
    OpenOptions::new().write(true).open(&log.segment).unwrap().set_len(whole).unwrap();
    let cut = refusal(&mut reader);
    assert!(matches!(cut, ReadError::Cut { seq: 3, .. }), "{cut:?}");
}

#[test]
fn files_of_other_names_are_passed_over() {
    let mut log = Log::begin();
    log.write(2);
    for name in
        ["segment-3.jsonl", "segment-00000000000000000000.jsonl", "segment-00000000000000000003.jsonl.torn-7"]
    {
        fs::write(log.path().join(name), "{}\n").unwrap();
    }
    assert_eq!(seqs(&mut log.reader()), [1, 2]);
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let refused = Reader::open("/nonexistent/log").unwrap_err();
    assert_eq!(refused.to_string(), "could not read /nonexistent/log");
}
