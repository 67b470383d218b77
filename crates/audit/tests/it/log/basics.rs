use buttress_audit::log::{Policy, Reader, WhenFull};
use buttress_audit::{Action, Category, Class, Durability, Reason, Recorder, Reservation};
use tokio::task::JoinSet;

use super::sample::{actions, assert_accounted, builder, numbered, numbers, open, records};

#[tokio::test]
async fn a_receipt_names_the_number_and_the_durability_and_the_record_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(&directory).unwrap();
    let receipt = log.record(numbered(Action::UPDATE, 7)).await.unwrap();
    assert_eq!((receipt.seq, receipt.durability), (Some(2), Durability::Written));
    let receipt = log.record(numbered(Action::LOGIN, 8)).await.unwrap();
    assert_eq!((receipt.seq, receipt.durability), (Some(3), Durability::Synced));
    // While it is open, and before it is closed in good order.
    let found = records(directory.path());
    assert_eq!(found[0].action(), "AUDIT_SEGMENT_OPENED");
    assert_eq!([found[1].number(), found[2].number()], [Some(7), Some(8)]);
    assert_eq!(log.watch().borrow().seq, 3);
    assert_eq!(log.status().synced.seq, 3);
    assert_accounted(&log);
}

#[tokio::test]
async fn a_log_goes_on_where_it_ended() {
    let directory = tempfile::tempdir().unwrap();
    let mut chain = None;
    for number in 0..5 {
        let log = open(&directory).unwrap();
        assert_eq!(*chain.get_or_insert(log.chain()), log.chain());
        assert_eq!(log.watch().borrow().seq, number + 1);
        let receipt = log.record(numbered(Action::UPDATE, number)).await.unwrap();
        assert_eq!(receipt.seq, Some(number + 2));
        let last = log.close().await;
        assert_eq!(last.head, last.synced);
    }
    assert_eq!(numbers(directory.path()), [0, 1, 2, 3, 4]);
    let mut reader = Reader::open(directory.path()).unwrap();
    assert_eq!(reader.next_batch(100, 1 << 20).unwrap().len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_are_all_recorded_once_in_one_chain() {
    const TASKS: u64 = 64;
    const EACH: u64 = 100;
    let directory = tempfile::tempdir().unwrap();
    let log = builder(&directory).queue_events(100).open().unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let log = log.clone();
        tasks.spawn(async move {
            let mut last = 0;
            for number in 0..EACH {
                let action = if number % 5 == 0 { Action::LOGIN } else { Action::UPDATE };
                let receipt = loop {
                    match log.record(numbered(action.clone(), task * EACH + number)).await {
                        Ok(receipt) => break receipt,
                        // A full queue refuses what would fail its request, and makes the others wait.
                        Err(error) => assert_eq!(error.reason, Reason::QueueFull),
                    }
                    tokio::task::yield_now().await;
                };
                assert!(receipt.seq.unwrap() > last, "later events have higher numbers");
                last = receipt.seq.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_accounted(&log);
    let status = log.close().await;
    assert_eq!((status.queued, status.queued_bytes, status.waiting), (0, 0, 0));
    assert_eq!(status.totals().acknowledged, TASKS * EACH);
    let mut found = numbers(directory.path());
    found.sort_unstable();
    assert!(found.into_iter().eq(0..TASKS * EACH));
}

#[tokio::test]
async fn events_of_one_task_stand_in_the_order_in_which_they_were_handed_over() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(&directory).unwrap();
    let mut due = Vec::new();
    for number in 0..500 {
        let action = if number % 3 == 0 { Action::LOGIN } else { Action::UPDATE };
        due.push(log.reserve(action.class()).await.unwrap().record(numbered(action, number)));
    }
    for (number, due) in (0..).zip(due) {
        let receipt = due.await.unwrap();
        assert_eq!(receipt.seq, Some(number + 2));
    }
    assert!(numbers(directory.path()).into_iter().eq(0..500));
}

#[tokio::test]
async fn what_nobody_waits_for_is_recorded_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(&directory).unwrap();
    for number in 0..100 {
        drop(
            log.reserve(Class::write(Category::Data)).await.unwrap().record(numbered(Action::UPDATE, number)),
        );
    }
    drop(log);
    assert!(numbers(directory.path()).into_iter().eq(0..100), "the last handle waits for them");
}

#[tokio::test]
async fn a_closed_log_says_so_and_counts_it() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(&directory).unwrap();
    let place = log.reserve(Class::write(Category::Data)).await.unwrap();
    let status = log.close().await;
    assert!(status.is_closed && !status.is_ready());
    let late = place.record(numbered(Action::UPDATE, 1)).await.unwrap_err();
    assert_eq!((late.reason, late.shed), (Reason::Closed, false));
    let later = log.record(numbered(Action::UPDATE, 2)).await.unwrap_err();
    assert_eq!(later.reason, Reason::Closed);
    assert_eq!(log.status().counts(Category::Data).failed, 2);
    assert_accounted(&log);
    assert!(open(&directory).is_ok(), "a closed log is unlocked though a handle is left");
    assert_eq!(log.close().await.totals().failed, 2, "closing twice does no harm");
}

#[tokio::test]
async fn what_is_only_enqueued_has_its_receipt_before_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let policy = Policy::new(Durability::Enqueued, WhenFull::Shed);
    let log = builder(&directory).policy(Category::System, policy).open().unwrap();
    let action = Action::custom("CACHE_WARMED", Category::System).unwrap();
    let receipt = log.record(numbered(action, 1)).await.unwrap();
    assert_eq!((receipt.seq, receipt.durability), (None, Durability::Enqueued));
    log.close().await;
    assert_eq!(numbers(directory.path()), [1]);
}

#[tokio::test]
async fn an_event_that_is_too_large_is_not_recorded_and_a_gap_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let log = builder(&directory).max_event_bytes(1_024).open().unwrap();
    let large = buttress_audit::Event::builder(Action::UPDATE).detail("text", "x ".repeat(600)).build();
    let error = log.record(large).await.unwrap_err();
    assert_eq!((error.reason, error.shed, error.retry_after), (Reason::TooLarge, false, None));
    log.record(numbered(Action::UPDATE, 1)).await.unwrap();
    log.close().await;
    assert_eq!(actions(directory.path()), ["AUDIT_SEGMENT_OPENED", "AUDIT_GAP", "UPDATE"]);
    let gap = &records(directory.path())[1];
    assert_eq!(
        (gap.details()["count"].as_u64(), gap.details()["reasons"]["too_large"].as_u64()),
        (Some(1), Some(1))
    );
}
