use std::time::Duration;

use buttress_audit::sink::FeederState;
use buttress_backoff::Backoff;
use buttress_testkit::patience::PATIENCE;
use tokio::time::Instant;

use super::bench::{Answer, Memory, Until, WrittenLog, feeder, up_to};

fn doubling() -> Backoff {
    let backoff = Backoff::exponential(Duration::from_secs(1)).cap(Duration::from_secs(5));
    backoff.jitter(buttress_backoff::Jitter::None).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_fails_is_asked_again_after_growing_pauses_and_nothing_is_lost_or_out_of_order() {
    let log = WrittenLog::of(25);
    let sink = Memory::scripted([Answer::Retry; 4]);
    let began = Instant::now();
    let handle = feeder(&sink).backoff(doubling()).build().unwrap().start_on(log.path()).await.unwrap();
    let failing = handle.until("it has failed four times", |status| status.failures == 4).await;
    assert_eq!((failing.state, failing.confirmed), (FeederState::Failing, 0));
    assert_eq!(failing.last_error.as_deref(), Some("the sink takes no records at the moment: busy"));
    let status = handle.until_confirmed(25).await;
    assert_eq!(began.elapsed(), Duration::from_secs(1 + 2 + 4 + 5));
    assert_eq!((status.state, status.failures), (FeederState::Feeding, 4));
    assert_eq!(sink.seqs(), up_to(25));
}

#[tokio::test(start_paused = true)]
async fn batches_shrink_while_a_sink_fails_and_grow_again() {
    let log = WrittenLog::of(40);
    let sink = Memory::scripted([Answer::Retry; 4]);
    let handle = feeder(&sink).build().unwrap().start_on(log.path()).await.unwrap();
    handle.until_confirmed(40).await;
    assert_eq!(sink.kept().offered, [10, 5, 2, 1, 1, 2, 4, 8, 10, 10, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_says_when_is_left_alone_until_then() {
    let log = WrittenLog::of(1);
    let sink = Memory::scripted([Answer::After(Duration::from_secs(40))]);
    let began = Instant::now();
    let handle = feeder(&sink).backoff(doubling()).build().unwrap().start_on(log.path()).await.unwrap();
    handle.until_confirmed(1).await;
    assert_eq!(began.elapsed(), Duration::from_secs(40));

    let log = WrittenLog::of(1);
    let sink = Memory::scripted([Answer::After(Duration::from_secs(1 << 40))]);
    let began = Instant::now();
    let handle = feeder(&sink).backoff(doubling()).build().unwrap().start_on(log.path()).await.unwrap();
    handle.until_confirmed(1).await;
    assert_eq!(began.elapsed(), Duration::from_secs(3_600), "and not for ever");
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_not_set_up_is_asked_after_the_longest_pause_and_goes_on_by_itself() {
    let log = WrittenLog::of(1);
    let sink = Memory::scripted([Answer::Unfit]);
    let began = Instant::now();
    let handle = feeder(&sink).backoff(doubling()).build().unwrap().start_on(log.path()).await.unwrap();
    let status = handle.until_confirmed(1).await;
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    assert_eq!(status.last_error.as_deref(), Some("the sink cannot take records as it is set up: no table"));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_never_answers_is_given_up_on_for_this_time() {
    let log = WrittenLog::of(30);
    let sink = Memory::scripted([Answer::Never]);
    let feeder = feeder(&sink).patience(Duration::from_secs(7)).backoff(doubling());
    let began = Instant::now();
    let handle = feeder.build().unwrap().start_on(log.path()).await.unwrap();
    let failing = handle.until("it has failed once", |status| status.failures == 1).await;
    assert_eq!(began.elapsed(), Duration::from_secs(7));
    assert_eq!(failing.last_error.as_deref(), Some("no answer from the sink within 7s"));
    handle.until_confirmed(30).await;
    assert_eq!(sink.seqs(), up_to(30));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_done_for_ends_the_feeder_and_the_next_one_goes_on() {
    let log = WrittenLog::of(15);
    let sink = Memory::default();
    let handle = feeder(&sink).build().unwrap().start_on(log.path()).await.unwrap();
    handle.until_confirmed(15).await;
    let mut log = log;
    sink.kept().script.push_back(Answer::Fatal);
    log.add(2);
    let status = handle.until_confirmed(17).await;
    assert_eq!((status.state, status.confirmed), (FeederState::Failed, 15));
    assert_eq!(status.last_error.as_deref(), Some("the sink takes no records any more: nobody reads"));
    drop(handle);
    let handle = feeder(&sink).build().unwrap().start_on(log.path()).await.unwrap();
    handle.stop(PATIENCE).await;
    assert_eq!(sink.seqs(), up_to(17));
}

#[tokio::test(start_paused = true)]
async fn a_broken_log_is_handed_on_up_to_the_break_and_not_behind_it() {
    let log = WrittenLog::of(20);
    let segment = log.path().join("segment-00000000000000000001.jsonl");
    let text = std::fs::read_to_string(&segment).unwrap();
    std::fs::write(&segment, text.replace("\"n\":13}", "\"n\":12}")).unwrap();
    let sink = Memory::default();
    let handle = feeder(&sink).build().unwrap().start_on(log.path()).await.unwrap();
    let status = handle.until("it has failed", |status| status.failures > 0).await;
    assert_eq!((status.state, sink.seqs()), (FeederState::Failing, up_to(12)));
    let said = status.last_error.unwrap();
    assert!(said.contains("record 13") && said.contains("hash_mismatch"), "{said}");
    // It was put right from a copy.
    std::fs::write(&segment, text).unwrap();
    handle.until_confirmed(20).await;
    assert_eq!(sink.seqs(), up_to(20));
}
