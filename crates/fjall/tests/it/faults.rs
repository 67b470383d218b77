use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use buttress_fjall::FjallStore;
use buttress_idempotency::testing::{claim, response};
use buttress_idempotency::{Claimed, Store, StoreErrorKind, Timestamp};

use crate::child::{self, numbered};
use crate::sample::{HOUR, completed, completion, other, owned};

#[test]
fn a_second_process_is_refused_and_told_which_one_holds_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::open(&folder).unwrap();
    let (mut child, mut said) = child::start(&mut child::command(folder.path(), 1));
    let refused = said.find_map(|line| line.unwrap().strip_prefix("> refused ").map(str::to_owned)).unwrap();
    child.wait().unwrap();
    let expected = format!("{} is in use by process {}", folder.path().display(), std::process::id());
    assert!(refused.contains(&expected), "{refused}");
    drop(store);

    let (mut child, mut said) = child::start(&mut child::command(folder.path(), 1));
    assert!(said.any(|line| line.unwrap() == "> opened"));
    let error = FjallStore::open(&folder).unwrap_err().to_string();
    assert!(error.contains(&format!("process {}", child.id())), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(FjallStore::open(&folder).is_ok(), "a lock dies with its process");
}

#[cfg(unix)]
#[tokio::test]
async fn a_disk_that_fails_is_told_at_once_and_nothing_is_acknowledged_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    // As large as a journal is made, and no larger: the database begins, and cannot go on for long.
    let mut command = child::command_with_small_files(folder.path(), (64 << 20) / 512);
    let (mut child, said) = child::start(&mut command);
    let said: Vec<_> =
        said.map(Result::unwrap).filter_map(|line| line.strip_prefix("> ").map(str::to_owned)).collect();
    assert!(child.wait().unwrap().success(), "{said:?}");

    let failed = said.iter().position(|line| line.starts_with("failed")).expect("the limit is reached");
    assert_eq!(said[failed], "failed Unreachable");
    let (before, after) = said.split_at(failed);
    assert!(after.iter().all(|line| !line.starts_with("done") && !line.starts_with("owned")), "{said:?}");
    let (last, closed) = after[after.len() - 6..].split_at(5);
    assert!(last.iter().all(|line| line == "then Unfit") && closed == ["closed"], "{said:?}");
    assert_eq!(after.iter().filter(|line| line.starts_with("failed")).count(), 8, "each caller is told");

    let store = FjallStore::open(&folder).unwrap();
    let done = before.iter().filter_map(|line| line.strip_prefix("done "));
    let done: Vec<u32> = done.map(|number| number.parse().unwrap()).collect();
    assert!(!done.is_empty());
    for number in done {
        let kept = completion(&store, &numbered(u32::MAX, number)).await;
        assert_eq!(kept.response, response(vec![7; 4 << 20]));
    }
}

#[tokio::test]
async fn a_writer_that_panics_leaves_nobody_waiting_and_nothing_locked() {
    let folder = tempfile::tempdir().unwrap();
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&is_broken);
    let clock = move || {
        assert!(!broken.load(Ordering::Relaxed), "a clock that is broken");
        Timestamp::from_millis(1_000)
    };
    let open = || FjallStore::builder(&folder).clock(clock.clone()).open();
    let store = open().unwrap();
    let claim = claim();
    completed(&store, &claim, b"kept".to_vec(), HOUR).await;
    store.check().await.unwrap();
    is_broken.store(true, Ordering::Relaxed);
    let (one, two) = (other(&claim), other(&claim));
    let (first, second) = tokio::join!(store.claim(&one), store.claim(&two));
    assert!(first.is_err() && second.is_err());
    assert_eq!(crate::sample::refused(&store, &claim).await, StoreErrorKind::Unfit);
    assert_eq!(store.check().await.unwrap_err().kind(), StoreErrorKind::Unfit);
    drop(store);
    is_broken.store(false, Ordering::Relaxed);
    let store = open().unwrap();
    assert_eq!(completion(&store, &claim).await.response, response("kept"));
}

#[tokio::test]
async fn a_batch_that_was_torn_is_gone_as_a_whole_and_all_before_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::open(&folder).unwrap();
    let (first, last) = (claim(), claim());
    completed(&store, &first, b"first".to_vec(), HOUR).await;
    let before = owned(&store, &last).await;
    let end = written(&journal(folder.path()));
    crate::sample::done(&store, &before, crate::sample::complete("last")).await;
    // What another process would find if this one were killed now, and the machine had lost what was not synced.
    let whole = written(&journal(folder.path()));
    assert!(whole > end);
    let length = usize::try_from(whole - end).unwrap();
    for cut in [1, 2, 9, length / 2, length - 1, length] {
        let copy = tempfile::tempdir().unwrap();
        copy_all(folder.path(), copy.path());
        let journal = File::options().write(true).open(journal(copy.path())).unwrap();
        journal.set_len(whole - cut as u64).unwrap();
        drop(journal);
        let store = FjallStore::open(&copy).unwrap();
        assert_eq!(completion(&store, &other(&first)).await.response, response("first"), "{cut} bytes");
        match store.claim(&other(&last)).await.unwrap() {
            Claimed::Owned(owned) => assert_eq!(owned.attempt, 2, "{cut} bytes"),
            other => panic!("half a completion: {other:?} with {cut} bytes less"),
        }
    }
}

fn journal(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder.join("v1")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "jnl")).max().unwrap()
}

/// Up to where a journal is written; behind it are zeros.
fn written(journal: &Path) -> u64 {
    let mut bytes = Vec::new();
    File::open(journal).unwrap().read_to_end(&mut bytes).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1)
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy_all(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}
