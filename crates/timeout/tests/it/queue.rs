//! D1: time spent waiting for readiness counts.

use std::task::Poll;

use buttress_core::{BoxError, Context, Deadline, Kind, Mode, Refused, Verdict};
use buttress_testkit::{Probe, Recorder, Reply, Strict, clock};
use buttress_timeout::{Bound, Phase, Timeout, TimeoutLayer};
use tokio_test::{assert_pending, task};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::{MILLI, SECOND, late, now};

type Limited = Timeout<Strict<u32, u32, BoxError>>;

fn limited(reply: impl Fn() -> Reply<u32, BoxError> + Send + 'static) -> (Limited, Probe<BoxError>) {
    let inner = Strict::with(move |_, _: &u32| reply());
    let probe = inner.probe();
    (TimeoutLayer::builder(2 * SECOND).build().unwrap().layer(inner), probe)
}

/// Waits in the queue for `wait`, then gets its turn.
async fn wait_for_turn(service: &mut Limited, probe: &Probe<BoxError>, wait: std::time::Duration) {
    probe.hold_ready();
    let mut ready = task::spawn(service.ready());
    assert_pending!(ready.poll());
    clock::advance(wait).await;
    probe.release_ready();
    assert!(matches!(ready.poll(), Poll::Ready(Ok(_))));
}

/// The fault of D1 itself: 400 ms over a busy limit must not answer after 600 ms.
#[tokio::test(start_paused = true)]
async fn time_in_the_queue_of_a_concurrency_limit_is_part_of_the_limit() {
    let slow = service_fn(|_: u32| async {
        tokio::time::sleep(300 * MILLI).await;
        Ok::<u32, BoxError>(7)
    });
    let service = ServiceBuilder::new()
        .layer(TimeoutLayer::builder(400 * MILLI).build().unwrap())
        .layer(GlobalConcurrencyLimitLayer::new(1))
        .service(slow);
    let start = now();
    let (first, second) = tokio::join!(service.clone().oneshot(1), service.clone().oneshot(2));
    assert_eq!(first.unwrap(), 7);
    assert_eq!(now() - start, 400 * MILLI);
    let error = second.unwrap_err();
    assert_eq!((late(&error).phase(), late(&error).elapsed()), (Phase::Response, 400 * MILLI));
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_charged_to_the_call_that_it_was_for() {
    let (mut service, probe) = limited(|| Reply::Hang);
    wait_for_turn(&mut service, &probe, 500 * MILLI).await;
    let start = now();
    let late = late(&service.call(1).await.unwrap_err());
    assert_eq!(now() - start, 1_500 * MILLI);
    assert_eq!((late.phase(), late.limit(), late.elapsed()), (Phase::Response, 2 * SECOND, 2 * SECOND));

    // The next call starts anew.
    let start = now();
    let _ = service.ready().await.unwrap().call(2).await;
    assert_eq!(now() - start, 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn time_that_passes_after_the_turn_was_granted_is_the_callers_own() {
    let (mut service, probe) = limited(|| Reply::Hang);
    wait_for_turn(&mut service, &probe, 500 * MILLI).await;
    clock::advance(60 * SECOND).await;
    assert!(matches!(task::spawn(service.ready()).poll(), Poll::Ready(Ok(_))), "still granted");
    let start = now();
    assert_eq!(late(&service.call(1).await.unwrap_err()).phase(), Phase::Response);
    // The queue is charged, the idling is not.
    assert!(now() - start <= 1_500 * MILLI);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_runs_out_in_the_queue_is_refused_without_reaching_the_inner_service() {
    let (mut service, probe) = limited(|| Reply::Ok(7));
    probe.hold_ready();
    let start = now();
    service.ready().await.expect("ready to refuse, woken by the timer");
    assert_eq!(now() - start, 2 * SECOND);
    let polls = probe.ready_polls();
    assert!(matches!(task::spawn(service.ready()).poll(), Poll::Ready(Ok(_))), "the refusal stands");
    assert_eq!(probe.ready_polls(), polls, "and the inner service is left alone");

    let error = service.call(1).await.unwrap_err();
    let refused = Refused::in_error(&error).unwrap();
    assert_eq!((refused.kind(), refused.code()), (Kind::Overloaded, "timed_out_in_queue"));
    assert_eq!((refused.retry_after(), refused.reached_inner()), (Some(SECOND), false));
    assert_eq!((probe.calls(), late(&error).phase()), (0, Phase::Ready));

    probe.release_ready();
    assert_eq!(service.ready().await.unwrap().call(2).await.unwrap(), 7, "the next one is served");
    probe.assert_kept();
}

#[tokio::test(start_paused = true)]
async fn the_timer_wakes_a_waiter_whose_turn_does_not_come() {
    let (mut service, probe) = limited(|| Reply::Ok(7));
    probe.hold_ready();
    let mut ready = task::spawn(service.ready());
    assert_pending!(ready.poll());
    clock::advance(2 * SECOND - MILLI).await;
    assert!(!ready.is_woken());
    clock::advance(MILLI).await;
    assert!(ready.is_woken());
    assert!(matches!(ready.poll(), Poll::Ready(Ok(_))));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_comes_with_nothing_left_is_refused() {
    let (mut service, probe) = limited(|| Reply::Ok(7));
    wait_for_turn(&mut service, &probe, 2 * SECOND).await;
    assert_eq!(late(&service.call(1).await.unwrap_err()).phase(), Phase::Ready);
    assert_eq!(probe.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_given_up_is_not_charged_to_a_call_an_hour_later() {
    for turn_comes_first in [true, false] {
        let (mut service, probe) = limited(|| Reply::After(SECOND, Ok(7)));
        probe.hold_ready();
        assert_pending!(task::spawn(service.ready()).poll());
        clock::advance(3_600 * SECOND).await;
        if !turn_comes_first {
            assert_pending!(task::spawn(service.ready()).poll());
        }
        probe.release_ready();
        assert_eq!(service.ready().await.unwrap().call(1).await.unwrap(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_waiter_ends_its_wait() {
    let (mut service, probe) = limited(|| Reply::Ok(7));
    probe.hold_ready();
    let start = now();
    let context = Context::new().with_deadline(Deadline::after(start, 300 * MILLI));
    let error = context.scope(async { service.ready().await.unwrap().call(1).await }).await.unwrap_err();
    assert_eq!(now() - start, 300 * MILLI);
    assert_eq!((late(&error).phase(), late(&error).bound()), (Phase::Ready, Bound::Deadline));
}

#[tokio::test(start_paused = true)]
async fn a_clone_has_waited_for_nothing() {
    let (mut service, probe) = limited(|| Reply::After(1_900 * MILLI, Ok(7)));
    probe.hold_ready();
    let mut other = service.clone();
    let mut ready = task::spawn(service.ready());
    assert_pending!(ready.poll());
    clock::advance(SECOND).await;
    drop(ready);
    probe.release_ready();
    assert_eq!(other.ready().await.unwrap().call(1).await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn an_observer_of_the_queue_reports_once_and_goes_on_waiting() {
    let inner = Strict::<u32, u32, BoxError>::with(|_, _| Reply::After(60 * SECOND, Ok(7)));
    let (probe, recorder) = (inner.probe(), Recorder::new());
    let layer =
        TimeoutLayer::builder(2 * SECOND).mode(Mode::Observe).observer(recorder.clone()).build().unwrap();
    let mut service = layer.layer(inner);
    probe.hold_ready();
    let mut ready = task::spawn(service.ready());
    assert_pending!(ready.poll());
    clock::advance(2 * SECOND).await;
    assert!(ready.is_woken());
    assert_pending!(ready.poll());
    clock::advance(60 * SECOND).await;
    assert_pending!(ready.poll());
    probe.release_ready();
    assert!(matches!(ready.poll(), Poll::Ready(Ok(_))));
    drop(ready);
    assert_eq!(service.call(1).await.unwrap(), 7);
    assert_eq!(recorder.verdicts(), [(Verdict::WouldRefuse, "timed_out_in_queue")]);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_is_off_sets_no_timer_in_the_queue() {
    let (mut service, probe) = limited(|| Reply::Ok(7));
    let layer = TimeoutLayer::builder(2 * SECOND).mode(Mode::Off).build().unwrap();
    service = layer.layer(service.into_inner());
    probe.hold_ready();
    let mut ready = task::spawn(service.ready());
    assert_pending!(ready.poll());
    clock::advance(60 * SECOND).await;
    assert!(!ready.is_woken());
    probe.release_ready();
    assert!(matches!(ready.poll(), Poll::Ready(Ok(_))));
    drop(ready);
    assert_eq!(service.call(1).await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_readiness_is_the_inner_services_own() {
    let (mut service, probe) = limited(|| Reply::Ok(7));
    probe.fail_ready("gone".into());
    assert_eq!(service.ready().await.expect_err("an error").to_string(), "gone");
}
