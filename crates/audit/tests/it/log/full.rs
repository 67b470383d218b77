use std::fs;

use buttress_audit::log::{AuditLog, DiskLevel, Status};
use buttress_audit::{Action, Event, Reason};
use buttress_core::Ratio;
use buttress_testkit::TinyDisk;

use super::child;
use super::sample::{actions, assert_accounted, numbered, numbers, records, segments, until};

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_is_really_full_is_told_of_and_when_room_returns_the_log_goes_on_by_itself() {
    let Some(disk) = TinyDisk::mount() else {
        return println!("not shown: only the administrator may mount a file system");
    };
    let directory = disk.path().join("log");
    let log =
        AuditLog::builder(&directory).disk_low(Ratio::ZERO, 0).disk_critical(Ratio::ZERO).open().unwrap();
    log.record(numbered(Action::LOGIN, 0)).await.unwrap();
    // Somebody else takes all the room but a little.
    let other = disk.path().join("other");
    fs::write(&other, vec![7; 600 << 10]).unwrap();
    let mut acknowledged = vec![0];
    let refused = loop {
        let number = acknowledged.len() as u64;
        let event = Event::builder(Action::LOGIN).detail("number", number).detail("text", "x ".repeat(1_000));
        match log.record(event.build()).await {
            Ok(_) => acknowledged.push(number),
            Err(why) => break why,
        }
    };
    assert_eq!((refused.reason, refused.shed), (Reason::DiskFull, false));
    assert!(acknowledged.len() > 20, "{}", acknowledged.len());
    let status = log.status();
    assert_eq!((status.level, status.is_ready()), (DiskLevel::Full, false));
    let told = actions(&directory);
    assert!(
        told.ends_with(&["AUDIT_DISK_FULL".to_owned(), "LOGIN".to_owned()]),
        "there was room kept back to tell it, and for the one that had a place already: {told:?}"
    );
    assert_eq!(numbers(&directory), acknowledged);
    fs::remove_file(&other).unwrap();
    until(&log, "it is ready again", Status::is_ready).await;
    acknowledged.push(1_000_000);
    log.record(numbered(Action::LOGIN, 1_000_000)).await.unwrap();
    assert_accounted(&log);
    log.close().await;
    assert_eq!(numbers(&directory), acknowledged);
    assert_eq!(segments(&directory).len(), 1);
    let found = records(&directory);
    let about: Vec<_> = found.iter().rev().take(4).map(|record| record.action().to_owned()).collect();
    assert_eq!(about, ["LOGIN", "AUDIT_DISK_RECOVERED", "LOGIN", "AUDIT_DISK_FULL"], "nothing is missing");
    // A later log finds nothing wrong with it.
    drop(AuditLog::open(&directory).unwrap());
}

#[cfg(unix)]
#[test]
fn where_no_file_may_grow_any_more_the_next_one_takes_over_and_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    // 48 KiB: less than the smallest file that the log would make by itself, and too little for its ballast.
    let (mut process, said) = child::start(&mut child::command_with_small_files(directory.path(), 3, 96));
    let mut done = Vec::new();
    for line in said.map_while(Result::ok) {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["done", number, _] => done.push(number.parse::<u64>().unwrap()),
            ["opened"] => {}
            _ => panic!("{line}"),
        }
        if done.len() > 1_000 {
            break;
        }
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(done.len() > 1_000, "{}", done.len());
    drop(AuditLog::open(&directory).unwrap());
    assert!(segments(directory.path()).len() > 5);
    let found: std::collections::BTreeSet<_> = numbers(directory.path()).into_iter().collect();
    assert!(done.iter().all(|number| found.contains(number)));
}
