//! Letting a call that is too slow go on.

use std::future::{Future, poll_fn};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use buttress_core::{AsError, BoxError, Context, CorrelationId, Deadline, Verdict};
use buttress_testkit::{Recorder, Reply, Strict, clock};
use buttress_timeout::{Detach, DetachCounts, FromContext, Phase, TimeoutLayer};
use tokio_test::{assert_pending, task};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::{MILLI, SECOND, late, now};

type Layered = TimeoutLayer<AsError, FromContext, Detach>;

fn room(max: usize) -> Detach {
    Detach::at_most(NonZeroUsize::new(max).unwrap(), 60 * SECOND)
}

fn layer(detach: &Detach) -> Layered {
    TimeoutLayer::builder(SECOND).on_timeout(detach.clone()).build().unwrap()
}

/// The counts, without reading each field: running, finished, panicked, overdue, refused.
fn counts(detach: &Detach) -> (usize, u64, u64, u64, u64) {
    let DetachCounts { running, finished, panicked, overdue, refused, .. } = detach.counts();
    (running, finished, panicked, overdue, refused)
}

#[tokio::test(start_paused = true)]
async fn the_caller_is_refused_at_the_limit_and_the_work_is_finished() {
    let detach = room(1);
    let inner = Strict::<u32, u32, BoxError>::with(|_, _| Reply::After(10 * SECOND, Ok(7)));
    let probe = inner.probe();
    let start = now();
    let error = layer(&detach).layer(inner).oneshot(1).await.unwrap_err();
    assert_eq!((now() - start, late(&error).phase()), (SECOND, Phase::Response));
    assert_eq!((probe.in_flight(), counts(&detach)), (1, (1, 0, 0, 0, 0)));
    clock::advance(9 * SECOND).await;
    assert_eq!((probe.in_flight(), probe.completed()), (0, 1));
    assert_eq!(counts(&detach), (0, 1, 0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_in_time_never_becomes_a_task() {
    let detach = room(1);
    let inner = Strict::<u32, u32, BoxError>::with(|_, _| Reply::After(SECOND, Ok(7)));
    assert_eq!(layer(&detach).layer(inner).oneshot(1).await.unwrap(), 7);
    assert_eq!(detach.counts(), DetachCounts::default());
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_before_the_limit_takes_its_call_along() {
    let detach = room(1);
    let inner = Strict::<u32, u32, BoxError>::with(|_, _| Reply::Hang);
    let probe = inner.probe();
    let mut call = task::spawn(layer(&detach).layer(inner).oneshot(1));
    assert_pending!(call.poll());
    drop(call);
    assert_eq!((probe.in_flight(), detach.counts()), (0, DetachCounts::default()));
}

#[tokio::test(start_paused = true)]
async fn a_call_for_which_there_is_no_room_is_dropped_and_counted() {
    let (detach, recorder) = (room(2), Recorder::new());
    let inner = Strict::<u32, u32, BoxError>::with(|_, _| Reply::Hang).permits(3);
    let probe = inner.probe();
    let layer = TimeoutLayer::builder(SECOND).on_timeout(detach.clone()).observer(recorder.clone());
    let service = layer.build().unwrap().layer(inner);
    for call in 0..3 {
        assert!(service.clone().oneshot(call).await.is_err());
    }
    assert_eq!((probe.in_flight(), counts(&detach)), (2, (2, 0, 0, 0, 1)));
    assert_eq!(
        recorder.codes(),
        ["detached", "timed_out", "detached", "timed_out", "detach_full", "timed_out"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_ends_is_dropped_after_the_longest_time() {
    let (detach, recorder) = (room(1), Recorder::new());
    let inner = Strict::<u32, u32, BoxError>::with(|_, _| Reply::Hang);
    let probe = inner.probe();
    let layer = TimeoutLayer::builder(SECOND).on_timeout(detach.clone()).observer(recorder.clone());
    assert!(layer.build().unwrap().layer(inner).oneshot(1).await.is_err());
    clock::advance(60 * SECOND - MILLI).await;
    assert_eq!(probe.in_flight(), 1);
    clock::advance(MILLI).await;
    assert_eq!((probe.in_flight(), counts(&detach)), (0, (0, 0, 0, 1, 0)));
    assert_eq!(recorder.codes().last(), Some(&"detached_overdue"));
}

/// D4: the panic is neither a timeout nor anybody else's affair, and it frees its place.
#[tokio::test(start_paused = true)]
async fn a_panic_in_a_detached_call_is_an_outcome_of_its_own() {
    let (detach, recorder) = (room(1), Recorder::new());
    let inner = service_fn(|_: u32| async {
        tokio::time::sleep(2 * SECOND).await;
        std::panic::resume_unwind(Box::new("on purpose"));
        #[expect(unreachable_code, reason = "names the type")]
        Ok::<u32, BoxError>(7)
    });
    let layer = TimeoutLayer::builder(SECOND).on_timeout(detach.clone()).observer(recorder.clone());
    let error = layer.build().unwrap().layer(inner).oneshot(1).await.unwrap_err();
    assert_eq!(late(&error).phase(), Phase::Response);
    clock::advance(SECOND).await;
    assert_eq!(counts(&detach), (0, 0, 1, 0, 0));
    assert_eq!(recorder.entries().last().unwrap().verdict, Verdict::Changed);
    assert_eq!(recorder.codes(), ["detached", "timed_out", "detached_panicked"]);
}

/// D4 before the limit: the panic is the caller's, as without the layer.
#[tokio::test(start_paused = true)]
async fn a_panic_in_time_reaches_the_caller() {
    let detach = room(1);
    let inner = Strict::<u32, u32, BoxError>::with(|_, _| Reply::Panic);
    let call = layer(&detach).layer(inner).oneshot(1);
    let joined = tokio::spawn(call).await;
    assert!(joined.unwrap_err().is_panic());
    assert_eq!(detach.counts(), DetachCounts::default());
}

#[tokio::test(start_paused = true)]
async fn the_context_goes_along_without_the_deadline_that_is_over() {
    let seen = Arc::new(Mutex::new(None));
    let sink = Arc::clone(&seen);
    let inner = service_fn(move |_: u32| {
        let sink = Arc::clone(&sink);
        async move {
            tokio::time::sleep(5 * SECOND).await;
            *sink.lock().unwrap() = Some(Context::current());
            Ok::<u32, BoxError>(7)
        }
    });
    let detach = room(1);
    let context = Context::new()
        .with_correlation_id(CorrelationId::new("order-7").unwrap())
        .with_deadline(Deadline::after(now(), 500 * MILLI));
    let call = context.scope(layer(&detach).layer(inner).oneshot(1));
    assert!(call.await.is_err());
    clock::advance(10 * SECOND).await;
    let seen = seen.lock().unwrap().take().expect("the work went on");
    assert_eq!(seen.correlation_id().map(ToString::to_string).as_deref(), Some("order-7"));
    assert_eq!(seen.deadline(), None);
}

/// D4: what the task logs belongs to the request's span.
#[tokio::test(start_paused = true)]
async fn the_tracing_span_goes_along() {
    use tracing::Instrument;

    let spans = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&spans);
    let inner = service_fn(move |_: u32| {
        let sink = Arc::clone(&sink);
        async move {
            sink.lock().unwrap().push(tracing::Span::current().id());
            tokio::time::sleep(5 * SECOND).await;
            sink.lock().unwrap().push(tracing::Span::current().id());
            Ok::<u32, BoxError>(7)
        }
    });
    let _default = tracing::subscriber::set_default(tracing_subscriber::registry());
    let detach = room(1);
    let call = layer(&detach).layer(inner).oneshot(1);
    assert!(call.instrument(tracing::info_span!("request")).await.is_err());
    clock::advance(10 * SECOND).await;
    let spans = spans.lock().unwrap();
    assert_eq!(spans.len(), 2);
    assert!(spans[0].is_some());
    assert_eq!(spans[0], spans[1]);
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_the_last_call_but_not_for_ever() {
    let detach = room(2);
    let inner = Strict::<u32, u32, BoxError>::script([
        Reply::After(5 * SECOND, Ok(1)),
        Reply::After(20 * SECOND, Ok(2)),
    ]);
    let service = layer(&detach).layer(inner.permits(2));
    assert_eq!(detach.drain(SECOND).await, 0, "nothing to wait for");
    let (one, two) = tokio::join!(service.clone().oneshot(1), service.clone().oneshot(2));
    assert!(one.is_err() && two.is_err());
    let start = now();
    assert_eq!(detach.drain(10 * SECOND).await, 1);
    assert_eq!(now() - start, 10 * SECOND);
    assert_eq!(detach.drain(Duration::MAX).await, 0);
    assert_eq!(now() - start, 19 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn when_the_last_owner_is_gone_the_calls_end() {
    let inner = Strict::<u32, u32, BoxError>::with(|_, _| Reply::Hang);
    let probe = inner.probe();
    let detach = room(1);
    let mut service = layer(&detach).layer(inner);
    assert!(service.ready().await.unwrap().call(1).await.is_err());
    drop(service);
    clock::settle().await;
    assert_eq!(probe.in_flight(), 1, "the handle keeps them");
    drop(detach);
    clock::settle().await;
    assert_eq!(probe.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn two_layers_can_share_one_room() {
    let detach = room(1);
    for (place, in_flight) in [(0, 1), (1, 0)] {
        let inner = Strict::<u32, u32, BoxError>::with(|_, _| Reply::Hang);
        let probe = inner.probe();
        assert!(layer(&detach).layer(inner).oneshot(1).await.is_err());
        assert_eq!(probe.in_flight(), in_flight, "layer {place}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_detached_call_is_not_polled_by_its_first_task_again() {
    let detach = room(1);
    let inner = service_fn(|_: u32| poll_fn(|_| std::task::Poll::<Result<u32, BoxError>>::Pending));
    let mut call = Box::pin(layer(&detach).layer(inner).oneshot(1));
    assert!((&mut call).await.is_err());
    let again = call.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    assert!(again.is_pending());
}
