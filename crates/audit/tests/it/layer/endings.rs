//! A2: every request is recorded, however it ends.

use std::panic::AssertUnwindSafe;

use buttress_audit::{Panicked, Stage};
use buttress_core::{Context, Deadline, Kind, Refused, Rejection};
use buttress_http::AsProblem;
use buttress_testkit::{Reply, ScriptedBody, Step, Strict, clock, message};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use tower::{Layer, Service, ServiceExt};

use super::{Body, Inner, SECOND, answers, end_of, only, recorded, send};

/// A refusal, and whether it came after the call.
#[derive(Debug)]
pub(super) struct No(Kind, &'static str, bool);

impl No {
    fn before(kind: Kind, code: &'static str) -> Self {
        Self(kind, code, false)
    }

    pub(super) fn after(kind: Kind) -> Self {
        Self(kind, "too_late", true)
    }
}

impl std::fmt::Display for No {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no")
    }
}

impl std::error::Error for No {}

impl Rejection for No {
    fn kind(&self) -> Kind {
        self.0
    }
    fn code(&self) -> &'static str {
        self.1
    }
    fn layer(&self) -> &'static str {
        "test"
    }
    fn reached_inner(&self) -> bool {
        self.2
    }
    fn public(&self) -> std::borrow::Cow<'static, str> {
        "no".into()
    }
}

pub(super) fn refuses(kind: Kind, code: &'static str) -> Inner {
    Strict::with(move |_, _| Reply::Ok(AsProblem::default().respond(Refused::new(No::before(kind, code)))))
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_answered_is_recorded_before_its_answer_goes_out() {
    let (records, layer) = recorded();
    let response = send(&layer.build().unwrap(), answers(201), message::post("/bookings", "x")).await;
    assert_eq!(response.status(), 201);
    let record = only(&records);
    assert_eq!(end_of(&record), ("success", None, "complete"));
    assert_eq!((&record["action"], &record["request"]["status"]), (&"CREATE".into(), &201.into()));
    assert_eq!(record["request"]["path"], "/bookings");
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_caller_left_is_recorded_as_cancelled() {
    let (records, layer) = recorded();
    let layer = layer.build().unwrap();
    let inner: Inner = Strict::with(|_, _| Reply::Hang);
    let probe = inner.probe();
    {
        let mut call = tokio_test::task::spawn(layer.layer(inner).oneshot(message::post("/slow", "x")));
        assert!(call.poll().is_pending());
        clock::advance(2 * SECOND).await;
        assert!(call.poll().is_pending());
        assert_eq!(records.events().len(), 0);
    }
    assert_eq!(probe.in_flight(), 0);
    let record = only(&records);
    assert_eq!(end_of(&record), ("unknown", Some("cancelled"), "cancelled"));
    assert_eq!(record["duration_us"], 2_000_000);
    assert_eq!(record["request"].get("status"), None, "no status was ever sent");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_never_polled_is_recorded_as_cancelled() {
    let (records, layer) = recorded();
    let mut service = layer.build().unwrap().layer(answers(200));
    drop(service.ready().await.unwrap().call(message::get("/")));
    assert_eq!(end_of(&only(&records)).2, "cancelled");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_panicked_is_recorded_even_if_the_panic_is_caught_outside() {
    let (records, layer) = recorded();
    let inner: Inner = Strict::handling(|_, _| Reply::run(async { panic!("on purpose") }));
    let call = layer.build().unwrap().layer(inner).oneshot(message::get("/broken"));
    let task = tokio::task::LocalSet::new();
    let caught = task.run_until(async { tokio::task::spawn_local(call).await }).await;
    assert!(caught.unwrap_err().is_panic());
    let record = only(&records);
    assert_eq!(end_of(&record), ("failure", Some("panicked"), "panic"));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_panics_when_it_is_called_is_recorded_too() {
    let (records, layer) = recorded();
    let inner = tower::service_fn(|request: http::Request<Body>| {
        assert_eq!(request.uri(), "/nowhere", "on purpose");
        std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(Body::default())))
    });
    let mut service = layer.build().unwrap().layer(inner);
    let caught = std::panic::catch_unwind(AssertUnwindSafe(|| {
        drop(service.call(message::get("/broken")));
    }));
    assert!(caught.is_err());
    assert_eq!(end_of(&only(&records)), ("failure", Some("panicked"), "panic"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_that_was_made_a_response_inside_is_recorded_as_one() {
    let (records, layer) = recorded();
    let inner: Inner = Strict::with(|_, _| {
        let mut response = message::response(StatusCode::INTERNAL_SERVER_ERROR, "");
        response.extensions_mut().insert(Panicked);
        Reply::Ok(response)
    });
    send(&layer.build().unwrap(), inner, message::get("/")).await;
    let record = only(&records);
    assert_eq!(end_of(&record), ("failure", Some("panicked"), "panic"));
    assert_eq!(record["request"]["status"], 500);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_timed_out_inside_is_recorded_as_timed_out() {
    let (records, layer) = recorded();
    send(&layer.build().unwrap(), refuses(Kind::TimedOut, "timed_out"), message::get("/")).await;
    let record = only(&records);
    assert_eq!(end_of(&record), ("failure", Some("timed_out"), "complete"));
    assert_eq!(record["request"]["status"], 504);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_timed_out_by_a_layer_outside_is_recorded_as_timed_out() {
    let (records, layer) = recorded();
    let layer = layer.build().unwrap();
    let deadline = Deadline::after(tokio::time::Instant::now().into_std(), SECOND);
    let mut request = message::get("/");
    request.extensions_mut().insert(deadline);
    {
        let inner: Inner = Strict::with(|_, _| Reply::Hang);
        let mut call = tokio_test::task::spawn(layer.layer(inner).oneshot(request));
        assert!(call.poll().is_pending());
        clock::advance(SECOND).await;
    }
    assert_eq!(end_of(&only(&records)), ("failure", Some("timed_out"), "cancelled"));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_rate_limited_is_recorded_as_denied() {
    let (records, layer) = recorded();
    send(&layer.build().unwrap(), refuses(Kind::RateLimited, "quota_exceeded"), message::get("/")).await;
    let record = only(&records);
    assert_eq!(end_of(&record), ("denied", Some("quota_exceeded"), "complete"));
    assert_eq!(record["severity"], "medium");
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_that_answers_with_another_status_is_still_one() {
    let (records, layer) = recorded();
    let inner: Inner = Strict::with(|_, _| {
        let problem =
            AsProblem::default().with_status(Kind::RateLimited, StatusCode::SERVICE_UNAVAILABLE).unwrap();
        Reply::Ok(problem.respond(Refused::new(No::before(Kind::RateLimited, "quota_exceeded"))))
    });
    send(&layer.build().unwrap(), inner, message::get("/")).await;
    assert_eq!(end_of(&only(&records)), ("denied", Some("quota_exceeded"), "complete"));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_too_large_is_recorded_as_denied() {
    let (records, layer) = recorded();
    send(&layer.build().unwrap(), answers(413), message::post("/upload", "x")).await;
    assert_eq!(end_of(&only(&records)), ("denied", Some("payload_too_large"), "complete"));
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_refusal_is_recorded_with_the_word_of_its_layer() {
    for kind in Kind::ALL {
        let (records, layer) = recorded();
        send(&layer.build().unwrap(), refuses(kind, "own_word"), message::get("/")).await;
        let outcome = if kind == Kind::RateLimited { "denied" } else { "failure" };
        assert_eq!(end_of(&only(&records)), (outcome, Some("own_word"), "complete"), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_client_is_recorded_with_what_refused_it() {
    use buttress_audit::{AuditLayer, MemoryRecorder};
    use buttress_core::BoxError;

    let errors: [(BoxError, &str, &str); 3] = [
        (Refused::new(No::before(Kind::RateLimited, "throttled")).into(), "denied", "throttled"),
        (Refused::new(No::before(Kind::TimedOut, "timed_out")).into(), "failure", "timed_out"),
        ("connection lost".into(), "failure", "error"),
    ];
    for (error, outcome, reason) in errors {
        let records = MemoryRecorder::new();
        let layer = AuditLayer::outbound(records.clone()).build().unwrap();
        let inner: Strict<http::Request<Body>, Response<Body>, BoxError> =
            Strict::script([Reply::Err(error)]);
        assert!(layer.layer(inner).oneshot(message::get("/")).await.is_err());
        assert_eq!(end_of(&only(&records)), (outcome, Some(reason), "complete"));
    }
}

/// Trouble with the body belongs to spans and metrics: the record says what the handler decided.
#[tokio::test(start_paused = true)]
async fn a_body_that_fails_later_is_no_second_record() {
    let (records, layer) = recorded();
    let inner = tower::service_fn(|_: http::Request<Body>| async {
        let (body, _) = ScriptedBody::new([Step::Data("a".into()), Step::Fail("reset".into())]);
        Ok::<_, std::convert::Infallible>(Response::new(axum::body::Body::new(body)))
    });
    let Ok(response) = layer.build().unwrap().layer(inner).oneshot(message::get("/")).await;
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(end_of(&only(&records)), ("success", None, "complete"));
}

/// A context that a layer outside has made is the one that handlers see.
#[tokio::test(start_paused = true)]
async fn what_the_context_holds_goes_through_and_is_in_the_record() {
    let (records, layer) = recorded();
    let layer = layer.build().unwrap();
    let id = buttress_core::CorrelationId::new("CAB-456").unwrap();
    let inner: Inner = Strict::handling(|_, _| {
        Reply::run(async {
            let seen = Context::with_current(|context| context.correlation_id().map(ToString::to_string));
            assert_eq!(seen.as_deref(), Some("CAB-456"));
            Ok(Response::new(Body::default()))
        })
    });
    Context::new().with_correlation_id(id).scope(send(&layer, inner, message::get("/"))).await;
    assert_eq!(only(&records)["correlation_id"], "CAB-456");
    assert_eq!(records.events()[0].stage(), Stage::Complete);
}
