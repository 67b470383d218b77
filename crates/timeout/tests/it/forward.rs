//! What the next service is told.

use buttress_core::{BoxError, Context, Deadline, Kind, Mode, Refused, Verdict};
use buttress_testkit::{Log, Recorder, Reply, Strict, message};
use buttress_timeout::{
    AttemptLimit, DeadlineLayer, ForwardDeadlineBuilder, ForwardDeadlineLayer, Phase, TimeoutHeader,
    TimeoutLayer,
};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceBuilder, ServiceExt};

use crate::{MILLI, SECOND, late, now};

type Body = Full<Bytes>;
type Client = Strict<Request<Body>, Response<Body>, BoxError>;

/// An upstream that notes the header of each request.
fn upstream(log: &Log<Option<String>>, name: &'static str) -> Client {
    Strict::with(|_, _: &Request<Body>| Reply::Ok(message::response(StatusCode::OK, "")))
        .noting(log, move |request| {
            request.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        })
}

async fn told(builder: ForwardDeadlineBuilder, left: Option<u32>) -> Option<String> {
    let log = Log::new();
    let service = builder.build().unwrap().layer(upstream(&log, "x-request-timeout-ms"));
    let context = match left {
        Some(left) => Context::new().with_deadline(Deadline::after(now(), left * MILLI)),
        None => Context::new(),
    };
    context.scope(service.oneshot(message::get("/"))).await.unwrap();
    log.last().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_next_service_is_told_what_is_left_minus_the_reserve() {
    let builder = ForwardDeadlineLayer::builder;
    assert_eq!(told(builder(), Some(2_000)).await.as_deref(), Some("1990"));
    assert_eq!(told(builder().reserve(100 * MILLI), Some(2_000)).await.as_deref(), Some("1900"));
    assert_eq!(told(builder().at_most(SECOND), Some(2_000)).await.as_deref(), Some("1000"));
    assert_eq!(told(builder().at_most(SECOND), None).await.as_deref(), Some("1000"));
    assert_eq!(told(builder(), None).await, None);
}

#[tokio::test(start_paused = true)]
async fn the_header_can_be_chosen_and_an_old_one_is_overwritten() {
    let log = Log::new();
    let layer = ForwardDeadlineLayer::builder().header(TimeoutHeader::grpc()).build().unwrap();
    let mut request = message::get("/");
    request.headers_mut().append("grpc-timeout", http::HeaderValue::from_static("9H"));
    request.headers_mut().append("grpc-timeout", http::HeaderValue::from_static("8H"));
    request.extensions_mut().insert(Deadline::after(now(), SECOND));
    layer.layer(upstream(&log, "grpc-timeout")).oneshot(request).await.unwrap();
    assert_eq!(log.last().unwrap().as_deref(), Some("990m"));
}

#[tokio::test(start_paused = true)]
async fn a_header_copied_from_elsewhere_is_not_sent_on_without_a_deadline() {
    let log = Log::new();
    let layer = ForwardDeadlineLayer::builder().build().unwrap();
    let mut request = message::get("/");
    request.headers_mut().insert("x-request-timeout-ms", http::HeaderValue::from_static("1"));
    layer.layer(upstream(&log, "x-request-timeout-ms")).oneshot(request).await.unwrap();
    assert_eq!(log.last().unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_request_for_which_too_little_is_left_is_not_sent() {
    let (log, recorder) = (Log::new(), Recorder::new());
    let layer = ForwardDeadlineLayer::builder().observer(recorder.clone()).build().unwrap();
    let service = layer.layer(upstream(&log, "x-request-timeout-ms"));
    let mut request = message::get("/");
    request.extensions_mut().insert(Deadline::after(now(), 14 * MILLI));
    let error = service.oneshot(request).await.unwrap_err();
    let refused = Refused::in_error(&error).unwrap();
    assert_eq!((refused.kind(), refused.code()), (Kind::TimedOut, "deadline_expired"));
    assert!(!refused.reached_inner());
    assert_eq!((late(&error).phase(), late(&error).limit()), (Phase::Arrival, 14 * MILLI));
    assert_eq!((log.len(), recorder.verdicts()), (0, vec![(Verdict::Refused, "deadline_expired")]));
}

#[tokio::test(start_paused = true)]
async fn an_observing_layer_sends_everything_and_writes_nothing() {
    for (mode, reports) in [(Mode::Observe, 1), (Mode::Off, 0)] {
        let (log, recorder) = (Log::new(), Recorder::new());
        let layer = ForwardDeadlineLayer::builder().mode(mode).observer(recorder.clone()).build().unwrap();
        let service = layer.layer(upstream(&log, "x-request-timeout-ms"));
        for left in [14, 2_000] {
            let mut request = message::get("/");
            request.extensions_mut().insert(Deadline::after(now(), left * MILLI));
            service.clone().oneshot(request).await.unwrap();
        }
        assert_eq!(log.all(), [None, None]);
        assert_eq!(recorder.count(Verdict::WouldRefuse), reports);
    }
}

/// The blessed order, without the layers in between: each attempt tells what is left when it begins.
#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_call_is_what_each_attempt_forwards() {
    let log = Log::new();
    let service = ServiceBuilder::new()
        .layer(DeadlineLayer::outbound(20 * SECOND).build().unwrap())
        .layer(TimeoutLayer::attempt(10 * SECOND).build().unwrap())
        .layer(ForwardDeadlineLayer::builder().at_most(10 * SECOND).build().unwrap())
        .service(upstream(&log, "x-request-timeout-ms"));
    service.clone().oneshot(message::get("/")).await.unwrap();
    let context = Context::new().with_deadline(Deadline::after(now(), 3 * SECOND));
    context.scope(service.oneshot(message::get("/"))).await.unwrap();
    assert_eq!(log.all(), [Some("10000".to_owned()), Some("2990".to_owned())]);
}

/// What comes after the attempt's own limit is not waited for, whoever set that limit.
#[tokio::test(start_paused = true)]
async fn a_request_with_an_attempt_limit_of_its_own_forwards_that_and_never_more_than_the_deadline() {
    let table = [
        // the request's own, at most, left => told
        (SECOND, Some(10 * SECOND), Some(20_000), "1000"),
        (SECOND, None, Some(20_000), "1000"),
        (SECOND, None, None, "1000"),
        (30 * SECOND, Some(10 * SECOND), None, "30000"),
        (30 * SECOND, Some(10 * SECOND), Some(20_000), "19990"),
        (MILLI / 2, Some(10 * SECOND), None, "1"),
    ];
    for (own, at_most, left, told) in table {
        let log = Log::new();
        let builder = ForwardDeadlineLayer::builder();
        let builder = at_most.map_or(builder.clone(), |most| builder.at_most(most));
        let mut request = message::get("/");
        request.extensions_mut().insert(AttemptLimit(own));
        if let Some(left) = left {
            request.extensions_mut().insert(Deadline::after(now(), left * MILLI));
        }
        let service = builder.build().unwrap().layer(upstream(&log, "x-request-timeout-ms"));
        service.oneshot(request).await.unwrap();
        assert_eq!(
            log.last().unwrap().as_deref(),
            Some(told),
            "own {own:?}, at most {at_most:?}, left {left:?}"
        );
    }
}
