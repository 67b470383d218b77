//! With a log that lets one wait: for room, and for receipts.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use buttress_audit::{
    Action, AuditLayer, Class, Event, MemoryRecorder, MemoryReservation, NotRecorded, Receipt, Recorder,
    Reservation, Rule,
};
use buttress_testkit::{Reply, Strict, message};
use http::Response;
use tokio::time::Instant;
use tower::{Layer, ServiceExt};

use super::{Body, Inner, answers, end_of, only, read};

/// A recorder whose room and whose receipts come when a test says so.
#[derive(Clone, Default)]
struct Gated {
    records: MemoryRecorder,
    has_room: Gate,
    has_receipts: Gate,
}

#[derive(Clone, Default)]
struct Gate(Arc<AtomicBool>);

impl Gate {
    fn open(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn close(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Ready once its gate is open; tests poll again by themselves.
struct Behind<T>(Gate, Option<T>);

impl<T: Unpin> Future for Behind<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        assert!(tokio::runtime::Handle::try_current().is_ok(), "a log may need the timers of a runtime");
        if self.0.0.load(Ordering::Relaxed) { Poll::Ready(self.1.take().unwrap()) } else { Poll::Pending }
    }
}

struct GatedReservation(MemoryReservation, Gate);

impl Recorder for Gated {
    type Reservation = GatedReservation;
    type Reserving = Behind<Result<GatedReservation, NotRecorded>>;

    fn reserve(&self, class: Class) -> Self::Reserving {
        let room = self.records.reserve(class).into_inner();
        let room = room.map(|room| GatedReservation(room, self.has_receipts.clone()));
        Behind(self.has_room.clone(), Some(room))
    }
}

impl Reservation for GatedReservation {
    type Recording = Behind<Result<Receipt, NotRecorded>>;

    fn record(self, event: Event) -> Self::Recording {
        Behind(self.1, Some(self.0.record(event).into_inner()))
    }
}

fn gated(rule: Rule) -> (Gated, AuditLayer<Gated>) {
    let log = Gated::default();
    (log.clone(), AuditLayer::inbound(log).rule(rule).build().unwrap())
}

#[tokio::test(start_paused = true)]
async fn an_answer_waits_for_the_receipt_of_its_record() {
    let (log, layer) = gated(Rule::any());
    log.has_room.open();
    let inner = answers(200);
    let probe = inner.probe();
    let mut call = tokio_test::task::spawn(layer.layer(inner).oneshot(message::get("/")));
    assert!(call.poll().is_pending());
    assert_eq!((probe.completed(), read(&log.records).len()), (1, 1), "it is handled and handed over");
    log.has_receipts.open();
    assert!(call.poll().is_ready());
}

/// A disk that hangs gives no receipts, and no errors either.
#[tokio::test(start_paused = true)]
async fn a_log_that_hangs_keeps_no_request_for_longer_than_a_receipt_may_take() {
    let (log, layer) = gated(Rule::path("/login").action(Action::LOGIN));
    log.has_room.open();
    let began = Instant::now();
    let answer = layer.clone().layer(answers(200)).oneshot(message::get("/")).await.unwrap();
    assert_eq!((answer.status().as_u16(), began.elapsed().as_secs()), (200, 5), "it goes on without");

    let inner = answers(200);
    let probe = inner.probe();
    let answer = layer.clone().layer(inner).oneshot(message::get("/login")).await.unwrap();
    assert_eq!((answer.status().as_u16(), began.elapsed().as_secs()), (503, 10), "it fails closed");
    assert_eq!(probe.calls(), 0);

    let receipts = log.has_receipts.clone();
    let inner: Inner = Strict::with(move |_, _| {
        receipts.close();
        Reply::Ok(Response::new(Body::default()))
    });
    log.has_receipts.open();
    let answer = layer.layer(inner).oneshot(message::get("/login")).await.unwrap();
    assert_eq!((answer.status().as_u16(), began.elapsed().as_secs()), (500, 15), "its answer is kept back");
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_without_room_and_everything_goes_on_when_there_is_some() {
    let (log, layer) = gated(Rule::any().action(Action::LOGIN));
    let inner = answers(200);
    let probe = inner.probe();
    let mut call = tokio_test::task::spawn(layer.layer(inner).oneshot(message::get("/")));
    assert!(call.poll().is_pending());
    assert_eq!(probe.calls(), 0);
    log.has_room.open();
    assert!(call.poll().is_pending());
    assert_eq!((probe.calls(), read(&log.records).len()), (0, 1), "the first record has no receipt yet");
    log.has_receipts.open();
    assert!(call.poll().is_ready());
    assert_eq!((probe.calls(), read(&log.records).len()), (1, 2));
    drop(call);
    assert_eq!(log.records.reserved(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_waiting_for_room_is_recorded_if_there_is_some_by_then() {
    let (log, layer) = gated(Rule::any());
    let leave = |inner| {
        let mut call = tokio_test::task::spawn(layer.clone().layer(inner).oneshot(message::get("/")));
        assert!(call.poll().is_pending());
        call
    };
    drop(leave(answers(200)));
    assert_eq!(read(&log.records).len(), 0, "there is nowhere to record it");
    let call = leave(answers(200));
    log.has_room.open();
    drop(call);
    assert_eq!(end_of(&only(&log.records)), ("failure", Some("cancelled"), "cancelled"));
    assert_eq!(log.records.reserved(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_before_the_first_receipt_came_is_recorded_and_was_not_handled() {
    let (log, layer) = gated(Rule::any().action(Action::LOGIN));
    log.has_room.open();
    let inner = answers(200);
    let probe = inner.probe();
    {
        let mut call = tokio_test::task::spawn(layer.layer(inner).oneshot(message::get("/")));
        assert!(call.poll().is_pending());
        // The room for the end of it was kept from the beginning.
        log.has_room.close();
    }
    let all = read(&log.records);
    assert_eq!(end_of(&all[1]), ("failure", Some("cancelled"), "cancelled"));
    assert_eq!((probe.calls(), &all[1]["intent_id"]), (0, &all[0]["id"]));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_before_the_last_receipt_came_has_one_record_of_what_was_done() {
    let (log, layer) = gated(Rule::any());
    log.has_room.open();
    {
        let mut call = tokio_test::task::spawn(layer.layer(answers(204)).oneshot(message::get("/")));
        assert!(call.poll().is_pending());
    }
    let record = only(&log.records);
    assert_eq!((end_of(&record), &record["request"]["status"]), (("success", None, "complete"), &204.into()));
}

/// When a runtime is gone, what it left is dropped by whoever held it.
#[tokio::test(start_paused = true)]
async fn who_is_dropped_outside_of_a_runtime_does_not_ask_for_room_there() {
    let (log, layer) = gated(Rule::any());
    let mut call = tokio_test::task::spawn(layer.layer(answers(200)).oneshot(message::get("/")));
    assert!(call.poll().is_pending());
    std::thread::spawn(move || drop(call)).join().unwrap();
    assert_eq!((read(&log.records).len(), log.records.reserved()), (0, 0));
}
