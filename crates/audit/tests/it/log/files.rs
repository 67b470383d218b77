use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use buttress_audit::log::{AuditLog, AuditLogBuilder};
use buttress_audit::{Action, Event};
use buttress_core::WallClock;

use super::sample::{actions, builder, numbered, numbers, open, records, segments, until};

const KIB: u64 = 1 << 10;

fn large(number: u64) -> Event {
    Event::builder(Action::UPDATE).detail("number", number).detail("text", "x ".repeat(1_500)).build()
}

/// Fills a file or so with events from `number` on.
async fn fill(log: &AuditLog, number: u64) {
    for number in number..number + 25 {
        log.record(large(number)).await.unwrap();
    }
}

fn small_files(directory: &tempfile::TempDir) -> AuditLogBuilder {
    builder(directory).segment_bytes(64 * KIB)
}

/// A clock that a test moves on, in seconds.
fn clock() -> (WallClock, Arc<AtomicU64>) {
    let seconds = Arc::new(AtomicU64::new(1_800_000_000));
    let hand = Arc::clone(&seconds);
    let now = move || SystemTime::UNIX_EPOCH + Duration::from_secs(hand.load(Ordering::Relaxed));
    (WallClock::from_fn(now), seconds)
}

#[tokio::test]
async fn a_file_that_is_large_enough_is_followed_by_one_that_names_its_last_record() {
    let directory = tempfile::tempdir().unwrap();
    let log = small_files(&directory).open().unwrap();
    for round in 0..4 {
        fill(&log, round * 25).await;
    }
    log.close().await;
    let files = segments(directory.path());
    assert!(files.len() >= 4, "{files:?}");
    assert!(files.iter().all(|file| file.metadata().unwrap().len() < 64 * KIB + 5 * KIB));
    assert!(numbers(directory.path()).into_iter().eq(0..100));
    let found = records(directory.path());
    let opened: Vec<_> = found.iter().filter(|record| record.action() == "AUDIT_SEGMENT_OPENED").collect();
    assert_eq!(opened.len(), files.len());
    assert_eq!(opened[0].details()["why"], "begun");
    for opened in &opened[1..] {
        assert_eq!(opened.details()["why"], "size");
        assert_eq!(opened.details()["previous"]["seq"], opened.seq - 1);
        let before = fs::read_to_string(&files[files.len() - 1]).unwrap();
        assert!(!before.is_empty());
    }
    let log = small_files(&directory).open().unwrap();
    assert_eq!(log.status().segments, files.len());
}

#[tokio::test]
async fn a_file_is_followed_by_the_next_when_somebody_asks_or_it_is_old() {
    let directory = tempfile::tempdir().unwrap();
    let (clock, seconds) = clock();
    let log = builder(&directory).clock(clock).segment_age(Duration::from_secs(3_600)).open().unwrap();
    // Where nothing is, nothing is gained by the next one.
    log.rotate();
    log.record(numbered(Action::UPDATE, 1)).await.unwrap();
    log.rotate();
    until(&log, "the files are as they should be", |status| status.segments == 2).await;
    log.record(numbered(Action::UPDATE, 2)).await.unwrap();
    // The age of a file is that of the file system where the clock is not the machine's, so it is made much older.
    seconds.fetch_add(4_000, Ordering::Relaxed);
    log.record(numbered(Action::UPDATE, 3)).await.unwrap();
    until(&log, "the files are as they should be", |status| status.segments == 3).await;
    log.close().await;
    assert_eq!(numbers(directory.path()), [1, 2, 3]);
    let why: Vec<_> = records(directory.path())
        .iter()
        .filter_map(|record| Some(record.details()["why"].as_str()?.to_owned()))
        .collect();
    assert_eq!(why, ["begun", "demand", "age"]);
}

#[tokio::test]
async fn files_beyond_a_number_go_oldest_first_and_the_log_says_which() {
    let directory = tempfile::tempdir().unwrap();
    let log = small_files(&directory).keep_segments(3).open().unwrap();
    for round in 0..8 {
        fill(&log, round * 25).await;
    }
    until(&log, "the files are as they should be", |status| status.segments <= 3).await;
    log.close().await;
    let kept = segments(directory.path());
    assert!(kept.len() <= 4, "{kept:?}");
    let found = records(directory.path());
    let told: Vec<_> = found.iter().filter(|record| record.action() == "AUDIT_RETENTION").collect();
    assert_eq!(told.last().unwrap().details()["last"].as_u64().unwrap() + 1, found[0].seq);
    // It goes on although its beginning is gone.
    let log = small_files(&directory).open().unwrap();
    log.record(numbered(Action::UPDATE, 777)).await.unwrap();
    drop(log);
    assert_eq!(numbers(directory.path()).last(), Some(&777));
}

#[tokio::test]
async fn files_that_are_too_old_or_too_many_bytes_go() {
    for by_age in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let (clock, seconds) = clock();
        let builder = small_files(&directory).clock(clock);
        let builder = if by_age {
            builder.keep_for(Duration::from_secs(86_400))
        } else {
            builder.keep_bytes(130 * KIB)
        };
        let log = builder.open().unwrap();
        for round in 0..5 {
            fill(&log, round * 25).await;
        }
        if by_age {
            let before = log.status().segments;
            assert_eq!(before, segments(directory.path()).len(), "nothing is old yet");
            seconds.fetch_add(90_000, Ordering::Relaxed);
            fill(&log, 125).await;
        }
        until(&log, "the files are as they should be", |status| status.segments <= 3).await;
        log.close().await;
        assert!(actions(directory.path()).contains(&"AUDIT_RETENTION".to_owned()));
    }
}

#[tokio::test]
async fn nothing_is_deleted_that_a_sink_has_not_confirmed_whether_it_runs_or_not() {
    let directory = tempfile::tempdir().unwrap();
    let kept = || Path::new(directory.path()).join("segment-00000000000000000001.jsonl").exists();
    // One has been here before, and one is to come.
    drop(open(&directory).unwrap());
    fs::create_dir(directory.path().join("cursors")).unwrap();
    fs::write(directory.path().join("cursors/nats.json"), "{}").unwrap();
    let log = small_files(&directory).keep_segments(1).sinks(["postgres"]).open().unwrap();
    for round in 0..4 {
        fill(&log, round * 25).await;
    }
    assert!(kept());
    log.confirm("nats", u64::MAX);
    fill(&log, 100).await;
    fill(&log, 125).await;
    assert!(kept(), "the other has not");
    let status = log.status();
    assert_eq!(status.sinks, [("nats".to_owned(), u64::MAX), ("postgres".to_owned(), 0)]);
    log.confirm("postgres", 30);
    fill(&log, 150).await;
    fill(&log, 175).await;
    until(&log, "the files are as they should be", |_| !kept()).await;
    assert!(segments(directory.path()).len() > 3, "only what it has");
    log.forget("postgres");
    fill(&log, 200).await;
    fill(&log, 225).await;
    until(&log, "the files are as they should be", |status| status.segments <= 2).await;
}

#[tokio::test]
async fn nothing_is_deleted_that_is_not_signed_where_a_log_is_signed() {
    use buttress_audit::log::{Checkpoints, SigningKey};

    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let key = || SigningKey::load_or_create(elsewhere.path().join("audit.key")).unwrap();
    let checkpoints = Checkpoints::signed_by(key()).every(Duration::from_secs(86_400));
    let log = small_files(&directory).keep_segments(1).checkpoints(checkpoints).open().unwrap();
    for round in 0..5 {
        fill(&log, round * 25).await;
    }
    assert!(segments(directory.path()).len() >= 5);
    let last = log.close().await;
    assert_eq!(log.status().checkpoints.unwrap().signed, last.synced.seq, "the end is signed");
    let log =
        small_files(&directory).keep_segments(1).checkpoints(Checkpoints::signed_by(key())).open().unwrap();
    until(&log, "the files are as they should be", |status| status.segments <= 1).await;
    log.close().await;
    let log = small_files(&directory).checkpoints(Checkpoints::signed_by(key())).open().unwrap();
    log.record(numbered(Action::UPDATE, 1)).await.unwrap();
}
