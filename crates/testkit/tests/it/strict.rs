use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use buttress_core::BoxError;
use buttress_testkit::{CountingWaker, Counts, Log, Reply, Strict, clock, poll_bounded};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::time::Instant;
use tower::{Service, ServiceExt};

type Plain = Strict<u32, u32, &'static str>;

fn echo() -> Plain {
    Strict::with(|_, request| Reply::Ok(*request))
}

fn poll_ready(service: &mut Plain) -> Poll<Result<(), &'static str>> {
    poll_ready_with(service, &CountingWaker::new())
}

fn poll_ready_with(service: &mut Plain, waker: &CountingWaker) -> Poll<Result<(), &'static str>> {
    service.poll_ready(&mut Context::from_waker(&waker.waker()))
}

#[test]
fn a_call_without_readiness_panics_and_is_written_down() {
    let mut service = echo();
    let probe = service.probe();
    assert!(poll_ready(&mut service).is_ready());
    let mut clone = service.clone();
    assert!(catch_unwind(AssertUnwindSafe(|| clone.call(1))).is_err(), "a clone starts unready");
    drop(service.call(1));
    assert!(catch_unwind(AssertUnwindSafe(|| service.call(2))).is_err(), "a call spends its readiness");
    let violations = probe.violations();
    assert!(violations[0].contains("instance 2") && violations[1].contains("instance 1"), "{violations:?}");
    assert!(catch_unwind(AssertUnwindSafe(|| probe.assert_kept())).is_err());
    assert_eq!(probe.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn everything_is_counted() {
    let mut service = Plain::with(|_, _| Reply::Hang);
    let probe = service.probe();
    let mut clone = service.clone();
    service.ready().await.unwrap();
    clone.ready().await.unwrap();
    let call = service.call(1);
    let counts = Counts {
        instances: 2,
        clones: 1,
        ready_polls: 2,
        calls: 1,
        in_flight: 1,
        permits_held: 2,
        ..Counts::default()
    };
    assert_eq!(probe.counts(), counts);
    drop((call, clone));
    let counts = Counts { instances: 1, in_flight: 0, permits_held: 0, dropped: 1, ..counts };
    assert_eq!(probe.counts(), counts);
    let answered = echo();
    let probe = answered.probe();
    answered.oneshot(1).await.unwrap();
    assert_eq!((probe.completed(), probe.dropped(), probe.instances()), (1, 0, 0));
}

#[test]
fn held_readiness_wakes_when_it_is_released() {
    let mut service = echo();
    let (probe, first, second) = (service.probe(), CountingWaker::new(), CountingWaker::new());
    probe.hold_ready();
    assert!(poll_ready_with(&mut service, &first).is_pending());
    assert!(poll_ready_with(&mut service, &second).is_pending());
    probe.release_ready();
    assert_eq!((first.wakes(), second.wakes()), (0, 1), "the last waker counts");
    assert!(poll_ready(&mut service).is_ready());
    probe.hold_ready();
    assert!(poll_ready(&mut service).is_ready(), "granted readiness stays");
}

#[test]
fn permits_are_held_by_ready_instances_and_running_calls() {
    let mut service = Plain::with(|_, _| Reply::Hang).permits(1);
    let mut other = service.clone();
    let waker = CountingWaker::new();
    assert!(poll_ready(&mut service).is_ready());
    assert!(poll_ready_with(&mut other, &waker).is_pending());
    let call = service.call(1);
    assert!(poll_ready_with(&mut other, &waker).is_pending());
    drop(call);
    assert!(waker.take_woken());
    assert!(poll_ready(&mut other).is_ready());
}

#[test]
fn readiness_fails_once_and_only_where_it_was_not_granted() {
    let mut service = echo();
    let (probe, mut granted) = (service.probe(), service.clone());
    assert!(poll_ready(&mut granted).is_ready());
    probe.fail_ready("gone");
    assert_eq!(poll_ready(&mut granted), Poll::Ready(Ok(())));
    assert_eq!(poll_ready(&mut service), Poll::Ready(Err("gone")));
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
}

#[tokio::test(start_paused = true)]
async fn each_reply_answers_as_it_says() {
    let replies = [
        Reply::Ok(1),
        Reply::Err("no"),
        Reply::After(Duration::from_secs(5), Ok(2)),
        Reply::Yields(2, Ok(3)),
        Reply::run(async { Ok(4) }),
    ];
    let service = Plain::script(replies);
    let start = Instant::now();
    assert_eq!(service.clone().oneshot(0).await, Ok(1));
    assert_eq!(service.clone().oneshot(0).await, Err("no"));
    assert_eq!(service.clone().oneshot(0).await, Ok(2));
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    assert!(poll_bounded(service.clone().oneshot(0), 2).await.is_err(), "two polls find it pending");
    assert_eq!(service.clone().oneshot(0).await, Ok(4));
    let too_many = tokio_task(service.clone().oneshot(0)).await;
    assert!(too_many.contains("call 6 came, and the script ends before it"), "{too_many}");
    assert_eq!(service.probe().violations().len(), 1);
}

/// The text of the panic with which the future ends.
async fn tokio_task<F: Future>(future: F) -> String {
    let mut future = pin!(future);
    let caught = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(polled) => polled.map(|_| None),
        Err(panic) => Poll::Ready(panic.downcast_ref::<String>().cloned()),
    });
    caught.await.expect("a panic with a text")
}

#[tokio::test(start_paused = true)]
async fn the_gate_lets_the_oldest_call_answer_first() {
    let mut service = Plain::with(|_, request| Reply::Gate(Ok(*request)));
    let probe = service.probe();
    service.ready().await.unwrap();
    let mut first = pin!(service.call(1));
    service.ready().await.unwrap();
    let mut second = pin!(service.call(2));
    let waker = CountingWaker::new();
    let mut poll = |wakes| {
        let waker = waker.waker();
        let polled = [
            first.as_mut().poll(&mut Context::from_waker(&waker)),
            second.as_mut().poll(&mut Context::from_waker(&waker)),
        ];
        assert_eq!(polled.iter().filter(|polled| polled.is_ready()).count(), wakes);
        polled
    };
    let _ = poll(0);
    probe.open_gate(1);
    assert_eq!(waker.wakes(), 1);
    assert_eq!(poll(1)[0], Poll::Ready(Ok(1)));
}

#[tokio::test(start_paused = true)]
async fn a_gate_opened_early_lets_a_later_call_through() {
    let service = Plain::with(|_, request| Reply::Gate(Ok(*request)));
    service.probe().open_gate(1);
    assert_eq!(service.clone().oneshot(1).await, Ok(1));
    let blocked = tokio::time::timeout(Duration::from_secs(1), service.oneshot(2)).await;
    assert!(blocked.is_err(), "one call only");
}

#[tokio::test(start_paused = true)]
async fn the_script_may_read_the_body() {
    let service = Strict::<Request<Full<Bytes>>, Bytes, BoxError>::handling(|_, request| {
        Reply::run(async move { Ok(buttress_testkit::message::read(request.into_body()).await) })
    });
    let body = service.oneshot(buttress_testkit::message::post("/", "hello")).await.unwrap();
    assert_eq!(body, "hello");
}

#[tokio::test(start_paused = true)]
async fn requests_are_noted_up_to_a_bound() {
    let log = Log::new();
    let service = echo().noting(&log, |request| *request);
    for request in 0..1_003 {
        service.clone().oneshot(request).await.unwrap();
    }
    assert_eq!((log.len(), log.all()[0], log.last()), (Log::<u32>::CAPACITY, 3, Some(1_002)));
}

#[tokio::test(start_paused = true)]
async fn the_request_lives_until_the_answer_and_no_longer() {
    let mut service = Strict::<Arc<()>, (), &str>::with(|_, _| Reply::After(Duration::from_secs(1), Ok(())));
    let request = Arc::new(());
    service.ready().await.unwrap();
    let mut call = pin!(service.call(Arc::clone(&request)));
    assert!(call.as_mut().poll(&mut Context::from_waker(&CountingWaker::new().waker())).is_pending());
    assert_eq!(Arc::strong_count(&request), 2);
    clock::advance(Duration::from_secs(1)).await;
    call.as_mut().await.unwrap();
    assert_eq!(Arc::strong_count(&request), 1, "the answered future still stands there, without the request");
}

#[tokio::test(start_paused = true)]
async fn a_future_polled_after_its_answer_is_a_violation() {
    let mut service = echo();
    let probe = service.probe();
    service.ready().await.unwrap();
    let mut call = pin!(service.call(1));
    assert_eq!(call.as_mut().await, Ok(1));
    let text = tokio_task(call).await;
    assert!(text.contains("polled after it had answered"), "{text}");
    assert_eq!(probe.violations(), [text]);
}
