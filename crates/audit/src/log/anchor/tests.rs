use std::sync::mpsc;
use std::time::Duration;

use super::super::chain::Head;
use super::super::key::SigningKey;
use super::super::merkle::{Tree, leaf};
use super::super::note::Checkpoint;
use super::*;

const LONG: Duration = Duration::from_secs(20);

fn note_of(chain: u8, size: u64, key: &SigningKey) -> Note {
    let mut tree = Tree::EMPTY;
    for n in 0..size {
        tree.push(leaf(&n.to_be_bytes()));
    }
    let head = Head { seq: size, hash: [9; 32] };
    Note::sign(Checkpoint::new(ChainId::from_bytes([chain; 16]), head, tree), key)
}

#[test]
fn a_file_keeps_the_latest_note_and_takes_nothing_back() {
    let key = SigningKey::generate("test").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("anchor");
    let mut anchor = FileAnchor::new(&path);
    let chain = ChainId::from_bytes([1; 16]);
    assert!(anchor.latest(chain).unwrap().is_none());
    for size in [2, 5, 5] {
        anchor.put(&note_of(1, size, &key)).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    assert_eq!(kept, note_of(1, 5, &key).as_str());
    let shorter = anchor.put(&note_of(1, 4, &key)).unwrap_err();
    assert_eq!(shorter.to_string(), "the anchor has 5 records of this log, and was to have 4");
    let of_another = anchor.put(&note_of(2, 6, &key)).unwrap_err();
    assert!(of_another.to_string().starts_with("the anchor is of log 0101"), "{of_another}");
    assert_eq!(fs::read_to_string(&path).unwrap(), kept);
    assert_eq!(anchor.latest(chain).unwrap().unwrap().checkpoint().size(), 5);
}

#[test]
fn a_rewritten_note_of_as_many_records_is_refused() {
    let key = SigningKey::generate("test").unwrap();
    let has = note_of(1, 3, &key);
    let (tree, chain) = (has.checkpoint().tree().clone(), has.checkpoint().chain());
    let other = Note::sign(Checkpoint::new(chain, Head { seq: 3, hash: [8; 32] }, tree), &key);
    assert_eq!(check_step(&has, &has), Ok(()));
    assert!(check_step(&has, &other).is_err());
}

#[test]
fn a_file_that_holds_something_else_is_not_written_over() {
    let key = SigningKey::generate("test").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("anchor");
    for text in ["", "precious", &"x".repeat(2 * MAX_NOTE)] {
        fs::write(&path, text).unwrap();
        assert!(FileAnchor::new(&path).put(&note_of(1, 1, &key)).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

/// Does with each note what it is told.
struct Scripted(mpsc::Receiver<fn() -> Result<(), AnchorError>>, mpsc::Sender<u64>);

impl Anchor for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn put(&mut self, note: &Note) -> Result<(), AnchorError> {
        self.1.send(note.checkpoint().size())?;
        self.0.recv()?()
    }

    fn latest(&mut self, _: ChainId) -> Result<Option<Note>, AnchorError> {
        Ok(None)
    }
}

fn started(anchor: Scripted, anchored: u64) -> std::io::Result<Worker> {
    Worker::start(Box::new(anchor), &Ok(anchored))
}

#[test]
fn a_hanging_anchor_holds_up_nobody_and_gets_the_newest_note_afterwards() {
    let key = SigningKey::generate("test").unwrap();
    let (answer, answers) = mpsc::channel();
    let (put, puts) = mpsc::channel();
    let worker = started(Scripted(answers, put), 0).unwrap();
    worker.put(note_of(1, 1, &key));
    assert_eq!(puts.recv_timeout(LONG), Ok(1));
    for size in 2..6 {
        worker.put(note_of(1, size, &key));
    }
    worker.settle(Duration::ZERO);
    assert_eq!(worker.status().anchored, 0);
    answer.send(|| Ok(())).unwrap();
    assert_eq!(puts.recv_timeout(LONG), Ok(5));
    answer.send(|| Ok(())).unwrap();
    worker.settle(LONG);
    assert_eq!((worker.status().anchored, worker.status().failures), (5, 0));
}

#[test]
fn failures_and_panics_are_counted_and_told_and_the_next_note_is_put() {
    let key = SigningKey::generate("test").unwrap();
    let (answer, answers) = mpsc::channel();
    let (put, puts) = mpsc::channel();
    let worker = started(Scripted(answers, put), 7).unwrap();
    let told = |fails: fn() -> Result<(), AnchorError>, size, failures, why: Option<&str>| {
        worker.put(note_of(1, size, &key));
        assert_eq!(puts.recv_timeout(LONG), Ok(size));
        answer.send(fails).unwrap();
        worker.settle(LONG);
        let status = worker.status();
        assert_eq!((status.failures, status.last_error.as_deref()), (failures, why));
    };
    assert_eq!(worker.status().anchored, 7);
    told(|| Err("no such host".into()), 8, 1, Some("no such host"));
    told(|| panic!("in the anchor"), 9, 2, Some("the anchor panicked"));
    assert_eq!(worker.status().anchored, 7);
    told(|| Ok(()), 10, 2, None);
    assert_eq!(worker.status().anchored, 10);
}

#[test]
fn a_note_that_was_refused_is_put_again_after_a_pause() {
    let key = SigningKey::generate("test").unwrap();
    let (answer, answers) = mpsc::channel();
    let (put, puts) = mpsc::channel();
    let pause = Duration::from_millis(1);
    let worker = Worker::pausing(Box::new(Scripted(answers, put)), &Ok(0), pause).unwrap();
    worker.put(note_of(1, 1, &key));
    for fails in [true, true, false] {
        assert_eq!(puts.recv_timeout(LONG), Ok(1));
        answer.send(if fails { || Err("down".into()) } else { || Ok(()) }).unwrap();
    }
    drop(answer);
    drop(worker);
    assert_eq!(
        puts.recv_timeout(LONG),
        Err(mpsc::RecvTimeoutError::Disconnected),
        "put once more than needed"
    );
}

#[test]
fn a_worker_ends_with_its_owner_also_while_the_anchor_fails() {
    let key = SigningKey::generate("test").unwrap();
    let (answer, answers) = mpsc::channel();
    let (put, puts) = mpsc::channel();
    let worker = started(Scripted(answers, put), 0).unwrap();
    worker.put(note_of(1, 1, &key));
    answer.send(|| Err("down".into())).unwrap();
    assert_eq!(puts.recv_timeout(LONG), Ok(1));
    drop(worker);
    // The anchor is dropped with its thread, and with it the sender.
    assert_eq!(puts.recv_timeout(LONG), Err(mpsc::RecvTimeoutError::Disconnected));
}
