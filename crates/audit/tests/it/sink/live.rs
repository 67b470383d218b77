use std::num::NonZeroU8;
use std::time::Duration;

use buttress_audit::log::{AuditLog, Policy, WhenFull};
use buttress_audit::sink::FeederState;
use buttress_audit::{Action, Category, Durability, Event};
use buttress_testkit::patience::PATIENCE;
use tokio::task::JoinSet;

use super::bench::{Answer, Memory, Until, feeder, up_to};

fn event(n: usize) -> Event {
    Event::builder(Action::UPDATE).detail("n", n).build()
}

#[tokio::test]
async fn what_a_program_records_reaches_its_sink_and_the_rest_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::open(folder.path().join("log")).unwrap();
    let sink = Memory::default();
    let handle = feeder(&sink).build().unwrap().start(&log).await.unwrap();
    for n in 0..100 {
        log.record(event(n)).await.unwrap();
    }
    handle.until_confirmed(50).await;
    let end = log.close().await.head.seq;
    let status = handle.stop(PATIENCE).await;
    assert_eq!((status.confirmed, status.lag, status.state), (end, 0, FeederState::Stopped));
    assert_eq!(sink.seqs(), up_to(end));
}

#[tokio::test]
async fn a_receipt_that_waits_for_sinks_comes_when_as_many_have_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let two = Durability::Replicated(NonZeroU8::new(2).unwrap());
    let policy = Policy::new(two, WhenFull::Shed);
    let log = AuditLog::builder(folder.path().join("log")).policy(Category::Data, policy).open().unwrap();
    let (one, other) = (Memory::default(), Memory::default().named("other"));
    let first = feeder(&one).build().unwrap().start(&log).await.unwrap();
    let mut waiting = JoinSet::new();
    let recorder = log.clone();
    waiting.spawn(async move { recorder.record(event(1)).await });
    let waits = async {
        while log.status().replicating == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waits).await.expect("the receipt waits for sinks");
    let seq = log.watch().borrow().seq;
    first.until_confirmed(seq).await;
    assert!(waiting.try_join_next().is_none(), "one of two has it");
    let second = feeder(&other).build().unwrap().start(&log).await.unwrap();
    let receipt = waiting.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!((receipt.seq, receipt.durability), (Some(seq), two));
    drop((first, second));
}

#[tokio::test]
async fn a_sink_that_is_stuck_holds_nothing_up_and_is_given_one_batch() {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::open(folder.path().join("log")).unwrap();
    let sink = Memory::scripted([Answer::Never]);
    let handle =
        feeder(&sink).patience(Duration::from_secs(3_600)).build().unwrap().start(&log).await.unwrap();
    let stuck = handle.until("it is behind", |status| status.lag > 0).await;
    for n in 0..2_000 {
        log.record(event(n)).await.unwrap();
    }
    let status = handle.status();
    assert!(status.lag >= 2_000 && status.confirmed == stuck.confirmed, "{status:?}");
    assert_eq!(sink.kept().offered.len(), 1);
    let status = handle.stop(Duration::from_millis(10)).await;
    assert_eq!((status.confirmed, status.failures), (0, 0));
    let handle = feeder(&sink).build().unwrap().start(&log).await.unwrap();
    let end = log.close().await.head.seq;
    assert_eq!(handle.stop(PATIENCE).await.confirmed, end);
    assert_eq!(sink.seqs(), up_to(end));
}
