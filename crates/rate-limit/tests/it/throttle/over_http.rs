use std::time::{Duration, SystemTime};

use buttress_core::{AsError, BoxError, Deadline, WallClock};
use buttress_rate_limit::throttle::{ByAuthority, HttpFeedback, ThrottleBuilder};
use buttress_rate_limit::{Quota, ThrottleLayer};
use http::{Request, Response};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{MS, SECOND};

const NOW: u64 = 1_790_000_000;

fn outbound() -> ThrottleBuilder<ByAuthority, HttpFeedback, AsError> {
    let wall = WallClock::from_fn(|| SystemTime::UNIX_EPOCH + Duration::from_secs(NOW));
    ThrottleLayer::outbound("upstream").quota(Quota::per_second(1_000)).wall_clock(wall)
}

/// Asks for each address in turn, and says how many milliseconds after the beginning it was answered.
async fn ask<const N: usize>(
    builder: ThrottleBuilder<ByAuthority, HttpFeedback, AsError>,
    answer: impl Fn() -> http::response::Builder + Clone,
    addresses: [&str; N],
) -> [u64; N] {
    let begin = Instant::now();
    let mut service = builder.build().unwrap().layer(service_fn(move |_: Request<()>| {
        let answer = answer().body(()).unwrap();
        async move { Ok::<Response<()>, BoxError>(answer) }
    }));
    let mut answered = [0; N];
    for (answered, address) in answered.iter_mut().zip(addresses) {
        let request = Request::get(address).body(()).unwrap();
        service.ready().await.unwrap().call(request).await.unwrap();
        *answered = u64::try_from(begin.elapsed().as_millis()).unwrap();
    }
    answered
}

const TWICE: [&str; 2] = ["https://a.example/1", "https://a.example/2"];

#[tokio::test(start_paused = true)]
async fn an_upstream_that_asks_for_rest_gets_it_and_no_other_does() {
    let busy = || Response::builder().status(429).header("retry-after", "5");
    let addresses = ["https://a.example/1", "https://b.example/1", "https://A.example:443/2"];
    assert_eq!(ask(outbound(), busy, addresses).await, [0, 0, 5_000]);
}

#[tokio::test(start_paused = true)]
async fn a_date_is_a_wait_by_the_calendar() {
    // 1,790,000,007 s since 1970.
    let busy = || Response::builder().status(503).header("retry-after", "Mon, 21 Sep 2026 14:13:27 GMT");
    assert_eq!(ask(outbound(), busy, TWICE).await, [0, 7_000]);
}

#[tokio::test(start_paused = true)]
async fn the_fields_of_every_draft_are_understood() {
    for (fields, wait) in [
        (vec![("ratelimit", r#""default";r=0;t=5"#)], 5_000),
        (vec![("ratelimit", "limit=10, remaining=0, reset=5")], 5_000),
        (vec![("ratelimit-remaining", "0"), ("ratelimit-reset", "5")], 5_000),
        (vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "5")], 5_000),
        (vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1790000005")], 5_000),
        (vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1790000005500")], 5_500),
        (vec![("ratelimit", r#""default";r=3;t=5"#)], 0),
        (vec![("ratelimit", r#""default";r=0;t=5"#), ("age", "3")], 0),
        (vec![("retry-after", "5")], 0),
    ] {
        let shown = format!("{fields:?}");
        let answer = move || {
            let fields = fields.iter();
            fields.fold(Response::builder(), |answer, (name, value)| answer.header(*name, *value))
        };
        assert_eq!(ask(outbound(), answer, TWICE).await, [0, wait], "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_upstream_says_can_be_ignored() {
    let busy = || Response::builder().status(429).header("retry-after", "5");
    assert_eq!(ask(outbound().feedback(HttpFeedback::none()), busy, TWICE).await, [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_request_is_its_extension() {
    let layer = outbound().quota(Quota::per(1, SECOND)).build().unwrap();
    let service = layer.layer(service_fn(|_: Request<()>| async { Ok::<_, BoxError>(Response::new(())) }));
    let now = Instant::now().into_std();
    let request = |left| {
        let request = Request::get(TWICE[0]).extension(Deadline::after(now, left));
        request.body(()).unwrap()
    };
    service.clone().oneshot(request(SECOND)).await.unwrap();
    service.clone().oneshot(request(SECOND)).await.unwrap_err();
    service.oneshot(request(SECOND + MS)).await.unwrap();
    assert_eq!(now.elapsed_by(Instant::now().into_std()), SECOND);
}

trait ElapsedBy {
    fn elapsed_by(self, later: Self) -> Duration;
}

impl ElapsedBy for std::time::Instant {
    fn elapsed_by(self, later: Self) -> Duration {
        later.saturating_duration_since(self)
    }
}
