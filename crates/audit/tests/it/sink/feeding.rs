use std::time::{Duration, SystemTime};

use buttress_audit::sink::{Feeder, FeederState};
use buttress_core::WallClock;
use buttress_testkit::patience::PATIENCE;

use super::bench::{Answer, Memory, Until, WrittenLog, feeder, up_to};

#[tokio::test(start_paused = true)]
async fn records_arrive_once_in_their_order_across_segments_and_byte_by_byte() {
    let mut log = WrittenLog::of(25);
    log.rotate();
    log.add(8);
    let sink = Memory::default();
    let handle = feeder(&sink).build().unwrap().start_on(log.path()).await.unwrap();
    handle.until_confirmed(33).await;
    log.add(2);
    let status = handle.until_confirmed(35).await;
    assert_eq!(sink.seqs(), up_to(35));
    assert_eq!((status.delivered, status.failures, status.missed, status.last_error), (35, 0, 0, None));
    let lines: Vec<u8> =
        sink.kept().lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect();
    let mut written = std::fs::read(log.path().join("segment-00000000000000000001.jsonl")).unwrap();
    written.extend(std::fs::read(log.path().join("segment-00000000000000000026.jsonl")).unwrap());
    assert_eq!(lines, written);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_no_larger_than_was_said() {
    let log = WrittenLog::of(35);
    let sink = Memory::default();
    let handle = feeder(&sink).build().unwrap().start_on(log.path()).await.unwrap();
    handle.until_confirmed(35).await;
    assert_eq!(sink.kept().offered, [10, 10, 10, 5]);
    let sink = Memory::default();
    let line = std::fs::metadata(log.path().join("segment-00000000000000000001.jsonl")).unwrap().len() / 35;
    let small = Feeder::builder(sink.clone()).batch_bytes(1024).build().unwrap();
    handle.stop(PATIENCE).await;
    std::fs::remove_file(log.cursor("memory")).unwrap();
    let handle = small.start_on(log.path()).await.unwrap();
    handle.until_confirmed(35).await;
    let most = usize::try_from(1024 / line + 1).unwrap();
    assert!(sink.kept().offered.iter().all(|size| *size <= most), "{:?}", sink.kept().offered);
}

#[tokio::test(start_paused = true)]
async fn the_first_to_be_confirmed_says_how_old_the_lag_is() {
    let log = WrittenLog::of(20);
    let recorded: jiff::Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
    let later = SystemTime::from(recorded) + Duration::from_secs(90);
    let sink = Memory::scripted([Answer::Never]);
    let feeder = feeder(&sink).clock(WallClock::from_fn(move || later)).patience(PATIENCE).build().unwrap();
    let handle = feeder.start_on(log.path()).await.unwrap();
    let stuck = handle.until("it is behind", |status| status.lag > 0).await;
    assert_eq!((stuck.lag, stuck.lag_age), (10, Duration::from_secs(90)));
    let status = handle.until_confirmed(20).await;
    assert_eq!((status.lag, status.lag_age), (0, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn who_stops_has_the_rest_handed_on_and_no_more_time_is_spent_than_was_given() {
    let log = WrittenLog::of(500);
    let sink = Memory::default();
    let handle = feeder(&sink).build().unwrap().start_on(log.path()).await.unwrap();
    let status = handle.stop(PATIENCE).await;
    assert_eq!((status.state, status.confirmed, status.lag), (FeederState::Stopped, 500, 0));
    assert_eq!(sink.seqs(), up_to(500));

    let log = WrittenLog::of(30);
    let sink = Memory::scripted([Answer::Never]);
    let handle = feeder(&sink).patience(PATIENCE).build().unwrap().start_on(log.path()).await.unwrap();
    let asked = tokio::time::Instant::now();
    let status = handle.stop(Duration::from_secs(5)).await;
    assert_eq!(asked.elapsed(), Duration::from_secs(5));
    assert_eq!((status.state, status.confirmed), (FeederState::Stopped, 0));
}

#[tokio::test(start_paused = true)]
async fn who_stops_while_the_sink_fails_need_not_wait_for_the_pause() {
    let log = WrittenLog::of(3);
    let sink = Memory::scripted([Answer::After(Duration::from_secs(600))]);
    let handle = feeder(&sink).build().unwrap().start_on(log.path()).await.unwrap();
    handle.until("it is failing", |status| status.state == FeederState::Failing).await;
    let status = handle.stop(Duration::from_secs(1)).await;
    assert_eq!((status.confirmed, status.state), (3, FeederState::Stopped));
}

#[test]
fn every_setting_out_of_range_is_named_at_once() {
    let feeder = Feeder::builder(Memory::default())
        .batch_records(0)
        .batch_bytes(1023)
        .patience(Duration::from_millis(9))
        .look_every(Duration::ZERO);
    let error = feeder.build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "audit sink: batch_records is 0, allowed: 1 to 10,000; \
         audit sink: batch_bytes is 1023, allowed: 1 KiB to 64 MiB; \
         audit sink: patience is 9ms, allowed: 10 ms to 1 h; \
         audit sink: look_every is 0ns, allowed: 1 ms to 1 h"
    );
}
