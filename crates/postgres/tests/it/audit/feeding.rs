use std::error::Error as _;

use buttress_audit::log::Reader;
use buttress_audit::sink::{FeederState, Sink as _, SinkErrorKind};
use buttress_audit::testing::{Place as _, Until as _, Written, check_sink};
use buttress_audit::{Action, Event};

use super::log::{Rows, arrived, feed, feed_all, up_to};
use crate::bench::{ask, sql, store};

#[tokio::test]
async fn a_table_of_records_keeps_the_laws_of_sinks() {
    check_sink(&Rows(store().await)).await;
}

#[tokio::test]
async fn each_record_is_a_row_with_its_exact_bytes_and_can_be_queried_as_jsonb() {
    let store = store().await;
    let written = Written::new();
    let event = Event::builder(Action::LOGIN).detail("note", "ä \u{1f600} \\ \"").build();
    let id = event.id().to_string();
    written.record(event).await;
    let end = written.add(20).await;
    feed_all(&store, &written).await;
    assert_eq!(arrived(&store).await, up_to(end));
    assert_eq!(Rows(store.clone()).lines(written.log.chain()).await, written.lines());
    let found = format!(
        "select event #>> '{{details,note}}' from buttress.audit where event ->> 'id' = '{id}'
            and (event ->> 'ts')::timestamptz > now() - interval '1 hour'"
    );
    assert_eq!(ask::<String>(&store, &found).await, "ä \u{1f600} \\ \"");
}

#[tokio::test]
async fn a_lost_cursor_brings_nothing_twice_and_lost_rows_come_again() {
    let store = store().await;
    let written = Written::new();
    written.add(250).await;
    feed_all(&store, &written).await;
    written.forget_cursor("postgres");
    let end = written.add(30).await;
    feed_all(&store, &written).await;
    assert_eq!(arrived(&store).await, up_to(end));
    let lose = "alter table buttress.audit disable trigger all; delete from buttress.audit where seq > 100;
        alter table buttress.audit enable trigger all; select 1";
    sql(&store, lose).await;
    feed_all(&store, &written).await;
    let mut seqs = arrived(&store).await;
    seqs.sort_unstable();
    assert_eq!(seqs, up_to(end));
}

#[tokio::test]
async fn an_event_that_was_recorded_twice_is_two_records() {
    let store = store().await;
    let written = Written::new();
    let event = Event::builder(Action::LOGIN).build();
    for _ in 0..2 {
        written.record(event.clone()).await;
    }
    feed_all(&store, &written).await;
    let twice = format!("select count(*) from buttress.audit where event ->> 'id' = '{}'", event.id());
    assert_eq!(ask::<i64>(&store, &twice).await, 2);
}

#[tokio::test]
async fn another_record_at_the_same_place_ends_the_feeder_and_takes_nothing() {
    let store = store().await;
    let written = Written::new();
    let end = written.add(20).await;
    feed_all(&store, &written).await;
    let forge = "alter table buttress.audit disable trigger all;
        update buttress.audit set hash = sha256(hash) where seq = 7;
        delete from buttress.audit where seq > 7;
        alter table buttress.audit enable trigger all; select 1";
    sql(&store, forge).await;
    let status = feed(&store, &written).await.until_confirmed(end + 1).await;
    assert_eq!(status.state, FeederState::Failed);
    let said = status.last_error.unwrap();
    assert!(said.contains("record 7 of the log is not the one that was handed on"), "{said}");
}

#[tokio::test]
async fn of_a_fork_of_the_log_that_comes_later_nothing_is_taken() {
    let store = store().await;
    let written = Written::new();
    let end = written.add(5).await;
    feed_all(&store, &written).await;
    let fork = written.fork(1, 10);
    let lines = Reader::open(fork.path()).unwrap().next_batch(100, 1 << 20).unwrap();
    let error = store.audit_sink().deliver(&lines).await.unwrap_err();
    assert_eq!(error.kind(), SinkErrorKind::Fatal);
    let cause = error.source().and_then(std::error::Error::source).unwrap();
    assert!(format!("{cause:?}").contains("audit record 2 of chain"), "{cause:?}");
    assert_eq!(arrived(&store).await, up_to(end));
    store.audit_sink().deliver(&lines[..1]).await.unwrap();
}
