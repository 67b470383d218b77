use std::error::Error as _;
use std::fs;

use buttress_audit::log::{ChainId, Head};
use buttress_audit::sink::{Feeder, FeederState, PlaceFault, StartError, WriterSink};
use buttress_testkit::patience::PATIENCE;

use super::bench::{Answer, Memory, Until, WrittenLog, feeder, up_to};

async fn feed(sink: &Memory, log: &WrittenLog) {
    let handle = feeder(sink).build().unwrap().start_on(log.path()).await.unwrap();
    let status = handle.stop(PATIENCE).await;
    assert_eq!(status.confirmed, log.head.seq, "{status:?}");
}

async fn refusal(sink: &Memory, log: &WrittenLog) -> StartError {
    feeder(sink).build().unwrap().start_on(log.path()).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_feeder_goes_on_where_the_one_before_it_was() {
    let mut log = WrittenLog::of(12);
    let sink = Memory::default();
    feed(&sink, &log).await;
    log.add(5);
    feed(&sink, &log).await;
    feed(&sink, &log).await;
    assert_eq!(sink.seqs(), up_to(17));
}

#[tokio::test(start_paused = true)]
async fn what_was_delivered_and_not_noted_comes_again_to_a_sink_that_cannot_tell() {
    let log = WrittenLog::of(30);
    let sink = Memory::scripted([Answer::TakeAndRetry]);
    feed(&sink, &log).await;
    let mut seqs = sink.seqs();
    assert_eq!(seqs.len(), 40);
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(seqs, up_to(30));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_can_tell_gets_nothing_twice_without_a_cursor_or_after_a_lost_answer() {
    let mut log = WrittenLog::of(30);
    let sink = Memory::that_knows();
    sink.kept().script.push_back(Answer::TakeAndRetry);
    feed(&sink, &log).await;
    fs::remove_file(log.cursor("memory")).unwrap();
    log.add(4);
    feed(&sink, &log).await;
    assert_eq!(sink.seqs(), up_to(34));
}

#[tokio::test(start_paused = true)]
async fn what_a_sink_has_lost_comes_again_although_the_cursor_is_behind_it() {
    let mut log = WrittenLog::of(30);
    let sink = Memory::that_knows();
    feed(&sink, &log).await;
    sink.kept().lines.truncate(11);
    log.add(1);
    feed(&sink, &log).await;
    assert_eq!(sink.seqs(), up_to(31));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_of_another_log_is_refused_by_name() {
    let log = WrittenLog::of(3);
    let sink = Memory::default();
    feed(&sink, &log).await;
    let other = ChainId::from_bytes([8; 16]);
    let text = fs::read_to_string(log.cursor("memory")).unwrap();
    fs::write(log.cursor("memory"), text.replace(&log.chain.to_string(), &other.to_string())).unwrap();
    let error = refusal(&sink, &log).await;
    let StartError::Cursor { path, fault } = &error else { panic!("{error:?}") };
    assert_eq!(*path, log.cursor("memory"));
    let (found, expected) = (other.to_string(), log.chain.to_string());
    assert_eq!(*fault, PlaceFault::OtherChain { found, expected });
    assert!(error.to_string().contains("the place is in chain 0808"), "{error}");
    assert_eq!(sink.seqs(), up_to(3));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_beyond_the_end_of_a_cut_log_is_refused() {
    let log = WrittenLog::of(9);
    let sink = Memory::default();
    feed(&sink, &log).await;
    let segment = log.path().join("segment-00000000000000000001.jsonl");
    let text = fs::read_to_string(&segment).unwrap();
    let cut: String = text.split_inclusive('\n').take(5).collect();
    fs::write(&segment, cut).unwrap();
    let error = refusal(&sink, &log).await;
    assert!(matches!(error, StartError::Cursor { fault: PlaceFault::Beyond { seq: 9 }, .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .ends_with("the place is record 9, and the log ends before it: it was cut, or put back")
    );
}

#[tokio::test(start_paused = true)]
async fn a_log_that_was_written_anew_to_the_same_length_is_refused() {
    let mut log = WrittenLog::of(9);
    let sink = Memory::default();
    feed(&sink, &log).await;
    fs::remove_file(log.path().join("segment-00000000000000000001.jsonl")).unwrap();
    log.head = Head::START;
    log.add_event(r#"{"forged":true}"#);
    log.add(8);
    let error = refusal(&sink, &log).await;
    assert!(
        matches!(error, StartError::Cursor { fault: PlaceFault::OtherRecord { seq: 9 }, .. }),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_sink_with_more_than_the_log_is_fed_no_more_and_keeps_its_evidence() {
    let log = WrittenLog::of(9);
    let sink = Memory::that_knows();
    feed(&sink, &log).await;
    let mut shorter = WrittenLog::of(4);
    let handle = feeder(&sink).build().unwrap().start_on(shorter.path()).await.unwrap();
    let status = handle.until_confirmed(100).await;
    assert_eq!(status.state, FeederState::Failed);
    assert_eq!(
        status.last_error.as_deref(),
        Some(
            "the sink has records that are not those of the log: the place is record 9, and the log ends before \
             it: it was cut, or put back"
        )
    );
    shorter.add_event("{}");
    shorter.add(20);
    let handle = feeder(&sink).build().unwrap().start_on(shorter.path()).await.unwrap();
    let status = handle.until_confirmed(100).await;
    assert!(status.last_error.unwrap().contains("record 9 of the log is not the one"));
    assert_eq!(sink.seqs(), up_to(9));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_cannot_be_read_is_refused() {
    let log = WrittenLog::of(3);
    let sink = Memory::default();
    feed(&sink, &log).await;
    let good = fs::read_to_string(log.cursor("memory")).unwrap();
    for text in [
        "",
        "{}",
        "null",
        &good[..good.len() - 3],
        &good.replace(r#""hash":""#, r#""hash":"+"#),
        &"x".repeat(5_000),
    ] {
        fs::write(log.cursor("memory"), text).unwrap();
        let error = refusal(&sink, &log).await;
        assert!(
            matches!(error, StartError::Cursor { fault: PlaceFault::Unreadable, .. }),
            "{text}: {error:?}"
        );
    }
    fs::remove_file(log.cursor("memory")).unwrap();
    fs::create_dir(log.cursor("memory")).unwrap();
    let error = refusal(&sink, &log).await;
    assert!(matches!(error, StartError::Io { .. }) && error.source().is_some(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn one_feeder_of_a_name_works_at_a_time() {
    let log = WrittenLog::of(3);
    let sink = Memory::default();
    let first = feeder(&sink).build().unwrap().start_on(log.path()).await.unwrap();
    let error = refusal(&sink, &log).await;
    assert!(matches!(error, StartError::Taken(_)), "{error:?}");
    first.stop(PATIENCE).await;
    feed(&sink, &log).await;
}

#[tokio::test(start_paused = true)]
async fn a_directory_without_a_log_and_a_sink_without_a_name_are_refused() {
    let empty = tempfile::tempdir().unwrap();
    let start = async |name: &str, path: &std::path::Path| {
        Feeder::new(WriterSink::new(name, Vec::new())).start_on(path).await.unwrap_err()
    };
    assert!(matches!(start("a", empty.path()).await, StartError::NoLog(_)));
    assert!(matches!(start("a", &empty.path().join("none")).await, StartError::Log(_)));
    let log = WrittenLog::of(1);
    for name in ["", "../a", "A", "a.b", "ä", &"a".repeat(65)] {
        let error = start(name, log.path()).await;
        assert!(matches!(&error, StartError::Name(refused) if refused == name), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_retention_removed_before_a_sink_had_it_is_counted() {
    let mut log = WrittenLog::of(5);
    for _ in 0..2 {
        log.rotate();
        log.add(5);
    }
    let sink = Memory::default();
    log.remove_segment(1);
    let handle = feeder(&sink).build().unwrap().start_on(log.path()).await.unwrap();
    assert_eq!(handle.stop(PATIENCE).await.missed, 5);
    assert_eq!(sink.seqs(), (6..=15).collect::<Vec<_>>());
    // What it has had is not missed.
    log.remove_segment(6);
    let handle = feeder(&sink).build().unwrap().start_on(log.path()).await.unwrap();
    assert_eq!(handle.stop(PATIENCE).await.missed, 0);
    log.rotate();
    log.add(1);
    log.remove_segment(11);
    feed(&sink, &log).await;
    assert_eq!(sink.seqs(), (6..=16).collect::<Vec<_>>());
}
