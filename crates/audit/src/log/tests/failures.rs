use std::time::Duration;

use buttress_core::Ratio;

use super::faulty::{Fate, FaultyDisk, actions, numbers, records, segments};
use super::until::until;
use crate::log::status::real_now;
use crate::log::writer::next_turn;
use crate::log::{AuditLog, DiskLevel, Space, Status};
use crate::{Action, Category, Event, NotRecorded, Reason, Receipt, Recorder as _, Reservation as _};

fn numbered(action: Action, number: u64) -> Event {
    Event::builder(action).detail("number", number).build()
}

async fn update(log: &AuditLog, number: u64) -> Result<Receipt, NotRecorded> {
    log.record(numbered(Action::UPDATE, number)).await
}

async fn login(log: &AuditLog, number: u64) -> Result<Receipt, NotRecorded> {
    log.record(numbered(Action::LOGIN, number)).await
}

fn open(directory: &tempfile::TempDir, disk: &FaultyDisk) -> AuditLog {
    // What is only written stays so until somebody asks for more.
    let builder = AuditLog::builder(directory).sync_within(Duration::from_secs(60));
    builder.open_on(disk.clone()).unwrap()
}

#[tokio::test]
async fn a_disk_that_hangs_is_seen_though_it_does_not_fail() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&directory, &disk);
    let later = || real_now() + Status::HANGS_AFTER + Duration::from_secs(1);
    assert!(log.status_at(later()).is_ready(), "who has nothing to do does not hang");
    disk.hold();
    let place = log.reserve(Action::LOGIN.class()).await.unwrap();
    let due = place.record(numbered(Action::LOGIN, 1));
    disk.until_held();
    assert!(log.status().is_ready(), "it may take a moment");
    let seen = log.status_at(later());
    assert!(seen.hangs() && !seen.is_ready() && seen.not_ready().contains(&Category::Auth), "{seen:?}");
    disk.let_go();
    due.await.unwrap();
    until_idle(&log).await;
    assert!(log.status_at(later()).is_ready());
}

/// Waits until the log has nothing more to do.
async fn until_idle(log: &AuditLog) {
    until(log, "it has nothing to do", |status| status.busy_for == Duration::ZERO).await;
}

/// Waits until the log records again.
async fn until_good(log: &AuditLog) {
    until(log, "it records again", |status| status.refusing.is_none()).await;
}

#[tokio::test]
async fn a_failed_sync_is_final_for_its_file_and_the_next_one_begins_with_what_was_not_synced() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&directory, &disk);
    login(&log, 1).await.unwrap();
    let written = update(&log, 2).await.unwrap();
    let before = records(directory.path());
    disk.syncs([Fate::Fails(0)]);
    let synced = login(&log, 3).await.unwrap();
    assert_eq!((written.seq, synced.seq), (Some(3), Some(4)), "a number that was told stays");
    let files = segments(directory.path());
    assert_eq!(files.len(), 2);
    assert!(files[1].ends_with("segment-00000000000000000003.jsonl"), "{files:?}");
    assert_eq!(numbers(directory.path()), [1, 2, 3], "the old file was cut: nothing is there twice");
    let after = records(directory.path());
    assert_eq!(before[2].hash, after[2].hash, "byte by byte the same");
    assert_eq!(actions(directory.path())[3..], ["LOGIN", "AUDIT_SEGMENT_OPENED"]);
    assert_eq!(after[4].event["details"]["why"], "failure");
    assert!(log.status().is_ready());
    let syncs = disk.count_of_syncs();
    login(&log, 4).await.unwrap();
    assert_eq!(disk.count_of_syncs(), syncs + 1, "only the new file is synced");
    log.close().await;
    assert_eq!(numbers(directory.path()), [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_failed_write_is_final_for_its_file_too_and_half_of_it_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&directory, &disk);
    update(&log, 1).await.unwrap();
    disk.writes([Fate::Fails(40)]);
    assert_eq!(update(&log, 2).await.unwrap().seq, Some(3));
    update(&log, 3).await.unwrap();
    log.close().await;
    assert_eq!(numbers(directory.path()), [1, 2, 3]);
    assert_eq!(segments(directory.path()).len(), 2);
}

#[tokio::test]
async fn a_write_that_takes_only_some_bytes_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&directory, &disk);
    disk.writes((0..50).map(|most| Fate::Takes(most % 7 + 1)));
    for number in 0..5 {
        update(&log, number).await.unwrap();
    }
    log.close().await;
    assert_eq!(numbers(directory.path()), [0, 1, 2, 3, 4]);
    assert_eq!(segments(directory.path()).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_the_next_file_fails_as_well_nothing_is_acknowledged_until_one_works() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&directory, &disk);
    login(&log, 1).await.unwrap();
    update(&log, 2).await.unwrap();
    disk.syncs(std::iter::repeat_n(Fate::Fails(0), 1_000));
    let failed = login(&log, 3).await.unwrap_err();
    assert_eq!((failed.reason, failed.shed), (Reason::Failed, false));
    assert!(failed.retry_after.is_some());
    let status = log.status();
    assert_eq!((status.refusing, status.is_ready()), (Some(Reason::Failed), false));
    assert!(status.not_ready().contains(&Category::Auth) && !status.not_ready().contains(&Category::Data));
    assert!(status.last_error.unwrap().contains("the disk is broken"));
    assert_eq!(login(&log, 4).await.unwrap_err().reason, Reason::Failed);
    let access = log.record(numbered(Action::ACCESS_GRANTED, 5)).await.unwrap_err();
    assert_eq!((access.reason, access.shed), (Reason::Failed, true));
    disk.heal();
    until_good(&log).await;
    assert!(log.status().is_ready());
    assert_eq!(login(&log, 6).await.unwrap().seq.map(|seq| seq > 3), Some(true));
    log.close().await;
    // Written and acknowledged before: there. Refused: not there.
    assert_eq!(numbers(directory.path()), [1, 2, 6]);
    let found = records(directory.path());
    let gap = found.iter().find(|record| record.action() == "AUDIT_GAP").unwrap();
    // The login that was handed over, and the access that was shed; the other login never happened.
    assert_eq!(gap.event["details"]["count"], 2);
    assert_eq!(gap.event["details"]["categories"], serde_json::json!({ "access": 1, "auth": 1 }));
    let told = found.iter().find(|record| record.action() == "AUDIT_LOG_RECOVERED").unwrap();
    assert!(told.event["details"]["error"].as_str().unwrap().contains("the disk is broken"));
    let totals = log.status().totals();
    assert_eq!((totals.emitted, totals.acknowledged, totals.shed, totals.failed), (6, 3, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn where_the_old_file_cannot_be_cut_the_next_one_does_not_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&directory, &disk);
    login(&log, 1).await.unwrap();
    update(&log, 2).await.unwrap();
    disk.syncs([Fate::Fails(0)]);
    disk.cuts([Fate::Fails(0); 100]);
    assert_eq!(login(&log, 3).await.unwrap_err().reason, Reason::Failed);
    assert_eq!(log.status().synced.seq, 2, "two files must not go on from one record");
    disk.heal();
    until_good(&log).await;
    login(&log, 4).await.unwrap();
    log.close().await;
    assert_eq!(numbers(directory.path()), [1, 2, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_told_of_with_the_room_that_was_kept_back_and_is_over_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    // Only what a write finds counts here; room is looked at once it was gone, to begin again.
    disk.has_space(0, 100 << 30);
    let builder = AuditLog::builder(&directory).disk_low(Ratio::ZERO, 0).disk_critical(Ratio::ZERO);
    let log = builder.open_on(disk.clone()).unwrap();
    update(&log, 1).await.unwrap();
    let ballast = directory.path().join("ballast");
    assert_eq!(std::fs::metadata(&ballast).unwrap().len(), 256 << 10);
    // One record finds no room; what the ballast leaves is room for the one that says so, and for no other.
    disk.writes([Fate::IsFull(30), Fate::Works, Fate::IsFull(0)]);
    let refused = update(&log, 2).await.unwrap_err();
    assert_eq!((refused.reason, refused.shed), (Reason::DiskFull, false));
    assert!(!ballast.exists());
    assert_eq!(actions(directory.path()).last().unwrap(), "AUDIT_DISK_FULL");
    let status = log.status();
    assert_eq!((status.level, status.refusing), (DiskLevel::Full, Some(Reason::DiskFull)));
    assert_eq!(status.space, Some(Space { free: 0, total: 100 << 30 }));
    // Waits as long as its policy says, and then fails; others at once.
    let began = tokio::time::Instant::now();
    assert_eq!(login(&log, 3).await.unwrap_err().reason, Reason::DiskFull);
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(update(&log, 4).await.unwrap_err().reason, Reason::DiskFull);
    assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
    disk.has_space(50 << 30, 100 << 30);
    until_good(&log).await;
    assert!(ballast.exists(), "for the next time");
    login(&log, 5).await.unwrap();
    log.close().await;
    assert_eq!(numbers(directory.path()), [1, 5]);
    assert_eq!(segments(directory.path()).len(), 1, "for want of room no file is given up");
    let actions = actions(directory.path());
    let about_it = actions.iter().filter(|action| action.starts_with("AUDIT_DISK") || *action == "AUDIT_GAP");
    assert_eq!(about_it.collect::<Vec<_>>(), ["AUDIT_DISK_FULL", "AUDIT_DISK_RECOVERED", "AUDIT_GAP"]);
}

#[tokio::test(start_paused = true)]
async fn what_had_a_place_when_the_disk_was_full_goes_into_the_room_that_was_kept_back() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    disk.has_space(0, 100 << 30);
    let builder = AuditLog::builder(&directory).disk_low(Ratio::ZERO, 0).disk_critical(Ratio::ZERO);
    let log = builder.open_on(disk.clone()).unwrap();
    let place = async |action: Action| log.reserve(action.class()).await.unwrap();
    let (second, third, fourth) =
        (place(Action::LOGIN).await, place(Action::LOGIN).await, place(Action::LOGIN).await);
    let sheddable = place(Action::ACCESS_GRANTED).await;
    disk.writes([Fate::IsFull(30)]);
    update(&log, 1).await.unwrap();
    assert_eq!(log.status().refusing, Some(Reason::DiskFull));
    second.record(numbered(Action::LOGIN, 2)).await.unwrap();
    let may_be_lost = sheddable.record(numbered(Action::ACCESS_GRANTED, 9)).await.unwrap_err();
    assert_eq!((may_be_lost.reason, may_be_lost.shed), (Reason::DiskFull, true));
    assert_eq!(login(&log, 9).await.unwrap_err().reason, Reason::DiskFull, "nobody gets a place any more");
    disk.writes([Fate::IsFull(0)]);
    let too_late = third.record(numbered(Action::LOGIN, 9)).await.unwrap_err();
    assert_eq!((too_late.reason, too_late.shed), (Reason::DiskFull, false));
    fourth.record(numbered(Action::LOGIN, 4)).await.unwrap();
    log.close().await;
    assert_eq!(numbers(directory.path()), [1, 2, 4]);
}

#[tokio::test(start_paused = true)]
async fn below_three_percent_only_that_is_recorded_whose_request_fails_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    disk.has_space(9 << 30, 100 << 30);
    let log = open(&directory, &disk);
    assert_eq!(log.status().level, DiskLevel::Low);
    let access = || log.record(numbered(Action::ACCESS_GRANTED, 1));
    access().await.unwrap();
    disk.has_space(2 << 30, 100 << 30);
    until(&log, "the room was looked at", |status| status.level == DiskLevel::Critical).await;
    let shed = access().await.unwrap_err();
    assert_eq!((shed.reason, shed.shed), (Reason::DiskFull, true));
    assert!(log.status().is_ready());
    login(&log, 2).await.unwrap();
    update(&log, 3).await.unwrap();
    disk.has_space(60 << 30, 100 << 30);
    until(&log, "the room was looked at", |status| status.level == DiskLevel::Plenty).await;
    access().await.unwrap();
    log.close().await;
    let actions = actions(directory.path());
    let levels: Vec<_> = actions.iter().filter(|action| action.starts_with("AUDIT_DISK")).collect();
    assert_eq!(levels, ["AUDIT_DISK_LOW", "AUDIT_DISK_LOW", "AUDIT_DISK_RECOVERED"]);
    assert_eq!(numbers(directory.path()), [1, 2, 3, 1]);
}

#[tokio::test]
async fn what_is_only_written_is_synced_within_the_time_that_was_set() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let builder = AuditLog::builder(&directory).sync_within(Duration::from_millis(1));
    let log = builder.open_on(disk.clone()).unwrap();
    let receipt = update(&log, 1).await.unwrap();
    until(&log, "it is synced", |status| Some(status.synced.seq) >= receipt.seq).await;
}

#[tokio::test]
async fn one_sync_serves_all_that_wait_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&directory, &disk);
    disk.hold();
    let place = log.reserve(Action::LOGIN.class()).await.unwrap();
    let first = crate::Reservation::record(place, numbered(Action::LOGIN, 0));
    disk.until_held();
    let mut due = Vec::new();
    for number in 1..=200 {
        let place = log.reserve(Action::LOGIN.class()).await.unwrap();
        due.push(crate::Reservation::record(place, numbered(Action::LOGIN, number)));
    }
    let before = disk.count_of_syncs();
    disk.let_go();
    first.await.unwrap();
    for due in due {
        due.await.unwrap();
    }
    assert_eq!(disk.count_of_syncs() - before, 2, "the first alone, and all others together");
}

#[tokio::test]
async fn a_writer_that_panics_leaves_nobody_waiting_and_nothing_locked() {
    let directory = tempfile::tempdir().unwrap();
    let is_broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let clock = buttress_core::WallClock::from_fn({
        let is_broken = std::sync::Arc::clone(&is_broken);
        move || {
            let on_the_writer = std::thread::current().name() == Some("buttress-audit");
            assert!(
                !(on_the_writer && is_broken.load(std::sync::atomic::Ordering::Relaxed)),
                "a clock that is broken"
            );
            std::time::SystemTime::UNIX_EPOCH
        }
    });
    let log = AuditLog::builder(&directory).clock(clock).open().unwrap();
    update(&log, 1).await.unwrap();
    is_broken.store(true, std::sync::atomic::Ordering::Relaxed);
    // The first may still be written before the clock is looked at.
    let (_first, second) = (update(&log, 2).await, update(&log, 3).await);
    assert!(second.is_err());
    assert_eq!(update(&log, 4).await.unwrap_err().reason, Reason::Closed);
    assert!(log.close().await.is_closed);
    drop(AuditLog::open(&directory).unwrap());
    assert!(numbers(directory.path()).contains(&1));
}

#[tokio::test]
async fn of_those_who_are_written_together_only_those_who_want_a_sync_wait_for_it_and_fail_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&directory, &disk);
    disk.hold();
    let mut due = Vec::new();
    for (number, action) in
        (0..).zip([Action::LOGIN, Action::UPDATE, Action::LOGIN, Action::UPDATE, Action::LOGIN])
    {
        let place = crate::Recorder::reserve(&log, action.class()).await.unwrap();
        due.push(crate::Reservation::record(place, numbered(action, number)));
        // The first alone, and the others together.
        disk.until_held();
    }
    disk.syncs([Fate::Works]);
    disk.syncs([Fate::Fails(0); 100]);
    disk.let_go();
    let mut outcomes = Vec::new();
    for due in due {
        outcomes.push(due.await.map(|receipt| receipt.seq.unwrap()).map_err(|why| why.reason));
    }
    let failed = Err(Reason::Failed);
    assert_eq!(outcomes, [Ok(2), Ok(3), failed, Ok(5), failed]);
    disk.heal();
    until_good(&log).await;
    log.close().await;
    // The third stands before one that was acknowledged and cannot be taken back; the last can.
    assert_eq!(numbers(directory.path()), [0, 1, 2, 3]);
}

#[test]
fn while_nothing_can_be_written_nothing_is_due_before_the_next_look() {
    let now = tokio::time::Instant::now();
    let (past, look) = (now - Duration::from_secs(9), now + Duration::from_secs(1));
    assert_eq!(next_turn(look, [Some(past), None, None], false), past);
    assert_eq!(next_turn(look, [None, None, Some(now)], false), now);
    assert_eq!(next_turn(look, [None, None, None], false), look);
    assert_eq!(
        next_turn(look, [Some(past), Some(past), Some(past)], true),
        look,
        "its thread would turn round and round"
    );
}

#[tokio::test]
async fn a_log_that_is_gone_on_with_makes_sure_of_the_name_of_its_last_file_too() {
    let directory = tempfile::tempdir().unwrap();
    open(&directory, &FaultyDisk::default()).close().await;
    let disk = FaultyDisk::default();
    let log = open(&directory, &disk);
    assert_eq!((disk.count_of_syncs() > 0, disk.count_of_directory_syncs() > 0), (true, true));
    log.close().await;
}
