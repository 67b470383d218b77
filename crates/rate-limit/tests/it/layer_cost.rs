//! What a request may cost.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use buttress_core::Mode;
use buttress_rate_limit::{Exempt, Fields, Missing, Policy, Quota, RateLimitBuilder, RateLimitLayer, key};
use buttress_testkit::allocations_during;
use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body_util::Full;
use tower::{Layer, Service};

use crate::web::{Ask, Tell, at, in_all, per_address, with};

#[derive(Clone)]
struct AtOnce;

impl Service<Ask> for AtOnce {
    type Response = Tell;
    type Error = Infallible;
    type Future = Ready<Result<Tell, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Ask) -> Self::Future {
        ready(Ok(Response::new(Full::new(Bytes::new()))))
    }
}

#[derive(Clone)]
struct Tenant(String);

fn ask() -> Request<Full<Bytes>> {
    let mut request = with(at("/a/b", "192.0.2.1"), "x-api-key", "k1");
    request.headers_mut().insert("host", "a.example".parse().unwrap());
    request.extensions_mut().insert(Tenant("red".to_owned()));
    request
}

fn allocations<W, J>(layer: &RateLimitLayer<W, J>) -> u64
where
    W: buttress_rate_limit::Limits<Ask, Tell>,
    J: buttress_core::Reject<Tell, Infallible> + Clone,
{
    let mut service = layer.layer(AtOnce);
    let mut call = |request| {
        let future = pin!(service.call(request));
        assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    };
    call(ask());
    let requests: Vec<_> = (0..100).map(|_| ask()).collect();
    let ((), report) = allocations_during(|| requests.into_iter().for_each(call));
    report.count
}

#[tokio::test(start_paused = true)]
async fn a_request_that_passes_allocates_nothing_without_fields() {
    let quota = Quota::per_second(1_000_000);
    let api_key = || key::header(HeaderName::from_static("x-api-key"));
    let each = [
        per_address(quota),
        in_all(quota),
        Policy::named("api-key").key(api_key()).quota(quota),
        Policy::named("tenant").key(key::extension(|tenant: &Tenant| &tenant.0)).quota(quota),
        Policy::named("host").key(key::host()).quota(quota),
        Policy::named("both").key((key::client_addr(), api_key())).quota(quota),
        Policy::named("segment").key(key::with_ref(|head| head.path().split('/').nth(1))).quota(quota),
        Policy::named("nobody")
            .key(key::header(HeaderName::from_static("x-none")))
            .quota(quota)
            .missing(Missing::Skip),
    ];
    let bare = |policies: &[Policy<_>]| {
        let exempt = Exempt::preflights().path("/healthz").prefix("/docs").addresses("10.0.0.0/8");
        let builder = RateLimitLayer::inbound().fields(Fields::none()).exempt(exempt);
        policies.iter().cloned().fold(builder, RateLimitBuilder::policy).build().unwrap()
    };
    for policy in &each {
        assert_eq!(allocations(&bare(std::slice::from_ref(policy))), 0, "{policy:?}");
    }
    assert_eq!(allocations(&bare(&each)), 0, "all eight");
    let layer = bare(&each);
    for mode in [Mode::Observe, Mode::Off] {
        layer.mode().set(mode);
        assert_eq!(allocations(&layer), 0, "{mode:?}");
    }
}

/// The value that says what is left, and the header map of a response that had none.
#[tokio::test(start_paused = true)]
async fn fields_cost_a_handful_of_allocations() {
    let layer = RateLimitLayer::inbound().policy(in_all(Quota::per_second(1_000_000))).build().unwrap();
    let per_request = allocations(&layer) / 100;
    assert!(per_request <= 3, "{per_request}");
}
