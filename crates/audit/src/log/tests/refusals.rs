//! Floods of requests that are refused.

use std::net::IpAddr;
use std::time::Duration;

use buttress_core::Ratio;

use super::faulty::{Fate, FaultyDisk, Found, records};
use super::until::until;
use crate::event::{RefusedFor, RefusedRequest};
use crate::log::{AuditLog, AuditLogBuilder};
use crate::{Action, Durability, Event, Outcome, Reason, Recorder as _, Reservation as _};

const LONG: Duration = Duration::from_secs(3_600);

fn builder(directory: &tempfile::TempDir) -> AuditLogBuilder {
    let builder = AuditLog::builder(directory).disk_low(Ratio::ZERO, 0).disk_critical(Ratio::ZERO);
    builder.refusals_of_one(2).refusal_window(LONG)
}

fn refused(number: u64) -> Event {
    let mut parts = Event::builder(Action::UPDATE).outcome(Outcome::Denied).build().into_parts();
    let client = Some(IpAddr::from([192, 0, 2, 1]));
    parts.refused = Some(RefusedRequest { why: RefusedFor::RateLimited, client });
    parts.reason = Some(format!("number_{number}").into());
    parts.into_event(std::time::SystemTime::UNIX_EPOCH)
}

async fn flood(log: &AuditLog, count: u64) {
    for number in 0..count {
        log.record(refused(number)).await.unwrap();
    }
}

fn summaries(directory: &tempfile::TempDir) -> Vec<Found> {
    let told = |found: &Found| found.action() == "AUDIT_REFUSALS";
    records(directory.path()).into_iter().filter(told).collect()
}

/// How many were told of in all records together.
fn told(directory: &tempfile::TempDir) -> u64 {
    summaries(directory).iter().map(|found| found.event["details"]["count"].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn a_flood_leaves_few_records_and_one_that_tells_of_the_others_before_the_log_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let log = builder(&directory).open().unwrap();
    flood(&log, 100).await;
    let totals = log.status().totals();
    assert_eq!((totals.emitted, totals.acknowledged, totals.summarised), (100, 2, 98));
    assert_eq!((totals.waiting(), log.status().queued), (0, 0), "no place is kept");
    log.close().await;
    let all = records(directory.path());
    let alone: Vec<_> = all.iter().filter(|found| found.action() == "UPDATE").collect();
    let reasons: Vec<_> = alone.iter().map(|found| found.event["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["number_0", "number_1"], "the first ones");
    let [summary] = &summaries(&directory)[..] else { panic!("one record") };
    let event = &summary.event;
    assert_eq!(
        [&event["category"], &event["outcome"], &event["reason"], &event["severity"], &event["stage"]],
        ["system", "denied", "rate_limited", "medium", "complete"]
    );
    let details = &event["details"];
    assert_eq!([&details["count"], &details["recorded"], &details["by_others"]], [98, 2, 0]);
    assert_eq!(details["by_address"], serde_json::json!({ "192.0.2.1": 98 }));
    assert!(details["first"].as_str().unwrap() <= details["last"].as_str().unwrap(), "{details}");
    assert_eq!(all.last().unwrap().seq, summary.seq);
}

#[tokio::test]
async fn what_is_only_counted_is_said_to_be_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let log = builder(&directory).open().unwrap();
    flood(&log, 2).await;
    let receipt = log.record(refused(3)).await.unwrap();
    assert_eq!((receipt.seq, receipt.durability), (None, Durability::Enqueued));
    log.close().await;
}

#[tokio::test]
async fn a_window_is_told_when_it_ends_though_nobody_asks_any_more() {
    let directory = tempfile::tempdir().unwrap();
    let log = builder(&directory).refusal_window(Duration::from_secs(1)).open().unwrap();
    flood(&log, 10).await;
    let before = log.status().head.seq;
    until(&log, "it is told", |status| status.head.seq > before).await;
    assert_eq!(told(&directory), 8);
    flood(&log, 10).await;
    log.close().await;
    assert_eq!(told(&directory), 16, "and what came afterwards at the end");
}

#[tokio::test]
async fn a_count_that_found_no_room_on_the_disk_is_told_once_when_there_is_some() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    disk.has_space(0, 100 << 30);
    let builder = builder(&directory).refusal_window(Duration::from_secs(1));
    let log = builder.open_on(disk.clone()).unwrap();
    flood(&log, 10).await;
    // What is written next is the count.
    disk.writes([Fate::IsFull(30)]);
    until(&log, "the disk is full", |status| status.refusing == Some(Reason::DiskFull)).await;
    disk.has_space(50 << 30, 100 << 30);
    until(&log, "it records again", |status| status.refusing.is_none()).await;
    flood(&log, 5).await;
    log.close().await;
    let alone = records(directory.path()).iter().filter(|found| found.action() == "UPDATE").count() as u64;
    assert_eq!(alone + told(&directory), 15, "{:#?}", summaries(&directory));
    assert_eq!(log.status().totals().summarised, told(&directory));
}

#[tokio::test]
async fn a_count_that_no_file_took_is_told_once_when_one_does() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let builder = builder(&directory).refusal_window(Duration::from_secs(1));
    let log = builder.open_on(disk.clone()).unwrap();
    flood(&log, 10).await;
    disk.writes(std::iter::repeat_n(Fate::Fails(0), 1_000));
    until(&log, "no file works", |status| status.refusing == Some(Reason::Failed)).await;
    disk.heal();
    until(&log, "it records again", |status| status.refusing.is_none()).await;
    log.close().await;
    assert_eq!(told(&directory), 8, "{:#?}", summaries(&directory));
}

#[tokio::test]
async fn every_refusal_is_recorded_where_somebody_wants_that() {
    let directory = tempfile::tempdir().unwrap();
    let log = builder(&directory).every_refusal().open().unwrap();
    flood(&log, 20).await;
    log.close().await;
    assert_eq!((summaries(&directory).len(), log.status().totals().acknowledged), (0, 20));
}

#[tokio::test]
async fn what_comes_after_the_end_is_refused_and_not_counted() {
    let directory = tempfile::tempdir().unwrap();
    let log = builder(&directory).open().unwrap();
    let mut places = Vec::new();
    for _ in 0..5 {
        places.push(log.reserve(Action::UPDATE.class()).await.unwrap());
    }
    log.close().await;
    for place in places {
        assert_eq!(place.record(refused(3)).await.unwrap_err().reason, Reason::Closed);
    }
    assert_eq!((told(&directory), log.status().totals().summarised), (0, 0));
}

#[test]
fn a_bound_that_makes_no_sense_is_named_with_its_value_and_what_is_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let log = AuditLog::builder(&directory).refusals_of_one(0).refusals_of_all(1_000_001);
    let error = log.refusal_window(Duration::from_millis(999)).open().unwrap_err();
    let text = format!("{error:#?} {error}");
    for problem in [
        "refusals_of_one is 0, allowed: 1 to 1,000,000",
        "refusals_of_all is 1000001, allowed: 1 to 1,000,000",
        "refusal_window is 999ms, allowed: 1 s to 1 h",
    ] {
        let whole =
            std::error::Error::source(&error).map_or(text.clone(), |source| format!("{text} {source}"));
        assert!(whole.contains(problem), "{problem}: {whole}");
    }
}
