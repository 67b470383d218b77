use std::time::Duration;

use buttress::circuit_breaker::State;
use buttress::core::{BoxError, ModeSwitch};
use buttress::http::{ReplayBody, TransportError, TransportKind};
use buttress::{BreakerRegistry, Context, CorrelationId, Deadline, Mode, Outbound, Refused};
use buttress_testkit::{Probe, Recorder, Reply, Strict, contract, message};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt};

type Plain = Request<Full<Bytes>>;
type Sent = Request<ReplayBody<Full<Bytes>>>;
type Answer = Response<Full<Bytes>>;
type Transport = Strict<Sent, Answer, BoxError>;

fn outbound() -> Outbound {
    Outbound::named("intune").build().expect("the defaults are valid")
}

/// A transport that answers every call by the script; its probe.
fn transport(
    mut script: impl FnMut(u64, &Sent) -> Reply<Answer, BoxError> + Send + 'static,
) -> (Transport, Probe<BoxError>) {
    let transport = Strict::with(move |call, request: &Sent| script(call, request));
    let probe = transport.probe();
    (transport, probe)
}

fn unavailable() -> Reply<Answer, BoxError> {
    Reply::Ok(message::response(StatusCode::SERVICE_UNAVAILABLE, "down"))
}

fn get() -> Plain {
    message::get("http://intune.example/devices")
}

#[test]
fn the_stack_keeps_the_contract() {
    type Wired = contract::Wiring<Plain, Sent, Answer, BoxError>;
    contract::Suite::<_, Wired>::new(outbound).named("outbound").run();
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_is_repeated_under_the_same_id_and_counted() {
    let (transport, probe) = transport(|call, request| {
        assert_eq!(request.headers()["x-correlation-id"], "order-17");
        let told = request.headers()["x-request-timeout-ms"].to_str().unwrap();
        assert_eq!(told, "10000", "what the attempt has, not what the call has");
        let attempt =
            request.headers().get("x-retry-attempt").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(attempt, (call > 0).then(|| (call + 1).to_string()));
        if call < 2 { unavailable() } else { Reply::Ok(message::response(StatusCode::OK, "done")) }
    });
    let outbound = outbound();
    let id = CorrelationId::new("order-17").unwrap();
    let response =
        Context::new().with_correlation_id(id).scope(outbound.layer(transport).oneshot(get())).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(probe.calls(), 3);
    assert_eq!(outbound.breaker().snapshot().counts().failed(), 2, "the breaker counts attempts");
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_is_told_at_once_and_not_retried() {
    let (transport, probe) =
        transport(|_, _| Reply::Err(TransportError::new(TransportKind::Interrupted, "reset").into()));
    let outbound = outbound();
    let mut service = outbound.layer(transport);
    while outbound.breaker().state() == State::Closed {
        let _ = service.ready().await.unwrap().call(get()).await;
    }
    let attempts = probe.calls();
    let started = tokio::time::Instant::now();
    let error = service.ready().await.unwrap().call(get()).await.unwrap_err();
    let refused = Refused::in_error(&error).expect("a refusal");
    assert_eq!(refused.code(), "circuit_open");
    assert!(refused.retry_after().is_some_and(|wait| wait > Duration::ZERO));
    assert_eq!((started.elapsed(), probe.calls()), (Duration::ZERO, attempts), "neither a wait nor a call");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_ends_and_the_call_obeys_the_deadline_it_inherits() {
    let (transport, probe) = transport(|_, _| Reply::Hang);
    let service = outbound().layer(transport);
    let now = tokio::time::Instant::now();
    let deadline = Deadline::after(now.into_std(), Duration::from_secs(3));
    let error = Context::new().with_deadline(deadline).scope(service.oneshot(get())).await.unwrap_err();
    assert_eq!(Refused::in_error(&error).map(Refused::code), Some("timed_out"));
    assert!(now.elapsed() <= Duration::from_secs(3), "{:?}", now.elapsed());
    assert_eq!(probe.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_in_a_registry_is_shared_by_clients_of_one_name() {
    let breakers = BreakerRegistry::default();
    let build = || Outbound::named("intune").registry(&breakers).build().unwrap();
    let (one, other) = (build(), build());
    one.breaker().force_open();
    assert_eq!(other.breaker().state(), State::ForcedOpen);
    assert!(!breakers.all_healthy());
    let (transport, probe) = transport(|_, _| Reply::Hang);
    let error = other.layer(transport).oneshot(get()).await.unwrap_err();
    assert!(Refused::in_error(&error).is_some());
    assert_eq!(probe.calls(), 0);
}

#[test]
fn all_that_is_wrong_with_any_layer_is_told_at_once() {
    let error = Outbound::named("intune")
        .timeout(Duration::from_secs(5))
        .attempt_timeout(Duration::from_secs(5))
        .retry(|retry| retry.max_attempts(0))
        .circuit_breaker(|breaker| breaker.half_open_permits(0))
        .correlation_id(|ids| ids.header("no header"))
        .forward_deadline(|forward| forward.reserve(Duration::from_secs(99)))
        .build()
        .unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(|problem| (problem.layer(), problem.field())).collect();
    let expected = [
        ("propagate-correlation-id", "header"),
        ("retry", "max_attempts"),
        ("circuit-breaker", "half_open_permits"),
        ("timeout", "forward.reserve"),
        ("outbound", "attempt_timeout"),
    ];
    for problem in expected {
        assert!(fields.contains(&problem), "{problem:?} in {fields:?}");
    }
}

#[test]
fn a_long_timeout_needs_no_other_setting_and_the_last_word_wins() {
    let minutes = Duration::from_secs(120);
    let outbound = Outbound::named("intune").timeout(minutes).build().unwrap();
    assert_eq!(outbound.deadline().total(), minutes);
    let outbound = Outbound::named("intune")
        .timeout(minutes)
        .deadline(|deadline| deadline.total(minutes / 2))
        .build()
        .unwrap();
    assert_eq!(outbound.deadline().total(), minutes / 2);
}

#[tokio::test(start_paused = true)]
async fn the_signals_of_all_layers_bear_the_name_of_the_stack() {
    let recorder = Recorder::new();
    let outbound = Outbound::named("intune")
        .observer(recorder.clone())
        .circuit_breaker(|breaker| breaker.consecutive_failures(5))
        .build()
        .unwrap();
    let (transport, _) = transport(|_, _| Reply::Hang);
    let mut service = outbound.layer(transport);
    while outbound.breaker().state() == State::Closed {
        let _ = service.ready().await.unwrap().call(get()).await;
    }
    let _ = service.ready().await.unwrap().call(get()).await;
    let entries = recorder.entries();
    let mut layers: Vec<_> = entries.iter().map(|entry| entry.layer).collect();
    layers.sort_unstable();
    layers.dedup();
    assert_eq!(layers, ["circuit-breaker", "retry", "timeout"]);
    assert!(entries.iter().all(|entry| &*entry.instance == "intune"), "{entries:?}");
}

#[tokio::test(start_paused = true)]
async fn one_switch_turns_the_whole_stack_off() {
    let switch = ModeSwitch::default();
    let outbound = Outbound::named("intune").mode(switch.clone()).build().unwrap();
    switch.set(Mode::Off);
    outbound.breaker().force_open();
    let (transport, probe) = transport(|_, _| unavailable());
    let response = outbound.layer(transport).oneshot(get()).await.unwrap();
    assert_eq!(
        (response.status(), probe.calls()),
        (StatusCode::SERVICE_UNAVAILABLE, 1),
        "neither refused nor retried"
    );
}

#[tokio::test(start_paused = true)]
async fn a_short_deadline_of_the_caller_is_not_held_against_the_service() {
    let outbound = outbound();
    for _ in 0..10 {
        let (transport, _) = transport(|_, _| Reply::Hang);
        let now = tokio::time::Instant::now().into_std();
        let hurried = Context::new().with_deadline(Deadline::after(now, Duration::from_millis(40)));
        assert!(hurried.scope(outbound.layer(transport).oneshot(get())).await.is_err());
    }
    assert_eq!(outbound.breaker().state(), State::Closed);
}
