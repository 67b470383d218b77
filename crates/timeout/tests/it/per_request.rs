//! What a request itself says about its time.

use buttress_core::{BoxError, Context, Deadline};
use buttress_testkit::{Reply, Strict, message};
use buttress_timeout::{Allowed, AttemptLimit, Bound, TimeLimit, TimeoutLayer};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt};

use crate::{SECOND, late, now};

type Http = Strict<Request<Full<Bytes>>, Response<Full<Bytes>>, BoxError>;

fn hangs() -> Http {
    Strict::with(|_, _| Reply::Hang)
}

fn asking<T: Clone + Send + Sync + 'static>(what: T) -> Request<Full<Bytes>> {
    let mut request = message::get("/");
    request.extensions_mut().insert(what);
    request
}

#[tokio::test(start_paused = true)]
async fn a_request_may_bring_a_longer_or_a_shorter_limit() {
    let total = TimeoutLayer::outbound(5 * SECOND).build().unwrap();
    let attempt = TimeoutLayer::attempt(5 * SECOND).build().unwrap();
    for seconds in [1, 9] {
        let start = now();
        let error = total.layer(hangs()).oneshot(asking(TimeLimit(seconds * SECOND))).await.unwrap_err();
        assert_eq!((now() - start, late(&error).limit()), (seconds * SECOND, seconds * SECOND));
        let start = now();
        attempt.layer(hangs()).oneshot(asking(AttemptLimit(seconds * SECOND))).await.unwrap_err();
        assert_eq!(now() - start, seconds * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_a_call_and_the_limit_of_an_attempt_are_not_confused() {
    let total = TimeoutLayer::outbound(5 * SECOND).build().unwrap();
    let attempt = TimeoutLayer::attempt(5 * SECOND).build().unwrap();
    let start = now();
    total.layer(hangs()).oneshot(asking(AttemptLimit(SECOND))).await.unwrap_err();
    assert_eq!(now() - start, 5 * SECOND);
    attempt.layer(hangs()).oneshot(asking(TimeLimit(SECOND))).await.unwrap_err();
    assert_eq!(now() - start, 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn no_limit_of_a_request_outlasts_a_deadline() {
    let layer = TimeoutLayer::outbound(5 * SECOND).build().unwrap();
    for in_request in [true, false] {
        let start = now();
        let deadline = Deadline::after(start, SECOND);
        let mut request = asking(TimeLimit(9 * SECOND));
        let mut context = Context::new();
        if in_request {
            request.extensions_mut().insert(deadline);
            context = context.with_deadline(Deadline::after(start, 3 * SECOND));
        } else {
            context = context.with_deadline(deadline);
        }
        let error = context.scope(layer.layer(hangs()).oneshot(request)).await.unwrap_err();
        assert_eq!((now() - start, late(&error).bound()), (SECOND, Bound::Deadline), "{in_request}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_as_long_as_the_clock_is_no_panic() {
    let inner: Http =
        Strict::with(|_, _| Reply::After(SECOND, Ok(message::response(http::StatusCode::OK, ""))));
    let layer = TimeoutLayer::outbound(5 * SECOND).build().unwrap();
    assert!(layer.layer(inner).oneshot(asking(TimeLimit(std::time::Duration::MAX))).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn any_request_can_be_read_by_a_closure() {
    let by_size =
        |size: &u64| Some(Allowed { limit: Some(std::time::Duration::from_secs(*size)), deadline: None });
    let layer = TimeoutLayer::builder(SECOND).time_of_with(by_size).build().unwrap();
    let inner = Strict::<u64, u64, BoxError>::with(|_, _| Reply::Hang);
    let start = now();
    layer.layer(inner).oneshot(42).await.unwrap_err();
    assert_eq!(now() - start, 42 * SECOND);
}
