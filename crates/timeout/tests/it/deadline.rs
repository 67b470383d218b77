//! The one deadline, on arrival and on the way out.

use std::convert::Infallible;
use std::time::Duration;

use buttress_core::{BoxError, Context, Deadline, Mode, Refused, Verdict};
use buttress_http::{deadline_of, refused_in};
use buttress_testkit::message::{self, Answer};
use buttress_testkit::{Log, Recorder, Reply, Strict, clock};
use buttress_timeout::{
    Bound, DeadlineBuilder, DeadlineLayer, Phase, TimeLimit, TimedOut, TimeoutHeader, TimeoutLayer, Trust,
    WhenMalformed,
};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio_test::{assert_pending, task};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::{MILLI, SECOND, late, now};

type Body = Full<Bytes>;
type Server = Strict<Request<Body>, Response<Body>, Infallible>;
type Client = Strict<Request<Body>, Response<Body>, BoxError>;

fn ok() -> Response<Body> {
    message::response(StatusCode::OK, "done")
}

/// Notes what a handler sees of the deadline: in the request, and in the context of its first poll.
fn noting(log: &Log<(Option<Deadline>, Option<Deadline>)>) -> Server {
    let log = log.clone();
    Strict::handling(move |_, request: Request<Body>| {
        let (log, in_request) = (log.clone(), request.extensions().get().copied());
        Reply::run(async move {
            log.push((in_request, Context::current().deadline()));
            Ok(ok())
        })
    })
}

fn with_header(name: &str, value: &str) -> Request<Body> {
    let mut request = message::get("/");
    request.headers_mut().insert(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    request
}

fn trusting() -> DeadlineBuilder {
    DeadlineLayer::inbound().trust(Trust::everyone())
}

fn timed_out(answer: &Answer) -> TimedOut {
    *answer.extensions.get::<Refused>().expect("a refusal").downcast_ref().expect("a timeout")
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_in_the_request_and_in_the_context() {
    let log = Log::new();
    let service = DeadlineLayer::inbound().build().unwrap().layer(noting(&log));
    let expected = Deadline::after(now(), 30 * SECOND);
    message::send(&service, message::get("/")).await;
    assert_eq!(log.all(), [(Some(expected), Some(expected))]);
    assert_eq!(Context::current().deadline(), None, "and nowhere else");
}

#[tokio::test(start_paused = true)]
async fn a_call_made_deep_inside_a_handler_inherits_the_deadline() {
    // The client is a service of its own; nobody hands it anything.
    let upstream = Client::with(|_, _| Reply::Hang);
    let probe = upstream.probe();
    let client = TimeoutLayer::outbound(60 * SECOND).build().unwrap().layer(upstream);
    let handler = service_fn(move |_: Request<Body>| {
        let client = client.clone();
        async move {
            tokio::time::sleep(400 * MILLI).await;
            let error = client.oneshot(message::get("/upstream")).await.unwrap_err();
            let late = late(&error);
            assert_eq!((late.bound(), late.limit()), (Bound::Deadline, 600 * MILLI));
            Ok::<_, Infallible>(message::response(StatusCode::BAD_GATEWAY, ""))
        }
    });
    let service = DeadlineLayer::inbound().total(SECOND).build().unwrap().layer(handler);
    let start = now();
    let answer = message::send(&service, message::get("/")).await;
    assert_eq!(now() - start, SECOND);
    // Both ended together; the inner one was polled first and its handler answered.
    assert_eq!((answer.status, probe.in_flight()), (StatusCode::BAD_GATEWAY, 0));
}

/// D2.
#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_answered_for_with_504() {
    let inner = Server::with(|_, _| Reply::Hang);
    let probe = inner.probe();
    let service = DeadlineLayer::inbound().build().unwrap().layer(inner);
    let start = now();
    let answer = message::send(&service, message::get("/")).await;
    assert_eq!(now() - start, 30 * SECOND);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (StatusCode::GATEWAY_TIMEOUT, Some("application/problem+json"))
    );
    assert_eq!(
        (answer.header("retry-after"), answer.header("x-should-retry")),
        (None, None),
        "it may have had its effect"
    );
    assert!(
        answer.text().contains(r#""code":"timed_out","phase":"response","limit_ms":30000"#),
        "{}",
        answer.text()
    );
    assert_eq!((probe.in_flight(), timed_out(&answer).phase()), (0, Phase::Response));
}

/// D3.
#[tokio::test(start_paused = true)]
async fn a_response_that_is_ready_at_the_deadline_wins() {
    let inner = Server::with(|_, _| Reply::After(30 * SECOND, Ok(ok())));
    let service = DeadlineLayer::inbound().build().unwrap().layer(inner);
    assert_eq!(message::send(&service, message::get("/")).await.status, StatusCode::OK);
}

/// D1 and D2: 503 when it was never begun.
#[tokio::test(start_paused = true)]
async fn a_request_that_never_left_the_queue_is_answered_with_503_and_retry_after() {
    let inner = Server::with(|_, _| Reply::Ok(ok()));
    let probe = inner.probe();
    probe.hold_ready();
    let service = DeadlineLayer::inbound().build().unwrap().layer(inner);
    let answer = message::send(&service, message::get("/")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("1")));
    assert!(answer.text().contains("timed_out_in_queue"), "{}", answer.text());
    assert_eq!((probe.calls(), timed_out(&answer).phase()), (0, Phase::Ready));
}

#[tokio::test(start_paused = true)]
async fn time_in_the_queue_is_gone_when_the_handler_begins() {
    let log = Log::new();
    let inner = noting(&log);
    let probe = inner.probe();
    let mut service = DeadlineLayer::inbound().build().unwrap().layer(inner);
    let expected = Deadline::after(now(), 30 * SECOND);
    probe.hold_ready();
    let mut ready = task::spawn(service.ready());
    assert_pending!(ready.poll());
    clock::advance(12 * SECOND).await;
    probe.release_ready();
    assert!(ready.poll().is_ready());
    drop(ready);
    service.call(message::get("/")).await.unwrap();
    assert_eq!(log.last().unwrap().0, Some(expected));
}

#[tokio::test(start_paused = true)]
async fn a_trusted_header_shortens_the_time_and_never_lengthens_it() {
    let table = [
        ("x-request-timeout-ms", "1500", 1_500),
        ("x-request-timeout-ms", "90000", 30_000),
        ("grpc-timeout", "2S", 2_000),
        ("x-envoy-expected-rq-timeout-ms", "700", 700),
        ("x-something-else-ms", "700", 30_000),
    ];
    for (name, value, expected) in table {
        let log = Log::new();
        let service = trusting().build().unwrap().layer(noting(&log));
        let expected = Deadline::after(now(), expected * MILLI);
        message::send(&service, with_header(name, value)).await;
        assert_eq!(log.last().unwrap().0, Some(expected), "{name}: {value}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_of_somebody_who_is_not_trusted_is_not_read() {
    let gateway = |headers: &http::HeaderMap, _: &http::Extensions| headers.contains_key("x-gateway");
    for (trust, gateway_says, expected) in [
        (Trust::nobody(), true, 30_000),
        (Trust::default(), true, 30_000),
        (Trust::when(gateway), false, 30_000),
        (Trust::when(gateway), true, 1),
    ] {
        let log = Log::new();
        let builder = DeadlineLayer::inbound().trust(trust).min_useful(Duration::ZERO);
        let service = builder.when_malformed(WhenMalformed::Refuse).build().unwrap().layer(noting(&log));
        let mut request = with_header("x-request-timeout-ms", "1");
        if gateway_says {
            request.headers_mut().insert("x-gateway", http::HeaderValue::from_static("secret"));
        }
        let expected = Deadline::after(now(), expected * MILLI);
        assert_eq!(message::send(&service, request).await.status, StatusCode::OK);
        assert_eq!(log.last().unwrap().0, Some(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_headers_that_were_chosen_are_read() {
    let log = Log::new();
    let name = http::HeaderName::from_static("x-left-ms");
    let service = trusting().headers([TimeoutHeader::millis(name)]).build().unwrap().layer(noting(&log));
    let (near, far) = (Deadline::after(now(), 300 * MILLI), Deadline::after(now(), 30 * SECOND));
    message::send(&service, with_header("x-left-ms", "300")).await;
    message::send(&service, with_header("x-request-timeout-ms", "300")).await;
    assert_eq!(log.all().into_iter().map(|(seen, _)| seen.unwrap()).collect::<Vec<_>>(), [near, far]);
}

#[tokio::test(start_paused = true)]
async fn an_expired_request_is_refused_at_once_and_told_not_to_come_back() {
    for value in ["0", "4"] {
        let inner = Server::with(|_, _| Reply::Ok(ok()));
        let probe = inner.probe();
        let service = trusting().build().unwrap().layer(inner);
        let start = now();
        let answer = message::send(&service, with_header("x-request-timeout-ms", value)).await;
        assert_eq!((now() - start, answer.status), (Duration::ZERO, StatusCode::GATEWAY_TIMEOUT));
        assert_eq!((answer.header("x-should-retry"), answer.header("retry-after")), (Some("false"), None));
        assert!(answer.text().contains("deadline_expired"), "{}", answer.text());
        assert_eq!((probe.calls(), timed_out(&answer).phase()), (0, Phase::Arrival));
    }
}

#[tokio::test(start_paused = true)]
async fn a_malformed_header_is_ignored_and_reported_or_refused_as_chosen() {
    let recorder = Recorder::new();
    let builder = || trusting().observer(recorder.clone());
    let service = builder().build().unwrap().layer(Server::with(|_, _| Reply::Ok(ok())));
    let answer = message::send(&service, with_header("x-request-timeout-ms", "soon\u{e9}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(recorder.verdicts(), [(Verdict::Passed, "malformed_timeout")]);
    recorder.clear();

    let strict = builder().when_malformed(WhenMalformed::Refuse).build().unwrap();
    let inner = Server::with(|_, _| Reply::Ok(ok()));
    let (probe, service) = (inner.probe(), strict.layer(inner));
    let answer = message::send(&service, with_header("grpc-timeout", "soon")).await;
    assert_eq!((answer.status, probe.calls()), (StatusCode::BAD_REQUEST, 0));
    assert!(!answer.text().contains("soon"), "what a stranger wrote is not repeated");
    assert_eq!(recorder.verdicts(), [(Verdict::Refused, "malformed_timeout")]);
    recorder.clear();

    strict.mode().set(Mode::Observe);
    assert_eq!(message::send(&service, with_header("grpc-timeout", "soon")).await.status, StatusCode::OK);
    assert_eq!(recorder.verdicts(), [(Verdict::WouldRefuse, "malformed_timeout")]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_in_the_request_is_granted_up_to_the_maximum() {
    for (asked, granted) in [(2, 2), (45, 45), (300, 60)] {
        let log = Log::new();
        let service = DeadlineLayer::inbound().build().unwrap().layer(noting(&log));
        let mut request = message::get("/");
        request.extensions_mut().insert(TimeLimit(asked * SECOND));
        let expected = Deadline::after(now(), granted * SECOND);
        message::send(&service, request).await;
        assert_eq!(log.last().unwrap().0, Some(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_nested_layers_the_shorter_deadline_holds() {
    for (outer, inner) in [(10, 20), (20, 10)] {
        let log = Log::new();
        let layer = |seconds: u32| DeadlineLayer::inbound().total(seconds * SECOND).build().unwrap();
        let service = layer(outer).layer(layer(inner).layer(noting(&log)));
        let expected = Deadline::after(now(), 10 * SECOND);
        message::send(&service, message::get("/")).await;
        assert_eq!(log.last().unwrap(), (Some(expected), Some(expected)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_observing_layer_stamps_nothing_and_refuses_nothing() {
    let recorder = Recorder::new();
    let builder = trusting().total(SECOND).mode(Mode::Observe).observer(recorder.clone());
    let inner = Server::handling(|_, request: Request<Body>| {
        assert_eq!(deadline_of(request.extensions()), None);
        Reply::After(2 * SECOND, Ok(ok()))
    });
    let service = builder.build().unwrap().layer(inner);
    assert_eq!(message::send(&service, message::get("/")).await.status, StatusCode::OK);
    assert_eq!(recorder.verdicts(), [(Verdict::WouldRefuse, "timed_out")]);
    recorder.clear();
    assert_eq!(message::send(&service, with_header("grpc-timeout", "0m")).await.status, StatusCode::OK);
    assert_eq!(recorder.verdicts(), [(Verdict::WouldRefuse, "deadline_expired")]);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_is_off_leaves_the_request_alone() {
    let recorder = Recorder::new();
    let builder = trusting().total(SECOND).mode(Mode::Off).observer(recorder.clone());
    let inner = Server::handling(|_, request: Request<Body>| {
        assert_eq!(deadline_of(request.extensions()), None);
        Reply::After(2 * SECOND, Ok(ok()))
    });
    let service = builder.build().unwrap().layer(inner);
    for value in ["0", "soon"] {
        let answer = message::send(&service, with_header("x-request-timeout-ms", value)).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    assert!(recorder.entries().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_clients_call_gets_the_shorter_of_its_total_and_what_it_inherits() {
    for (inherited, expected, bound) in
        [(None, 20, Bound::Limit), (Some(5), 5, Bound::Deadline), (Some(50), 20, Bound::Limit)]
    {
        let layer = DeadlineLayer::outbound(20 * SECOND).build().unwrap();
        let log = Log::new();
        let inner = Client::with(|_, _| Reply::Hang)
            .noting(&log, |request: &Request<Body>| request.extensions().get::<Deadline>().copied());
        let start = now();
        let context = match inherited {
            Some(seconds) => Context::new().with_deadline(Deadline::after(start, seconds * SECOND)),
            None => Context::new(),
        };
        let error = context.scope(layer.layer(inner).oneshot(message::get("/"))).await.unwrap_err();
        assert_eq!((now() - start, late(&error).bound()), (expected * SECOND, bound));
        assert_eq!(log.all(), [Some(Deadline::after(start, expected * SECOND))]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clients_call_is_not_begun_when_too_little_is_left_and_reads_no_header() {
    let inner = Client::with(|_, _| Reply::Ok(ok()));
    let probe = inner.probe();
    let service = DeadlineLayer::outbound(20 * SECOND).build().unwrap().layer(inner);
    let mut request = message::get("/");
    request.extensions_mut().insert(Deadline::after(now(), 4 * MILLI));
    let error = service.clone().oneshot(request).await.unwrap_err();
    let refused = Refused::in_error(&error).unwrap();
    assert_eq!((refused.code(), refused.reached_inner(), probe.calls()), ("deadline_expired", false, 0));
    assert!(service.oneshot(with_header("x-request-timeout-ms", "0")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_inner_service_is_called_inside_the_scope_too() {
    #[derive(Clone)]
    struct LooksWhenCalled(Log<Option<Deadline>>);
    impl Service<Request<Body>> for LooksWhenCalled {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Response<Body>, Infallible>>;
        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
            std::task::Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: Request<Body>) -> Self::Future {
            self.0.push(Context::current().deadline());
            std::future::ready(Ok(ok()))
        }
    }
    let log = Log::new();
    let service = DeadlineLayer::inbound().build().unwrap().layer(LooksWhenCalled(log.clone()));
    let expected = Deadline::after(now(), 30 * SECOND);
    message::send(&service, message::get("/")).await;
    assert_eq!(log.all(), [Some(expected)]);
}

#[tokio::test(start_paused = true)]
async fn the_refusal_is_in_the_response_for_outer_layers() {
    let service = DeadlineLayer::inbound().build().unwrap().layer(Server::with(|_, _| Reply::Hang));
    let response = service.oneshot(message::get("/")).await.unwrap();
    assert!(refused_in(&response).is_some_and(Refused::reached_inner));
}
