use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use buttress_core::{BoxError, ClassifyWith, Entropy, Mode, Outcome, Ratio, Verdict};
use buttress_retry::{
    Budget, CloneRequest, Fault, Profile, RetryBuilder, RetryErrors, RetryLayer, RetryWhen,
};
use buttress_testkit::{Recorder, Reply, Strict, drop_at_every_poll, trail_of};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};

type Inner = Strict<u32, u32, BoxError>;

fn plain() -> RetryBuilder<RetryErrors, CloneRequest> {
    RetryLayer::plain().entropy(Entropy::seeded(1))
}

fn failing(text: &str) -> Reply<u32, BoxError> {
    Reply::Err(text.to_owned().into())
}

#[tokio::test(start_paused = true)]
async fn the_attempt_after_a_fault_brings_the_answer() {
    let inner = Inner::script([failing("one"), failing("two"), Reply::Ok(3)]);
    let recorder = Recorder::new();
    let layer = plain().observer(recorder.clone()).build().unwrap();
    assert_eq!(layer.layer(inner).oneshot(7).await.unwrap(), 3);
    assert_eq!(recorder.verdicts(), [(Verdict::Retried, "other"), (Verdict::Retried, "other")]);
}

#[tokio::test(start_paused = true)]
async fn exhaustion_returns_the_last_real_error() {
    let inner = Inner::script([failing("one"), failing("two"), failing("three")]);
    let recorder = Recorder::new();
    let layer = plain().observer(recorder.clone()).build().unwrap();
    let error = layer.layer(inner).oneshot(7).await.unwrap_err();
    assert_eq!(error.to_string(), "three");
    assert_eq!(recorder.codes(), ["other", "other", "attempts"]);
}

#[tokio::test(start_paused = true)]
async fn exhaustion_returns_the_last_real_response() {
    let policy = RetryErrors::classified_by(ClassifyWith(|_: Result<&u32, &BoxError>| Outcome::Failure));
    let layer = plain().policy(policy).build().unwrap();
    let inner = Inner::with(|call, _| Reply::Ok(u32::try_from(call).unwrap()));
    assert_eq!(layer.layer(inner).oneshot(7).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_trail_says_what_became_of_the_call() {
    let layer = plain().name("ledger").max_attempts(2).build().unwrap();
    let inner = Inner::with(|_, _| failing("down"));
    let (outcome, trail) = trail_of(layer.layer(inner).oneshot(7)).await;
    assert!(outcome.is_err());
    assert_eq!(trail.to_string(), "retry/ledger=retried:other, retry/ledger=gave_up:attempts");
}

/// A request that counts its clones.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_takes_the_request_instead_of_cloning_it_b10() {
    for (max_attempts, clones) in [(1, 0), (2, 1), (3, 2), (5, 4)] {
        let counter = Arc::new(AtomicUsize::new(0));
        let inner = Strict::<Counted, (), BoxError>::with(|_, _| Reply::Err("down".into()));
        let layer = plain().max_attempts(max_attempts).build().unwrap();
        assert!(layer.layer(inner).oneshot(Counted(Arc::clone(&counter))).await.is_err());
        assert_eq!(counter.load(Ordering::Relaxed), clones, "{max_attempts} attempts");
    }
}

#[tokio::test(start_paused = true)]
async fn off_never_retries_and_observe_says_what_it_would_have_done() {
    for (mode, heard) in [(Mode::Off, &[][..]), (Mode::Observe, &[(Verdict::GaveUp, "observing")])] {
        let inner = Inner::script([failing("one")]);
        let recorder = Recorder::new();
        let layer = plain().mode(mode).observer(recorder.clone()).build().unwrap();
        assert_eq!(layer.layer(inner).oneshot(7).await.unwrap_err().to_string(), "one");
        assert_eq!(recorder.verdicts(), heard, "{mode:?}");
        assert_eq!(layer.budget().usage(Instant::now().into_std()).spent, 0, "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_mode_can_be_changed_while_running() {
    let inner = Inner::with(|call, _| if call % 2 == 0 { failing("odd") } else { Reply::Ok(1) });
    let layer = plain().mode(Mode::Off).build().unwrap();
    let service = layer.layer(inner);
    assert!(service.clone().oneshot(7).await.is_err());
    assert!(service.clone().oneshot(7).await.is_ok());
    layer.mode().set(Mode::Enforce);
    assert!(service.clone().oneshot(7).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_denied_retry_returns_the_outcome_at_once_and_is_told_as_budget() {
    let recorder = Recorder::new();
    let budget = Budget::builder().ratio(Ratio::ZERO).reserve_per_second(0).build().unwrap();
    let layer = plain().budget(budget).observer(recorder.clone()).build().unwrap();
    let inner = Inner::with(|_, _| failing("down"));
    let (began, probe) = (Instant::now(), inner.probe());
    assert_eq!(layer.layer(inner).oneshot(7).await.unwrap_err().to_string(), "down");
    assert_eq!((probe.calls(), began.elapsed()), (1, Duration::ZERO));
    assert_eq!(recorder.verdicts(), [(Verdict::GaveUp, "budget")]);
}

#[tokio::test(start_paused = true)]
async fn all_services_of_one_layer_value_spend_one_budget_b1() {
    let budget = Budget::builder().ratio(Ratio::percent(20)).reserve_per_second(0).build().unwrap();
    let layer = plain().budget(budget).max_attempts(2).build().unwrap();
    let inner = Inner::with(|_, _| failing("down"));
    let probe = inner.probe();
    let (one, other) = (layer.layer(inner.clone()), layer.clone().layer(inner));
    for call in 0..500 {
        let service = if call % 2 == 0 { one.clone() } else { other.clone() };
        assert!(service.oneshot(7).await.is_err());
    }
    // The wait between attempts makes the run longer than the time to live, so a few tokens expire unused.
    let retries = probe.calls() - 500;
    assert!((90..=100).contains(&retries), "{retries} retries for 500 calls at 20 %");
    let fresh = layer.fresh();
    assert_eq!(fresh.budget().usage(Instant::now().into_std()).calls, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_at_any_moment_leaves_nothing_in_flight() {
    let layer = plain().build().unwrap();
    let usage = || layer.budget().usage(Instant::now().into_std());
    let polls = drop_at_every_poll(
        || {
            let inner = Inner::with(|call, _| match call {
                0 | 1 => Reply::Yields(2, Err("not yet".into())),
                _ => Reply::Yields(2, Ok(1)),
            });
            layer.layer(inner).oneshot(7)
        },
        |_| assert_eq!((usage().in_flight, usage().retrying), (0, 0)),
    )
    .await;
    assert!(polls > 6, "the call went through both waits");
}

#[tokio::test(start_paused = true)]
async fn a_call_in_flight_is_seen_and_released_with_its_answer() {
    let layer = plain().build().unwrap();
    let usage = || layer.budget().usage(Instant::now().into_std());
    let inner = Inner::script([Reply::After(Duration::from_secs(1), Ok(1))]);
    let mut service = layer.layer(inner);
    let mut call = tokio_test::task::spawn(service.ready().await.unwrap().call(7));
    assert!(call.poll().is_pending());
    assert_eq!((usage().calls, usage().in_flight, usage().retrying), (1, 1, 0));
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(call.poll().is_ready());
    assert_eq!(usage().in_flight, 0, "before the future is dropped");
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_waited_for_counts_as_under_way() {
    let layer = plain().build().unwrap();
    let usage = || layer.budget().usage(Instant::now().into_std());
    let inner = Inner::script([failing("one"), Reply::Hang]);
    let mut call = tokio_test::task::spawn(layer.layer(inner).oneshot(7));
    assert!(call.poll().is_pending());
    assert_eq!((usage().in_flight, usage().retrying), (1, 1));
    drop(call);
    assert_eq!((usage().in_flight, usage().retrying), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn five_calls_that_fail_together_come_back_apart_b3() {
    let layer = RetryLayer::plain().build().unwrap();
    let mut ends = Vec::new();
    for _ in 0..5 {
        let inner = Inner::script([failing("one"), Reply::Ok(1)]);
        let began = Instant::now();
        layer.layer(inner).oneshot(7).await.unwrap();
        ends.push(began.elapsed());
    }
    ends.dedup();
    assert!(ends.len() > 1, "all waited {ends:?}");
}

#[tokio::test(start_paused = true)]
async fn a_seed_gives_the_same_waits_again() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let layer = RetryLayer::plain().entropy(Entropy::seeded(42)).build().unwrap();
        let began = Instant::now();
        let _ = layer.layer(Inner::with(|_, _| failing("down"))).oneshot(7).await;
        runs.push(began.elapsed());
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0] > Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn work_that_is_no_service_is_retried_on_the_same_terms() {
    let layer = plain().profile(Profile::FileIo).build().unwrap();
    let answer = layer
        .call(|attempt| async move {
            if attempt.number() < 3 { Err(std::io::Error::other("busy")) } else { Ok(attempt.number()) }
        })
        .await;
    assert_eq!(answer.unwrap(), 3);
    assert_eq!(layer.budget().usage(Instant::now().into_std()).spent, 2);
}

#[tokio::test(start_paused = true)]
async fn a_transient_profile_retries_connection_and_time_only() {
    let layer = plain().profile(Profile::Transient).build().unwrap();
    for (kind, attempts) in [(std::io::ErrorKind::ConnectionReset, 2), (std::io::ErrorKind::NotFound, 1)] {
        let mut begun = 0;
        let outcome = layer.call(|_| {
            begun += 1;
            async move { Err::<(), _>(std::io::Error::from(kind)) }
        });
        assert!(outcome.await.is_err());
        assert_eq!(begun, attempts, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_closure_can_say_what_a_fault_is() {
    let policy =
        RetryWhen(|reply: Result<&u32, &BoxError>| (reply.ok() == Some(&0)).then_some(Fault::Status));
    let layer = plain().policy(policy).build().unwrap();
    let inner = Inner::script([Reply::Ok(0), failing("final")]);
    assert_eq!(layer.layer(inner).oneshot(7).await.unwrap_err().to_string(), "final");
}

#[tokio::test(start_paused = true)]
async fn settings_out_of_range_are_all_named() {
    let settings = RetryLayer::plain()
        .max_attempts(0)
        .max_elapsed(Duration::ZERO)
        .retry_after_limit(Duration::MAX)
        .backoff(buttress_backoff::Backoff::exponential(Duration::ZERO).multiplier(0.5));
    let error = settings.build().unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(buttress_core::Problem::field).collect();
    assert_eq!(fields, ["base", "multiplier", "max_attempts", "max_elapsed", "retry_after_limit"]);
}

#[tokio::test(start_paused = true)]
async fn the_first_attempt_uses_the_instance_that_was_found_ready() {
    let inner = Inner::script([Reply::Ok(1), Reply::Ok(2)]).permits(1);
    let probe = inner.probe();
    let mut service = plain().build().unwrap().layer(inner);
    for expected in [1, 2] {
        let answer = service.ready().await.unwrap().call(7).await;
        assert_eq!(answer.unwrap(), expected);
    }
    probe.assert_kept();
}
