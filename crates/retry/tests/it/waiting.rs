//! What happens between two attempts.

use std::time::Duration;

use buttress_backoff::{Backoff, Jitter};
use buttress_core::{BoxError, Context, Deadline, Verdict};
use buttress_retry::{
    CloneRequest, Decision, Fault, NotReady, RetryBuilder, RetryErrors, RetryLayer, RetryPolicy, Tried,
};
use buttress_testkit::{Recorder, Reply, Strict};
use tokio::time::Instant;
use tower::{Layer, ServiceExt};

type Inner = Strict<u32, u32, BoxError>;

const SECOND: Duration = Duration::from_secs(1);

/// Waits exactly one second before each retry.
fn patient(recorder: &Recorder) -> RetryBuilder<RetryErrors, CloneRequest> {
    RetryLayer::plain().backoff(Backoff::constant(SECOND).jitter(Jitter::None)).observer(recorder.clone())
}

fn failing() -> Reply<u32, BoxError> {
    Reply::Err("down".into())
}

async fn during_the_wait(act: impl FnOnce()) {
    tokio::time::sleep(SECOND / 2).await;
    act();
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_that_of_the_schedule() {
    let layer = patient(&Recorder::new()).build().unwrap();
    let began = Instant::now();
    let inner = Inner::script([failing(), failing(), Reply::Ok(1)]);
    layer.layer(inner).oneshot(7).await.unwrap();
    assert_eq!(began.elapsed(), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn no_wait_begins_that_would_cross_the_deadline_b9() {
    for (allowed_ms, calls, code) in [(1_000, 1, "deadline"), (1_001, 2, "deadline"), (2_001, 3, "attempts")]
    {
        let recorder = Recorder::new();
        let layer = patient(&recorder).build().unwrap();
        let inner = Inner::with(|_, _| failing());
        let probe = inner.probe();
        let now = Instant::now();
        let deadline = Deadline::after(now.into_std(), Duration::from_millis(allowed_ms));
        let context = Context::new().with_deadline(deadline);
        assert!(context.scope(layer.layer(inner).oneshot(7)).await.is_err());
        assert_eq!(probe.calls(), calls, "{allowed_ms} ms");
        assert_eq!(recorder.codes().last(), Some(&code), "{allowed_ms} ms");
        assert_eq!(now.elapsed(), (u32::try_from(calls).unwrap() - 1) * SECOND, "no wait for nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn the_total_time_is_counted_from_the_first_wait() {
    let recorder = Recorder::new();
    let layer =
        patient(&recorder).max_attempts(10).max_elapsed(Duration::from_millis(3_500)).build().unwrap();
    let inner = Inner::with(|_, _| Reply::After(SECOND, Err("slow".into())));
    let probe = inner.probe();
    assert!(layer.layer(inner).oneshot(7).await.is_err());
    assert_eq!((probe.calls(), recorder.codes().last()), (2, Some(&"elapsed")));
}

#[tokio::test(start_paused = true)]
async fn a_retry_does_not_queue_behind_a_service_that_is_not_ready_b11() {
    let recorder = Recorder::new();
    let layer = patient(&recorder).build().unwrap();
    let inner = Inner::script([failing()]);
    let probe = inner.probe();
    let began = Instant::now();
    let call = layer.layer(inner).oneshot(7);
    let (outcome, ()) = tokio::join!(call, during_the_wait(|| probe.hold_ready()));
    assert_eq!(outcome.unwrap_err().to_string(), "down");
    assert_eq!(began.elapsed(), SECOND, "asked once, at the end of the wait");
    assert_eq!(recorder.verdicts(), [(Verdict::GaveUp, "not_ready")]);
}

/// Tries everything again at once.
#[derive(Clone, Copy)]
struct AtOnce;

impl RetryPolicy<u32, u32, BoxError> for AtOnce {
    fn fault(&self, outcome: Result<&u32, &BoxError>) -> Option<Fault> {
        outcome.err().map(|_| Fault::Other)
    }

    fn decide(&self, _: &Tried<'_, u32, u32, BoxError>) -> Decision {
        Decision::RetryIn(Duration::ZERO)
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_without_a_wait_does_not_queue_either() {
    let recorder = Recorder::new();
    let layer = patient(&recorder).policy(AtOnce).build().unwrap();
    let began = Instant::now();
    let inner = Inner::script([failing(), failing(), Reply::Ok(1)]);
    assert_eq!(layer.layer(inner).oneshot(7).await.unwrap(), 1);
    let inner = Inner::script([Reply::Gate(Err("down".into()))]);
    let probe = inner.probe();
    let release = async {
        probe.hold_ready();
        probe.open_gate(1);
    };
    let (outcome, ()) = tokio::join!(layer.layer(inner).oneshot(7), release);
    assert!(outcome.is_err());
    assert_eq!((recorder.codes().last(), began.elapsed()), (Some(&"not_ready"), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_overslept_does_not_lead_past_the_deadline() {
    let recorder = Recorder::new();
    let layer = patient(&recorder).build().unwrap();
    let inner = Inner::script([failing()]);
    let deadline = Deadline::after(Instant::now().into_std(), 2 * SECOND);
    let context = Context::new().with_deadline(deadline);
    let mut call = tokio_test::task::spawn(context.scope(layer.layer(inner).oneshot(7)));
    assert!(call.poll().is_pending());
    tokio::time::advance(3 * SECOND).await;
    assert!(call.poll().is_ready());
    assert_eq!(recorder.codes(), ["deadline"]);
}

#[tokio::test(start_paused = true)]
async fn patience_waits_for_readiness_and_not_longer() {
    for (released_after, outcome) in [(2 * SECOND, Ok(1)), (9 * SECOND, Err("not_ready"))] {
        let recorder = Recorder::new();
        let layer = patient(&recorder).when_not_ready(NotReady::Wait(5 * SECOND)).build().unwrap();
        let inner = Inner::script([failing(), Reply::Ok(1)]);
        let probe = inner.probe();
        let began = Instant::now();
        let readiness = async {
            during_the_wait(|| probe.hold_ready()).await;
            tokio::time::sleep(released_after).await;
            probe.release_ready();
        };
        let mut ended = Duration::ZERO;
        let call = async {
            let answer = layer.layer(inner).oneshot(7).await;
            ended = began.elapsed();
            answer
        };
        let (answer, ()) = tokio::join!(call, readiness);
        assert_eq!(answer.ok(), outcome.ok());
        if let Err(code) = outcome {
            assert_eq!(recorder.codes(), [code]);
        }
        assert_eq!(ended, (SECOND / 2 + released_after).min(6 * SECOND));
    }
}

#[tokio::test(start_paused = true)]
async fn patience_ends_with_the_total_time() {
    let recorder = Recorder::new();
    let layer = patient(&recorder).max_elapsed(2 * SECOND).when_not_ready(NotReady::Wait(5 * SECOND));
    let layer = layer.build().unwrap();
    let inner = Inner::script([failing()]);
    let probe = inner.probe();
    let readiness = async {
        during_the_wait(|| probe.hold_ready()).await;
        tokio::time::sleep(2 * SECOND).await;
        probe.release_ready();
    };
    let (outcome, ()) = tokio::join!(layer.layer(inner).oneshot(7), readiness);
    assert_eq!((outcome.unwrap_err().to_string(), probe.calls()), ("down".to_owned(), 1));
    assert_eq!(recorder.verdicts(), [(Verdict::GaveUp, "elapsed")]);
}

#[tokio::test(start_paused = true)]
async fn patience_ends_with_the_deadline() {
    let recorder = Recorder::new();
    let layer = patient(&recorder).when_not_ready(NotReady::Wait(60 * SECOND)).build().unwrap();
    let inner = Inner::script([failing()]);
    let probe = inner.probe();
    let began = Instant::now();
    let context = Context::new().with_deadline(Deadline::after(began.into_std(), 3 * SECOND));
    let call = context.scope(layer.layer(inner).oneshot(7));
    let (outcome, ()) = tokio::join!(call, during_the_wait(|| probe.hold_ready()));
    assert!(outcome.is_err());
    assert_eq!(began.elapsed(), 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_for_good_during_the_wait_does_not_hide_the_outcome() {
    let layer = patient(&Recorder::new()).build().unwrap();
    let inner = Inner::script([failing()]);
    let probe = inner.probe();
    let call = layer.layer(inner).oneshot(7);
    let (outcome, ()) = tokio::join!(call, during_the_wait(|| probe.fail_ready("gone for good".into())));
    assert_eq!(outcome.unwrap_err().to_string(), "down");
}
